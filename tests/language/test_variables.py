"""Where variables come from, and which of two counts."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

# from weakest to strongest, as Ansible's documentation has it
ORDER = [
    "role defaults",
    "inventory group",
    "inventory host",
    "play vars",
    "play vars_files",
    "role vars",
    "block vars",
    "task vars",
    "include_vars",
    "set_fact",
    "role params",
    "include params",
    "extra vars",
]


@pytest.mark.parametrize("strongest", range(len(ORDER)))
def test_precedence(project: Project, strongest: int) -> None:
    """Everything up to ``strongest`` says what `v` is."""
    has = {name: number <= strongest for number, name in enumerate(ORDER)}

    def vars_(name: str) -> str:
        return f"{{v: {name}}}" if has[name] else "{}"

    project.file("roles/r/tasks/main.yml", "- {import_tasks: inner.yml}")
    project.file("roles/r/defaults/main.yml", vars_("role defaults"))
    project.file("roles/r/vars/main.yml", vars_("role vars"))
    project.file("vf.yml", vars_("play vars_files"))
    project.file("iv.yml", vars_("include_vars"))
    project.file(
        "roles/r/tasks/inner.yml",
        f"""
        - include_vars: "{{{{ playbook_dir }}}}/iv.yml"
        - set_fact: {{other: 1, {"v: set_fact" if has["set_fact"] else ""}}}
        - include_tasks: most.yml
          vars: {vars_("include params")}
        """,
    )
    project.file(
        "roles/r/tasks/most.yml",
        f"""
        - vars: {vars_("block vars")}
          block:
            - debug: msg="{{{{ v }}}}"
              vars: {vars_("task vars")}
        """,
    )
    ran = project.play(
        f"""
        - hosts: g
          gather_facts: no
          vars: {vars_("play vars")}
          vars_files: [vf.yml]
          roles:
            - role: r
              {"v: role params" if has["role params"] else ""}
        """,
        "-e 'v=\"extra vars\"'" if has["extra vars"] else "",
        hosts="[g]\na "
        + ("v='inventory host'" if has["inventory host"] else "")
        + ("\n[g:vars]\nv=inventory group" if has["inventory group"] else ""),
    )
    assert ran.messages() == [ORDER[strongest]]


def test_files_beside_the_inventory_and_the_playbook(project: Project) -> None:
    project.file("inv/hosts", "[g]\na iv=line\n[g:vars]\ngv=line\niv=group line\n")
    project.file("inv/group_vars/all.yml", "{ga: all, gv: all, iv: all, p: inventory}")
    project.file("inv/group_vars/g.yml", "{gv: file}")
    project.file("inv/host_vars/a.yml", "{hv: file, p: inventory host}")
    project.file("group_vars/g/part.yml", "{pg: playbook}")
    project.file("host_vars/a.yml", "{p: playbook host}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ [ga, gv, iv, hv, pg, p] }}"
        """,
        "-i inv/hosts",
    )
    assert ran.messages() == [["all", "file", "line", "file", "playbook", "playbook host"]]


def test_vars_files_that_may_be_missing(project: Project) -> None:
    project.file("two.yml", "{v: two}")
    project.file("a.yml", "{h: of a}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars_files:
            - [one.yml, two.yml]
            - "{{ inventory_hostname }}.yml"
          tasks:
            - debug: msg="{{ v }} {{ h }}"
        """
    )
    assert ran.messages() == ["two of a"]


def test_a_missing_vars_file_is_passed_over_as_in_ansible(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, vars_files: nope.yml, tasks: [debug: ]}")
    assert ran.recap == {"a": "ok=1"}


def test_values_refer_to_each_other_and_are_evaluated_late(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars:
            greeting: "Hello {{ name }}"
            name: "{{ first }} {{ last }}"
            first: Ada
            last: Byron
          tasks:
            - debug: msg="{{ greeting }}"
            - debug: msg="{{ greeting }}"
              vars: {last: Lovelace}
            - set_fact: {last: King}
            - debug: msg="{{ greeting }}"
        """
    )
    assert ran.messages() == ["Hello Ada Byron", "Hello Ada Lovelace", "Hello Ada King"]


def test_a_value_that_refers_to_itself(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {v: "{{ v }}"}
          tasks:
            - debug: msg="{{ v }}"
        """
    )
    assert ran.recap == {"a": "failed=1"}
    assert "Recursive loop detected" in ran.out


def test_types_survive(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {n: 5, b: true, l: [1, x], d: {k: 1.5}, z: null}
          tasks:
            - debug: msg="{{ n }}"
            - debug: msg="{{ b }}"
            - debug: msg="{{ l }}"
            - debug: msg="{{ d }}"
            - debug: msg="{{ z }}"
            - debug: msg="{{ n }} and {{ b }}"
        """
    )
    assert ran.messages() == [5, True, [1, "x"], {"k": 1.5}, None, "5 and True"]


def test_results_are_never_templates(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {secret: 42}
          tasks:
            - command: echo "{{ '{{' }} secret {{ '}}' }}"
              register: r
            - debug: msg="{{ r.stdout }}"
        """
    )
    assert ran.messages() == ["{{ secret }}"]


def test_extra_vars(project: Project) -> None:
    project.file("more.yml", "{m: file, l: [1, 2]}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {k: play, j: play, m: play}
          tasks:
            - set_fact: {k: fact}
            - debug: msg="{{ [k, j, m, l, k is string] }}"
              vars: {j: task}
        """,
        """-e k=1 -e '{"j": 2}' -e @more.yml""",
    )
    assert ran.messages() == [["1", 2, "file", [1, 2], True]]


def test_include_vars(project: Project) -> None:
    project.file("one.yml", "{x: 1, t: '{{ x + 1 }}'}")
    project.file("dir/a.yml", "{p: a}")
    project.file("dir/b.yml", "{q: b}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_vars: one.yml
            - debug: msg="{{ x }} {{ t }}"
            - include_vars: {file: one.yml, name: space}
            - debug: msg="{{ space.x }}"
            - include_vars: {dir: dir}
            - debug: msg="{{ p }}{{ q }}"
        """
    )
    assert ran.messages() == ["1 2", 1, "ab"]


def test_hash_behaviour_merge(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\nhash_behaviour = merge\n")
    project.file("group_vars/all.yml", "{d: {a: 1, b: 1}}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {d: {b: 2}}
          tasks:
            - debug: msg="{{ d }}"
        """
    )
    assert ran.messages() == [{"a": 1, "b": 2}]


def test_undefined(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {d: {k: 1}, indirect: "{{ d.nope }}"}
          tasks:
            - debug: msg="{{ nope }}"
              ignore_errors: yes
            - debug: msg="{{ d.nope }}"
              ignore_errors: yes
            - debug: msg="{{ indirect }}"
              ignore_errors: yes
            - debug: msg="{{ hostvars.b.nope }}"
              ignore_errors: yes
            - debug: msg="{{ nope | default('fine') }} {{ d.x.y.z | default('too') }}"
            - debug: var=nope
            - command: echo {{ nope }}
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [debug]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': 'nope' is undefined
        Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
        Origin: play.yml:5:7
        3   vars: {d: {k: 1}, indirect: "{{ d.nope }}"}
        4   tasks:
        5     - debug: msg="{{ nope }}"
                ^ column 7
        <<< caused by >>>
        Error while resolving value for 'msg': 'nope' is undefined
        Origin: play.yml:5:14
        3   vars: {d: {k: 1}, indirect: "{{ d.nope }}"}
        4   tasks:
        5     - debug: msg="{{ nope }}"
                       ^ column 14
        fatal: [a]: FAILED! => {"msg": "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': 'nope' is undefined"}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'dict' has no attribute 'nope'
        Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
        Origin: play.yml:7:7
        5     - debug: msg="{{ nope }}"
        6       ignore_errors: yes
        7     - debug: msg="{{ d.nope }}"
                ^ column 7
        <<< caused by >>>
        Error while resolving value for 'msg': object of type 'dict' has no attribute 'nope'
        Origin: play.yml:7:14
        5     - debug: msg="{{ nope }}"
        6       ignore_errors: yes
        7     - debug: msg="{{ d.nope }}"
                       ^ column 14
        fatal: [a]: FAILED! => {"msg": "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'dict' has no attribute 'nope'"}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'dict' has no attribute 'nope'
        Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
        Origin: play.yml:9:7
        7     - debug: msg="{{ d.nope }}"
        8       ignore_errors: yes
        9     - debug: msg="{{ indirect }}"
                ^ column 7
        <<< caused by >>>
        Error while resolving value for 'msg'.
        Origin: play.yml:9:14
        7     - debug: msg="{{ d.nope }}"
        8       ignore_errors: yes
        9     - debug: msg="{{ indirect }}"
                       ^ column 14
        <<< caused by >>>
        object of type 'dict' has no attribute 'nope'
        Origin: play.yml:3:31
        1 - hosts: a
        2   gather_facts: no
        3   vars: {d: {k: 1}, indirect: "{{ d.nope }}"}
                                        ^ column 31
        fatal: [a]: FAILED! => {"msg": "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'dict' has no attribute 'nope'"}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'HostVarsVars' has no attribute 'nope'
        Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
        Origin: play.yml:11:7
         9     - debug: msg="{{ indirect }}"
        10       ignore_errors: yes
        11     - debug: msg="{{ hostvars.b.nope }}"
                 ^ column 7
        <<< caused by >>>
        Error while resolving value for 'msg': object of type 'HostVarsVars' has no attribute 'nope'
        Origin: play.yml:11:14
         9     - debug: msg="{{ indirect }}"
        10       ignore_errors: yes
        11     - debug: msg="{{ hostvars.b.nope }}"
                        ^ column 14
        fatal: [a]: FAILED! => {"msg": "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': object of type 'HostVarsVars' has no attribute 'nope'"}
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "fine too"
        }
        TASK [debug]
        ok: [a] => {
            "nope": "<< error 1 - 'nope' is undefined >>"
        }
        TASK [command]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.command' failed: Error while resolving value for '_raw_params': 'nope' is undefined
        Task failed: Finalization of task args for 'ansible.builtin.command' failed.
        Origin: play.yml:15:7
        13     - debug: msg="{{ nope | default('fine') }} {{ d.x.y.z | default('too') }}"
        14     - debug: var=nope
        15     - command: echo {{ nope }}
                 ^ column 7
        <<< caused by >>>
        Error while resolving value for '_raw_params': 'nope' is undefined
        Origin: play.yml:15:16
        13     - debug: msg="{{ nope | default('fine') }} {{ d.x.y.z | default('too') }}"
        14     - debug: var=nope
        15     - command: echo {{ nope }}
                          ^ column 16
        fatal: [a]: FAILED! => {"changed": false, "msg": "Task failed: Finalization of task args for 'ansible.builtin.command' failed: Error while resolving value for '_raw_params': 'nope' is undefined"}
        PLAY RECAP
        a : ok=6 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=4
        """,
        code=2,
    )


def test_of_a_folder_with_a_file_that_can_t_be_included_nothing_counts(project: Project) -> None:
    project.file("all/1.yml", "first: 1\n")
    project.file("all/sub/a.yml", "second: 2\n")
    project.file("all/sub/b.txt", "")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_vars: {dir: all}
        """
    )
    result = ran.result("include_vars")
    assert result["ansible_facts"] == {"first": 1}
    assert result["message"].endswith("/all/sub/b.txt does not have a valid extension: yaml, yml, json")
    assert [path.rpartition("all/")[2] for path in result["ansible_included_var_files"]] == ["1.yml", "sub/a.yml"]


def test_what_debug_finds_undefined_is_warned_of_with_its_place(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
                var: some
              vars: {some: ["{{ nowhere }}", "{{ here }}"]}
        """
    )
    ran.complains(
        """
        [WARNING]: Encountered 1 template error.
        error 1 - 'nowhere' is undefined
        Origin: play.yml:6:21
        4     - debug:
        5         var: some
        6       vars: {some: ["{{ nowhere }}", "{{ here }}"]}
                              ^ column 21
        [WARNING]: Encountered 1 template error.
        error 2 - 'here' is undefined
        Origin: play.yml:6:38
        4     - debug:
        5         var: some
        6       vars: {some: ["{{ nowhere }}", "{{ here }}"]}
                                               ^ column 38
        """
    )


def test_what_debug_finds_undefined_in_an_expression_is_warned_of_together(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: var=[nowhere,here]
        """
    )
    ran.complains(
        """
        [WARNING]: Encountered 2 template errors.
        error 1 - 'nowhere' is undefined
        error 2 - 'here' is undefined
        Origin: play.yml:4:14
        2   gather_facts: no
        3   tasks:
        4     - debug: var=[nowhere,here]
                       ^ column 14
        """
    )
