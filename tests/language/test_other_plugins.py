"""Plugins that others wrote against ansible-core's classes: action, connection, become and callback plugins."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.builder import Project

SHOUT = """
import os
import time

from ansible.errors import AnsibleActionFail, AnsibleActionSkip
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        what = self._task.args["what"]
        if what == "fail":
            raise AnsibleActionFail("no shouting")
        if what == "skip":
            raise AnsibleActionSkip("nobody listens")
        if what == "die":
            os.kill(os.getpid(), 9)
        if what == "kill":
            os.kill(os.getppid(), 9)
            time.sleep(600)
        if what == "module":
            return self._execute_module("ping", {"data": "pong"}, task_vars=task_vars)
        if what == "bad module":
            return self._execute_module("file", {"path": "/nonexistent", "state": "file"}, task_vars=task_vars)
        if what == "pids":
            return {"worker": os.getpid(), "lane": os.getppid()}
        if what == "sleep":
            open(self._task.args["mark"], "w").write(str(os.getpid()))
            time.sleep(600)
        self._display.warning("careful")
        other = task_vars["hostvars"]["b"]["color"]
        return {**result, "changed": True, "said": what.upper(), "deep": self._templar.template(task_vars["deep"]),
                "other": other, "check": self._play_context.check_mode}
"""

CONNECTION = """
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = '''
name: roundabout
short_description: the long way to this machine
description: x
author: x
options: {}
'''


class Connection(Local):
    transport = "roundabout"

    def put_file(self, in_path, out_path):
        self._display.v("by the roundabout")
        super().put_file(in_path, out_path)
"""

BECOME = """
from ansible.plugins.become import BecomeBase

DOCUMENTATION = '''
name: pretend
short_description: x
description: x
author: x
options:
  become_user: {description: x, default: root, vars: [{name: ansible_become_user}]}
  become_exe: {description: x, default: env}
  become_flags: {description: x, default: ''}
'''


class BecomeModule(BecomeBase):
    name = "pretend"

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        return f"PRETEND={self.get_option('become_user')} {self._build_success_command(cmd, shell)}"
"""

HOSTS = "a deep='{{ 1 + 1 }} deep'\nb color=red\n"


@pytest.fixture
def shouting(project: Project) -> Project:
    project.file("action_plugins/shout.py", SHOUT)
    return project


def test_an_action_plugin_sees_arguments_variables_and_other_hosts(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: shout
              shout: {what: "hi {{ word }}"}
              vars: {word: there}
              register: r
            - debug: msg="{{ r.said }}, {{ r.deep }}, {{ r.other }}, {{ r.warnings }}"
        """,
        hosts=HOSTS,
        really=True,
    )
    assert ran.messages() == ["HI THERE, 2 deep, red, ['careful']"]
    assert ran.err.count("[WARNING]: careful") == 1
    assert "Run through ansible-core's own plugins:\n  action plugins: shout\n" in ran.err


def test_its_failures_are_told_like_any_others(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          ignore_errors: yes
          tasks:
            - shout: what=fail
            - shout: what=skip
            - shout: {what: bad module}
            - shout: what=module
        """,
        hosts=HOSTS,
        really=True,
    )
    assert ran.recap == {"a": "ok=3 skipped=1 ignored=2"}
    assert "[ERROR]: Task failed: no shouting\n" in ran.out
    assert "[ERROR]: Task failed: Module failed: file (/nonexistent) is absent, cannot continue\n" in ran.out
    assert '"msg": "no shouting"' in ran.out
    assert "skipping: [a]" in ran.out


def test_loops_retries_and_conditions_hold_as_usual(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - name: each
              shout: {what: "{{ item }}"}
              loop: [x, y]
              changed_when: item == 'y'
              register: r
            - debug: msg="{{ r.results | map(attribute='said') }} {{ r.results | map(attribute='changed') }}"
            - name: again
              shout: {what: bad module}
              retries: 1
              delay: 0
              until: r.attempts == 2
              register: r
              failed_when: "'absent' not in r.msg"
        """,
        hosts=HOSTS,
        really=True,
    )
    assert ran.messages() == ["['X', 'Y'] [False, True]"]
    assert ran.recap["a"] == "ok=3 changed=1"


def test_a_process_that_dies_fails_its_task_and_no_other(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - shout: what=die
              ignore_errors: yes
            - shout: what=kill
              ignore_errors: yes
            - shout: what=hi
        """,
        hosts=HOSTS,
        really=True,
    )
    assert ran.recap == {"a": "ok=3 changed=1 ignored=2"}
    assert ran.out.count("[ERROR]: Task failed: The process that ran the task's plugins was killed by SIGKILL.") == 2


def test_a_task_that_takes_too_long_is_ended_with_its_process(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - shout: {what: sleep, mark: "{{ playbook_dir }}/mark"}
              timeout: 3
        """,
        hosts=HOSTS,
        really=True,
    )
    assert "Timed out after 3 second(s)." in ran.out
    pid = int((shouting.folder / "mark").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_process_serves_the_whole_run_and_ends_with_it(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - name: pids
              shout: what=pids
        """,
        "-f 5",
        hosts=HOSTS,
        really=True,
    )
    results = [ran.result("pids", host) for host in ("a", "b")]
    assert len({result["worker"] for result in results}) == 2
    assert len({result["lane"] for result in results}) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(results[0]["lane"], signal.SIGCONT)


def test_what_no_log_hides_is_not_shown(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - shout: what=hunter2
              no_log: yes
            - shout: what=fail
              no_log: yes
        """,
        "-vvv",
        hosts=HOSTS,
        really=True,
    )
    assert ran.recap == {"a": "ok=1 changed=1 failed=1"}
    assert "hunter2" not in (ran.out + ran.err).lower()
    assert "no shouting" not in ran.out + ran.err


def test_encrypted_variables_are_read_where_a_plugin_reads_them(shouting: Project) -> None:
    from ansible.parsing.vault import VaultLib, VaultSecret

    text = VaultLib([("default", VaultSecret(b"sesame"))]).encrypt("{{ 3 }} open").decode()
    shouting.file("password", "sesame\n")
    indented = "\n".join(" " * 20 + line for line in text.splitlines())
    shouting.file("group_vars/all.yml", f"deep: !vault |\n{indented}\n")
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - shout: what=hi
              register: r
            - debug: msg="{{ r.deep }}"
        """,
        "--vault-password-file password",
        hosts="a\nb color=red\n",
        really=True,
    )
    assert ran.messages() == ["{{ 3 }} open"]


def test_a_role_brings_its_own_and_takes_turns_with_modules(project: Project) -> None:
    project.file("roles/loud/action_plugins/shout.py", SHOUT)
    project.file("roles/loud/tasks/main.yml", "- shout: what=module\n  register: r\n- debug: msg={{ r.ping }}\n")
    ran = project.play("- {hosts: a, gather_facts: no, roles: [loud]}\n", really=True)
    assert ran.messages() == ["pong"]


def test_check_mode_reaches_it(shouting: Project) -> None:
    ran = shouting.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - shout: what=hi
              register: r
            - debug: msg="{{ r.check }}"
        """,
        "--check",
        hosts=HOSTS,
        really=True,
    )
    assert ran.messages() == [True]


def test_hosts_behind_somebodys_connection_plugin_run_everything(project: Project) -> None:
    project.file("connection_plugins/roundabout.py", CONNECTION)
    project.file("source.txt", "contents\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {ansible_connection: roundabout, ansible_async_dir: "{{ playbook_dir }}/jobs"}
          tasks:
            - command: echo hi
              register: r
            - copy: {src: source.txt, dest: "{{ playbook_dir }}/copied.txt"}
            - debug: msg="{{ r.stdout }}"
            - name: background
              command: echo later
              async: 20
              poll: 1
              register: job
            - debug: msg="{{ job.stdout }}"
            - meta: reset_connection
        """,
        "-v",
        really=True,
    )
    assert ran.messages() == ["hi", "later"]
    assert (project.folder / "copied.txt").read_text() == "contents\n"
    assert "by the roundabout" in ran.out
    assert "  connection roundabout: command, copy, background\n" in ran.err


def test_somebodys_become_plugin(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_BECOME_ALLOW_SAME_USER", "1")
    project.file("become_plugins/pretend.py", BECOME)
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - shell: echo $PRETEND
              become: yes
              become_method: pretend
              become_user: root
              register: r
            - debug: msg="{{ r.stdout }}"
        """,
        really=True,
    )
    assert ran.messages() == ["root"]
    assert "  become method pretend: shell\n" in ran.err


def test_what_there_is_not_is_named(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {ansible_connection: nobodys.way.carrier_pigeon}
          tasks:
            - ping:
        """,
        really=True,
    )
    assert ran.code == 2
    assert "the connection plugin 'nobodys.way.carrier_pigeon' was not found" in ran.out


# -- what filters, tests and lookups ask for ---------------------------------------------------------------------------

EXISTS = """
from ansible.plugins.loader import action_loader, module_loader


class TestModule:
    def tests(self):
        return {"found": lambda name: any(loader.find_plugin(name) for loader in (action_loader, module_loader))}
"""

WRITTEN = """
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        hosts = variables["hostvars"]
        templar = self._templar.copy_with_new_env(available_variables=hosts.raw_get(terms[0]))
        return [templar.template(hosts.raw_get(terms[0])[name]) for name in terms[1:]]
"""


def test_modules_and_actions_beside_the_playbook_are_there_for_plugins_that_ask_ansibles_loaders(
    shouting: Project,
) -> None:
    shouting.file("test_plugins/exists.py", EXISTS)
    shouting.file("library/mine.py", "#!/usr/bin/python\n")
    ran = shouting.play("""
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ ['mine', 'shout', 'ping', 'nobodys'] | select('found') }}"
    """)
    assert ran.messages() == [["mine", "shout", "ping"]]


def test_lookup_plugins_evaluate_other_hosts_variables_as_those_hosts_would(project: Project) -> None:
    project.file("lookup_plugins/written.py", WRITTEN)
    hosts = "a nested='{{ deep }}' deep='{{ color }}' color=red bad='{{ nope }}'\nb color=blue\n"
    ran = project.play(
        """
        - hosts: b
          gather_facts: no
          tasks:
            - debug: msg="{{ lookup('written', 'a', 'nested', 'inventory_hostname') }}"
        """,
        hosts=hosts,
    )
    assert ran.messages("b") == ["red,a"]


FORGETFUL = """
FACTORS = {"mo": [30], "y": [12]}
SEEN = []


def days(months, month=None):
    if month:
        FACTORS["mo"] = [month]
    SEEN.append(months)
    return [months * FACTORS["mo"][0], len(SEEN)]


class FilterModule:
    def filters(self):
        return {"days": days}
"""


def test_what_a_filter_changes_in_its_module_is_forgotten_with_the_task(project: Project) -> None:
    project.file("filter_plugins/forgetful.py", FORGETFUL)
    ran = project.play("""
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ [1 | days, 2 | days(month=28), 1 | days] }}"
            - debug: msg="{{ [1 | days, 2 | days] }}"
    """)
    assert ran.messages() == [[[30, 1], [56, 2], [28, 3]], [[30, 1], [60, 2]]]


OLD = """
from ansible.utils.display import Display


def old(value, **removal):
    Display().deprecated("Old.", **removal)
    return value


class FilterModule:
    def filters(self):
        return {"old": old}
"""


@pytest.mark.parametrize(
    ("removal", "told"),
    [
        ("version='9.0', collection_name='ns.col', help_text='Go on.'", "from collection 'ns.col' version 9.0. Go on."),
        ("date='2030-01-02', collection_name='ns.col'", "from collection 'ns.col' in a release after 2030-01-02."),
        ("version='2.40', collection_name='ansible.builtin'", "from ansible-core version 2.40."),
        ("version='2.40'", "in the future."),
    ],
)
def test_a_filter_s_deprecation_says_what_it_will_be_removed_from(project: Project, removal: str, told: str) -> None:
    project.file("filter_plugins/old.py", OLD)
    ran = project.play(f"""
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{{{ 'x' | old({removal}) }}}}"
    """)
    assert f"[DEPRECATION WARNING]: Old. This feature will be removed {told}\n" in ran.err


BROKEN = """
from ansible.errors import AnsibleFilterError


def handling(value):
    try:
        int(value)
    except ValueError:
        raise AnsibleFilterError("no number")


def plainly(value):
    raise AnsibleFilterError("no number")


class FilterModule:
    def filters(self):
        return {"handling": handling, "plainly": plainly}
"""


@pytest.mark.parametrize("way", ["handling", "plainly"])
def test_what_a_filter_raises_while_it_handles_another_error_is_told_apart(project: Project, way: str) -> None:
    project.file("filter_plugins/broken.py", BROKEN)
    ran = project.play(f"""
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{{{ 'x' | {way} }}}}"
              ignore_errors: yes
    """)
    whole = f"Error while resolving value for 'msg': The filter plugin '{way}' failed"
    assert (f"{whole}: no number" in ran.lines) is (way == "plainly")
    assert (f"{whole}." in ran.lines) is (way == "handling")
    assert f"{whole}: no number" in ran.result("debug")["msg"]
    assert ran.lines.count("<<< caused by >>>") == (2 if way == "handling" else 1)


# -- callbacks ---------------------------------------------------------------------------------------------------------

WITNESS = """
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "TYPE"
    CALLBACK_NAME = "witness"

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._display.display(f"saw {task.get_name()} ({task.action})")

    def v2_runner_on_ok(self, result):
        self._display.display(f"ok on {result._host.get_name()}: {result._result.get('msg', 'hidden')}")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._display.display(f"failed on {result._host}: {result._result['msg']}, ignored: {ignore_errors}")

    def v2_playbook_on_stats(self, stats):
        self._display.display(f"the end: {stats.summarize('a')['ok']} ok")
"""

SEEN = """
- hosts: a
  gather_facts: no
  tasks:
    - debug: msg=hi
    - fail: msg=no
      ignore_errors: yes
    - debug: msg=secret
      no_log: yes
"""


def test_a_callback_plugin_is_called_in_order_with_the_view(project: Project) -> None:
    project.file("callback_plugins/witness.py", WITNESS.replace("TYPE", "aggregate"))
    ran = project.play(SEEN)
    told = [line[:22] for line in ran.lines if line.startswith(("TASK", "saw", "ok", "failed", "the end", "PLAY R"))]
    assert told == [
        *("TASK [debug]", "saw debug (debug)", "ok: [a] => {", "ok on a: hi"),
        *("TASK [fail]", "saw fail (fail)", "failed on a: no, ignor"),
        *("TASK [debug]", "saw debug (debug)", "ok: [a]", "ok on a: hidden"),
        *("PLAY RECAP", "the end: 3 ok"),
    ]
    assert "secret" not in ran.out + ran.err


def test_a_callback_plugin_may_have_the_screen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.file("callback_plugins/witness.py", WITNESS.replace("TYPE", "stdout"))
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "witness")
    ran = project.play(SEEN)
    assert ran.lines[:4] == ["saw debug (debug)", "ok on a: hi", "saw fail (fail)", "failed on a: no, ignored: True"]
    assert ran.lines[-1] == "the end: 3 ok"
    assert ran.code == 0


def test_a_callback_plugin_that_fails_is_told_of_and_the_run_goes_on(project: Project) -> None:
    broken = "from ansible.plugins.callback import CallbackBase\n\n\nclass CallbackModule(CallbackBase):\n"
    broken += "    def v2_runner_on_ok(self, result):\n        raise KeyError('oops')\n"
    project.file("callback_plugins/broken.py", broken)
    ran = project.play(SEEN)
    assert ran.recap == {"a": "ok=3 ignored=1"}
    assert "Callback dispatch 'v2_runner_on_ok' failed for plugin 'broken'" in ran.err


def test_a_file_that_a_callback_plugin_leaves_open_is_whole(project: Project) -> None:
    keeping = "from ansible.plugins.callback import CallbackBase\n\n\nclass CallbackModule(CallbackBase):\n"
    keeping += "    def __init__(self):\n        super().__init__()\n        self.me = self\n"
    keeping += f"        self.file = open({str(project.folder / 'kept')!r}, 'w')\n"
    keeping += "    def v2_runner_on_ok(self, result):\n        self.file.write('ok\\n')\n"
    project.file("callback_plugins/keeping.py", keeping)
    project.play(SEEN)
    assert (project.folder / "kept").read_text() == "ok\n" * 2


def test_a_callback_plugin_of_a_collection_is_enabled_by_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    needing = WITNESS.replace("TYPE", "aggregate").replace(
        'CALLBACK_NAME = "witness"', 'CALLBACK_NAME = "our.own.witness"\n    CALLBACK_NEEDS_ENABLED = True'
    )
    documented = 'DOCUMENTATION = """\nname: witness\ntype: aggregate\nshort_description: x\ndescription: x\n"""\n'
    project.file("collections/ansible_collections/our/own/plugins/callback/witness.py", documented + needing)
    assert "saw debug" not in project.play(SEEN).out
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "our.own.witness")
    assert "saw debug" in project.play(SEEN).out


CURIOUS = """
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "curious"

    def say(self, what, **details):
        found = self.play.get_variable_manager().get_vars(play=self.play, **details)
        self._display.display(f"{what}: {Templar(loader=None, variables=found).template(found.get(what, 'nothing'))}")
        return found

    def v2_playbook_on_play_start(self, play):
        self.play = play
        self._display.display(f"hosts: {self.say('of_play')['vars']['ansible_play_hosts_all']}")
        self._display.display(f"tasks: {[[task.get_name() for task in block] for block in play.get_tasks()]}")

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._display.display(f"written: {dict(task._ds)}")
        self.say("of_task", task=task)

    def v2_runner_on_ok(self, result):
        self.say("deep", host=result._host, task=result._task)

    def v2_playbook_on_stats(self, stats):
        self.say("of_play")
"""


def test_a_callback_plugin_may_ask_for_variables_and_for_what_was_written(project: Project) -> None:
    project.file("callback_plugins/curious.py", CURIOUS)
    text = """
        - hosts: a
          gather_facts: no
          vars: {of_play: "{{ 'p' ~ 1 }}"}
          tasks:
            - name: one
              debug: msg=hi
              when: true
              vars: {of_task: "{{ of_play }} t"}
            - debug: msg=ho
            - block:
                - name: three
                  debug: {msg: "{{ deep }}"}
    """
    ran = project.play(text, hosts=HOSTS)
    said = [line for line in ran.lines if line.startswith(("of_", "hosts", "tasks", "written", "deep"))]
    assert said == [
        *("of_play: p1", "hosts: ['a']", "tasks: [['one', 'debug'], ['three']]"),
        "written: {'name': 'one', 'debug': 'msg=hi', 'when': True, 'vars': {'of_task': '{{ of_play }} t'}}",
        *("of_task: p1 t", "deep: 2 deep"),
        *("written: {'debug': 'msg=ho'}", "of_task: nothing", "deep: 2 deep"),
        *("written: {'name': 'three', 'debug': {'msg': '{{ deep }}'}}", "of_task: nothing", "deep: 2 deep"),
        "of_play: p1",
    ]


STRICT = """
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "strict"

    def v2_playbook_on_play_start(self, play):
        self._display.display(f"play: {play.hosts}")

    def v2_runner_item_on_ok(self, result):
        self._display.display(f"item: {isinstance(result._task, TaskInclude)}")

    def v2_playbook_on_include(self, included_file):
        self._display.display(f"include: {included_file._hosts} {included_file._is_role} {included_file._filename[-9:]}")
"""


def test_a_callback_plugin_can_tell_includes_from_tasks(project: Project) -> None:
    project.file("callback_plugins/strict.py", STRICT)
    project.files(inner="- debug: msg=in", roles__r__tasks__main="- debug: msg=r")
    ran = project.play("""
        - hosts: a,!b
          gather_facts: no
          tasks:
            - include_tasks: inner.yml
              loop: [1]
            - include_role: {name: r}
            - debug: msg=x
              loop: [1]
    """)
    said = [line for line in ran.lines if line.startswith(("play:", "item:", "include:"))]
    assert said == [
        *("play: ['a,!b']", "item: True", "include: [a] False inner.yml", "include: [a] True r", "item: False"),
    ]
