"""Texts made into something that runs: Jinja's compiled templates, and a short cut for ``text {{ a.b }} text``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from weft.model.errors import TemplateFailed, WeftError
from weft.templating.api import Names
from weft.templating.context import WeftTemplate
from weft.templating.environment import TemplateEnvironment, concat
from weft.templating.markers import UndefinedMarker, marker_for

#: Gives a template's value, which may be lazy, or a marker. Raises what evaluating it raises.
Program = Callable[[Names], Any]
#: Makes one value of the parts of a template.
Join = Callable[[Iterable[Any]], Any]

_PRINTED: Final = re.compile(r"\{\{[ \t\n]*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[ \t\n]*\}\}", re.ASCII)
_CONSTANTS: Final = ("true", "false", "none", "True", "False", "None")
_RESERVED: Final = frozenset((*_CONSTANTS, "not", "in", "is", "and", "or", "if", "else", "self", "super", "caller"))
_MISSING = object()


class SyntaxFailed(TemplateFailed):
    """Text is no template. ``line`` is counted from its first one."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def compile_text(environment: TemplateEnvironment, text: str, join: Join = concat) -> Program:
    """A template. ``join`` makes one value of its parts. Raises TemplateFailed."""
    return simple_program(environment, text, join) or _compile(environment, text, "template", join)


def compile_template(environment: TemplateEnvironment, text: str) -> Program:
    """A template, always by Jinja (its options may be others). Raises TemplateFailed."""
    return _compile(environment, text, "template")


def compile_expression(environment: TemplateEnvironment, text: str) -> Program:
    """A bare expression. Raises TemplateFailed."""
    return _compile(environment, text, "expression")


def _compile(environment: TemplateEnvironment, text: str, kind: str, join: Join = concat) -> Program:
    try:
        if kind == "expression":
            tree = _expression_tree(environment, text)
        else:
            tree = environment.parse(text)
        template: WeftTemplate = environment.from_string(tree)  # type: ignore[assignment]
    except TemplateSyntaxError as error:
        problem = f"Syntax error in {kind}"
        if kind == "expression" and ("{{" in text or "{%" in text or "{#" in text):
            problem += ". Template delimiters are not supported in expressions"
        raise SyntaxFailed(f"{problem}: {error.message}", error.lineno) from None
    except WeftError:
        raise
    except Exception as error:
        raise TemplateFailed(f"Error rendering {kind}: {error}") from None
    return _lone(template) if _is_lone(tree) else _whole(template, join)


def _expression_tree(environment: TemplateEnvironment, text: str) -> nodes.Template:
    from jinja2.parser import Parser

    parser = Parser(environment, text, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError("chunk after expression", parser.stream.current.lineno, None, None)
    expression.set_environment(environment)
    output = nodes.Output([expression], lineno=1)
    return nodes.Template([output], lineno=1)


def _is_lone(tree: nodes.Template) -> bool:
    """Whether a template is one expression and nothing else."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return False
    printed = tree.body[0].nodes
    return len(printed) == 1 and not isinstance(printed[0], nodes.TemplateData)


def _lone(template: WeftTemplate) -> Program:
    root: Callable[[Any], Iterable[Any]] = template.root_render_func

    def run(names: Names) -> Any:
        for value in root(template.context(names)):
            return value
        return None

    return run


def _whole(template: WeftTemplate, join: Join) -> Program:
    root: Callable[[Any], Iterable[Any]] = template.root_render_func

    def run(names: Names) -> Any:
        return join(root(template.context(names)))

    return run


# -- the short cut -----------------------------------------------------------------------------------------------------


def simple_program(environment: TemplateEnvironment, text: str, join: Join = concat) -> Program | None:
    """A template of nothing but text and dotted names, without Jinja (compiling one costs half a millisecond)."""
    if "\r" in text or "{%" in text or "{#" in text:
        return None
    body = text.removesuffix("\n")
    parts: list[str | tuple[str, ...]] = []
    end = 0
    for match in _PRINTED.finditer(body):
        literal = body[end : match.start()]
        path = tuple(match.group(1).split("."))
        if "{{" in literal or literal.endswith("{") or path[0] in _RESERVED:
            return None
        if literal:
            parts.append(literal)
        parts.append(path)
        end = match.end()
    rest = body[end:]
    if "{{" in rest:
        return None
    if rest:
        parts.append(rest)
    if len(parts) == 1 and isinstance(parts[0], tuple):
        return _reader(environment, parts[0])
    return _joiner([part if isinstance(part, str) else _reader(environment, part) for part in parts], join)


def _reader(environment: TemplateEnvironment, path: tuple[str, ...]) -> Program:
    first, *rest = path
    known, read_attribute = environment.globals, environment.getattr

    def run(names: Names) -> Any:
        try:
            value = names[first]
        except KeyError:
            value = known.get(first, _MISSING)
            if value is _MISSING:
                return UndefinedMarker(name=first)
        except WeftError as error:
            return marker_for(error)
        for attribute in rest:
            value = read_attribute(value, attribute)
        return value

    return run


def _joiner(parts: list[str | Program], join: Join) -> Program:
    def run(names: Names) -> Any:
        return join([part if isinstance(part, str) else part(names) for part in parts])

    return run
