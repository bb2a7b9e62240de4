"""`ansible_delegated_vars`: what is known of the host that a task is delegated to."""

from __future__ import annotations

from tests.support.builder import Project


def test_they_say_how_the_delegate_is_reached(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ ansible_delegated_vars.b.ansible_host }} {{ ansible_delegated_vars.b.inventory_hostname }}"
              delegate_to: b
            - debug: msg="{{ 'ansible_host' in ansible_delegated_vars.b }}"
              delegate_to: b
        """,
        hosts="a\nb ansible_host=there\n",
    )
    assert ran.messages() == ["there a", True]
