"""The templar: evaluates what users wrote. Comes after ``content`` (plugins) and before ``vars``, which it reads.

One templar serves a whole run, from any thread; all that differs between hosts and tasks comes in as ``Names``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from weft.content.plugins import PluginSource
from weft.events.deferred import is_collecting
from weft.model.errors import TemplateFailed, VaultFailed, WeftError
from weft.model.settings import Settings
from weft.model.values import OMIT, Decrypted, MapNode, Origin, SeqNode, Trusted, Value, VaultText, origin_of
from weft.templating.api import Names
from weft.templating.conditions import Conditions
from weft.templating.embedded import WARNING, Embedded
from weft.templating.failures import MARKERS, SyntaxFailed, Tripped, Undecryptable
from weft.templating.finalize import PLAIN, finalize
from weft.templating.inspection import Inspector, Needs
from weft.templating.lazy import LazyDict, LazyList
from weft.templating.notes import with_notes
from weft.templating.overrides import HEADER, has_markers, looks_like_template, normalized, split_header
from weft.templating.shortcut import Environment, Join, Program, Reader, joined
from weft.templating.types import reason

if TYPE_CHECKING:
    from weft.templating.environment import TemplateEnvironment
    from weft.templating.jinja import Jinja

_READS_FILES: Final = r"\{%[-+]?\s*(?:include|import|from|extends)\b"

Warn = Callable[[str, Origin | None, str | None], None]  # the message, its place, what to do about it
Deprecate = Callable[[str, str, Origin | None, str | None], None]


class Evaluator:
    """Evaluates values with the names of one scope; lazy containers keep it."""

    __slots__ = ("names", "templar")

    def __init__(self, templar: Templar, names: Names) -> None:
        self.templar = templar
        self.names = names

    def __call__(self, value: Value) -> Any:
        kind = type(value)
        if kind is Trusted:
            return self.templar.evaluate_text(value, self.names) if has_markers(value) else value
        if kind is dict or kind is MapNode:
            return LazyDict(value, self)
        if kind is list or kind is SeqNode or kind is tuple:
            return LazyList(value, self)
        if kind is VaultText:
            return self.templar.decrypted(value)
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evaluator) and self.templar is other.templar and self.names is other.names

    __hash__ = object.__hash__


class Templar:
    """Templates, expressions and conditions. What it raises: UndefinedName, TemplateFailed, VaultFailed.

    ``decrypt`` makes a ``!vault`` value plain. ``warn`` and ``deprecate`` are told what the user should know (if there
    are none, the plugins' notices are); ``deprecate`` also gets the release of ansible-core in which a feature ends.
    """

    def __init__(
        self,
        plugins: PluginSource,
        *,
        decrypt: Callable[[VaultText], str] | None = None,
        settings: Settings | None = None,
        warn: Warn | None = None,
        deprecate: Deprecate | None = None,
    ) -> None:
        self.plugins = plugins
        self.settings = settings or plugins.settings
        self._decrypt = decrypt
        self._warn = warn
        self.embedded = Embedded()
        self._deprecate = deprecate
        self._told: set[tuple[str, Origin | None]] = set()
        self._reader = Reader(self._known_to_jinja)
        self._inspector = Inspector(self._parsed, plugins)
        self._conditions = Conditions(self)
        self._texts: dict[str, Program] = {}
        self._expressions: dict[str, Program] = {}
        self._condition_programs: dict[str, Program] = {}
        plugins.on_change(self._forget)

    @cached_property
    def _jinja(self) -> Jinja:
        from weft.templating.jinja import Jinja

        return Jinja(self)

    def environment(self) -> TemplateEnvironment:
        """A copy of what templates are compiled with, for plugins that use Jinja's."""
        return self._jinja.environment.variant()

    def _known_to_jinja(self) -> Environment:
        return self._jinja.environment

    def _parsed(self, text: str) -> Needs:
        return self._jinja.needs(text)

    def _forget(self) -> None:
        """There may be other plugins under names that templates were compiled with."""
        for programs in (self._texts, self._expressions, self._condition_programs):
            programs.clear()

    # -- values ----------------------------------------------------------------------------------------------------

    def render(self, value: Value, names: Names) -> Any:
        """Plain data: templates evaluated, recursively; entries that are omitted left out; ``OMIT`` if it is itself."""
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is Trusted and not has_markers(value):
            return str(value)
        return self._finalized(self.evaluate(value, names), origin_of(value), "template")

    def render_marked(self, value: Value, names: Names) -> Any:
        """As ``render``, but text that was written without a template keeps its mark.

        For what may be evaluated again: items of loops (`debug: var={{ item }}`), names of expressions.
        """
        return self._finalized(self.evaluate(value, names), origin_of(value), "template", keep_marks=True)

    def evaluate(self, value: Value, names: Names) -> Any:
        """What ``Names`` give of a raw value: templates evaluated, containers when they are read.

        Text without a template keeps its mark, so that `when: "{{ condition }}"` can tell where it comes from.
        """
        return Evaluator(self, names)(value)

    def evaluate_text(self, text: Trusted, names: Names) -> Any:
        """The value of one template, of any type; containers are evaluated when they are read."""
        try:
            program = self._texts.get(text)
            if program is None:
                program = self._texts[str(text)] = self._compiled_text(text)
            result = program(names)
        except Exception as error:
            raise self._failure(error, text.origin, "template") from None
        finally:
            if self.embedded.met:
                self._tell_of_embedded(text.origin)
        kind = type(result)
        if kind in MARKERS:
            raise self._failure(result.as_error(text.origin), text.origin, "template") from None
        if kind is list or kind is dict or kind is tuple:
            return Evaluator(self, names)(result)
        return _with_newlines(text, result, "\n") if isinstance(result, str) else result

    def decrypted(self, value: VaultText) -> str:
        """Raises VaultFailed."""
        if self._decrypt is None:
            raise Undecryptable(value)
        try:
            return Decrypted(self._decrypt(value), value.ciphertext)
        except VaultFailed as error:
            raise Undecryptable(value, error) from None

    def expression(self, text: str, names: Names) -> Any:
        """A bare expression's value as plain data; ``OMIT`` if it is that."""
        origin = getattr(text, "origin", None)
        return self._finalized(self.evaluate_expression(text, names), origin, "expression")

    def evaluate_expression(self, text: str, names: Names, *, conditional: bool = False) -> Any:
        """As ``expression``, with containers evaluated when they are read."""
        programs = self._condition_programs if conditional else self._expressions
        origin = getattr(text, "origin", None)
        try:
            program = programs.get(text)
            if program is None:
                plain = str(text)
                program = self._reader.expression(plain) or self._jinja.expression(plain, conditional)
                programs[plain] = program
            result = program(names)
        except Exception as error:
            raise self._failure(error, origin, "expression") from None
        finally:
            if self.embedded.met:
                self._tell_of_embedded(origin)
        if type(result) in MARKERS:
            raise self._failure(result.as_error(origin), origin, "expression") from None
        return result

    def condition(self, text: Value, names: Names) -> bool:
        """A conditional (``when``, ``until`` ...): a boolean, or the text of an expression that gives one."""
        return self._conditions.holds(text, names)

    def loop_items(self, name: str, terms: Value, names: Names, *, action: str = "") -> list[Any]:
        """The items of ``with_NAME: terms``; as by ``render_marked``.

        ``action``: the task's (if not given, that of the names), which tells first_found in what folder to look.
        """
        try:
            found = self._jinja.loop_items(name, terms, names, action)
        except Exception as error:
            raise self._failure(error, origin_of(terms), "expression") from None
        items: list[Any] = self._finalized(found, origin_of(terms), "expression", keep_marks=True)
        return items

    def render_for_people(self, text: str, names: Names) -> tuple[str, tuple[str, ...]]:
        """Text that is only shown (a task's name): what has no value is a numbered note. Returns the notes too."""
        try:
            return with_notes(self._compiled, text, names)
        finally:
            self._tell_of_embedded(getattr(text, "origin", None))

    # -- files -----------------------------------------------------------------------------------------------------

    def render_text(
        self,
        text: str,
        names: Names,
        *,
        overrides: Mapping[str, Any] = {},
        searchpath: Sequence[str] = (),
        escape_backslashes: bool = False,
    ) -> str:
        """A template file's text, evaluated. ``overrides``: Jinja's options; a ``#jinja2:`` line beats them.

        ``searchpath``: where included and imported templates are.
        """
        result = self.render_template(
            text, names, overrides=overrides, searchpath=searchpath, escape_backslashes=escape_backslashes
        )
        if result is None:
            return ""
        return result if isinstance(result, str) else str(result)

    def render_template(
        self,
        text: str,
        names: Names,
        *,
        overrides: Mapping[str, Any] = {},
        searchpath: Sequence[str] = (),
        escape_backslashes: bool = False,
    ) -> Any:
        """As ``render_text``, but a template that is one expression gives that one's value, and an empty one None."""
        origin = getattr(text, "origin", None)
        try:
            if not looks_like_template(text, overrides):
                return str(text)
            body, header = split_header(text)
            options = normalized({**overrides, **header})
            program = self._jinja.file(str(body), options, tuple(searchpath), escape_backslashes)
            result = self._finalized(program(names), origin, "template")
        except Exception as error:
            raise self._failure(error, origin, "template") from None
        finally:
            self._tell_of_embedded(origin)
        if result is OMIT:
            raise TemplateFailed("A template was resolved to an Omit scalar.", origin)
        return _with_newlines(text, result, options.get("newline_sequence", "\n")) if type(result) is str else result

    def _compiled_text(self, text: str) -> Program:
        if re.search(_READS_FILES, text) or text.startswith(HEADER):
            return self._with_files(str(text))
        return self._compiled(str(text))

    def _compiled(self, text: str, join: Join | None = None) -> Program:
        return self._reader.text(text, join or joined) or self._jinja.text(text, join)

    def _with_files(self, text: str) -> Program:
        """Text in a playbook that includes files."""

        def run(names: Names) -> Any:
            searchpath = self._jinja.folders_of(names)
            return self.render_template(text, names, searchpath=searchpath, escape_backslashes=True)

        return run

    # -- what a value needs ----------------------------------------------------------------------------------------

    def is_template(self, value: Value) -> bool:
        """Whether there is marked text with a template in it, or encrypted text, anywhere in the value."""
        return self._inspector.is_template(value)

    def may_block(self, value: Value, raw: Callable[[str], Value] | None = None) -> bool:
        """Whether evaluating takes long: a lookup that reads or runs something, a slow filter, an included file.

        ``raw`` gives the unevaluated value of a name (KeyError if there is none); with it, variables count too.
        """
        return self._inspector.may_block(value, raw)

    def names_in(self, value: Value) -> frozenset[str]:
        """What templates in the value name: variables, and functions such as `lookup`."""
        return self._inspector.names_in(value)

    def steady_names(self, value: Value) -> frozenset[str] | None:
        """What templates in the value name, if it depends on nothing but their values: no file, no clock, no chance."""
        return self._inspector.steady_names(value)

    # -- failures --------------------------------------------------------------------------------------------------

    def _tell_of_embedded(self, origin: Origin | None) -> None:
        for advice in self.embedded.take():
            self.warn(WARNING, origin, advice)

    def warn(self, message: str, origin: Origin | None = None, advice: str | None = None) -> None:
        """Each message once for each place (outside of tasks, which collect them)."""
        if not self._is_new(f"{message} {advice}", origin):
            return
        if self._warn is not None:
            self._warn(message, origin, advice)
        else:
            self.plugins.notices.warn(message if advice is None else f"{message} {advice}")

    def deprecate(self, message: str, version: str, origin: Origin | None = None, advice: str | None = None) -> None:
        """Each message once for each place."""
        if not self._is_new(message, origin):
            return
        if self._deprecate is not None:
            self._deprecate(message, version, origin, advice)
        else:
            self.plugins.notices.deprecate(message if advice is None else f"{message} {advice}", version)

    def _is_new(self, message: str, origin: Origin | None) -> bool:
        key = (message, origin)
        if is_collecting():
            return True  # whoever collects leaves out repetitions
        if key in self._told:
            return False
        self._told.add(key)
        return True

    def _finalized(self, value: Any, origin: Origin | None, kind: str, *, keep_marks: bool = False) -> Any:
        try:
            return finalize(value, keep_marks)
        except Exception as error:
            raise self._failure(error, origin, kind) from None

    def _failure(self, error: Exception, origin: Origin | None, kind: str) -> WeftError:
        """The error that users see for whatever went wrong."""
        if isinstance(error, Tripped):
            error = error.marker.as_error(origin)
        if isinstance(error, SyntaxFailed) and error.origin is None and origin is not None and not origin.line:
            error.origin = Origin(origin.path, error.line)  # a template file
        if isinstance(error, WeftError):
            if error.origin is None:
                error.origin = origin
            return error
        if isinstance(error, RecursionError):
            return TemplateFailed(f"Recursive loop detected in {kind}: {reason(error)}", origin)
        return TemplateFailed(f"Error rendering {kind}: {reason(error)}", origin)


def _with_newlines(template: str, result: str, newline: str) -> str:
    """Jinja drops a template's last newline: put back what the result has fewer of than the template."""
    if not template.endswith("\n"):
        return result
    missing = _count_newlines(template) - _count_newlines(result)
    return result + newline * missing if missing > 0 else result


def _count_newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))
