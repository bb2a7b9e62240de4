"""Conditionals: what counts as one, what it may give, and how a broken one is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.model.errors import TemplateFailed, UndefinedName
from weft.model.settings import Settings
from weft.model.values import Origin, Trusted
from weft.templating.templar import Templar

WHERE = Origin("play.yml", 4, 11)


def holds(text: Any, settings: Settings | None = None, **variables: Any) -> bool:
    templar = Templar(PluginSource(), settings=settings)
    raw = Trusted(text, WHERE) if type(text) is str else text
    return templar.condition(raw, DictNames(trusted(variables), templar))


def test_booleans_are_what_they_are() -> None:
    assert holds(True) is True
    assert holds(False) is False


def test_an_expression_gives_a_boolean() -> None:
    assert holds("a == 1 and b is defined", a=1, b=2)
    assert not holds(" a != 1 ", a=1)


def test_a_result_that_is_no_boolean_is_an_error() -> None:
    with pytest.raises(TemplateFailed) as raised:
        holds("a", a=1)
    assert raised.value.message == (
        "Conditional result (True) was derived from value of type 'int' at 'play.yml:4:11'. "
        "Conditionals must have a boolean result."
    )
    assert "ALLOW_BROKEN_CONDITIONALS" in str(raised.value.hint)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_an_empty_one_is_an_error(text: Any) -> None:
    with pytest.raises(TemplateFailed, match="Empty conditional expressions are not allowed"):
        holds(text)


@pytest.mark.parametrize("value", [1, ["a == 1"], {"a": 1}])
def test_what_is_no_text_is_an_error(value: Any) -> None:
    with pytest.raises(TemplateFailed, match="Conditional expressions must be strings"):
        holds(value)


def test_broken_ones_can_be_allowed() -> None:
    lenient = Settings(allow_broken_conditionals=True)
    assert holds(None, lenient)
    assert holds("", lenient)
    assert holds("a", lenient, a=[1])
    assert not holds("a", lenient, a=[])
    assert holds(["x"], lenient)


def test_an_undefined_name_is_told_with_the_conditional() -> None:
    with pytest.raises(UndefinedName) as raised:
        holds("nope == 1")
    assert raised.value.message == "Error while evaluating conditional."
    assert raised.value.origin == WHERE
    assert str(raised.value.__cause__) == "'nope' is undefined"


def test_a_variable_may_hold_the_expression_if_it_was_written_by_the_user() -> None:
    assert holds("{{ wanted }}", wanted="1 == 1")
    templar = Templar(PluginSource())
    names = DictNames({"fact": "1 == 1"}, templar)
    with pytest.raises(TemplateFailed, match="Encountered untrusted template or expression"):
        templar.condition(Trusted("{{ fact }}"), names)


def test_text_of_unknown_origin_is_refused() -> None:
    templar = Templar(PluginSource())
    with pytest.raises(TemplateFailed, match="untrusted"):
        templar.condition("1 == 1", DictNames({}, templar))


def test_a_template_inside_an_expression_is_an_error() -> None:
    with pytest.raises(TemplateFailed, match="Template delimiters are not supported in expressions"):
        holds("a == {{ a }}", a=1)


def test_constants_that_are_templates_may_be_forbidden() -> None:
    strict = Settings(allow_embedded_templates=False)
    assert holds("'{{ a }}' == 'x'", a="x")
    assert not holds("'{{ a }}' == 'x'", strict, a="x")


def test_backslashes_in_conditionals_are_jinjas() -> None:
    assert holds(r"'a\\b' | length == 3")
