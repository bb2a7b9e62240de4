"""Python's syntax trees, made by one thread at a time.

CPython 3.11 counts for all threads together how deep it is in a tree. When garbage is collected meanwhile, another
thread may get its turn, and the first one then finds a depth that isn't its own: a SystemError about valid source.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast

_one_at_a_time = threading.Lock()


def parse(source: str | bytes, path: str = "<unknown>") -> ast.Module:
    """Raises SyntaxError, ValueError."""
    import ast  # takes long, and most runs have no need of it

    with _one_at_a_time:
        return ast.parse(source, path)


def literal(text: str) -> Any:
    """The value of a Python literal. Raises SyntaxError, ValueError, TypeError."""
    import ast

    with _one_at_a_time:
        return ast.literal_eval(text)
