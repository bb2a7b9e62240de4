"""`meta: clear_host_errors` in a block, and `meta: end_role`."""

from __future__ import annotations

from tests.support.builder import Project


def test_a_host_whose_errors_are_cleared_in_always_goes_on_behind_the_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - block: [fail: ]
                  rescue: [fail: ]
                  always: [debug: msg=inner]
              always: [meta: clear_host_errors]
            - debug: msg=behind
        """
    )
    assert ran.messages() == ["inner", "behind"]
    assert (ran.code, ran.recap) == (0, {"a": "ok=2 failed=1 rescued=1"})


def test_a_failure_after_it_counts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block: [fail: ]
              always:
                - meta: clear_host_errors
                - fail:
            - debug: msg=behind
        """
    )
    assert ran.messages() == []
    assert ran.code == 2


def test_the_rest_of_a_role_is_left_out_on_the_hosts_that_end_it(project: Project) -> None:
    project.files(
        roles__r__tasks__main="""
            - meta: end_role
              when: inventory_hostname == 'a'
            - debug: msg=inside
        """
    )
    ran = project.play("- {hosts: all, gather_facts: no, roles: [r], tasks: [debug: {msg: behind}]}")
    assert ran.messages("a") == ["behind"]
    assert ran.messages("b") == ["inside", "behind"]
