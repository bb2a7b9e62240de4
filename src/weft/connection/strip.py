"""Python sources made short without another meaning: what is sent to hosts is read by nobody.

Used by ``pack`` when the agent has changed since it was packed.
"""

from __future__ import annotations

import ast
import io
import tokenize

from weft.model.syntax import parse


def one_line(source: str) -> str:
    """Statements none of which is compound, without their docstring."""
    statements = [node for node in parse(source).body if not _is_docstring(node)]
    return ";".join(ast.unparse(node) for node in statements)


def strip(source: str) -> str:
    """A module without comments and docstrings. Line numbers stay, so that tracebacks from hosts can be read here."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _is_docstring(node.body[0]):
            text = node.body[0]
            lines[text.lineno - 1] = lines[text.lineno - 1][: text.col_offset] + ("0" if len(node.body) == 1 else "")
            last = text.end_lineno or text.lineno
            lines[text.lineno : last] = [""] * (last - text.lineno)
    return "".join(_narrow(line) + "\n" for line in lines)


def _narrow(line: str) -> str:
    text = line.lstrip(" ")
    indent = len(line) - len(text)
    return " " * (indent // 4 + (1 if indent % 4 else 0)) + text.rstrip()


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
