"""Jinja's options as a template file or a task may change them, and the ``#jinja2:`` line at the top of a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weft.model.errors import TemplateFailed
from weft.model.syntax import literal

HEADER: Final = "#jinja2:"

DEFAULTS: Final[Mapping[str, Any]] = {
    "block_start_string": "{%",
    "block_end_string": "%}",
    "variable_start_string": "{{",
    "variable_end_string": "}}",
    "comment_start_string": "{#",
    "comment_end_string": "#}",
    "line_statement_prefix": None,
    "line_comment_prefix": None,
    "trim_blocks": True,
    "lstrip_blocks": False,
    "newline_sequence": "\n",
    "keep_trailing_newline": False,
}
OPTION_NAMES: Final = tuple(DEFAULTS)

_FLAGS = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline")
_STARTS = ("block_start_string", "variable_start_string", "comment_start_string")


def has_markers(text: str) -> bool:
    """Whether text looks like a template (it may still be a broken one)."""
    return ("{" in text and ("{{" in text or "{%" in text or "{#" in text)) or text.startswith(HEADER)


def looks_like_template(text: str, options: Mapping[str, Any]) -> bool:
    """As ``has_markers``, where the marks may be others."""
    return text.startswith(HEADER) or any(options.get(key, DEFAULTS[key]) in text for key in _STARTS)


def is_all_template(text: str) -> bool:
    """Whether text looks like nothing but a template."""
    return text.startswith(HEADER) or (text.startswith(("{{", "{%", "{#")) and text.endswith(("}}", "%}", "#}")))


def normalized(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Only what differs from the defaults. Raises TemplateFailed for options that don't exist or don't fit."""
    changed = {}
    for key, value in overrides.items():
        if key not in DEFAULTS:
            raise TemplateFailed(f"Invalid Jinja override {key!r}.")
        wanted = bool if key in _FLAGS else str
        if not isinstance(value, wanted) and not (value is None and DEFAULTS[key] is None):
            raise TemplateFailed(f"{key} must be {wanted.__name__} instead of {type(value).__name__}")
        if value != DEFAULTS[key]:
            changed[key] = value
    if changed.get("newline_sequence", "\n") not in ("\n", "\r\n", "\r"):
        raise TemplateFailed("newline_sequence needs to be one of: \\n, \\r or \\r\\n")
    if len({changed.get(key, DEFAULTS[key]) for key in _STARTS}) < len(_STARTS):
        raise TemplateFailed("Block, variable and comment start strings must be different.")
    return changed


def split_header(text: str) -> tuple[str, dict[str, Any]]:
    """The template without its ``#jinja2:`` line, and what that line says. Raises TemplateFailed."""
    if not text.startswith(HEADER):
        return text, {}
    try:
        line, rest = text[len(HEADER) :].split("\n", 1)
    except ValueError:
        raise TemplateFailed(f"Syntax error in template: Missing newline after {HEADER!r} override.") from None
    found: dict[str, Any] = {}
    for pair in line.split(","):
        key, colon, value = (part.strip() for part in pair.partition(":"))
        if not key and not colon:
            raise TemplateFailed(f"Syntax error in template: Empty {HEADER!r} override pair not allowed.")
        if not colon:
            raise TemplateFailed(
                f"Syntax error in template: Missing key-value separator `:` in {HEADER!r} override pair {pair!r}."
            )
        if key not in DEFAULTS:
            raise TemplateFailed(f"Syntax error in template: Invalid {HEADER!r} override key {key!r}.")
        try:
            found[key] = literal(value)
        except (ValueError, SyntaxError) as error:
            raise TemplateFailed(f"Syntax error in template: {error}") from None
    return rest, found
