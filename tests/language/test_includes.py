"""`include_*` and `import_*` of tasks, roles, playbooks."""

from __future__ import annotations

from tests.support.builder import Project


def test_include_tasks(project: Project) -> None:
    project.files(
        inc="- debug: msg=\"inc {{ w | default('-') }}\"",
        a="- debug: msg='file of a'",
        b="""
            - debug: msg='file of b'
            - debug: msg='more of b'
        """,
        nested__outer="""
            - include_tasks: inner.yml
            - import_tasks: inner.yml
        """,
        nested__inner="- debug: msg=inner",
    )
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - include_tasks: inc.yml
            - name: with name
              include_tasks: inc.yml
              vars: {w: "{{ inventory_hostname }}"}
            - include_tasks: "{{ inventory_hostname }}.yml"
            - include_tasks: inc.yml
              loop: [1, 2]
              vars: {w: "{{ item }}"}
            - include_tasks: inc.yml
              when: inventory_hostname == 'b'
            - include_tasks: {file: inc.yml, apply: {vars: {w: applied}}}
            - include_tasks: nested/outer.yml
            - debug: msg=end
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [include_tasks]
        included: inc.yml for a, b
        TASK [debug]
        ok: [a] => {
            "msg": "inc -"
        }
        ok: [b] => {
            "msg": "inc -"
        }
        TASK [with name]
        included: inc.yml for a, b
        TASK [debug]
        ok: [a] => {
            "msg": "inc a"
        }
        ok: [b] => {
            "msg": "inc b"
        }
        TASK [include_tasks]
        included: a.yml for a
        included: b.yml for b
        TASK [debug]
        ok: [a] => {
            "msg": "file of a"
        }
        TASK [debug]
        ok: [b] => {
            "msg": "file of b"
        }
        TASK [debug]
        ok: [b] => {
            "msg": "more of b"
        }
        TASK [include_tasks]
        included: inc.yml for a, b => (item=1)
        included: inc.yml for a, b => (item=2)
        TASK [debug]
        ok: [a] => {
            "msg": "inc 1"
        }
        ok: [b] => {
            "msg": "inc 1"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "inc 2"
        }
        ok: [b] => {
            "msg": "inc 2"
        }
        TASK [include_tasks]
        skipping: [a]
        included: inc.yml for b
        TASK [debug]
        ok: [b] => {
            "msg": "inc -"
        }
        TASK [include_tasks]
        included: inc.yml for a, b
        TASK [debug]
        ok: [a] => {
            "msg": "inc applied"
        }
        ok: [b] => {
            "msg": "inc applied"
        }
        TASK [include_tasks]
        included: nested/outer.yml for a, b
        TASK [include_tasks]
        included: nested/inner.yml for a, b
        TASK [debug]
        ok: [a] => {
            "msg": "inner"
        }
        ok: [b] => {
            "msg": "inner"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "inner"
        }
        ok: [b] => {
            "msg": "inner"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "end"
        }
        ok: [b] => {
            "msg": "end"
        }
        PLAY RECAP
        a : ok=17 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        b : ok=20 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_keywords_of_an_include_are_its_own_unless_applied(project: Project) -> None:
    project.file("inc.yml", "- {name: inside, fail: }")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_tasks: {file: inc.yml, apply: {ignore_errors: yes}}
            - include_tasks: inc.yml
              ignore_errors: yes
        """
    )
    assert ran.recap == {"a": "ok=3 failed=1 ignored=1"}


def test_a_condition_of_an_include_is_asked_once(project: Project) -> None:
    project.file("inc.yml", "- {set_fact: {go: false}}\n- {debug: }")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {go: true}
            - include_tasks: inc.yml
              when: go
            - set_fact: {go: true}
            - import_tasks: inc.yml
              when: go
        """
    )
    assert ran.recap == {"a": "ok=6 skipped=1"}


def test_an_included_file_that_fails(project: Project) -> None:
    project.file("inc.yml", "- {fail: {msg: x}, when: inventory_hostname == 'a'}\n- {debug: {msg: y}}")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - include_tasks: inc.yml
            - debug: msg=end
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [include_tasks]
        included: inc.yml for a, b
        TASK [fail]
        [ERROR]: Task failed: Action failed: x
        Origin: inc.yml:1:3
        1 - {fail: {msg: x}, when: inventory_hostname == 'a'}
            ^ column 3
        fatal: [a]: FAILED! => {"changed": false, "msg": "x"}
        skipping: [b]
        TASK [debug]
        ok: [b] => {
            "msg": "y"
        }
        TASK [debug]
        ok: [b] => {
            "msg": "end"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=3 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        """,
        code=2,
    )


def test_a_file_that_is_not_there(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - block:
                - include_tasks: nope.yml
              rescue:
                - debug: msg=rescued
            - debug: msg=after
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg=never
        """
    )
    assert [task for task in ran.tasks if task[3:] != "include_tasks (ok)"] == [
        "a: include_tasks (failed)",
        "b: include_tasks (failed)",
        "a: debug (ok)",
        "b: debug (ok)",
        "a: debug (ok)",
        "b: debug (ok)",
    ]
    assert ran.recap["a"] == "ok=2 failed=1"
    assert ran.code == 0
    assert ran.problems[0] == "[ERROR]: Could not find or access 'nope.yml' on the Ansible Controller."


def test_a_file_without_tasks(project: Project) -> None:
    project.file("empty.yml", "")
    project.file("none.yml", "[]")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_tasks: empty.yml
            - include_tasks: none.yml
            - import_tasks: none.yml
            - debug: msg=end
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [include_tasks]
        included: empty.yml for a
        TASK [include_tasks]
        included: none.yml for a
        TASK [debug]
        ok: [a] => {
            "msg": "end"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_file_that_holds_something_else(project: Project) -> None:
    project.file("inc.yml", "debug: {msg: x}")
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [include_tasks: inc.yml]}")
    assert ran.recap == {"a": "failed=1"}
    assert "included task files must contain a list of tasks" in ran.problems[0]


def test_a_broken_included_file_ends_the_run(project: Project) -> None:
    project.file("inc.yml", "- {debug: , whn: true}")
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{debug: }, {include_tasks: inc.yml}]}")
    assert ran.code == 4
    assert "inc.yml:1:" in ran.err


def test_import_tasks(project: Project) -> None:
    project.file("i.yml", "- {debug: {msg: 1}}\n- {debug: {msg: '{{ qq }}'}, when: qq is defined}")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - name: import
              import_tasks: i.yml
              when: inventory_hostname == 'a'
              vars: {qq: 1}
            - import_tasks: "{{ file_name }}.yml"
              vars: {file_name: i}
        """
    )
    ran.prints("""
        PLAY [all]
        TASK [debug]
        ok: [a] => {
            "msg": 1
        }
        skipping: [b]
        TASK [debug]
        ok: [a] => {
            "msg": 1
        }
        skipping: [b]
        TASK [debug]
        ok: [a] => {
            "msg": 1
        }
        ok: [b] => {
            "msg": 1
        }
        TASK [debug]
        skipping: [a]
        skipping: [b]
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=3 rescued=0 ignored=0
    """)


def test_include_role(project: Project) -> None:
    project.files(
        roles__r__tasks__main="""
            - debug: msg="main {{ rv }} {{ rd }}"
            - command: echo
              notify: rh
        """,
        roles__r__tasks__other="- {name: other, debug: {msg: 'other {{ z }}'}}",
        roles__r__vars__main="rv: rvar",
        roles__r__defaults__main="rd: rdefault",
        roles__r__handlers__main="- {name: rh, debug: {msg: rh}}",
        roles__r2__tasks__main='- debug: msg="r2 {{ item }}"',
        roles__r3__tasks__main="- debug: msg=r3",
        roles__r3__vars__main="r3v: 3",
    )
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - include_role: {name: r}
            - name: named include
              include_role: {name: r, tasks_from: other}
              vars: {z: 5}
            - include_role: {name: "{{ item }}"}
              loop: [r2]
            - debug: msg="{{ rv | default('unseen') }}"
            - include_role: {name: r3, public: yes}
            - debug: msg="{{ r3v | default('unseen') }}"
            - include_role: {name: nope}
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [include_role : r]
        included: r for a, b
        TASK [r : debug]
        ok: [a] => {
            "msg": "main rvar rdefault"
        }
        ok: [b] => {
            "msg": "main rvar rdefault"
        }
        TASK [r : command]
        changed: [a]
        changed: [b]
        TASK [named include]
        included: r for a, b
        TASK [r : other]
        ok: [a] => {
            "msg": "other 5"
        }
        ok: [b] => {
            "msg": "other 5"
        }
        TASK [include_role : {{ item }}]
        included: r2 for a, b => (item=r2)
        TASK [r2 : debug]
        ok: [a] => {
            "msg": "r2 r2"
        }
        ok: [b] => {
            "msg": "r2 r2"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "unseen"
        }
        ok: [b] => {
            "msg": "unseen"
        }
        TASK [include_role : r3]
        included: r3 for a, b
        TASK [r3 : debug]
        ok: [a] => {
            "msg": "r3"
        }
        ok: [b] => {
            "msg": "r3"
        }
        TASK [debug]
        ok: [a] => {
            "msg": 3
        }
        ok: [b] => {
            "msg": 3
        }
        TASK [include_role : nope]
        fatal: [a]: FAILED! => {"changed": false, "reason": "the role 'nope' was not found in roles:home/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles:."}
        fatal: [b]: FAILED! => {"changed": false, "reason": "the role 'nope' was not found in roles:home/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles:."}
        PLAY RECAP
        a : ok=11 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        b : ok=11 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_import_role(project: Project) -> None:
    project.files(
        roles__r__tasks__main='- debug: msg="main {{ rv }}"',
        roles__r__tasks__other="- {name: other, debug: {msg: 'other {{ z }}'}}",
        roles__r__vars__main="rv: rvar",
        roles__r__vars__more="mv: more",
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - import_role: {name: r}
            - import_role: {name: r, tasks_from: other.yml, vars_from: more}
              vars: {z: 6}
            - debug: msg="{{ rv }} {{ mv }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [r : debug]
        ok: [a] => {
            "msg": "main rvar"
        }
        TASK [r : other]
        ok: [a] => {
            "msg": "other 6"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "rvar more"
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_include_role_runs_each_time(project: Project) -> None:
    project.files(roles__r__tasks__main="- {name: x, debug: }")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          roles: [r]
          tasks:
            - include_role: {name: r}
            - include_role: {name: r, allow_duplicates: no}
        """
    )
    assert ran.tasks.count("a: r : x (ok)") == 2


def test_import_playbook(project: Project) -> None:
    project.files(
        other="""
            - name: imported
              hosts: all
              gather_facts: no
              tasks:
                - debug: msg="{{ pv }}"
        """,
        sub__deeper="- import_playbook: ../other.yml",
    )
    ran = project.play(
        """
        - import_playbook: other.yml
          vars: {pv: 5}
          when: inventory_hostname == 'a'
        - hosts: a
          gather_facts: no
          tasks: [debug: ]
        - import_playbook: sub/deeper.yml
          vars: {pv: 6}
        """
    )
    ran.prints("""
        PLAY [imported]
        TASK [debug]
        ok: [a] => {
            "msg": 5
        }
        skipping: [b]
        PLAY [a]
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        PLAY [imported]
        TASK [debug]
        ok: [a] => {
            "msg": 6
        }
        ok: [b] => {
            "msg": 6
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        b : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_a_playbook_that_is_not_there(project: Project) -> None:
    ran = project.play("- import_playbook: nope.yml")
    assert ran.code == 1
    assert "nope.yml" in ran.err


def test_includes_in_turn_with_other_hosts(project: Project) -> None:
    project.file("a.yml", "- {name: of a, debug: }")
    project.file("b.yml", "- {name: of b, debug: }")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - include_tasks: "{{ 'a' if inventory_hostname in ['h1', 'h3'] else 'b' }}.yml"
            - name: together
              debug:
        """,
        hosts="h[1:4]",
    )
    assert [task for task in ran.tasks if "include" not in task] == [
        "h1: of a (ok)",
        "h3: of a (ok)",
        "h2: of b (ok)",
        "h4: of b (ok)",
        *(f"h{n}: together (ok)" for n in range(1, 5)),
    ]


def test_variables_of_nested_includes(project: Project) -> None:
    project.files(
        one="""
            - include_tasks: two.yml
              vars: {v: "{{ u }}+two"}
            - debug: msg="{{ v | default('gone') }}"
        """,
        two="""
            - debug: msg="{{ u }} {{ v }}"
            - set_fact: {v: fact}
            - debug: msg="{{ v }}"
        """,
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_tasks: one.yml
              vars: {u: one}
        """
    )
    assert ran.messages() == ["one one+two", "one+two", "fact"]


def test_an_include_that_includes_itself_to_count_down(project: Project) -> None:
    project.file("down.yml", "- debug: msg={{ n }}\n- include_tasks: down2.yml\n  when: n > 1\n")
    project.file("down2.yml", "- set_fact: {n: '{{ n - 1 }}'}\n- include_tasks: down.yml\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {n: 3}
            - include_tasks: down.yml
        """
    )
    assert ran.messages() == [3, 2, 1]


def test_hosts_with_other_labels_are_told_of_apart(project: Project) -> None:
    project.files(inner="- debug: msg=x\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - include_tasks: inner.yml
              loop: [1]
              loop_control: {label: "{{ item }} on {{ inventory_hostname }}"}
        """
    )
    assert [line for line in ran.lines if line.startswith("included")] == [
        "included: inner.yml for a => (item=1 on a)",
        "included: inner.yml for b => (item=1 on b)",
    ]


def test_the_result_of_an_include_says_what_was_included(project: Project) -> None:
    project.files(inner="- debug: msg=x\n", roles__r__tasks__main="- debug: msg=x\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - {include_tasks: inner.yml, register: r}
            - debug: {msg: "{{ r }}"}
            - {include_role: {name: r}, register: r}
            - debug: {msg: "{{ r }}"}
        """
    )
    assert ran.messages()[1::2] == [
        {"changed": False, "include": "inner.yml", "include_args": {}},
        {"changed": False, "include_args": {"name": "r"}},
    ]
