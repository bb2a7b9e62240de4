"""`plugin_filters_cfg`: modules and actions that nobody may call."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

PLAY = """
    - hosts: a
      gather_facts: no
      tasks:
        - {action}: {{}}
"""


@pytest.fixture
def rejecting(project: Project) -> Project:
    project.file("ansible.cfg", "[defaults]\nplugin_filters_cfg = filters.yml\n")
    return project


def listed(*names: str) -> str:
    return "filter_version: '1.0'\nmodule_rejectlist:\n" + "".join(f"  - {name}\n" for name in names)


@pytest.mark.parametrize("action", ["pause", "tempfile", "ansible.builtin.tempfile"])
def test_what_is_rejected_is_not_there(rejecting: Project, action: str) -> None:
    rejecting.file("filters.yml", listed("pause", "tempfile"))
    ran = rejecting.play(PLAY.format(action=action))
    assert ran.code == 4
    assert f"couldn't resolve module/action '{action}'" in ran.err


def test_the_rest_is(rejecting: Project) -> None:
    rejecting.file("filters.yml", listed("pause"))
    assert rejecting.play(PLAY.format(action="debug")).code == 0


def test_not_without_stat(rejecting: Project) -> None:
    rejecting.file("filters.yml", listed("stat"))
    ran = rejecting.play(PLAY.format(action="debug"))
    assert ran.code == 1
    assert "The stat module was specified in the module reject list file" in ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("filter_version: 1.0\nmodule_rejectlist:\n", "module_rejectlist is not a list"),
        ("filter_version: 2.0\nmodule_rejectlist: [ping]\n", "was a version not recognized"),
        ("module_rejectlist: [ping]\n", "was invalid"),
        ("- : [\n", "was not parsable"),
    ],
)
def test_a_file_that_says_nothing_is_a_warning(rejecting: Project, text: str, said: str) -> None:
    rejecting.file("filters.yml", text)
    ran = rejecting.play(PLAY.format(action="debug"))
    assert ran.code == 0
    assert said in " ".join(ran.err.split())
