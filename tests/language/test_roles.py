"""Roles: what they bring, in which order they run, and how often."""

from __future__ import annotations

import pytest

from tests.support.builder import Project


def test_what_a_role_brings(project: Project) -> None:
    project.files(
        roles__r__defaults__main="{d: default, v: default}",
        roles__r__vars__main="{v: var}",
        roles__r__handlers__main="- {name: rh, debug: {msg: 'handler of {{ role_name }}'}}",
        roles__r__tasks__main="""
            - debug: msg="{{ role_name }} {{ d }} {{ v }} {{ ansible_role_name }} {{ role_path | basename }}"
            - name: named
              command: echo x
              notify: rh
            - import_tasks: more.yml
            - include_tasks: even/more.yml
            - include_vars: extra.yml
            - debug: msg="{{ e }}"
        """,
        roles__r__tasks__more="- debug: msg=more",
        roles__r__tasks__even__more="- debug: msg=even more",
        roles__r__vars__extra="e: extra",
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          roles: [r]
          tasks:
            - debug: msg="{{ d }} {{ v }} {{ role_name | default('none') }}"
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [r : debug]
        ok: [a] => {
            "msg": "r default var r r"
        }
        TASK [r : named]
        changed: [a]
        TASK [r : debug]
        ok: [a] => {
            "msg": "more"
        }
        TASK [r : include_tasks]
        included: roles/r/tasks/even/more.yml for a
        TASK [r : debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: roles/r/tasks/even/more.yml:1:3
        1 - debug: msg=even more
            ^ column 3
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        PLAY RECAP
        a : ok=4 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_the_order_of_sections(project: Project) -> None:
    project.files(roles__r__tasks__main="- {name: role, debug: }")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          post_tasks: [{name: post, debug: }]
          tasks: [{name: task, debug: }]
          roles: [r]
          pre_tasks: [{name: pre, debug: }]
        """
    )
    assert ran.tasks == ["a: pre (ok)", "a: r : role (ok)", "a: task (ok)", "a: post (ok)"]


def test_params_vars_tags_and_conditions_of_a_use(project: Project) -> None:
    project.files(roles__r__tasks__main="- debug: msg='{{ p }}'")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          roles:
            - {role: r, p: one, when: inventory_hostname == 'a'}
            - role: r
              vars: {p: two}
            - {role: r, p: three, tags: t}
        """
    )
    assert ran.messages("a") == ["one", "two", "three"]
    assert ran.messages("b") == ["two", "three"]


def test_a_role_runs_once_unless_it_differs_or_allows_more(project: Project) -> None:
    project.files(
        roles__r__tasks__main="- {name: x, debug: {msg: '{{ p | default(0) }}'}}",
        roles__m__tasks__main="- {name: y, debug: }",
        roles__m__meta__main="allow_duplicates: yes",
    )
    ran = project.play("- {hosts: a, gather_facts: no, roles: [r, r, {role: r, p: 1}, {role: r, p: 1}, m, m]}")
    assert ran.tasks == ["a: r : x (ok)"] * 2 + ["a: m : y (ok)"] * 2


def test_dependencies_come_first_and_once(project: Project) -> None:
    project.files(
        roles__top__tasks__main="- {name: top, debug: {msg: '{{ dv }}'}}",
        roles__top__meta__main="dependencies: [{role: dep, dv: 5}, other]",
        roles__dep__tasks__main="- {name: dep, debug: {msg: '{{ dv }}'}}",
        roles__dep__vars__main="inner: 1",
        roles__dep__meta__main="dependencies: [base]",
        roles__other__tasks__main="- {name: other, debug: }",
        roles__other__meta__main="dependencies: [base]",
        roles__base__tasks__main="- {name: base, debug: }",
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {dv: play}
          roles: [top]
          tasks:
            - debug: msg="{{ ansible_play_role_names | sort }} {{ ansible_dependent_role_names | sort }} {{ inner }}"
        """
    )
    assert ran.tasks[:4] == ["a: base : base (ok)", "a: dep : dep (ok)", "a: other : other (ok)", "a: top : top (ok)"]
    assert ran.messages()[1] == 5
    assert ran.messages()[-1] == "['top'] ['base', 'dep', 'other'] 1"


def test_a_host_that_failed_in_a_role(project: Project) -> None:
    project.files(
        roles__r__tasks__main="""
            - command: echo r
              notify: h
            - fail: msg=no
              when: inventory_hostname == 'b'
        """
    )
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          roles: [r]
          tasks: [{debug: {msg: task}}]
          handlers: [{name: h, debug: {msg: h}}]
        """
    )
    ran.prints(
        """
        PLAY [all]
        TASK [r : command]
        changed: [a]
        changed: [b]
        TASK [r : fail]
        skipping: [a]
        [ERROR]: Task failed: Action failed: no
        Origin: roles/r/tasks/main.yml:3:3
        1 - command: echo r
        2   notify: h
        3 - fail: msg=no
            ^ column 3
        fatal: [b]: FAILED! => {"changed": false, "msg": "no"}
        TASK [debug]
        ok: [a] => {
            "msg": "task"
        }
        RUNNING HANDLER [h]
        ok: [a] => {
            "msg": "h"
        }
        PLAY RECAP
        a : ok=3 changed=1 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
        b : ok=1 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_no_such_role(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          roles:
            - nope
        """
    )
    assert ran.code == 1
    assert ran.problems[0].startswith("[ERROR]: the role 'nope' was not found in roles:")
    assert ran.problems[1:] == [
        "Origin: play.yml:4:7",
        "2   gather_facts: no",
        "3   roles:",
        "4     - nope",
        "        ^ column 7",
    ]


def test_roles_path(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\nroles_path = elsewhere\n")
    project.files(elsewhere__r__tasks__main="- {name: found, debug: }")
    assert project.play("- {hosts: a, gather_facts: no, roles: [r]}").tasks == ["a: r : found (ok)"]


def test_files_of_a_role_are_found_first(project: Project) -> None:
    project.file("roles/r/files/f.txt", "of the role")
    project.file("roles/r/templates/t.j2", "template of {{ role_name }}")
    project.file("files/f.txt", "of the play")
    project.files(
        roles__r__tasks__main="- debug: msg=\"{{ lookup('file', 'f.txt') }}, {{ lookup('template', 't.j2') }}\""
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          roles: [r]
          tasks:
            - debug: msg="{{ lookup('file', 'f.txt') }}"
        """
    )
    assert ran.messages() == ["of the role, template of r", "of the play"]


def test_argument_specs_are_checked(project: Project) -> None:
    project.files(
        roles__r__tasks__main="- debug: msg='{{ size }}'",
        roles__r__meta__argument_specs="""
            argument_specs:
              main:
                options:
                  size: {type: int, required: true}
        """,
    )
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - import_role: {name: r}
              vars: {size: 80}
            - import_role: {name: r}
        """
    )
    ran.prints(
        r"""
        PLAY [a]
        TASK [r : Validating arguments against arg spec 'main']
        ok: [a]
        TASK [r : debug]
        ok: [a] => {
            "msg": 80
        }
        TASK [r : Validating arguments against arg spec 'main']
        [ERROR]: Task failed: Action failed: Validation of arguments failed:
        missing required arguments: size
        Origin: roles/r/meta/argument_specs.yml:3:5
        1 argument_specs:
        2   main:
        3     options:
              ^ column 5
        fatal: [a]: FAILED! => {"argument_errors": ["missing required arguments: size"], "argument_spec_data": {"size": {"required": true, "type": "int"}}, "changed": false, "msg": "Validation of arguments failed:\nmissing required arguments: size", "validate_args_context": {"argument_spec_name": "main", "name": "r", "path": "roles/r", "type": "role"}}
        PLAY RECAP
        a : ok=2 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_the_names_of_included_roles_are_among_the_play_s(project: Project) -> None:
    project.files(roles__r__tasks__main="- debug: msg=x\n", roles__r__defaults__main="exported: yes\n")
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          serial: 1
          tasks:
            - debug: {msg: "{{ [ansible_play_role_names, exported is defined] }}"}
            - include_role: {name: r}
            - include_role: {name: r, public: yes}
              when: inventory_hostname == 'a'
            - debug: {msg: "{{ [ansible_play_role_names, exported is defined] }}"}
        """
    )
    assert ran.messages("a") == [[[], False], "x", "x", [["r", "r"], True]]
    assert ran.messages("b") == [[[], False], "x", [["r"], False]], "each batch begins anew"


def test_a_missing_file_of_a_role_is_looked_for_once_beside_the_playbook(project: Project) -> None:
    project.files(roles__r__tasks__main="- copy: {src: nowhere, dest: /x}\n")
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [import_role: {name: r}]}")
    searched = ran.result("r : copy")["msg"].partition("Searched in:\n")[2].partition(" on the")[0]
    assert [line.strip().rpartition(f"{project.folder}/")[2] for line in searched.splitlines()] == [
        "roles/r/files/nowhere",
        "roles/r/nowhere",
        "roles/r/tasks/files/nowhere",
        "roles/r/tasks/nowhere",
        "files/nowhere",
        "nowhere",
    ]


@pytest.mark.parametrize("include", ["include_tasks: inner.yml", "include_role: {name: outer}"])
def test_a_role_that_an_include_imports_is_the_play_s(project: Project, include: str) -> None:
    project.files(
        inner="- import_role: {name: r}\n",
        roles__outer__tasks__main="- import_role: {name: r}\n",
        roles__r__tasks__main="- {command: 'true', notify: of role}\n",
        roles__r__vars__main="exported: yes\n",
        roles__r__handlers__main="- {name: of role, debug: {msg: handled}}\n",
        roles__r__meta__main="dependencies: [below]\n",
        roles__below__defaults__main="from_below: yes\n",
    )
    ran = project.play(
        f"""
        - hosts: a
          gather_facts: no
          tasks:
            - debug: {{msg: "{{{{ [exported is defined, from_below is defined] }}}}"}}
            - {include}
            - debug: {{msg: "{{{{ [exported is defined, from_below is defined] }}}}"}}
            - debug: {{msg: "{{{{ ansible_play_role_names + ansible_dependent_role_names }}}}"}}
            - {{command: "true", notify: "r : of role"}}
        """
    )
    names = ["r", "below"] if "tasks" in include else ["r", "outer", "below"]
    assert ran.messages() == [[False, False], [True, True], names, "handled"]


def test_a_role_without_duplicates_runs_for_each_item_that_it_is_included_for(project: Project) -> None:
    project.files(roles__r__tasks__main="- debug: {msg: '{{ item | default(\"none\") }}'}\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_role: {name: r, allow_duplicates: no}
              loop: [1, 2]
            - include_role: {name: r, allow_duplicates: no}
              loop: [2, 3]
            - include_role: {name: r, allow_duplicates: no}
            - include_role: {name: r, allow_duplicates: no}
        """
    )
    assert ran.messages() == [1, 2, 3, "none"]
