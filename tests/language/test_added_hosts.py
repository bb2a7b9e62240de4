"""`add_host` and `group_by`: whether they changed anything, and for whom."""

from __future__ import annotations

from tests.support.builder import Project


def test_they_have_changed_something_if_the_inventory_did(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - {name: new, add_host: {name: "{{ item }}", groups: g}, loop: [c, c, d]}
            - {name: known, add_host: {name: c, groups: g}}
            - {name: quiet, add_host: {name: e}, changed_when: no}
            - {name: group, group_by: {key: "by_{{ inventory_hostname }}"}}
            - {name: again, group_by: {key: "by_{{ inventory_hostname }}"}}
        - hosts: g:by_a
          gather_facts: no
          tasks: [debug: ]
        """
    )
    assert ran.tasks[:7] == [
        "a: new (changed)",
        "a: known (ok)",
        "a: quiet (ok)",
        "a: group (changed)",
        "b: group (changed)",
        "a: again (ok)",
        "b: again (ok)",
    ]
    assert [item["changed"] for item in ran.result("new")["results"]] == [True, False, True]
    assert sorted(task for task in ran.tasks if "debug" in task) == ["a: debug (ok)", "c: debug (ok)", "d: debug (ok)"]


def test_with_run_once_only_the_host_that_ran_it_joins_the_group(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - group_by: {key: picked}
              run_once: yes
            - debug: msg="{{ groups.picked }}"
        """
    )
    assert ran.messages("b") == [["a"]]


def test_what_failed_adds_nothing(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - add_host: {name: c}
              failed_when: yes
              ignore_errors: yes
            - debug: msg="{{ groups.all }}"
        """
    )
    assert ran.messages() == [["a", "b"]]


def test_a_play_s_hosts_grow_with_the_inventory(project: Project) -> None:
    ran = project.play(
        """
        - hosts: some
          gather_facts: no
          tasks:
            - add_host: {name: c, groups: some}
            - debug: {msg: "{{ [ansible_play_hosts, ansible_play_hosts_all, ansible_play_batch] }}"}
        """,
        hosts="[some]\na\n",
    )
    assert ran.messages() == [[["a", "c"], ["a", "c"], ["a"]]]
    assert list(ran.recap) == ["a"]
