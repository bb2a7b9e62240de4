"""weft and ansible-core give the same value, or the same message, for the same template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.model.errors import WeftError
from weft.model.values import Trusted
from weft.templating.templar import Templar

VARIABLES: dict[str, Any] = {
    "i": 1,
    "s": "str",
    "f": 1.5,
    "n": None,
    "b": True,
    "lst": [1, 2, 3],
    "d": {"a": 1, "b": {"c": "x"}, "bad": "{{ nope }}"},
    "nested": "{{ s }}",
    "und": "{{ nope }}",
    "err": "{{ 1/0 }}",
    "cyc": "{{ cyc }}",
    "syn": "{{ 1 + }}",
    "lst2": ["{{ s }}", "{{ nope }}", "z"],
    "omitted": "{{ omit }}",
    "bools": "{{ b }}",
    "expr": "i == 1",
    "items_": "{{ d.items() }}",
    "falsy": "",
    "keys": 1,
}
CASES = (Path(__file__).parent / "like_ansible.txt").read_text().splitlines()[1:]
FILES = {
    "inc.j2": "inc {{ loc|default('noloc') }} {{ s|default('nos') }}\n",
    "incx.j2": "<{{ x }}{{ loop.index|default('-') }}>\n",
    "mac.j2": "{% set v = 'V' %}{% macro f(a) %}f{{ a }}{{ v }}{{ s|default('nos') }}{% endmacro %}"
    "{% macro l() %}{{ lookup('vars','s') }}{% endmacro %}text",
    "base.j2": "base {% block b %}B{{ i }}{% endblock %} end\n",
}
TEMPLATES: dict[str, tuple[str, dict[str, Any]]] = {
    "a header changes the marks": (
        "#jinja2: variable_start_string:'[%', variable_end_string:'%]'\n[% s %] {{ s }}\n",
        {},
    ),
    "a header says what can't be": ("#jinja2: foo:1\n{{ s }}", {}),
    "a header without an end": ("#jinja2:", {}),
    "line ends are made alike": ("a\r\n{{ s }}\r\nb\n", {"newline_sequence": "\r\n"}),
    "backslashes mean what Jinja says": (r"{{ 'a\nb' }}|{% set x='a\nb' %}{{ x }}|{{ 'a\\b' }}", {}),
    "blanks before blocks go": ("  {% if b %}\n  x\n  {% endif %}\ny\n\n\n", {"lstrip_blocks": True}),
    "line breaks after blocks stay": ("{% if b %}\nx\n{% endif %}\n", {"trim_blocks": False}),
    "statements on lines of their own": ("# for x in lst\n{{ x }}\n# endfor\n", {"line_statement_prefix": "#"}),
    "a block and a call of it": ("{% block a %}{{ s }}{% endblock %}{{ self.a() }}", {}),
    "a macro with a caller": (
        "{% macro m(a, b=s, *c, **d) %}{{ a }}{{ b }}{{ c }}{{ d }}{{ caller() if caller else '' }}{% endmacro %}"
        "{{ m(1) }} {{ m(1,2,3,z=4) }} {% call m(5) %}inner {{ s }}{% endcall %}",
        {},
    ),
    "a namespace": (
        "{% set ns = namespace(n=0) %}{% for x in lst %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
        {},
    ),
    "a loop over what is undefined in part": (
        "{% for x in lst2 %}{{ loop.length }}{{ x|default('D') }} {% endfor %}",
        {},
    ),
    "a loop with itself inside": (
        "{% for x in [1,[2,[3]]] recursive %}{{ loop(x) if x is iterable else x }}{% endfor %}",
        {},
    ),
    "a list that is filled": ("{% set l = [] %}{% for x in lst %}{% set _ = l.append(x) %}{% endfor %}{{ l }}", {}),
    "a lookup in a loop": ("{% for x in lst %}{{ lookup('list', [x]) }}{{ range(x)|list }}{% endfor %}", {}),
    "an include": ("{% set loc='L' %}{% include 'inc.j2' %}", {}),
    "an include without context": ("{% set loc='L' %}{% include 'inc.j2' without context %}", {}),
    "an include that isn't there": ("{% include 'nope.j2' ignore missing %}x", {}),
    "an include in a loop": ("{% for x in lst %}{% include 'incx.j2' %}{% endfor %}", {}),
    "an import": ("{% import 'mac.j2' as m %}{{ m.f(1) }} {{ m.l() }} {{ m }}", {}),
    "an import with context": ("{% import 'mac.j2' as m with context %}{{ m.f(1) }} {{ m.l() }} {{ m.v }}", {}),
    "a name that isn't in the import": ("{% from 'mac.j2' import nosuch %}{{ nosuch(2) }}", {}),
    "a template that extends another": (
        "{% extends 'base.j2' %}{% block b %}child {{ super() }} {{ s }}{% endblock %}",
        {},
    ),
    "nothing": ("", {}),
    "nothing printed": ("{% if not b %}x{% endif %}", {}),
    "one list": ("{{ lst }}\n", {}),
    "a syntax error": ("a\n{% if %}\n", {}),
}

_DEPTH = re.compile(r"maximum recursion depth exceeded.*")


def message(error: BaseException) -> str:
    """An error with its causes, as users see it."""
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        parts.append(cause.message if isinstance(cause, WeftError) else str(cause))
        cause = cause.__cause__ if isinstance(error, WeftError) else None
    text = ": ".join([*(part.rstrip(".") for part in parts[:-1]), parts[-1]])
    return "!! " + _DEPTH.sub("", text)


def outcome(evaluate: Callable[[], Any]) -> str:
    try:
        return repr(evaluate())
    except Exception as error:
        return message(error)


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    """ansible-core's templar with the variables above."""
    from weft.content.plugins_ansible import ready

    ready(PluginSource())
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar as AnsibleTemplar
    from ansible.template import trust_as_template

    def marked(value: Any) -> Any:
        if isinstance(value, str):
            return trust_as_template(value)
        if isinstance(value, dict):
            return {key: marked(item) for key, item in value.items()}
        return [marked(item) for item in value] if isinstance(value, list) else value

    templar = AnsibleTemplar(loader=DataLoader(), variables=marked(VARIABLES))
    templar.marked = marked
    return templar


@pytest.fixture(scope="module")
def ours() -> Templar:
    return Templar(PluginSource())


@pytest.mark.parametrize("case", CASES)
def test_a_text_means_the_same(case: str, ours: Templar, theirs: Any) -> None:
    kind, text = case[0], case[2:].replace("↵", "\n")
    names = DictNames(trusted(VARIABLES), ours)
    evaluate = {
        "t": (lambda: theirs.template(theirs.marked(text)), lambda: ours.render(Trusted(text), names)),
        "e": (lambda: theirs.evaluate_expression(theirs.marked(text)), lambda: ours.expression(Trusted(text), names)),
        "c": (lambda: theirs.evaluate_conditional(theirs.marked(text)), lambda: ours.condition(Trusted(text), names)),
    }[kind]
    assert outcome(evaluate[1]) == outcome(evaluate[0])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_file_means_the_same(name: str, ours: Templar, theirs: Any, tmp_path: Path) -> None:
    for file, content in FILES.items():
        (tmp_path / file).write_text(content)
    text, overrides = TEMPLATES[name]
    where = [str(tmp_path)]
    expected = outcome(
        lambda: theirs.copy_with_new_env(searchpath=where).template(
            theirs.marked(text), escape_backslashes=False, overrides=overrides
        )
    )
    names = DictNames(trusted(VARIABLES), ours)
    assert outcome(lambda: ours.render_template(text, names, overrides=overrides, searchpath=where)) == expected
