"""`environment`, `module_defaults`, `timeout`, `no_log`, and keywords with templates."""

from __future__ import annotations

import pytest

from tests.support.builder import Project


def test_environment(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          environment: {PE: play, X: play}
          tasks:
            - shell: echo $PE $X $BE $TE
              environment: {TE: task, X: task}
            - environment:
                - {BE: block}
              block:
                - shell: echo $PE $X $BE $TE
                  environment: "{{ env }}"
              vars: {env: {TE: template}}
            - shell: echo $X
              environment: {X: "{{ nope }}"}
              ignore_errors: yes
            - shell: echo $X
              environment: text
        """
    )
    outputs = [event.result.get("stdout") for event in ran.events if getattr(event, "status", None)]
    assert outputs == ["play task $BE task", "play play block template", None, "play"]
    assert "[WARNING]: could not parse environment value, skipping: ['text']" in ran.problems
    assert "Task failed: Error processing keyword 'environment': 'nope' is undefined" in ran.out


def test_module_defaults(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          module_defaults:
            debug: {msg: of the play}
            ansible.builtin.command: {chdir: /tmp}
          tasks:
            - debug:
            - debug: {msg: own}
            - command: pwd
            - module_defaults:
                debug: {msg: "of the block {{ x }}"}
              vars: {x: 1}
              block:
                - debug:
            - debug:
              module_defaults: {debug: {}}
            - ansible.builtin.debug:
        """
    )
    assert ran.messages() == ["of the play", "own", "of the block 1", "Hello world!", "of the play"]
    (command,) = (call for call in ran.hosts.calls if call.op == "command")
    assert command.arguments["chdir"] == "/tmp"


def test_timeout(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: sleep 5
              timeout: 1
              ignore_errors: yes
              register: r
            - command: sleep 5
              timeout: 10
            - debug: msg="{{ r.timedout.period }}"
            - debug: msg=x
              timeout: "{{ nope }}"
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [command]
        [ERROR]: Task failed: Timed out after 1 second(s).
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - command: sleep 5
                ^ column 7
        fatal: [a]: FAILED! => {"changed": false, "msg": "Task failed: Timed out after 1 second(s).", "timedout": {"frame": "Configure `DISPLAY_TRACEBACK` to see a traceback on timeout errors.", "period": 1}}
        ...ignoring
        TASK [command]
        changed: [a]
        TASK [debug]
        ok: [a] => {
            "msg": 1
        }
        TASK [debug]
        [ERROR]: Task failed: Error processing keyword 'timeout': 'nope' is undefined
        Task failed.
        Origin: play.yml:11:7
         9       timeout: 10
        10     - debug: msg="{{ r.timedout.period }}"
        11     - debug: msg=x
                 ^ column 7
        <<< caused by >>>
        Error processing keyword 'timeout': 'nope' is undefined
        Origin: play.yml:12:16
        10     - debug: msg="{{ r.timedout.period }}"
        11     - debug: msg=x
        12       timeout: "{{ nope }}"
                          ^ column 16
        fatal: [a]: FAILED! => {"msg": "Task failed: Error processing keyword 'timeout': 'nope' is undefined"}
        PLAY RECAP
        a : ok=3 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=1
        """,
        code=2,
    )


def test_a_time_out_is_rescued_and_nothing_goes_on_behind_it(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - block:
                - command: sleep 100
                  timeout: 2
              rescue:
                - debug: msg=late
        """
    )
    assert ran.seconds == 2
    assert [call.outcome for call in ran.hosts.calls if call.op == "command"] == ["cancelled"]
    assert ran.recap == {"a": "ok=1 rescued=1"}


def test_no_log(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: hidden
              debug: msg=secret
              no_log: yes
            - command: echo secret
              no_log: yes
              register: r
            - debug: msg="{{ r.stdout == 'sec' ~ 'ret' }}"
            - debug: msg="{{ item }}"
              loop: [secret1, secret2]
              no_log: yes
            - fail: msg=secret
              no_log: yes
              ignore_errors: yes
            - command: /bin/false secret
              loop: [secret]
              no_log: yes
              ignore_errors: yes
            - debug: msg=shown
              no_log: "{{ inventory_hostname == 'b' }}"
        """,
        "-v",
    )
    hidden = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
    assert "secret" not in ran.out
    assert "secret" not in ran.err
    assert "secret" not in str([event for event in ran.events if hasattr(event, "result")])
    assert ran.out.count(hidden) == 6
    assert ran.out.count("(item=(censored due to no_log))") == 3
    assert ran.messages()[-2:] == [True, "shown"]


def test_no_log_that_can_t_be_evaluated_hides(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{debug: {msg: secret}, no_log: '{{ nope }}'}]}")
    assert "secret" not in ran.out
    assert "Invalid no_log value for task, output will be masked" in ran.err


def test_keywords_may_be_templates(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {yes_: true, n: 1}
          tasks:
            - command: /bin/false
              ignore_errors: "{{ yes_ }}"
              retries: "{{ n }}"
              delay: "{{ n }}"
              become: "{{ not yes_ }}"
              check_mode: "{{ not yes_ }}"
              run_once: "{{ yes_ }}"
              throttle: "{{ n }}"
              delegate_to: "{{ inventory_hostname }}"
        """
    )
    assert ran.recap == {"a": "ok=1 changed=1 ignored=1"}


def test_a_keyword_of_the_wrong_type(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {word: banana}
          tasks:
            - debug:
              run_once: "{{ word }}"
            - debug: msg=never
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [debug]
        [ERROR]: Task failed: Error processing keyword 'run_once': The value 'banana' could not be converted to 'bool'.
        Task failed.
        Origin: play.yml:5:7
        3   vars: {word: banana}
        4   tasks:
        5     - debug:
                ^ column 7
        <<< caused by >>>
        Error processing keyword 'run_once'.
        Origin: play.yml:6:17
        4   tasks:
        5     - debug:
        6       run_once: "{{ word }}"
                          ^ column 17
        <<< caused by >>>
        The value 'banana' could not be converted to 'bool'.
        Origin: play.yml:6:17
        4   tasks:
        5     - debug:
        6       run_once: "{{ word }}"
                          ^ column 17
        fatal: [a]: FAILED! => {"msg": "Task failed: Error processing keyword 'run_once': The value 'banana' could not be converted to 'bool'."}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_arguments_from_a_template(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {given: {msg: from args}}
          tasks:
            - debug:
              args: "{{ given }}"
            - debug: "{{ given }}"
            - debug: "msg='key value' "
            - debug:
                msg: omitted {{ omit }}
            - debug:
                msg: "{{ omit }}"
        """
    )
    assert ran.messages()[:3] == ["from args", "from args", "key value"]
    assert ran.messages()[-1] == "Hello world!"


def test_raw_text_for_an_action_that_takes_none(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [debug: some text]}")
    ran.prints(
        """
        PLAY [a]
        TASK [debug]
        [ERROR]: Task failed: Action 'ansible.builtin.debug' does not support raw params.
        Origin: play.yml:1:40
        1 - {hosts: a, gather_facts: no, tasks: [debug: some text]}
                                                 ^ column 40
        fatal: [a]: FAILED! => {"msg": "Task failed: Action 'ansible.builtin.debug' does not support raw params."}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("name: '{{ nope }}'", "Error processing keyword 'name': 'nope' is undefined"),
        ("serial: '{{ nope }}'", "Error processing keyword 'serial': 'nope' is undefined"),
        ("strategy: '{{ nope }}'", "Error processing keyword 'strategy': 'nope' is undefined"),
        ("gather_facts: '{{ nope }}'", "Error processing keyword 'gather_facts': 'nope' is undefined"),
        ("force_handlers: perhaps", "The value 'perhaps' could not be converted to 'bool'."),
        ("max_fail_percentage: x", "The value 'x' could not be converted to 'percent'."),
    ],
)
@pytest.mark.parametrize("option", ["", "--list-tasks", "--syntax-check"])
def test_keywords_of_plays_that_have_no_value(project: Project, keyword: str, message: str, option: str) -> None:
    ran = project.play(f"- hosts: a\n  {keyword}\n  tasks: [{{debug: }}]\n", option)
    assert ran.code == 4
    assert message in ran.problems[0]


def test_keywords_of_plays_may_be_templates(project: Project) -> None:
    ran = project.play("""
        - hosts: a
          vars: {truth: true}
          gather_facts: "{{ truth }}"
          force_handlers: "{{ truth }}"
          tasks:
            - {command: echo, notify: h}
            - {fail: }
          handlers:
            - {name: h, debug: }
    """)
    assert ran.tasks == ["a: Gathering Facts (ok)", "a: command (changed)", "a: fail (failed)", "a: h (ok)"]


def test_the_share_of_failures_may_be_a_template(project: Project) -> None:
    play = """
        - hosts: all
          gather_facts: no
          vars: {share: SHARE}
          max_fail_percentage: "{{ share }}%"
          tasks:
            - {fail: , when: inventory_hostname == 'a'}
            - {name: goes on, debug: }
    """
    assert "b: goes on (ok)" not in project.play(play.replace("SHARE", "40")).tasks
    assert "b: goes on (ok)" in project.play(play.replace("SHARE", "60")).tasks


def test_no_log_may_be_a_template_for_each_item(project: Project) -> None:
    ran = project.play("""
        - hosts: a
          gather_facts: no
          tasks:
            - {command: "echo {{ item }}", loop: [1, 2], no_log: "{{ item == 1 }}"}
    """)
    assert [line for line in ran.lines if "item=" in line] == [
        "changed: [a] => (item=(censored due to no_log))",
        "changed: [a] => (item=2)",
    ]


def test_an_unknown_group_in_module_defaults_is_an_error_before_the_play(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
            - debug:
              module_defaults: {group/nosuch: {msg: x}}
        """
    )
    assert (ran.code, ran.out) == (4, "")
    assert ran.problems[:2] == [
        "[ERROR]: Error loading module_defaults: could not resolve the module_defaults group ansible.builtin.nosuch",
        "Origin: play.yml:6:25",
    ]


def test_module_defaults_that_are_no_dictionary_fail_the_task(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
              module_defaults: {debug: text}
        """
    )
    assert ran.code == 2
    assert ran.result("debug")["msg"] == "Task failed: module_defaults of ansible.builtin.debug must be a dictionary."


def test_items_of_includes_that_must_not_be_logged_are_not_shown(project: Project) -> None:
    project.files(inner="- debug: msg=x\n", roles__r__tasks__main="- debug: msg=x\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_tasks: inner.yml
              loop: [secret]
              no_log: yes
            - include_role: {name: r}
              loop: [secret]
              loop_control: {label: "of {{ item }}"}
              no_log: "{{ true }}"
            - include_tasks: inner.yml
              no_log: yes
        """
    )
    assert "secret" not in ran.out
    assert [line for line in ran.lines if line.startswith("included")] == [
        "included: inner.yml for a => (item=(censored due to no_log))",
        "included: r for a => (item=(censored due to no_log))",
        "included: inner.yml for a => (item=(censored due to no_log))",
    ]
