"""Conditionals, by the rules of ansible-core 2.19: trusted text, an expression, a boolean result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.model.errors import TemplateFailed, UndefinedName
from weft.model.values import OMIT, Trusted, Value, origin_of
from weft.templating.api import Names
from weft.templating.overrides import is_all_template
from weft.templating.types import type_name

if TYPE_CHECKING:
    from weft.templating.templar import Templar

_BROKEN_HINT = (
    "Broken conditionals can be temporarily allowed with the `ALLOW_BROKEN_CONDITIONALS` configuration option."
)
_BROKEN_ALLOWED = (
    "Broken conditionals are currently allowed because the `ALLOW_BROKEN_CONDITIONALS` configuration option is enabled."
)
_UNTRUSTED_HINT = (
    "Templates and expressions must be defined by trusted sources such as playbooks or roles, not untrusted sources "
    "such as module results."
)
_REMOVAL = "2.23"


class Conditions:
    """Evaluates conditionals for a templar."""

    def __init__(self, templar: Templar) -> None:
        self._templar = templar

    def holds(self, value: Value, names: Names) -> bool:
        """Raises TemplateFailed where the conditional is none, UndefinedName, and what evaluating it raises."""
        if type(value) is bool:
            return value
        result = self._result(value, names)
        if type(result) is bool:
            return result
        if result is OMIT:
            raise TemplateFailed("A template was resolved to an Omit scalar.", origin_of(value))
        truth = bool(result)
        place = origin_of(result) or origin_of(value)
        message = (
            f"Conditional result ({truth}) was derived from value of type {type_name(result)!r} at "
            f"{str(place) if place else '<unknown>'!r}. Conditionals must have a boolean result."
        )
        if not self._lenient:
            raise TemplateFailed(message, origin_of(value), _BROKEN_HINT)
        self._templar.deprecate(message, _REMOVAL, origin_of(value), _BROKEN_ALLOWED)
        return truth

    @property
    def _lenient(self) -> bool:
        return self._templar.settings.allow_broken_conditionals

    def _result(self, value: Value, names: Names) -> Any:
        stripped = self._stripped(value)
        if stripped is True:
            return True
        try:
            if not isinstance(stripped, str):
                if self._lenient:
                    return self._templar.render(stripped, names)
                raise TemplateFailed("Conditional expressions must be strings.", origin_of(value), _BROKEN_HINT)
            expression = stripped
            if is_all_template(stripped) and isinstance(stripped, Trusted):
                result = self._stripped(self._templar.evaluate(stripped, names))
                if not isinstance(result, str):
                    self._templar.deprecate(
                        "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}.",
                        _REMOVAL,
                        origin_of(value),
                    )
                    return result
                expression = result
            if not isinstance(expression, Trusted):
                raise TemplateFailed("Encountered untrusted template or expression.", origin_of(value), _UNTRUSTED_HINT)
            return self._templar.evaluate_expression(expression, names, conditional=True)
        except UndefinedName as error:
            raise UndefinedName("Error while evaluating conditional.", origin_of(value)) from error

    def _stripped(self, value: Value) -> Any:
        """Without white space round it. Nothing at all is an error, or (leniently) true."""
        if isinstance(value, str):
            bare = value.strip()
            value = Trusted(bare, value.origin) if isinstance(value, Trusted) else bare
        if value is None or (isinstance(value, str) and not value):
            if not self._lenient:
                raise TemplateFailed("Empty conditional expressions are not allowed.", origin_of(value), _BROKEN_HINT)
            self._templar.deprecate(
                "Empty conditional expression was evaluated as True.", _REMOVAL, origin_of(value), _BROKEN_ALLOWED
            )
            return True
        return value
