"""`weft check`: what is wrong with a playbook, told without running it."""

from __future__ import annotations

import pytest

from tests.support.builder import Project
from tests.support.checking import check

HEAD = "- hosts: all\n  tasks:\n"


def tasks(text: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in text.strip("\n").splitlines())


def conflicts(project: Project, text: str, arguments: str = "") -> list[str]:
    """The conflicts that are told: line and message."""
    said = check(project, tasks(text), f"play.yml --json {arguments}")
    assert said.code == 0, said
    findings = said.json["playbooks"][0]["findings"]
    assert {found["rule"] for found in findings} <= {"conflict"}, said
    return [f"{found['line']}: {found['message']}" for found in findings]


def test_nothing_wrong(project: Project) -> None:
    said = check(project, tasks("- debug: {msg: hi}"))
    assert (said.code, said.out) == (0, "play.yml: nothing wrong\n")


def test_an_error_has_its_place_and_a_hint(project: Project) -> None:
    said = check(project, tasks("- debug: {msg: hi}\n  whn: x"))
    assert said.code == 4
    assert said.out == (
        "play.yml:4:7: error: 'whn' is not a valid attribute for a Task\n  Did you mean 'when'?\nplay.yml: 1 error\n"
    )


def test_several_playbooks_are_all_looked_at(project: Project) -> None:
    project.file("a.yml", tasks("- dbug:"))
    project.file("b.yml", "- hosts: [\n")
    project.file("c.yml", tasks("- debug:"))
    said = check(project, None, "a.yml b.yml c.yml")
    assert said.code == 4
    assert [line.split(": ")[:2] for line in said.lines if "error:" in line] == [
        ["a.yml:3:7", "error"],
        ["b.yml:2:1", "error"],
    ]
    assert said.lines[-1] == "c.yml: nothing wrong"


def test_a_mistake_does_not_hide_the_others(project: Project) -> None:
    text = """
- dbug:
- block:
    - {debug: , retries: many}
    - debug:
  paralel: true
- parallel: true
  block:
    - {name: a, debug: , lock: 5}
    - {debug: , needs: [a]}
- debug:
- hosts: b
"""
    said = check(project, tasks(text) + "- hosts: []\n- hosts: all\n  handlers: [{dbug: }]\n")
    assert said.code == 4
    assert [line.partition(": ")[0] for line in said.lines if "error:" in line] == [
        "play.yml:3:7", "play.yml:7:7", "play.yml:10:30", "play.yml:13:7", "play.yml:14:10", "play.yml:16:15",
    ]  # fmt: skip


def test_warnings_of_loading_are_told(project: Project) -> None:
    said = check(
        project, tasks("- parallel: true\n  block:\n    - {debug: , register: a}\n    - {debug: , register: a}")
    )
    assert said.code == 0
    assert said.lines[0].startswith("play.yml:6:31: warning: Two children of a parallel block register 'a'")
    assert said.lines[-1] == "play.yml: 1 warning"


def test_dynamic_includes_are_looked_into(project: Project) -> None:
    project.files(more="- include_role: {name: r}", roles__r__tasks__main="- dbug:\n")
    said = check(project, tasks("- include_tasks: '{{ file }}.yml'\n  vars: {file: more}"))
    assert said.code == 4
    assert said.lines[0].startswith("roles/r/tasks/main.yml:1:3: error: couldn't resolve module/action 'dbug'")


def test_an_include_that_is_not_there(project: Project) -> None:
    said = check(project, tasks("- include_tasks: no.yml\n- include_tasks: nor.yml\n  when: x is defined"))
    assert said.code == 4
    assert [line.split(": ")[1] for line in said.lines if line.startswith("play.yml:")] == [
        "error",
        "hint",
        "1 error, 1 hint",
    ]


def test_what_includes_itself_ends(project: Project) -> None:
    project.files(more="- include_tasks: more.yml\n  when: again")
    assert check(project, tasks("- include_tasks: more.yml")).code == 0


def test_an_include_whose_name_only_a_run_knows_is_left_alone(project: Project) -> None:
    text = "- include_tasks: '{{ ansible_os_family }}.yml'\n- include_tasks: \"{{ lookup('pipe', 'touch ran') }}\""
    assert check(project, tasks(text)).code == 0
    assert not (project.folder / "ran").exists()


# -- conflicts ---------------------------------------------------------------------------------------------------------


def test_children_of_a_parallel_block(project: Project) -> None:
    text = """
- parallel: true
  block:
    - {name: one, copy: {content: x, dest: "{{ conf }}"}}
    - block:
        - {name: two, lineinfile: {path: /etc/app.conf, line: x}}
    - {name: three, template: {src: a, dest: /etc/other.conf}}
  vars: {conf: /etc/app.conf}
"""
    assert conflicts(project, text) == ["7: 'one' and 'two' write /etc/app.conf at the same time."]


def test_children_that_need_each_other_do_not_meet(project: Project) -> None:
    text = """
- parallel: true
  block:
    - {name: one, apt: {name: a}}
    - {name: two, apt: {name: b}, needs: [one]}
    - {name: three, shell: apt-get install c, needs: two}
    - {name: four, package: {name: d}}
"""
    assert conflicts(project, text) == [
        f"8: '{name}' and 'four' use the package manager at the same time." for name in ("one", "two", "three")
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("lock: /x", "lock: [/x, /y]"),
        ("vars: {weft_lock: {name: n}}", "lock: {name: n}"),
        ("when: a == 'x'", "when: a == 'y'"),
        ("when: a is defined", "when: a is not defined"),
        ("when: not a", "when: a"),
        ("delegate_to: b", "check_mode: false"),
        ("check_mode: true", "check_mode: false"),
        ("when: false", "when: b"),
    ],
)
def test_what_keeps_two_apart(project: Project, first: str, second: str) -> None:
    text = f"""
- parallel: true
  block:
    - copy: {{content: x, dest: /x}}
      {first}
      lock: /1
    - copy: {{content: x, dest: /x}}
      {second}
"""
    text = text.replace("      lock: /1\n", "")
    assert [line for line in conflicts(project, text) if "'copy' and 'copy'" in line] == []


def test_locks_of_blocks_count_outside_of_them_only(project: Project) -> None:
    text = """
- parallel: true
  block:
    - block: [{file: {path: /x, state: touch}}, {command: make}]
      lock: /lock
    - {file: {path: /x, state: touch}, lock: /lock}
- parallel: true
  lock: /lock
  block: [{name: one, file: {path: /x, state: touch}}, {name: two, file: {path: /x, state: touch}}]
"""
    assert conflicts(project, text) == ["10: 'one' and 'two' write /x at the same time."]


def test_items_of_a_parallel_loop(project: Project) -> None:
    text = """
- {name: same, get_url: {url: "{{ item }}", dest: /opt/x.tgz}, loop: "{{ urls }}", loop_control: {parallel: 2}}
- {name: each, get_url: {url: "{{ item }}", dest: "/opt/{{ item }}.tgz"}, loop: "{{ urls }}", loop_control: {parallel: 2}}
- {name: known, copy: {content: x, dest: "/opt/{{ item.to }}"}, loop: [{to: a}, {to: b}, {to: a}], loop_control: {parallel: 2}}
- {name: alone, copy: {content: x, dest: /opt/y}, loop: [1], vars: {weft_loop_parallel: 2}}
- {name: plain, copy: {content: x, dest: /opt/z}, loop: [1, 2]}
- {name: locked, copy: {content: x, dest: /opt/z}, loop: [1, 2], loop_control: {parallel: 2}, lock: /z}
"""
    assert conflicts(project, text) == [
        "3: Items of 'same' write /opt/x.tgz at the same time.",
        "5: Items of 'known' write /opt/a at the same time.",
        "8: Items of 'locked' write /opt/z at the same time.",
    ]


BACKGROUND = """
- {{name: long, command: make creates=/x, async: 60, poll: 0, register: job}}
- {between}
- {{name: after, file: {{path: /x, state: touch}}}}
- await: {{jobs: "{{{{ job }}}}"}}
"""


def test_a_job_and_what_runs_beside_it(project: Project) -> None:
    assert conflicts(project, BACKGROUND.format(between="debug:")) == [
        "5: 'after' writes /x while the job of 'long' may do so."
    ]


@pytest.mark.parametrize(
    "between",
    [
        "await: {jobs: '{{ job }}'}",
        "await: {jobs: all}",
        "async_status: {jid: '{{ job.ansible_job_id }}'}",
        "{cancel: {jobs: '{{ mine }}'}, vars: {mine: ['{{ job }}']}}",
        "include_tasks: '{{ ansible_system }}.yml'",
    ],
)
def test_a_job_that_was_waited_for_is_in_nobodys_way(project: Project, between: str) -> None:
    assert conflicts(project, BACKGROUND.format(between=between)) == []


HUB = '- {{name: sign, lineinfile: {{path: "{path}", line: x}}, {more}}}'


def test_hosts_that_write_on_one_delegate(project: Project) -> None:
    text = HUB.format(path="/book", more="delegate_to: b")
    assert conflicts(project, text) == ["3: 'sign' writes /book on b for several hosts at the same time."]
    assert conflicts(project, "- fetch: {src: /etc/x, dest: got, flat: true}") == [
        "3: 'fetch' writes got on localhost for several hosts at the same time."
    ]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/book", "delegate_to: b, lock: /l"),
        ("/book", "delegate_to: b, run_once: true"),
        ("/book", "delegate_to: b, throttle: 1"),
        ("/book.{{ inventory_hostname }}", "delegate_to: b"),
        ("/book", "delegate_to: '{{ hub }}'"),
        ("/book", "when: true"),
    ],
)
def test_hosts_that_do_not_meet(project: Project, path: str, more: str) -> None:
    assert conflicts(project, HUB.format(path=path, more=more)) == []


def test_a_play_for_one_host_meets_nobody(project: Project) -> None:
    project.file("inventory", "a\n")
    assert conflicts(project, HUB.format(path="/book", more="delegate_to: b")) == []


def test_plays_side_by_side(project: Project) -> None:
    def plays(hosts: str) -> str:
        touch = "{name: %s, file: {path: /x, state: touch}}"
        lane = f"- {{hosts: %s, tasks: [{touch}]}}\n"
        return "- parallel:\n    " + lane % ("a", "one") + "    " + lane % (hosts, "two")

    assert check(project, plays("b")).code == 0
    said = check(project, plays("all"), "play.yml --strict-conflicts")
    assert said.code == 4
    assert said.lines[0].endswith("error: 'one' and 'two' write /x at the same time.")


def test_conflicts_may_be_errors(project: Project) -> None:
    said = check(project, tasks(HUB.format(path="/book", more="delegate_to: b")), "play.yml --strict-conflicts")
    assert said.code == 4
    assert said.lines[0] == "play.yml:3:7: error: 'sign' writes /book on b for several hosts at the same time."


# -- jobs --------------------------------------------------------------------------------------------------------------

START = "- {name: build, command: make, async: 60, poll: 0, register: job}\n"


def test_a_job_that_nobody_waits_for(project: Project) -> None:
    said = check(project, tasks(START + "- debug: {var: job}"))
    assert said.code == 0
    assert said.lines[0] == (
        "play.yml:3:7: hint: Nobody waits for the job of 'build': 'job' is registered, "
        "and no task awaits, asks about or cancels it."
    )


def test_a_strand_is_waited_for_at_the_end_of_the_play(project: Project) -> None:
    text = "- {template: {src: a, dest: /b}, async: 60, poll: 0, register: strand}"
    assert check(project, tasks(text)).out == "play.yml: nothing wrong\n"


@pytest.mark.parametrize(
    "wait",
    [
        "- await: {jobs: '{{ job }}'}",
        "- async_status: {jid: '{{ item.ansible_job_id }}'}\n  loop: '{{ job.results }}'",
        "- set_fact: {mine: '{{ job }}'}\n- cancel: {jobs: '{{ mine }}'}",
        "- await: {jobs: all}",
        "- await: {jobs: \"{{ lookup('vars', name) }}\"}",
        "- include_tasks: '{{ which }}.yml'",
    ],
)
def test_a_job_that_somebody_waits_for(project: Project, wait: str) -> None:
    assert check(project, tasks(START + wait)).out == "play.yml: nothing wrong\n"


def test_a_job_of_one_playbook_may_be_awaited_in_the_next(project: Project) -> None:
    project.file("a.yml", tasks(START))
    project.file("b.yml", tasks("- await: {jobs: '{{ job }}'}"))
    assert check(project, None, "a.yml b.yml").out == "a.yml: nothing wrong\nb.yml: nothing wrong\n"
    assert "Nobody waits" in check(project, None, "a.yml").out


def test_as_json(project: Project) -> None:
    said = check(project, tasks(START), "play.yml --json")
    assert said.json == {
        "playbooks": [
            {
                "playbook": "play.yml",
                "findings": [
                    {
                        "severity": "hint",
                        "rule": "job",
                        "message": "Nobody waits for the job of 'build': 'job' is registered, "
                        "and no task awaits, asks about or cancels it.",
                        "file": "play.yml",
                        "line": 3,
                        "column": 7,
                        "hint": '`await: {jobs: "{{ job }}"}` waits for it. Without `register` nobody is expected to.',
                        "related": [],
                    }
                ],
            }
        ],
        "errors": 0,
    }
