"""Playbooks that can't be played: what is said, and where the caret stands."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

BAD = {
    "an unknown module": (
        "- {hosts: a, tasks: [{nosuchmodule: {x: 1}}]}",
        "couldn't resolve module/action 'nosuchmodule'. This often indicates a misspelling, missing collection, "
        "or incorrect module path.",
        "play.yml:1:23",
    ),
    "a task without an action": (
        "- hosts: a\n  tasks:\n    - name: idle\n",
        "no module/action detected in task.",
        "play.yml:3:7",
    ),
    "two actions": (
        "- hosts: a\n  tasks:\n    - debug:\n      command: echo\n",
        "conflicting action statements: debug, command",
        "play.yml:4:7",
    ),
    "an unknown keyword of a play": (
        "- hosts: a\n  task: []\n",
        "'task' is not a valid attribute for a Play",
        "play.yml:2:3",
    ),
    "a play that is no mapping": ("- just text\n", "playbook entries must be either valid plays", "play.yml:1:3"),
    "a playbook that is no list": ("hosts: a\n", "A playbook must be a list of plays", "play.yml:1:1"),
    "an empty playbook": ("", "Empty playbook, nothing to do: play.yml", "play.yml"),
    "tasks that are no list": (
        "- hosts: a\n  tasks: {debug: }\n",
        "A malformed block was encountered while loading tasks",
        "play.yml:2:10",
    ),
    "a task that is no mapping": ("- hosts: a\n  tasks:\n    - text\n", "text", "play.yml:3:7"),
    "broken YAML": (
        "- hosts: a\n  tasks:\n    - debug: {msg: x\n    - debug:\n",
        "YAML parsing failed",
        "play.yml:4:12",
    ),
    "a tab": ("- hosts: a\n\ttasks: []\n", "Tabs are usually invalid in YAML.", "play.yml:2:1"),
    "a colon in plain text": (
        "- hosts: a\n  tasks:\n    - debug: msg=x: y\n",
        "Colons in unquoted values must be followed by a non-space character.",
        "play.yml:3:19",
    ),
    "a template that starts a value": (
        "- hosts: a\n  tasks:\n    - debug:\n        msg: {{ x }}\n",
        "This may be an issue with missing quotes around a template block.",
        "play.yml:4:14",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_it_says_where(project: Project, what: str) -> None:
    text, message, origin = BAD[what]
    project.file("play.yml", "")
    (project.folder / "play.yml").write_text(text)
    ran = project.play()
    assert ran.code == 4, ran
    assert message in ran.err, ran
    assert f"Origin: {origin}" in ran.err, ran
    assert "PLAY" not in ran.out


#: What ansible-playbook leaves with 1.
LEFT_WITH_ONE = {
    "an unknown role key": (
        "- {hosts: a, roles: [{rol: r}]}",
        "role definitions must contain a role name",
        "play.yml:1:22",
    ),
    "tags that are a mapping": (
        "- {hosts: a, tasks: [{debug: , tags: {x: y}}]}",
        "tags must be specified as a list",
        "play.yml:1:38",
    ),
    "roles that need each other": (
        "- {hosts: a, roles: [one]}",
        "A recursion loop was detected with the roles specified.",
        "roles/two/meta/main.yml:1:16",
    ),
    "a vars file without its password": (
        "- {hosts: a, vars_files: [sealed.yml], tasks: []}",
        "Invalid vars_files file 'sealed.yml': Attempting to decrypt but no vault secrets found.",
        "sealed.yml",
    ),
}


@pytest.mark.parametrize("what", LEFT_WITH_ONE)
def test_exit_codes_are_those_of_ansible_playbook(project: Project, what: str) -> None:
    text, message, origin = LEFT_WITH_ONE[what]
    project.file("roles/one/meta/main.yml", "dependencies: [two]\n")
    project.file("roles/two/meta/main.yml", "dependencies: [one]\n")
    project.file("sealed.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    ran = project.play(text)
    assert ran.code == 1, ran
    assert message in ran.err, ran
    assert f"Origin: {origin}" in ran.err, ran


def test_with_line_and_caret(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: fine
              debug:
            - name: not fine
              dbeug:
                msg: x
        """
    )
    ran.complains("""
        [ERROR]: couldn't resolve module/action 'dbeug'. This often indicates a misspelling, missing collection, or incorrect module path.
        Origin: play.yml:7:7
        5       debug:
        6     - name: not fine
        7       dbeug:
                ^ column 7
        Did you mean 'debug'?
    """)


def test_a_duplicate_key_is_warned_of(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: {msg: one}
              name: x
              name: y
        """
    )
    assert ran.tasks == ["a: y (ok)"]
    ran.complains("""
        [WARNING]: Found duplicate mapping key 'name'.
        Origin: play.yml:6:7
        4     - debug: {msg: one}
        5       name: x
        6       name: y
                ^ column 7
        Using last defined value only.
    """)


def test_a_playbook_that_is_not_there(project: Project) -> None:
    ran = project.play(None, "nope.yml")
    assert ran.code == 1
    ran.complains("""
        [ERROR]: the playbook: nope.yml could not be found
    """)


def test_undefined_in_the_arguments_of_a_module(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: a name
              copy:
                src: "{{ nope }}"
                dest: /tmp/x
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [a name]
        [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.copy' failed: Error while resolving value for 'src': 'nope' is undefined
        Task failed.
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - name: a name
                ^ column 7
        <<< caused by >>>
        Finalization of task args for 'ansible.builtin.copy' failed.
        Origin: play.yml:5:7
        3   tasks:
        4     - name: a name
        5       copy:
                ^ column 7
        <<< caused by >>>
        Error while resolving value for 'src': 'nope' is undefined
        Origin: play.yml:6:14
        4     - name: a name
        5       copy:
        6         src: "{{ nope }}"
                       ^ column 14
        fatal: [a]: FAILED! => {"changed": false, "msg": "Task failed: Finalization of task args for 'ansible.builtin.copy' failed: Error while resolving value for 'src': 'nope' is undefined"}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_wrong_arguments_of_a_controller_side_action(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: {mgs: x}
              ignore_errors: yes
            - debug: {msg: x, var: y}
              ignore_errors: yes
            - command:
              ignore_errors: yes
            - assert: {that: 1 == 2, fail_msg: no}
              ignore_errors: yes
            - assert: {that: ["1 == 1", "2 == 3"], quiet: yes}
              ignore_errors: yes
            - assert: {that: 1 == 1}
            - fail: {text: x}
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [debug]
        [ERROR]: Task failed: Unsupported parameters for (debug) module: mgs. Supported parameters include: msg, var, verbosity.
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - debug: {mgs: x}
                ^ column 7
        fatal: [a]: FAILED! => {"msg": "Unsupported parameters for (debug) module: mgs. Supported parameters include: msg, var, verbosity."}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: parameters are mutually exclusive: msg|var
        Origin: play.yml:6:7
        4     - debug: {mgs: x}
        5       ignore_errors: yes
        6     - debug: {msg: x, var: y}
                ^ column 7
        fatal: [a]: FAILED! => {"msg": "parameters are mutually exclusive: msg|var"}
        ...ignoring
        TASK [command]
        [ERROR]: Task failed: Module failed: one of the following is required: _raw_params, cmd, argv
        Origin: play.yml:8:7
        6     - debug: {msg: x, var: y}
        7       ignore_errors: yes
        8     - command:
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "one of the following is required: _raw_params, cmd, argv"}
        ...ignoring
        TASK [assert]
        [ERROR]: Task failed: argument 'fail_msg' is of type bool and we were unable to convert to str_or_list_of_str: a string or list of strings is required
        Origin: play.yml:10:7
         8     - command:
         9       ignore_errors: yes
        10     - assert: {that: 1 == 2, fail_msg: no}
                 ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "argument 'fail_msg' is of type bool and we were unable to convert to str_or_list_of_str: a string or list of strings is required"}
        ...ignoring
        TASK [assert]
        [ERROR]: Task failed: Action failed: Assertion failed
        Origin: play.yml:12:7
        10     - assert: {that: 1 == 2, fail_msg: no}
        11       ignore_errors: yes
        12     - assert: {that: ["1 == 1", "2 == 3"], quiet: yes}
                 ^ column 7
        fatal: [a]: FAILED! => {"assertion": "2 == 3", "changed": false, "evaluated_to": false, "msg": "Assertion failed"}
        ...ignoring
        TASK [assert]
        ok: [a] => {
            "changed": false,
            "msg": "All assertions passed"
        }
        TASK [fail]
        [ERROR]: Task failed: Invalid options for fail: text
        Origin: play.yml:15:7
        13       ignore_errors: yes
        14     - assert: {that: 1 == 1}
        15     - fail: {text: x}
                 ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Invalid options for fail: text"}
        PLAY RECAP
        a : ok=6 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=5
        """,
        code=2,
    )
