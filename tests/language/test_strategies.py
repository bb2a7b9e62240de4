"""Strategies: in what order hosts and tasks take turns."""

from __future__ import annotations

from tests.support.builder import Project

REFUSED = "Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused"


def test_linear_waits_for_the_slowest_host_before_each_task(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: sleep {{ 30 if inventory_hostname == 'a' else 1 }}
            - command: sleep {{ 1 if inventory_hostname == 'a' else 30 }}
        """,
        "-f 5",
    )
    assert [task.partition(":")[0] for task in ran.tasks] == ["b", "a", "a", "b"]
    assert ran.seconds == 60


def test_free_does_not_wait(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          strategy: free
          tasks:
            - name: one
              command: sleep {{ 30 if inventory_hostname == 'a' else 1 }}
            - name: two
              command: sleep {{ 1 if inventory_hostname == 'a' else 20 }}
        """,
        "-f 5",
    )
    assert ran.tasks == ["b: one (changed)", "b: two (changed)", "a: one (changed)", "a: two (changed)"]
    assert ran.seconds == 31


def test_free_looks_like_this(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          strategy: free
          tasks:
            - debug: msg=1
            - fail: msg=x
              when: inventory_hostname == 'a'
            - debug: msg=2
            - block:
                - fail: msg=in
              rescue:
                - debug: msg=rescue
            - command: echo
              notify: h
          handlers:
            - name: h
              debug: msg=h
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "1"
        }
        ok: [b] => {
            "msg": "1"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:6:7
        4   tasks:
        5     - debug: msg=1
        6     - fail: msg=x
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "x"}
        skipping: [b]
        TASK [debug]
        ok: [b] => {
            "msg": "2"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: in
        Origin: play.yml:10:11
         8     - debug: msg=2
         9     - block:
        10         - fail: msg=in
                     ^ column 11
        fatal: [b]: FAILED! => {"changed": false, "msg": "in"}
        TASK [debug]
        ok: [b] => {
            "msg": "rescue"
        }
        TASK [command]
        changed: [b]
        RUNNING HANDLER [h]
        ok: [b] => {
            "msg": "h"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=5 changed=1 unreachable=0 failed=0 skipped=1 rescued=1 ignored=0
        """,
        code=2,
    )


def test_what_free_can_t_do_is_said(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          strategy: free
          max_fail_percentage: 10
          any_errors_fatal: yes
          tasks:
            - debug: msg=1
              run_once: yes
            - fail: msg=x
              when: inventory_hostname == 'a'
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": "1"
        }
        ok: [b] => {
            "msg": "1"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:9:7
        7     - debug: msg=1
        8       run_once: yes
        9     - fail: msg=x
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "x"}
        skipping: [b]
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )
    ran.complains("""
        [WARNING]: Using max_fail_percentage with the free strategy is not supported, as tasks are executed independently on each host
        [WARNING]: Using run_once with the free strategy is not currently supported. This task will still be executed for every host in the inventory list.
        [WARNING]: Using any_errors_fatal with the free strategy is not supported, as tasks are executed independently on each host
    """)


def test_free_refuses_what_would_run_once_a_host(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          strategy: free
          tasks:
            - add_host: name=new
        """
    )
    ran.complains("""
        [ERROR]: The 'add_host' module bypasses the host loop, which is currently not supported in the free strategy and would instead execute for every host in the inventory list.
        Origin: play.yml:5:7
        3   strategy: free
        4   tasks:
        5     - add_host: name=new
                ^ column 7
    """)
    assert ran.code == 1


def test_free_has_no_hosts_left(project: Project) -> None:
    for name in ("a", "b"):
        project.hosts.host(name).unreachable(REFUSED)
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          strategy: free
          tasks:
            - ping:
            - debug:
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [ping]
        [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused
        Origin: play.yml:5:7
        3   strategy: free
        4   tasks:
        5     - ping:
                ^ column 7
        fatal: [a]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        fatal: [b]: UNREACHABLE! => {"changed": false, "msg": "Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable": true}
        NO MORE HOSTS LEFT
        PLAY RECAP
        a : ok=0 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=0 changed=0 unreachable=1 failed=0 skipped=0 rescued=0 ignored=0
        """,
        code=4,
    )


def test_host_pinned_lets_so_many_hosts_in_as_there_are_forks(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          strategy: host_pinned
          tasks:
            - name: one
              command: sleep 1
            - name: two
              command: sleep 1
        """,
        "-f 2",
        hosts="h[1:4]",
    )
    order = [task.partition(" (")[0] for task in ran.tasks]
    assert order[:4] == ["h1: one", "h2: one", "h1: two", "h2: two"]
    assert sorted(order[4:]) == ["h3: one", "h3: two", "h4: one", "h4: two"]
    assert ran.seconds == 4


def test_forks_limit_how_many_hosts_work_at_once(project: Project) -> None:
    text = "- {hosts: all, gather_facts: no, tasks: [command: sleep 10]}"
    assert project.play(text, "-f 3", hosts="h[1:9]").seconds == 30
    assert project.play(text, "-f 9").seconds == 10


def test_throttle_limits_one_task(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: sleep 10
              throttle: "{{ limit }}"
            - command: sleep 10
          vars: {limit: 2}
        """,
        "-f 10",
        hosts="h[1:6]",
    )
    assert ran.seconds == 30 + 10


def test_throttle_holds_for_all_items_of_a_loop(project: Project) -> None:
    project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - shell: "echo {{ item }} {{ inventory_hostname }}"
              loop: [stop, start]
              throttle: 1
        """,
        "-f 10",
        hosts="a\nb\nc\n",
    )
    assert project.hosts.commands() == [f"echo {word} {host}" for host in "abc" for word in ("stop", "start")]


def test_items_may_have_different_throttles(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - shell: "sleep 10"
              loop: [1, 2, 0]
              throttle: "{{ item if inventory_hostname < 'c' else 3 - item }}"
        """,
        "-f 2",
        hosts="a\nb\nc\nd\n",
    )
    assert len(project.hosts.commands()) == 12
    assert ran.code == 0


def test_a_host_keeps_its_place_among_the_forks_until_its_loop_is_over(project: Project) -> None:
    text = """
        - hosts: all
          gather_facts: no
          tasks:
            - shell: "echo {{ item }} {{ inventory_hostname }}"
              loop: [1, 2]
    """
    project.play(text, "-f 1")
    assert project.hosts.commands() == ["echo 1 a", "echo 2 a", "echo 1 b", "echo 2 b"]


def test_a_host_that_waits_for_its_next_attempt_leaves_its_place_to_others(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - command: "false"
              loop: [1]
              retries: 1
              delay: 10
              ignore_errors: yes
        """,
        "-f 1",
    )
    assert ran.seconds == 10


def test_throttle_in_free(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          strategy: free
          tasks:
            - command: sleep 10
              throttle: 1
        """,
        "-f 10",
        hosts="h[1:6]",
    )
    assert ran.seconds == 60


def test_the_strategy_of_the_settings(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\nstrategy = free\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=1
              run_once: yes
        """
    )
    assert ran.recap == {"a": "ok=1", "b": "ok=1"}


def test_an_unknown_strategy_is_an_error(project: Project) -> None:
    ran = project.play("- {hosts: all, gather_facts: no, strategy: chess, tasks: [debug: ]}")
    assert ran.code == 1
    assert "[ERROR]: Invalid play strategy specified: chess" in ran.problems
    assert "Origin: play.yml:1:44" in ran.problems
