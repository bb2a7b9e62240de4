"""Texts made into something that runs: Jinja's compiled templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from weft.model.errors import TemplateFailed, WeftError
from weft.templating.api import Names
from weft.templating.context import WeftTemplate
from weft.templating.environment import TemplateEnvironment, concat
from weft.templating.failures import SyntaxFailed
from weft.templating.shortcut import Join, Program


def compile_template(environment: TemplateEnvironment, text: str, join: Join = concat) -> Program:
    """A template. ``join`` makes one value of its parts. Raises TemplateFailed."""
    return _compile(environment, text, "template", join)


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
