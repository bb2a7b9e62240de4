"""key=value arguments."""

from __future__ import annotations

import pytest

from weft.model.errors import LoadError
from weft.model.values import Origin, Trusted
from weft.playbook.splitter import parse_kv, split_args

WORDS = [
    ("", []),
    ("a=b c=d", ["a=b", "c=d"]),
    ('a=b c="foo bar"', ["a=b", 'c="foo bar"']),
    ("a='x y' z", ["a='x y'", "z"]),
    ("a={{ b  }} c", ["a={{ b  }}", "c"]),
    ("{% if x %} y {% endif %} z", ["{% if x %}", "y", "{% endif %}", "z"]),
    ("a={{ 'x y' | f('}') }}", ["a={{ 'x y' | f('}') }}"]),
    ("echo  two   blanks", ["echo ", "two  ", "blanks"]),
    ("first\nsecond third", ["first\n", "second", "third"]),
    ("one \\\ntwo", ["one", "two"]),
    ("it=\\'s fine", ["it=\\'s", "fine"]),
    ("{# a comment #}", ["{# a comment #}"]),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_words(text: str, words: list[str]) -> None:
    assert split_args(text) == words


ARGUMENTS = [
    ("src=a dest='b c'", False, {"src": "a", "dest": "b c"}),
    ("msg=\"{{ a ~ ' b' }}\"", False, {"msg": "{{ a ~ ' b' }}"}),
    ("echo hi creates=/x", True, {"_raw_params": "echo hi", "creates": "/x"}),
    ("echo a=b chdir=/y", True, {"_raw_params": "echo a=b", "chdir": "/y"}),
    ("noop", False, {"_raw_params": "noop"}),
    ("a\\=b c=d", False, {"_raw_params": "a=b", "c": "d"}),
    ("msg=a\\nb", False, {"msg": "a\nb"}),
    ("msg=\\u00e9", False, {"msg": "é"}),
    ("echo a\necho b", True, {"_raw_params": "echo a\necho b"}),
    ("path=a=b", False, {"path": "a=b"}),
]


@pytest.mark.parametrize(("text", "raw", "arguments"), ARGUMENTS)
def test_arguments(text: str, raw: bool, arguments: dict[str, str]) -> None:
    assert parse_kv(text, raw=raw) == arguments


def test_arguments_are_templates_from_where_the_text_stands() -> None:
    origin = Origin("site.yml", 3, 7)
    value = parse_kv(Trusted("msg={{ x }}", origin))["msg"]
    assert isinstance(value, Trusted)
    assert value.origin == origin


@pytest.mark.parametrize("text", ["a={{ b", 'a="b', "{% if", "a='b c"])
def test_open_quotes_and_brackets(text: str) -> None:
    with pytest.raises(LoadError, match="failed at splitting arguments, either an unbalanced jinja2 block or quotes"):
        split_args(text)
