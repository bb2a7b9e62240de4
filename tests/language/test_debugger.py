"""The task debugger: `debugger:`, `strategy: debug` and enable_task_debugger."""

from __future__ import annotations

import pytest

from tests.support.builder import Project, Ran
from tests.support.fake_host import command_gives
from weft.events.types import Message

PROMPT = "[a] TASK: it (debug)> "
CTRL_C = "\x03"


def play(task: str, head: str = "", hosts: str = "a") -> str:
    return f"""
        - hosts: {hosts}
          gather_facts: no
          vars: {{word: 'false'}}
          {head}
          tasks:
            - name: it
              {task}
            - debug: msg=after
    """


FAILS = "command: '{{ word }}'"


def said(ran: Ran) -> list[str]:
    """What the prompt answered."""
    return [event.text for event in ran.events if isinstance(event, Message) and not event.verbosity]


# -- when it starts --------------------------------------------------------------------------------------------------

STARTS = [
    ("command: 'false'", "debugger: on_failed", True),
    ("command: 'true'", "debugger: on_failed", False),
    ("command: 'false'", "debugger: never", False),
    ("command: 'false'", "strategy: debug", True),
    ("command: 'true'", "strategy: debug", False),
    ("ping:", "debugger: always", True),
    ("ping:\n              when: false", "debugger: on_skipped", True),
    ("ping:\n              when: false", "debugger: always", True),
    ("ping:", "debugger: on_skipped", False),
    ("command: 'false'\n              debugger: never", "strategy: debug", False),
    ("command: 'false'\n              ignore_errors: yes", "debugger: on_failed", False),
    ("command: '{{ nothing }}'", "debugger: on_failed", True),
    ("command: 'false'\n              debugger: '{{ \"on_failed\" }}'", "", True),
    ("command: 'false'\n              loop: [1, 2]", "debugger: on_failed", True),
]


@pytest.mark.parametrize(("task", "head", "starts"), STARTS)
def test_when_it_starts(project: Project, task: str, head: str, starts: bool) -> None:
    ran = project.play(play(task, head), answers=["c", "c"])
    assert (PROMPT in ran.questions) is starts, ran


def test_it_starts_for_hosts_out_of_reach(project: Project) -> None:
    project.hosts.host("a").unreachable("no route")
    for head in ("debugger: on_unreachable", "strategy: debug"):
        ran = project.play(play("ping:", head), answers=["c"])
        assert ran.questions == [PROMPT]
        assert ran.recap == {"a": "unreachable=1"}


def test_the_setting_starts_it_for_every_task(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_ENABLE_TASK_DEBUGGER", "true")
    assert project.play(play("command: 'false'"), answers=["c"]).questions == [PROMPT]
    ignoring = play("command: 'false'\n              ignore_errors: yes")
    assert project.play(ignoring, answers=["c"]).questions == []
    monkeypatch.setenv("ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS", "false")
    assert project.play(ignoring, answers=["c"]).questions == [PROMPT]


def test_handlers_and_tasks_of_roles_are_called_as_in_banners(project: Project) -> None:
    project.file("roles/web/tasks/main.yml", "- {name: set up, command: 'false', ignore_errors: no}\n")
    ran = project.play("- hosts: a\n  gather_facts: no\n  debugger: on_failed\n  roles: [web]\n", answers=["c"])
    assert ran.questions == ["[a] TASK: web : set up (debug)> "]
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          debugger: on_failed
          tasks: [{command: 'true', notify: told}]
          handlers: [{name: told, command: 'false'}]
        """,
        answers=["c"],
    )
    assert ran.questions == ["[a] HANDLER: told (debug)> "]


# -- what can be typed -----------------------------------------------------------------------------------------------


def test_the_result_is_shown_before_the_prompt_and_what_is_typed_answered(project: Project) -> None:
    ran = project.play(
        play(FAILS, "debugger: on_failed"),
        answers=[
            "p task",
            "p task.args",
            "p host",
            "p task_vars['word']",
            "p result._result['rc']",
            "p nothing",
            "",
            "c",
        ],
    )
    assert said(ran) == [
        "TASK: it\n",
        "{'_raw_params': 'false'}\n",
        "a\n",
        "'false'\n",
        "1\n",
        "***NameError:NameError(\"name 'nothing' is not defined\")\n",
        "***NameError:NameError(\"name 'nothing' is not defined\")\n",  # an empty line is the last one again
    ]
    shown = [line for line in ran.lines if line.startswith(("fatal", "TASK", "PLAY RECAP"))]
    assert [line.split(":")[0] for line in shown] == ["TASK [it]", "fatal", "TASK", "PLAY RECAP"]
    assert (ran.code, ran.recap) == (2, {"a": "failed=1"})


def test_help(project: Project) -> None:
    texts = said(project.play(play(FAILS, "debugger: on_failed"), answers=["help", "help r", "help what", "c"]))
    assert "EOF  c  continue  h  help  p  pprint  print  q  quit  r  redo  u  update_task" in texts[0]
    assert texts[1:] == ["Run the task again\n", "*** No help on what\n"]


def test_changed_arguments_and_again(project: Project) -> None:
    for again in ("r", "redo"):
        ran = project.play(play(FAILS, "debugger: on_failed"), answers=["task.args['_raw_params'] = 'echo hi'", again])
        assert ran.tasks == ["a: it (failed)", "a: it (changed)", "a: debug (ok)"]
        assert (ran.code, ran.recap) == (0, {"a": "ok=2 changed=1"})
        assert ran.lines.count("TASK [it]") == 1


def test_changed_variables_and_again(project: Project) -> None:
    ran = project.play(play(FAILS, "debugger: on_failed"), answers=["task_vars['word'] = 'true'", "r"])
    assert ran.recap == {"a": "ok=2 changed=1"}
    update = ["task_vars['word'] = 'true'", "p task.args", "u", "p task.args", "redo"]
    ran = project.play(play(FAILS, "debugger: on_failed"), answers=update)
    assert said(ran) == ["{'_raw_params': 'false'}\n", "{'_raw_params': 'true'}\n"]
    assert ran.recap == {"a": "ok=2 changed=1"}


def test_what_is_typed_is_no_template(project: Project) -> None:
    answers = ["task.args['_raw_params'] = 'echo {{ 1 + 1 }}'", "r"]
    ran = project.play(play(FAILS, "debugger: on_failed"), answers=answers)
    assert ran.result("it", "a")["cmd"] == ["false"]
    assert ran.hosts.commands() == ["false", "echo '{{' 1 + 1 '}}'"]


def test_update_brings_back_what_is_written(project: Project) -> None:
    answers = ["task.args = {'_raw_params': 'true'}", "update_task", "p task.args", "c"]
    assert said(project.play(play(FAILS, "debugger: on_failed"), answers=answers)) == ["{'_raw_params': 'false'}\n"]


def test_arguments_that_can_t_be_evaluated_are_shown_as_they_are_written(project: Project) -> None:
    answers = ["p task.args", "u", "task_vars['nothing'] = 'true'", "u", "r"]
    ran = project.play(play("command: '{{ nothing }}'", "debugger: on_failed"), answers=answers)
    assert said(ran) == [
        "{'_raw_params': '{{ nothing }}'}\n",
        "***UndefinedName:UndefinedName(\"'nothing' is undefined\")\n",
    ]
    assert ran.recap == {"a": "ok=2 changed=1"}


def test_python(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    answers = ["x = [n * n for n in range(3)]", "p x", "x y", "p sorted(task_vars)[0]", "c"]
    texts = said(project.play(play(FAILS, "debugger: on_failed"), answers=answers))
    assert texts[0] == "[0, 1, 4]\n"
    assert texts[1].startswith("***SyntaxError:SyntaxError('invalid syntax'")
    assert texts[2] == "'ansible_check_mode'\n"


def test_again_until_it_is_well(project: Project) -> None:
    command_gives(project.hosts.host("a"), "false", rc=0)
    ran = project.play(play("command: 'false'", "debugger: always"), answers=["r", "r", "c", "c"])
    assert ran.hosts.commands() == ["false"] * 3
    assert ran.recap == {"a": "ok=2 changed=1"}


# -- the end of it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [["q"], ["quit"], ["EOF"], [], ["exit()"], [CTRL_C]])
def test_quitting_ends_the_run_at_once(project: Project, typed: list[str]) -> None:
    ran = project.play(play(FAILS, "debugger: on_failed"), answers=typed)
    assert ran.code == 99
    assert "PLAY RECAP" not in ran.lines
    assert ("User interrupted execution\n" in said(ran)) is (typed not in ([CTRL_C], ["exit()"]))
    assert ran.problems[-1:] == [] or "ERROR" not in ran.problems[-1]


def test_nobody_at_the_terminal_ends_the_run(project: Project) -> None:
    ran = project.play(play(FAILS, "debugger: on_failed"))
    assert (ran.code, said(ran)) == (99, ["User interrupted execution\n"])


# -- with other hosts, and other keywords ----------------------------------------------------------------------------


def test_one_host_at_a_time_and_the_others_are_shown_afterwards(project: Project) -> None:
    for name, seconds in (("b", 1), ("c", 2)):
        project.hosts.host(name).latency = seconds
    ran = project.play(
        play("command: \"{{ (inventory_hostname == 'c') | ternary('true', 'false') }}\"", "debugger: on_failed", "all"),
        "-f 10",
        hosts="a\nb\nc",
        answers=["p host", "p host", "c", "p host", "c"],
    )
    assert ran.questions == [PROMPT] * 3 + [PROMPT.replace("[a]", "[b]")] * 2
    assert said(ran) == ["a\n", "a\n", "b\n"]
    assert ran.recap["c"] == "ok=2 changed=1"


def test_run_once_fails_for_nobody_while_it_is_debugged(project: Project) -> None:
    ran = project.play(
        play("assert: {that: 'false'}\n              run_once: yes", "debugger: on_failed", "all"),
        answers=["task.args['that'] = []", "r"],
    )
    assert ran.messages("a")[-1:] == ["after"]
    assert ran.messages("b") == ["after"]
    assert ran.code == 0


def test_what_is_registered_and_notified_is_that_of_the_last_time(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: it
              command: 'false'
              register: got
              notify: told
              debugger: on_failed
            - debug: msg={{ got.rc }}
          handlers:
            - name: told
              debug: msg=told
        """,
        answers=["task.args['_raw_params'] = 'true'", "r"],
    )
    assert ran.messages() == [0, "told"]


def test_a_failure_that_is_left_goes_to_the_rescue(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          strategy: debug
          tasks:
            - block: [{name: it, command: 'false'}]
              rescue: [{debug: msg=rescued}]
        """,
        answers=["c"],
    )
    assert (ran.messages(), ran.recap) == (["rescued"], {"a": "ok=1 rescued=1"})


def test_in_free(project: Project) -> None:
    ran = project.play(
        play(FAILS, "strategy: free\n          debugger: on_failed"), answers=["task_vars['word']='true'", "r"]
    )
    assert ran.recap == {"a": "ok=2 changed=1"}
