"""`delegate_to`, `delegate_facts`, `local_action`."""

from __future__ import annotations

from tests.support.builder import Project

SITE = """
    [main]
    a
    b
    [other]
    d1 ansible_host=1.2.3.4 ansible_connection=local
    d2 ansible_connection=local
"""


def test_it_runs_there_and_counts_here(project: Project) -> None:
    ran = project.play(
        """
        - hosts: main
          gather_facts: no
          tasks:
            - command: echo {{ inventory_hostname }}
              delegate_to: d1
              register: r
            - debug: msg="{{ r.stdout }}"
            - command: echo x
              delegate_to: d2
            - debug: msg="{{ item }}"
              delegate_to: "{{ item }}"
              loop: [d1, d2]
            - command: echo unknown
              delegate_to: stranger
        """,
        hosts=SITE,
    )
    ran.prints("""
        PLAY [main]
        TASK [command]
        changed: [a -> d1(1.2.3.4)]
        changed: [b -> d1(1.2.3.4)]
        TASK [debug]
        ok: [a] => {
            "msg": "a"
        }
        ok: [b] => {
            "msg": "b"
        }
        TASK [command]
        changed: [a -> d2]
        changed: [b -> d2]
        TASK [debug]
        ok: [a -> d1(1.2.3.4)] => (item=d1) => {
            "msg": "d1"
        }
        ok: [a -> d2] => (item=d2) => {
            "msg": "d2"
        }
        ok: [b -> d1(1.2.3.4)] => (item=d1) => {
            "msg": "d1"
        }
        ok: [b -> d2] => (item=d2) => {
            "msg": "d2"
        }
        TASK [command]
        changed: [a -> stranger]
        changed: [b -> stranger]
        PLAY RECAP
        a : ok=5 changed=3 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=5 changed=3 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_on_which_host_it_ran(project: Project) -> None:
    ran = project.play(
        """
        - hosts: main
          gather_facts: no
          tasks:
            - command: echo {{ inventory_hostname }}
              delegate_to: d1
        """,
        hosts=SITE,
    )
    assert ran.hosts.commands("d1") == ["echo a", "echo b"]
    assert ran.hosts.commands("a") == []


def test_omit_and_nothing_mean_here(project: Project) -> None:
    ran = project.play(
        """
        - hosts: main
          gather_facts: no
          tasks:
            - command: echo
              delegate_to: "{{ 'd1' if inventory_hostname == 'a' else omit }}"
            - command: echo
              delegate_to: ""
        """,
        hosts=SITE,
    )
    ran.prints("""
        PLAY [main]
        TASK [command]
        changed: [a -> d1(1.2.3.4)]
        changed: [b]
        TASK [command]
        changed: [a]
        changed: [b]
        PLAY RECAP
        a : ok=2 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=2 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_facts_stay_with_the_host_unless_told(project: Project) -> None:
    ran = project.play(
        """
        - hosts: main
          gather_facts: no
          tasks:
            - set_fact: {f: "{{ inventory_hostname }}"}
              delegate_to: d1
              delegate_facts: true
            - debug: msg="{{ hostvars.d1.f | default('none') }} {{ f | default('none') }}"
            - set_fact: {g: "{{ inventory_hostname }}"}
              delegate_to: d1
            - debug: msg="{{ hostvars.d1.g | default('none') }} {{ g | default('none') }}"
        """,
        hosts=SITE,
    )
    assert ran.messages("a") == ["b none", "none a"]
    assert ran.messages("b") == ["b none", "none b"]


def test_gathered_facts_of_another_host(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - setup:
              delegate_to: "{{ item }}"
              delegate_facts: yes
              loop: "{{ groups.other }}"
            - debug: msg="{{ hostvars.d1.ansible_facts.hostname }} {{ ansible_facts.hostname | default('none') }}"
        """,
        hosts=SITE,
    )
    assert ran.messages() == ["d1 none"]


def test_failures_and_retries_name_both(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - fail: msg=x
              delegate_to: d1
              ignore_errors: yes
            - fail: msg=x
              loop: [1]
              delegate_to: d1
              ignore_errors: yes
            - command: /bin/false
              delegate_to: d1
              retries: 1
              delay: 1
        """,
        hosts=SITE,
    )
    ran.prints(
        """
        PLAY [a]
        TASK [fail]
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - fail: msg=x
                ^ column 7
        fatal: [a -> d1(1.2.3.4)]: FAILED! => {"changed": false, "msg": "x"}
        ...ignoring
        TASK [fail]
        [ERROR]: Task failed: Action failed: x
        Origin: play.yml:7:7
        5       delegate_to: d1
        6       ignore_errors: yes
        7     - fail: msg=x
                ^ column 7
        failed: [a -> d1(1.2.3.4)] (item=1) => {"ansible_loop_var": "item", "changed": false, "item": 1, "msg": "x"}
        ...ignoring
        TASK [command]
        FAILED - RETRYING: [a -> d1]: command (1 retries left).
        [ERROR]: Task failed: Module failed: non-zero return code
        Origin: play.yml:11:7
         9       delegate_to: d1
        10       ignore_errors: yes
        11     - command: /bin/false
                 ^ column 7
        fatal: [a -> d1(1.2.3.4)]: FAILED! => {"attempts": 1, "changed": true, "cmd": ["/bin/false"], "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "msg": "non-zero return code", "rc": 1, "start": "2000-01-01 00:00:00.000000", "stderr": "", "stderr_lines": [], "stdout": "", "stdout_lines": []}
        PLAY RECAP
        a : ok=2 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=2
        """,
        code=2,
    )


def test_the_delegate_s_connection_counts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo
              delegate_to: d3
        """,
        hosts="a ansible_port=22 ansible_user=me\nd3 ansible_host=5.6.7.8 ansible_port=2222 ansible_user=you\n",
    )
    (target,) = ran.hosts.targets
    assert (target.host, target.address, target.port, target.user) == ("d3", "5.6.7.8", 2222, "you")


def test_an_unreachable_delegate_is_the_host_s_problem(project: Project) -> None:
    project.hosts.host("d1").unreachable("gone")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo
              delegate_to: d1
        """,
        hosts=SITE,
    )
    assert ran.recap == {"a": "unreachable=1"}
    assert "fatal: [a -> d1]: UNREACHABLE!" in ran.out


def test_local_action(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - local_action: command echo one
            - local_action: {module: ansible.builtin.command, cmd: echo two}
            - command: echo three
              delegate_to: localhost
        """
    )
    assert ran.lines[1:7] == [
        "TASK [command]",
        "changed: [a -> localhost]",
        "TASK [ansible.builtin.command]",
        "changed: [a -> localhost]",
        "TASK [command]",
        "changed: [a -> localhost]",
    ]
    assert ran.hosts.commands("localhost") == ["echo one", "echo two", "echo three"]


def test_skipped_tasks_show_only_the_host(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
              delegate_to: d1
              when: false
        """,
        hosts=SITE,
    )
    assert ran.lines[2] == "skipping: [a]"


def test_a_whole_block(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - delegate_to: d1
              block:
                - command: echo one
                - command: echo two
                  delegate_to: d2
        """,
        hosts=SITE,
    )
    assert [(call.host, list(call.arguments["argv"])) for call in ran.hosts.calls if call.op == "command"] == [
        ("d1", ["echo", "one"]),
        ("d2", ["echo", "two"]),
    ]


def test_variables_of_the_delegate(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ ansible_delegated_vars.d1.ansible_host }} {{ ansible_host }} {{ inventory_hostname }}"
              delegate_to: d1
        """,
        hosts=SITE,
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        ok: [a -> d1(1.2.3.4)] => {
            "msg": "1.2.3.4 1.2.3.4 a"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_delegate_that_can_t_be_evaluated_is_shown_as_it_is_written(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: "true"
              delegate_to: "{{ nope }}"
        """
    )
    assert ran.lines[-3].startswith("fatal: [a -> {{ nope }}]: FAILED! => ")
