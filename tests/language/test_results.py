"""`set_fact`, `register`, facts, and the variables that are always there."""

from __future__ import annotations

from tests.support.builder import Project
from tests.support.fake_host import module_gives


def test_set_fact(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {pv: play}
          tasks:
            - set_fact: x=1 y=2
            - debug: msg="{{ x }} {{ y }} {{ x is string }}"
            - set_fact:
                l: [1, 2]
                m: {a: "{{ x }}"}
                pv: fact
            - debug: msg="{{ l }} {{ m }} {{ pv }}"
            - set_fact: {c: 1, cacheable: yes}
            - debug: msg="{{ c }} {{ ansible_facts.c }}"
            - set_fact: {b: "yes", t: "true", n: "{{ 5 }}", bb: yes}
            - debug: msg="{{ [b, t, n, bb] | map('type_debug') | list }}"
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ pv }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [set_fact]
        ok: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "1 2 True"
        }
        TASK [set_fact]
        ok: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "[1, 2] {'a': '1'} fact"
        }
        TASK [set_fact]
        ok: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "1 1"
        }
        TASK [set_fact]
        ok: [a]
        TASK [debug]
        ok: [a] => {
            "msg": [
                "str",
                "str",
                "int",
                "bool"
            ]
        }
        PLAY [a]
        TASK [debug]
        ok: [a] => {
            "msg": "fact"
        }
        PLAY RECAP
        a : ok=9 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_set_fact_of_nothing_or_of_a_bad_name(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {}
              ignore_errors: yes
            - set_fact: {"1bad": 1}
              ignore_errors: yes
            - set_fact: {x: "{{ nope }}"}
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [set_fact]
        [ERROR]: Task failed: No key/value pairs provided, at least one is required for this action to succeed
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - set_fact: {}
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "No key/value pairs provided, at least one is required for this action to succeed"}
        ...ignoring
        TASK [set_fact]
        [ERROR]: Task failed: Invalid variable name '1bad'.
        Task failed.
        Origin: play.yml:6:7
        4     - set_fact: {}
        5       ignore_errors: yes
        6     - set_fact: {"1bad": 1}
                ^ column 7
        <<< caused by >>>
        Invalid variable name '1bad'.
        Origin: play.yml:6:18
        4     - set_fact: {}
        5       ignore_errors: yes
        6     - set_fact: {"1bad": 1}
                           ^ column 18
        Variable names must be strings starting with a letter or underscore character, and contain only letters, numbers and underscores.
        fatal: [a]: FAILED! => {"changed": false, "msg": "Task failed: Invalid variable name '1bad'."}
        ...ignoring
        TASK [set_fact]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.set_fact' failed: Error while resolving value for 'x': 'nope' is undefined
        Task failed: Finalization of task args for 'ansible.builtin.set_fact' failed.
        Origin: play.yml:8:7
        6     - set_fact: {"1bad": 1}
        7       ignore_errors: yes
        8     - set_fact: {x: "{{ nope }}"}
                ^ column 7
        <<< caused by >>>
        Error while resolving value for 'x': 'nope' is undefined
        Origin: play.yml:8:21
        6     - set_fact: {"1bad": 1}
        7       ignore_errors: yes
        8     - set_fact: {x: "{{ nope }}"}
                              ^ column 21
        fatal: [a]: FAILED! => {"changed": false, "msg": "Task failed: Finalization of task args for 'ansible.builtin.set_fact' failed: Error while resolving value for 'x': 'nope' is undefined"}
        PLAY RECAP
        a : ok=2 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=2
        """,
        code=2,
    )


def test_register(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg=text
              register: r
            - debug: var=r
            - debug: msg=skipped
              when: false
              register: r
            - debug: var=r
            - debug: msg="{{ r is skipped }} {{ r is failed }} {{ r is changed }} {{ r is succeeded }}"
            - fail: msg=no
              register: r
              ignore_errors: yes
            - debug: msg="{{ r is failed }} {{ r is succeeded }} {{ r.msg }}"
            - ping:
              register: r
            - debug: var=r
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        ok: [a] => {
            "msg": "text"
        }
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "failed": false,
                "msg": "text"
            }
        }
        TASK [debug]
        skipping: [a]
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "false_condition": false,
                "skip_reason": "Conditional result was False",
                "skipped": true
            }
        }
        TASK [debug]
        ok: [a] => {
            "msg": "True False False True"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: no
        Origin: play.yml:12:7
        10     - debug: var=r
        11     - debug: msg="{{ r is skipped }} {{ r is failed }} {{ r is changed }} {{ r is succeeded }}"
        12     - fail: msg=no
                 ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "no"}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "True False no"
        }
        TASK [ping]
        ok: [a]
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "failed": false,
                "ping": "pong"
            }
        }
        PLAY RECAP
        a : ok=8 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=1
    """)


def test_register_under_a_bad_name(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{debug: , register: bad-name}]}")
    assert ran.code == 4
    assert ran.problems[0] == "[ERROR]: Invalid 'register' specified: Invalid variable name 'bad-name'."


def test_gathering_facts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          tasks:
            - debug: msg="{{ ansible_facts.hostname }} {{ ansible_hostname }} {{ ansible_facts.os_family }}"
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ hostvars.b.ansible_facts.hostname }}"
        """
    )
    assert ran.lines[:4] == ["PLAY [all]", "TASK [Gathering Facts]", "ok: [a]", "ok: [b]"]
    assert ran.messages("a") == ["a a Fake", "b"]
    assert ran.messages("b") == ["b b Fake"]
    assert ran.recap == {"a": "ok=3", "b": "ok=2"}


def test_smart_gathering_gathers_once(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\ngathering = smart\n")
    play = "{hosts: all, tasks: [{debug: {msg: '{{ ansible_facts.os_family }}'}}]}"
    ran = project.play(f"[{play}, {play}]")
    assert ran.out.count("TASK [Gathering Facts]") == 1
    assert ran.messages() == ["Fake", "Fake"]


def test_explicit_gathering(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\ngathering = explicit\n")
    ran = project.play("[{hosts: a, tasks: [debug: ]}, {hosts: a, gather_facts: yes, tasks: [debug: ]}]")
    assert ran.out.count("TASK [Gathering Facts]") == 1


def test_a_host_whose_facts_can_t_be_gathered_is_out(project: Project) -> None:
    from tests.support.fake_host import module_fails

    module_fails(project.hosts.host("b"), "setup", "no facts here")
    ran = project.play("- {hosts: all, tasks: [debug: ]}")
    assert ran.recap == {"a": "ok=2", "b": "failed=1"}
    assert "The following modules failed to execute: ansible.legacy.setup." in ran.out


def test_facts_that_a_module_returns(project: Project) -> None:
    module_gives(project.hosts.host("a"), "stat", ansible_facts={"ansible_colour": "blue", "plain": 1})
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - stat: {path: /}
            - debug: msg="{{ ansible_facts.colour }} {{ ansible_colour }} {{ ansible_facts.plain }}"
        """
    )
    assert ran.messages() == ["blue blue 1"]


def test_magic_variables(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\n")
    ran = project.play(
        """
        - name: the play
          hosts: all
          gather_facts: no
          tasks:
            - debug:
                msg:
                  - "{{ inventory_hostname }} {{ inventory_hostname_short }} {{ group_names }}"
                  - "{{ groups }}"
                  - "{{ inventory_dir | basename == playbook_dir | basename }} {{ inventory_file | basename }}"
                  - "{{ ansible_play_name }} {{ ansible_play_hosts }} {{ ansible_play_hosts_all }}"
                  - "{{ ansible_play_batch }} {{ ansible_check_mode }} {{ ansible_diff_mode }} {{ ansible_forks }}"
                  - "{{ ansible_limit }} {{ ansible_skip_tags }} {{ ansible_verbosity }} {{ ansible_run_tags }}"
                  - "{{ ansible_config_file | basename }} {{ ansible_inventory_sources | map('basename') | list }}"
                  - "{{ role_name | default('none') }} {{ ansible_role_names }} {{ hostvars | list }}"
                  - "{{ hostvars['b'].inventory_hostname }} {{ vars.inventory_hostname }} {{ environment }}"
                  - "{{ ansible_version.full.split('.')[0] }} {{ omit is defined }} {{ ansible_facts }}"
        """,
        "--limit g --skip-tags zz --tags all",
        hosts="[g]\na.example.com\nb\n[h]\nc\n[p:children]\ng\n",
    )
    ran.prints("""
        PLAY [the play]
        TASK [debug]
        ok: [a.example.com] => {
            "msg": [
                "a.example.com a ['g', 'p']",
                {
                    "all": [
                        "c",
                        "a.example.com",
                        "b"
                    ],
                    "g": [
                        "a.example.com",
                        "b"
                    ],
                    "h": [
                        "c"
                    ],
                    "p": [
                        "a.example.com",
                        "b"
                    ],
                    "ungrouped": []
                },
                "True inventory",
                "the play ['a.example.com', 'b'] ['a.example.com', 'b']",
                "['a.example.com', 'b'] False False 1",
                "g ['zz'] 0 ['all']",
                "ansible.cfg ['inventory']",
                "none [] ['a.example.com', 'b', 'c']",
                "b a.example.com []",
                "2 True {}"
            ]
        }
        ok: [b] => {
            "msg": [
                "b b ['g', 'p']",
                {
                    "all": [
                        "c",
                        "a.example.com",
                        "b"
                    ],
                    "g": [
                        "a.example.com",
                        "b"
                    ],
                    "h": [
                        "c"
                    ],
                    "p": [
                        "a.example.com",
                        "b"
                    ],
                    "ungrouped": []
                },
                "True inventory",
                "the play ['a.example.com', 'b'] ['a.example.com', 'b']",
                "['a.example.com', 'b'] False False 1",
                "g ['zz'] 0 ['all']",
                "ansible.cfg ['inventory']",
                "none [] ['a.example.com', 'b', 'c']",
                "b b []",
                "2 True {}"
            ]
        }
        PLAY RECAP
        a.example.com : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_file_of_variables_that_is_not_there_is_told_once(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: false, tasks: [{include_vars: gone.yml}]}")
    assert "[ERROR]: Task failed: Action failed: Unknown error." in ran.lines
    assert '"message": "Could not find or access \'gone.yml\'' in ran.out


def test_hosts_that_are_added_and_grouped(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - group_by: {key: "is_{{ inventory_hostname }}", parents: letters}
            - debug: msg="{{ group_names }}"
            - add_host: {name: "new{{ item }}", groups: [fresh, more], number: "{{ item }}"}
              loop: [1, 2]
        - hosts: letters
          gather_facts: no
          tasks:
            - debug: msg="{{ groups.letters }} {{ groups.is_a }}"
        - hosts: fresh
          gather_facts: no
          tasks:
            - debug: msg="{{ number }}"
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [group_by]
        changed: [a]
        changed: [b]
        TASK [debug]
        ok: [a] => {
            "msg": [
                "is_a",
                "letters"
            ]
        }
        ok: [b] => {
            "msg": [
                "is_b",
                "letters"
            ]
        }
        TASK [add_host]
        changed: [a] => (item=1)
        changed: [a] => (item=2)
        PLAY [letters]
        TASK [debug]
        ok: [a] => {
            "msg": "['a', 'b'] ['a']"
        }
        ok: [b] => {
            "msg": "['a', 'b'] ['a']"
        }
        PLAY [fresh]
        TASK [debug]
        ok: [new1] => {
            "msg": 1
        }
        ok: [new2] => {
            "msg": 2
        }
        PLAY RECAP
        a : ok=4 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        new1 : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        new2 : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_set_stats(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\nshow_custom_stats = yes\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - set_stats: {data: {hosts: 1, names: ["{{ inventory_hostname }}"]}}
            - set_stats: {data: {mine: "{{ inventory_hostname }}"}, per_host: yes}
            - set_stats: {data: {last: "{{ inventory_hostname }}"}, aggregate: no}
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [set_stats]
        ok: [a]
        ok: [b]
        TASK [set_stats]
        ok: [a]
        ok: [b]
        TASK [set_stats]
        ok: [a]
        ok: [b]
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        CUSTOM STATS:
        	a: { "mine": "a"}
        	b: { "mine": "b"}
        	RUN: { "hosts": 2, "last": "b", "names": [  "a",  "b" ]}
    """)


def test_the_interpreter_that_was_found_is_said_once(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: first
              command: echo
              register: r
            - name: second
              command: echo
            - debug: msg="{{ ansible_facts.discovered_interpreter_python }}"
        """,
        interpreter=False,
    )
    assert ran.result("first")["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3"}
    assert "ansible_facts" not in ran.result("second")
    assert ran.messages() == ["/usr/bin/python3"]


def test_a_template_that_is_not_there_is_told_of_twice(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - template: {src: none, dest: /tmp/x}
        """
    )
    missing = "Could not find or access 'none'"
    assert ran.lines.count(missing) == 1
    assert f"[ERROR]: Task failed: {missing}" in ran.lines
    assert ran.lines[ran.lines.index("<<< caused by >>>") + 1] == missing
    assert ran.result("template")["msg"].startswith(missing)


def test_an_archive_that_is_not_there(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - unarchive: {src: none.tgz, dest: /tmp}
        """
    )
    assert ran.result("unarchive")["msg"].startswith("Task failed: Could not find or access 'none.tgz'")


def test_variables_that_are_no_yaml(project: Project) -> None:
    project.file("bad.yml", "- a: [1\n  b: x\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_vars: bad.yml
        """
    )
    result = ran.result("include_vars")
    assert result["message"].startswith("YAML parsing failed:")
    assert (result["ansible_facts"], result["ansible_included_var_files"]) == ({}, [])
    assert "Origin: bad.yml:2:4" in ran.lines
