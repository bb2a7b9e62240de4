"""Input that is wrong: the message names file, line and column and shows the place; exit codes are ansible-playbook's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.command import Done, ansible, weft

pytestmark = pytest.mark.e2e

HEAD = "- hosts: localhost\n  gather_facts: false\n  tasks:\n"


VAULTED = """secret: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          35383065373934653938623263313338633865666666663761323564626534656666653365653062
          3634386664346230646639383865386666313731326464610a356335363733356632363864313466
          36643761313437323933376539306362336230383534386463323036383239373236636663303039
          6361353836333165330a613762363631346466643830383931643263383463643130376265306338
          3265
"""  # with the password `right`


@dataclass(frozen=True)
class Case:
    """Files of a site, how they are run, and what must be said. ``at``: where the caret points."""

    play: str
    says: tuple[str, ...]
    at: str = ""  # FILE:LINE:COLUMN
    code: int = 4
    arguments: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


CASES = {
    "broken YAML": Case(f"{HEAD}    - debug: {{msg: 'no end}}\n", ("YAML parsing failed", "quoted scalar", "play.yml:5:1")),
    "a tab": Case(f"{HEAD}    - debug:\n\tmsg: x\n", ("YAML parsing failed", "Tabs"), "play.yml:5"),
    "bad indentation": Case(f"{HEAD}    - debug:\n        msg: x\n       var: y\n", ("YAML parsing failed",), "play.yml:6:8"),
    "a colon in a value": Case(
        f"{HEAD}    - name: one: two\n      debug:\n", ("YAML parsing failed", "olon"), "play.yml:4:16"
    ),
    "an unquoted template": Case(
        f"{HEAD}    - debug:\n        msg: {{{{ x }}}}\n", ("quote",), "play.yml:5:14"
    ),
    "not a list": Case("hosts: localhost\n", ("list of plays",), "play.yml:1:1"),
    "an empty file": Case("", ("Empty playbook",)),
    "no such playbook": Case(HEAD, ("nowhere.yml", "could not be found"), arguments=("nowhere.yml",), code=1),
    "an unknown keyword of a task": Case(
        f"{HEAD}    - debug: {{msg: x}}\n      registre: y\n", ("'registre'", "is not a valid attribute"), "play.yml:5:7"
    ),
    "an unknown keyword of a play": Case("- hosts: localhost\n  task: []\n", ("'task'", "is not a valid attribute"), "play.yml:2:3"),
    "an unknown module": Case(
        f"{HEAD}    - debgu: {{msg: x}}\n", ("couldn't resolve module/action 'debgu'",), "play.yml:4:7"
    ),
    "two actions": Case(f"{HEAD}    - debug: {{msg: x}}\n      command: ls\n", ("conflicting action statements: debug, command",), "play.yml:5:7"),
    "no action": Case(f"{HEAD}    - name: nothing\n", ("no module/action detected in task",), "play.yml:4:7"),
    "a bad async": Case(f"{HEAD}    - command: ls\n      async: soon\n", ("async", "soon"), "play.yml:5:14"),
    "a bad serial": Case("- hosts: localhost\n  serial: [x]\n  tasks: []\n", ("'serial' takes a number or a percentage, not 'x'",), "play.yml:1:3"),
    "a missing role": Case(
        "- hosts: localhost\n  roles:\n    - webserver\n", ("the role 'webserver' was not found in", "/roles"), "play.yml:3:7", code=1
    ),
    "a missing import": Case(
        f"{HEAD}    - import_tasks: more.yml\n", ("Could not find or access", "Looked for it here:\n", "/more.yml"), "play.yml:4:7", code=1
    ),
    "a missing include": Case(
        f"{HEAD}    - include_tasks: more.yml\n", ("more.yml", "Could not find or access"), "play.yml:4:7", code=2
    ),
    "a mistake in an included file": Case(
        f"{HEAD}    - include_tasks: more.yml\n",
        ("'loops'", "is not a valid attribute"),
        "more.yml:2:3",
        files={"more.yml": "- debug: {msg: x}\n  loops: [1]\n"},
    ),
    "an undefined variable": Case(
        f"{HEAD}    - debug:\n        msg: \"{{{{ nobody.name }}}}\"\n", ("'nobody' is undefined",), "play.yml:5:14", code=2
    ),
    "an undefined variable in a condition": Case(
        f"{HEAD}    - debug:\n      when: nobody.name == 1\n", ("'nobody' is undefined",), "play.yml:5:13", code=2
    ),
    "a wrong vault password": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ secret }}}}'}}\n  vars_files: [secret.yml]\n",
        ("Decryption failed", "no vault secrets were found that could decrypt"), "secret.yml:1:9",
        arguments=("--vault-password-file", "wrong"), files={"secret.yml": VAULTED, "wrong": "looking-glass\n"}, code=2
    ),
    "no vault password": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ secret }}}}'}}\n  vars_files: [secret.yml]\n", ("vault",), "secret.yml:1:9",
        files={"secret.yml": VAULTED}, code=2
    ),
    "an undefined attribute in a vars file": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ greeting }}}}'}}\n",
        ("object of type 'dict' has no attribute 'nmae'",),
        "group_vars/all.yml:2:11",
        files={"group_vars/all.yml": "user: {name: x}\ngreeting: 'hello {{ user.nmae }}'\n"}, code=2
    ),
    "a mistake in a template": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ x | }}}}'}}\n", ("Syntax error in template",), "play.yml:4:20", code=2
    ),
    "an unknown filter": Case(
        f"{HEAD}    - debug: {{msg: '{{{{ 1 | nosuch }}}}'}}\n", ("nosuch",), "play.yml:4:20", code=2
    ),
    "a bad condition": Case(f"{HEAD}    - debug:\n      when: 1 ==\n", ("yntax error",), "play.yml:5:13", code=2),
    "an unknown host in --limit": Case(
        f"{HEAD}    - debug:\n", ("Specified inventory, host pattern and/or --limit leaves us with no hosts to target.",),
        arguments=("-i", "hosts", "-l", "nobody"), files={"hosts": "a ansible_connection=local\n"}, code=1
    ),
    "a bad inventory line": Case(
        f"{HEAD}    - debug:\n", ("hosts",), "hosts:2", arguments=("-i", "hosts"),
        files={"hosts": "[web]\na b c\n[web:nothing]\nx\n"}, code=0
    ),
    "a bad extra var": Case(HEAD + "    - debug:\n", ("more.json",), arguments=("-e", "@more.json"), code=1),
    "an unknown option": Case(HEAD, ("No such option '--nosuch'",), code=2, arguments=("--nosuch",)),
    "a bad setting": Case(HEAD + "    - debug:\n", ("DEFAULT_FORKS", "ansible.cfg", "'many'"), files={"ansible.cfg": "[defaults]\nforks = many\n"}, code=5),
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
    caret = " " * (len(shown) - len(text.rstrip()) + int(column) - 1) + f"^ column {column}"
    assert f"{shown}\n{caret}" in said, done


#: Where ansible-playbook ends otherwise: it finds out when the task runs, says that it has a bug, or doesn't care.
NOT_ANSIBLES = ("a bad async", "a bad serial")
#: One of each kind, since ansible-playbook takes its time.
COMPARED = (
    "broken YAML", "an empty file", "no such playbook", "an unknown keyword of a task", "a missing role",
    "a missing import", "a missing include", "an undefined variable", "no vault password",
    "an unknown host in --limit", "a bad inventory line", "a bad extra var", "a bad setting",
)  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_shown_with_its_place(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    done = weft("play", *write(tmp_path, case), cwd=tmp_path)
    assert_shown(done, case)
    assert done.code == case.code, done


@pytest.mark.parametrize("name", COMPARED)
def test_exit_codes_are_those_of_ansible_playbook(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    assert ansible(*write(tmp_path, case), cwd=tmp_path).code == case.code
