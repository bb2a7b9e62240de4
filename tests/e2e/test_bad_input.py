"""Input that is wrong: the message names file, line and column and shows the place; exit codes are ansible-playbook's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.command import Done, ansible, weft

pytestmark = pytest.mark.e2e

HEAD = "- hosts: localhost\n  gather_facts: false\n  tasks:\n"


@dataclass(frozen=True)
class Case:
    """Files of a site, how they are run, and what must be said. ``at``: where the caret points."""

    play: str
    says: tuple[str, ...]
    at: str = ""  # FILE:LINE:COLUMN
    code: int | None = None  # None: ansible-playbook's
    arguments: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


CASES = {
    "broken YAML": Case(f"{HEAD}    - debug: {{msg: 'no end}}\n", ("YAML", "quote"), "play.yml:5:1"),
    "a tab": Case(f"{HEAD}    - debug:\n\tmsg: x\n", ("YAML parsing failed", "tab"), "play.yml:5:1"),
    "bad indentation": Case(f"{HEAD}    - debug:\n        msg: x\n       var: y\n", ("YAML parsing failed",), "play.yml:6:8"),
    "a colon in a value": Case(
        f"{HEAD}    - name: one: two\n      debug:\n", ("YAML parsing failed", "olon"), "play.yml:4:16"
    ),
    "an unquoted template": Case(
        f"{HEAD}    - debug:\n        msg: {{{{ x }}}}\n", ("quote",), "play.yml:5:14"
    ),
    "not a list": Case("hosts: localhost\n", ("list of plays",), "play.yml:1:1"),
    "an empty file": Case("", ("Empty playbook",)),
    "no such playbook": Case(HEAD, ("nowhere.yml", "could not be found"), arguments=("nowhere.yml",)),
    "an unknown keyword of a task": Case(
        f"{HEAD}    - debug: {{msg: x}}\n      registre: y\n", ("'registre'", "is not a valid attribute"), "play.yml:5:7"
    ),
    "an unknown keyword of a play": Case("- hosts: localhost\n  task: []\n", ("'task'", "is not a valid attribute"), "play.yml:2:3"),
    "an unknown module": Case(
        f"{HEAD}    - debgu: {{msg: x}}\n", ("couldn't resolve module/action 'debgu'",), "play.yml:4:7"
    ),
    "two actions": Case(f"{HEAD}    - debug: {{msg: x}}\n      command: ls\n", ("conflicting action statements",), "play.yml:4:7"),
    "no action": Case(f"{HEAD}    - name: nothing\n", ("no module/action detected in task",), "play.yml:4:7"),
    "a bad async": Case(f"{HEAD}    - command: ls\n      async: soon\n", ("async", "soon"), "play.yml:5:14", code=4),
    "a bad serial": Case("- hosts: localhost\n  serial: [x]\n  tasks: []\n", ("serial", "x"), "play.yml"),
    "a missing role": Case(
        "- hosts: localhost\n  roles:\n    - webserver\n", ("the role 'webserver' was not found in", "/roles"), "play.yml:3:7"
    ),
    "a missing import": Case(
        f"{HEAD}    - import_tasks: more.yml\n", ("more.yml", "could not be found", "earched in"), "play.yml:4:7"
    ),
    "a missing include": Case(
        f"{HEAD}    - include_tasks: more.yml\n", ("more.yml", "Could not find or access"), "play.yml:4:7"
    ),
    "a missing vars file": Case(
        "- hosts: localhost\n  vars_files: [vars.yml]\n  tasks: []\n", ("vars.yml", "was not found"), ""
    ),
    "a mistake in an included file": Case(
        f"{HEAD}    - include_tasks: more.yml\n",
        ("'loops'", "is not a valid attribute"),
        "more.yml:2:3",
        files={"more.yml": "- debug: {msg: x}\n  loops: [1]\n"},
    ),
    "an undefined variable": Case(
        f"{HEAD}    - debug:\n        msg: \"{{{{ nobody.name }}}}\"\n", ("'nobody' is undefined",), "play.yml:5:14"
    ),
    "an undefined attribute in a vars file": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ greeting }}}}'}}\n",
        ("object of type 'dict' has no attribute 'nmae'",),
        "group_vars/all.yml:2:11",
        files={"group_vars/all.yml": "user: {name: x}\ngreeting: 'hello {{ user.nmae }}'\n"},
    ),
    "a mistake in a template": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ x | }}}}'}}\n", ("Syntax error in template",), "play.yml:4:20"
    ),
    "an unknown filter": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ 1 | nosuch }}}}'}}\n", ("nosuch",), "play.yml:4:20"
    ),
    "a bad condition": Case(f"{HEAD}    - debug:\n      when: 1 ==\n", ("yntax error",), "play.yml:5:13"),
    "a duplicate vault tag": Case(
        f"{HEAD}    - debug: {{msg: x}}\n  vars:\n    secret: !vault |\n      nothing\n", ("vault",), ""
    ),
    "an unknown host in --limit": Case(
        f"{HEAD}    - debug:\n", ("Specified inventory, host pattern and/or --limit leaves us with no hosts to target.",),
        arguments=("-i", "hosts", "-l", "nobody"), files={"hosts": "a ansible_connection=local\n"},
    ),
    "a bad inventory line": Case(
        f"{HEAD}    - debug:\n", ("hosts",), "hosts:2", arguments=("-i", "hosts"),
        files={"hosts": "[web]\na b c\n[web:nothing]\nx\n"},
    ),
    "a bad extra var": Case(HEAD + "    - debug:\n", ("more.json",), arguments=("-e", "@more.json")),
    "an unknown option": Case(HEAD, ("--nosuch",), arguments=("--nosuch",)),
    "a bad setting": Case(HEAD + "    - debug:\n", ("forks",), files={"ansible.cfg": "[defaults]\nforks = many\n"}),
}  # fmt: skip


def write(folder: Path, case: Case) -> tuple[str, ...]:
    (folder / "play.yml").write_text(case.play)
    for name, text in case.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return case.arguments if "nowhere.yml" in case.arguments else (*case.arguments, "play.yml")


def assert_shown(done: Done, case: Case) -> None:
    """The place, the line's text and a caret under the column."""
    said = done.out + done.err
    for text in case.says:
        assert text in said, done
    assert "Traceback" not in said, done
    assert "probably a bug" not in said, done
    if not case.at:
        return
    assert f"{case.at}" in said, done
    name, line, column = (*case.at.split(":"), "", "")[:3]
    if not column:
        return
    text = (case.files.get(name) or case.play).splitlines()[int(line) - 1]
    shown = next((row for row in said.splitlines() if row.startswith(f"{line} ") and row.endswith(text.rstrip())), None)
    assert shown is not None, done
    caret = next(row for row in said.splitlines() if row.lstrip().startswith("^ column"))
    assert caret == " " * (len(shown) - len(text.rstrip()) + int(column) - 1) + f"^ column {column}", done


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_shown_with_its_place(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    arguments = write(tmp_path, case)
    done = weft("play", *arguments, cwd=tmp_path)
    assert_shown(done, case)
    expected = ansible(*arguments, cwd=tmp_path).code if case.code is None else case.code
    assert done.code == expected, done
