"""Jinja as Ansible sets it up: native types, a sandbox, lazy values, failures that are carried until they matter."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from functools import lru_cache
from typing import Any

from jinja2 import nodes
from jinja2.environment import TemplateModule
from jinja2.lexer import TOKEN_STRING, TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END, Lexer
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context, Macro
from jinja2.sandbox import SandboxedEnvironment

from weft.model.errors import WeftError
from weft.templating.context import TemplateContext, WeftTemplate
from weft.templating.failures import MARKERS, Tripped
from weft.templating.lazy import LazyList
from weft.templating.markers import ErrorMarker, UndefinedMarker, first_marker, marker_for
from weft.templating.overrides import OPTION_NAMES, has_markers
from weft.templating.shortcut import joined
from weft.templating.types import type_name

_DICT_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))
_INT_OPERATORS = frozenset(("__and__", "__lshift__", "__or__", "__rshift__", "__xor__"))
_VIEWS = (Iterator, ItemsView, KeysView, ValuesView)
_MAY_HOLD_MARKERS = MARKERS | {tuple}
_NOTHING = object()

#: Attribute of callables that take markers as arguments themselves.
TAKES_MARKERS = "weft_takes_markers"


def takes_markers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function: it is called with markers among its arguments, instead of not at all."""
    setattr(function, TAKES_MARKERS, True)
    return function


class EmbeddedTemplate(str):
    """A string constant of a template that looks like one itself. Lookups evaluate it, all else has it as text."""

    __slots__ = ()


def concat(values: Iterable[Any]) -> Any:
    """As ``joined``, and a template module among the parts stands for its own parts."""
    return joined(_flatten(values))


def _flatten(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if type(value) is TemplateModule:
            yield from _flatten(value._body_stream)
        else:
            yield value


class _EscapingLexer(Lexer):
    """Keeps backslashes in the string constants of ``{{ }}`` as they are: YAML has dealt with them already.

    In ``{% %}`` Jinja's own escapes hold, as in Ansible.
    """

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        inside = False
        for line, token, value in super().tokeniter(source, name, filename, state):
            if token == TOKEN_VARIABLE_BEGIN:
                inside = True
            elif token == TOKEN_VARIABLE_END:
                inside = False
            elif inside and token == TOKEN_STRING:
                yield line, token, value.replace("\\", "\\\\")
                continue
            yield line, token, value


class _Options:
    """The options of an environment that a lexer reads, without the environment (lexers outlive and are shared)."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.__dict__.update(zip(OPTION_NAMES, values, strict=True))


@lru_cache(maxsize=64)
def _lexer(escape_backslashes: bool, options: tuple[Any, ...]) -> Lexer:
    return (_EscapingLexer if escape_backslashes else Lexer)(_Options(options))  # type: ignore[arg-type]


class _Generator(NativeCodeGenerator):
    """Python code for templates: nothing is folded at compile time, constants that look like templates are marked."""

    def _make_finalize(self) -> NativeCodeGenerator._FinalizeInfo:
        return self._FinalizeInfo(None, None)

    environment: TemplateEnvironment

    def visit_Const(self, node: nodes.Const, frame: Any) -> None:
        value = node.as_const(frame.eval_ctx)
        if type(value) is str and self.environment.embedded_templates and has_markers(value):
            self.write(f"environment.constant(context, {value!r})")
        else:
            super().visit_Const(node, frame)

    def visit_For(self, node: nodes.For, frame: Any) -> None:
        each = nodes.EnvironmentAttribute("each", lineno=node.lineno)
        node.iter = nodes.Call(each, [node.iter], [], None, None, lineno=node.lineno)
        super().visit_For(node, frame)


class TemplateEnvironment(SandboxedEnvironment):
    """One set of options. Those for other options are overlays of the first and share its plugins."""

    template_class = WeftTemplate
    context_class = TemplateContext
    code_generator_class = _Generator

    escape_backslashes = False
    embedded_templates = True
    on_constant: Callable[[str, TemplateContext], Any] | None = None

    def __init__(self, *, filters: Any, tests: Any, extensions: Iterable[str] = (), **options: Any) -> None:
        super().__init__(extensions=list(extensions), undefined=UndefinedMarker, optimized=False, **options)
        self.filters = filters
        self.tests = tests
        self.autoescape = False
        self.trim_blocks = True
        self.globals["range"] = range

    @property
    def lexer(self) -> Lexer:
        return _lexer(self.escape_backslashes, tuple(getattr(self, name) for name in OPTION_NAMES))

    def variant(self, **options: Any) -> TemplateEnvironment:
        """An overlay with other options: Jinja's, or ``escape_backslashes``, ``on_constant``, ``loader``."""
        own = {key: options.pop(key) for key in ("escape_backslashes", "on_constant", "loader") if key in options}
        overlay: TemplateEnvironment = self.overlay(**options)
        for key, value in own.items():
            setattr(overlay, key, value)
        return overlay

    # -- called by generated code ----------------------------------------------------------------------------------

    concat = staticmethod(concat)

    def constant(self, context: TemplateContext, text: str) -> Any:
        """A string constant that looks like a template."""
        if self.on_constant is not None:
            return self.on_constant(text, context)
        return EmbeddedTemplate(text)

    @takes_markers
    def each(self, values: Any) -> Any:
        """What a ``for`` goes through: items that can't be evaluated become markers instead of ending the loop."""
        return list(values.with_markers()) if type(values) is LazyList else values

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``a.b``: an attribute, or else an item; for mappings items go before all but their methods."""
        kind = type(obj)
        if kind in MARKERS:
            return obj
        if isinstance(obj, Mapping) and attribute not in _DICT_METHODS:
            value = _item(obj, attribute)
            if value is not _NOTHING:
                return value
            if not _is_method(attribute):
                return UndefinedMarker(obj=obj, name=attribute)
        if kind is not str and isinstance(obj, str):
            obj = str(obj)
        try:
            value = getattr(obj, attribute)
        except AttributeError:
            value = _item(obj, attribute)
            return UndefinedMarker(obj=obj, name=attribute) if value is _NOTHING else value
        return self._checked(obj, attribute, value)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``a[b]``: an item, or else, for text, an attribute. Raises Tripped where ``b`` has no value."""
        if type(argument) in _MAY_HOLD_MARKERS and type(obj) not in MARKERS:
            _refuse_markers(argument)
        try:
            return obj[argument]
        except WeftError as error:
            return marker_for(error)
        except (TypeError, LookupError):
            if isinstance(argument, str):
                name = str(argument)
                value = getattr(str(obj) if isinstance(obj, str) else obj, name, _NOTHING)
                if value is not _NOTHING and (_is_method(name) or not isinstance(obj, Mapping)):
                    return self._checked(obj, name, value)
        return UndefinedMarker(obj=obj, name=argument)

    def _checked(self, obj: Any, attribute: str, value: Any) -> Any:
        if attribute in ("format", "format_map"):
            return self.wrap_str_format(value) or value
        if self.is_safe_attribute(obj, attribute, value):
            return value
        item = _item(obj, attribute)
        return self.unsafe_undefined(obj, attribute) if item is _NOTHING else item

    def unsafe_undefined(self, obj: Any, attribute: str) -> UndefinedMarker:
        return UndefinedMarker(f"access to attribute {attribute!r} of {type_name(obj)!r} object is unsafe.")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if attr in _INT_OPERATORS and isinstance(obj, int):
            return True
        return super().is_safe_attribute(obj, attr, value)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A call in a template. What it raises becomes a marker; iterators become lists."""
        if type(__obj) in MARKERS:
            return __obj
        if type(__obj) is not Macro and not getattr(__obj, TAKES_MARKERS, False):
            marker = first_marker(args, kwargs)
            if marker is not None:
                return marker
        try:
            result = super().call(__context, __obj, *args, **kwargs)
            return list(result) if isinstance(result, _VIEWS) else result
        except (Tripped, WeftError) as error:
            return marker_for(error)
        except Exception as error:
            return ErrorMarker(error)


def _is_method(name: str) -> bool:
    """Whether it names a method of mappings, one that the sandbox refuses included."""
    return name in _DICT_METHODS or name.startswith("__")


def _refuse_markers(argument: Any) -> None:
    """No part of an index may be without a value. (Jinja evaluates slices itself.)"""
    marker = first_marker(argument if isinstance(argument, tuple) else (argument,))
    if marker is not None:
        marker.trip()


def _item(obj: Any, key: Any) -> Any:
    """An item, a marker where it can't be evaluated, or _NOTHING."""
    try:
        return obj[key]
    except WeftError as error:
        return marker_for(error)
    except (TypeError, LookupError):
        return _NOTHING
