"""Templates of nothing but names: the same values and errors as by Jinja, without Jinja."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.model.errors import WeftError
from weft.model.values import VaultText
from weft.templating.templar import Templar

_VARIABLES: dict[str, Any] = {
    "text": "a",
    "lines": "a\n",
    "none": None,
    "number": 3,
    "list": [1, "{{ text }}", "{{ nowhere }}"],
    "map": {
        "key": "v",
        "from": "{{ text }}",
        "broken": "{{ nowhere }}",
        "items": "an item",
        "copy": {"deep": "{{ map.key }}"},
        "nothing": None,
    },
    "wrong": "{{ text | no_such_filter }}",
    "secret": VaultText("$ANSIBLE_VAULT;1.1;AES256\n00"),
}
_NAMES = st.sampled_from([*_VARIABLES, "nowhere", "omit", "range", "lookup"])
_ATTRIBUTES = st.lists(
    st.sampled_from(
        ["key", "from", "broken", "items", "copy", "deep", "nothing", "nowhere", "upper", "__class__", "if"]
    ),
    max_size=3,
)
_PATHS = st.builds(lambda name, rest: ".".join([name, *rest]), _NAMES, _ATTRIBUTES)


@pytest.fixture(scope="module")
def templar() -> Templar:
    return Templar(PluginSource())


def outcome(templar: Templar, text: str, *, expression: bool = False) -> str:
    names = DictNames(trusted(_VARIABLES), templar)
    try:
        result = templar.expression(trusted(text), names) if expression else templar.render(trusted(text), names)
    except WeftError as error:
        return f"{type(error).__name__}: {error.message}"
    return re.sub(" at 0x[0-9a-f]+", "", repr(result))


@settings(deadline=None)  # the first one may load plugins
@given(_PATHS)
def test_a_path_has_the_value_that_jinja_gives_it(templar: Templar, path: str) -> None:
    assert outcome(templar, f"{{{{ {path} }}}}") == outcome(templar, f"{{{{ ({path}) }}}}")


@settings(deadline=None)  # the first one may load plugins
@given(_PATHS)
def test_as_an_expression_too(templar: Templar, path: str) -> None:
    assert outcome(templar, path, expression=True) == outcome(templar, f"({path})", expression=True)


_TEXTS = st.one_of(st.sampled_from([" ", "x", "}}", "{", "\n", "é"]), _PATHS.map("{{{{ {} }}}}".format))


@settings(deadline=None)  # the first one may load plugins
@given(st.lists(_TEXTS, max_size=5).map("".join))
def test_so_has_text_with_paths_in_it(templar: Templar, text: str) -> None:
    assert outcome(templar, f"| {text}") == outcome(templar, f"{{# Jinja's #}}| {text}")


@pytest.mark.parametrize("text", ["{{ }}", "{{ a b }}", "{{ a. }}", "{{{ a }}}", "{{ not }}", "{{ a }} {{"])
def test_what_is_more_than_names_is_left_to_jinja(templar: Templar, text: str) -> None:
    assert outcome(templar, text).startswith("SyntaxFailed: Syntax error in template: ")


def test_jinja_is_not_even_imported_for_it() -> None:
    program = """
import sys
from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.templating.templar import Templar

templar = Templar(PluginSource())
names = DictNames(trusted({"a": {"b": ["{{ c }}"]}, "c": "x"}), templar)
assert templar.render(trusted("{{ a.b }} and {{ c }}"), names) == "['x'] and x"
assert templar.expression(trusted("a.b"), names) == ["x"]
assert templar.condition(trusted("yes"), DictNames({"yes": True}, templar)) is True
assert "jinja2" not in sys.modules
assert templar.render(trusted("{{ c | upper }}"), names) == "X"
assert "jinja2" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
