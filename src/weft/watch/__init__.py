"""Watching for conflicts: what tasks write, and who writes the same at the same time."""
