"""What can be said of playbooks without running them: `weft check`."""
