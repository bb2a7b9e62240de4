"""``lookup`` and ``query`` in templates, and the items of ``with_NAME`` loops."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jinja2.utils import pass_context

from weft.content.filters_common import Notices, is_sequence
from weft.content.lookups import Variables
from weft.content.programs import Programs
from weft.model.errors import TemplateFailed, UndefinedName, WeftError
from weft.model.values import Trusted
from weft.templating import embedded
from weft.templating.api import Names
from weft.templating.blocking import must_not_block
from weft.templating.context import TemplateContext, read_name
from weft.templating.environment import EmbeddedTemplate, takes_markers
from weft.templating.failures import MARKERS, Tripped, plugin_failed
from weft.templating.finalize import plain
from weft.templating.lazy import LazyList
from weft.templating.markers import ErrorMarker, Marker, UndefinedMarker, first_marker, marker_for
from weft.templating.special import DEFAULT_UNDEFINED
from weft.templating.types import reason

if TYPE_CHECKING:
    from weft.templating.templar import Templar


class Lookups:
    """Runs lookups for a templar."""

    def __init__(self, templar: Templar) -> None:
        self._templar = templar

    @property
    def functions(self) -> Mapping[str, Any]:
        """The globals of templates."""

        @takes_markers
        @pass_context
        def lookup(context: TemplateContext, plugin_name: Any, /, *terms: Any, **options: Any) -> Any:
            return self._called(context, plugin_name, list(terms), options)

        @takes_markers
        @pass_context
        def query(context: TemplateContext, plugin_name: Any, /, *terms: Any, **options: Any) -> Any:
            return self._called(context, plugin_name, list(terms), {**options, "wantlist": True})

        lookup.__qualname__, query.__qualname__ = "lookup", "query"
        return {"lookup": lookup, "query": query, "q": query}

    def _called(self, context: TemplateContext, name: Any, terms: list[Any], options: dict[str, Any]) -> Any:
        if type(name) in MARKERS:
            return name
        host = Host(self._templar, context.caller_names)
        return self._run(str(name), self._trusting(terms, host), options, host)

    def loop_items(self, name: str, terms: Any, names: Names, action: str) -> list[Any]:
        """The items of ``with_NAME: terms``, still to be finalized. Raises Tripped, UndefinedName, TemplateFailed."""
        if isinstance(terms, Trusted):
            terms = self._templar.evaluate(Trusted(terms.strip(), terms.origin), names)
        if not isinstance(terms, list):
            terms = [terms]
        values = self._templar.evaluate(terms, names)
        host = Host(self._templar, names, loop_action=action or getattr(names, "task_action", ""))
        found = self._run(name, list(values.with_markers()), {"wantlist": True}, host)
        if type(found) in MARKERS:
            found.trip()
        return list(found)

    def _run(self, name: str, terms: list[Any], options: dict[str, Any], host: Host) -> Any:
        lookup = self._templar.plugins.lookup(name, must_not_block)
        if lookup is None:
            return ErrorMarker(TemplateFailed(f"The lookup plugin {name!r} was not found."))
        if not lookup.takes_undefined and (marker := first_marker(tuple(terms), options)) is not None:
            return marker
        wantlist = options.pop("wantlist", False)
        errors = options.pop("errors", "strict")
        if lookup.blocking:
            must_not_block()
        try:
            result = lookup.run(host, terms, options)
            if not is_sequence(result):
                raise TypeError(f"returned {type(result)} instead of {list}")
        except (Tripped, UndefinedName, TemplateFailed) as error:
            return marker_for(error)
        except Exception as error:
            if errors not in ("warn", "ignore"):
                advice = getattr(error, "_help_text", None)  # of ansible-core's errors
                return ErrorMarker(plugin_failed("lookup", name, error, advice, foreign=lookup.foreign))
            if errors == "warn":
                host.notices.warn(f"An error occurred while running the lookup plugin {name!r}: {reason(error)}")
            return [] if wantlist else None
        return result if wantlist else _one(result)

    def _trusting(self, value: Any, host: Host) -> Any:
        """Constants of the template that are templates themselves, evaluated: lookups have always done that."""
        kind = type(value)
        if kind is EmbeddedTemplate:
            try:
                return self._templar.evaluate(Trusted(value), host.names)
            except WeftError as error:
                return marker_for(error)
            finally:
                self._templar.embedded.met.append(embedded.IN_LOOKUP)
        if kind is dict:
            return {key: self._trusting(item, host) for key, item in value.items()}
        if kind is list or kind is tuple:
            return kind(self._trusting(item, host) for item in value)
        return value


def _one(result: Sequence[Any]) -> Any:
    """What ``lookup`` gives where no list is wanted: the only item, or text joined with commas."""
    if not result:
        return result
    if len(result) == 1:
        return result.peek(0) if type(result) is LazyList else result[0]
    try:
        return ",".join(result)
    except TypeError:
        return result


class Host:
    """What a lookup may use of the template that calls it (``weft.content.lookups.LookupHost``)."""

    def __init__(self, templar: Templar, names: Names, loop_action: str | None = None) -> None:
        self._templar = templar
        self._names = names
        self._loop_action = loop_action

    @property
    def names(self) -> Variables:
        return self._names

    @property
    def notices(self) -> Notices:
        return self._templar.plugins.notices

    @property
    def programs(self) -> Programs:
        return self._templar.plugins.programs

    @property
    def loop_action(self) -> str | None:
        return self._loop_action

    @property
    def managed_text(self) -> str:
        return self._templar.settings.ansible_managed

    @property
    def basedir(self) -> str:
        found = getattr(self._names, "basedir", None) or self._quietly("playbook_dir")
        return found if isinstance(found, str) else os.getcwd()

    @property
    def search_paths(self) -> Sequence[str]:
        found = getattr(self._names, "search_paths", None) or self._quietly("ansible_search_path")
        return [str(path) for path in found] if isinstance(found, list | tuple) else []

    def _quietly(self, name: str) -> Any:
        try:
            return self._names[name]
        except (KeyError, WeftError):
            return None

    def read(self, name: str) -> Any:
        return read_name(self._names, name)

    def undefined(self, hint: str) -> Marker:
        return UndefinedMarker(hint)

    def is_undefined(self, value: Any) -> bool:
        return type(value) is UndefinedMarker

    def is_plain_undef(self, value: Any) -> bool:
        return value is DEFAULT_UNDEFINED

    def use(self, value: Any) -> None:
        if type(value) in MARKERS:
            value.trip()

    def items(self, value: Sequence[Any]) -> list[Any]:
        return list(value.with_markers() if type(value) is LazyList else value)

    def plain(self, value: Any) -> Any:
        return plain(value)

    def render(self, value: Any, names: Variables | None = None) -> Any:
        return self._templar.render(value, self._names if names is None else names)

    def evaluate(self, value: Any, names: Variables) -> Any:
        return self._templar.evaluate(value, names)

    def expression(self, text: str, names: Variables | None = None) -> Any:
        return self._templar.expression(text, self._names if names is None else names)

    def condition(self, text: Any, names: Variables | None = None) -> bool:
        return self._templar.condition(text, self._names if names is None else names)

    def render_template(
        self,
        text: str,
        names: Variables,
        overrides: Mapping[str, Any],
        searchpath: Sequence[str],
        escape_backslashes: bool = False,
    ) -> Any:
        return self._templar.render_template(
            text, names, overrides=overrides, searchpath=searchpath, escape_backslashes=escape_backslashes
        )

    def template_marked(self, text: str) -> str:
        return Trusted(text)

    def environment(self) -> Any:
        return self._templar.environment()

    def decrypt_file(self, data: bytes, path: str) -> bytes:
        decrypt = self._templar.plugins.decrypt
        return decrypt(data, path) if decrypt is not None and data.startswith(b"$ANSIBLE_VAULT") else data
