"""Says what is wrong with a YAML text: where, and what most often causes it there."""

from __future__ import annotations

import re
from typing import Any

from weft.model.errors import LoadError
from weft.model.values import Origin

_PREFIX = "YAML parsing failed: "
_TEMPLATE = re.compile(r"^\s*(?:-\s+)*(?:[\w\s]+:\s+)?(?P<value>\{\{.*}})")
_VALUE = re.compile(r"^\s*(?:-\s+)*(?:[\w\s\[\]{}]+:\s+)?(?P<value>.*)$")
_QUOTED = re.compile(r"^\s*(?:-\s+)*(?:[\w\s]+:\s+)?(?P<value>[\"'].*?\s*)$")
_WHOLLY_QUOTED = re.compile(r"""^\s*('[^']*'|"[^"]*")\s*$""")
_COLON = re.compile(r":($| )")


def yaml_error(error: Exception, text: str, path: str, *, redact: bool = False) -> LoadError:
    """The LoadError for what the YAML library raised while it read ``text``."""
    from weft.config.yaml_nodes import PlaceError

    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _unmarked(error, text, path)
    origin = Origin(path, mark.line + 1, mark.column + 1)
    if not redact and not isinstance(error, PlaceError):
        guess = _guess(_line(text, mark.line))
        if guess is not None:
            column, message, example = guess
            return LoadError(_PREFIX + message, Origin(path, origin.line, column), _example(example))
    return LoadError(_PREFIX + _sentence(error), origin)


def decode_error(error: UnicodeDecodeError, path: str) -> LoadError:
    """The LoadError for a file that isn't UTF-8, with the place of the first wrong byte."""
    before = error.object[: error.start]
    line = before.count(b"\n") + 1
    column = error.start - (before.rfind(b"\n") + 1) + 1
    message = f"File {path!r} could not be decoded as 'utf-8': {error.reason}."
    return LoadError(message, Origin(path, line, column), "This file must be UTF-8 encoded.")


def _unmarked(error: Exception, text: str, path: str) -> LoadError:
    position = getattr(error, "position", None)
    message = re.sub(r"\s+", " ", str(error)).strip()
    if position is None:
        return LoadError(_PREFIX + message, Origin(path))
    # libyaml counts bytes, the Python reader characters; they differ only behind other errors' text
    before = text.encode("utf-8", "replace")[:position].decode("utf-8", "replace")
    line = before.count("\n") + 1
    return LoadError(_PREFIX + message, Origin(path, line, len(before) - (before.rfind("\n") + 1) + 1))


def _line(text: str, number: int) -> str:
    lines = text.split("\n", number + 1)
    return lines[number].rstrip("\r") if number < len(lines) else ""


def _sentence(error: Any) -> str:
    parts = (getattr(error, name, None) for name in ("context", "problem", "note"))
    message = re.sub(r"\s+", " ", " ".join(part for part in parts if part)).strip() or "the text is not YAML"
    message = message[0].upper() + message[1:]
    return message if message.endswith(".") else message + "."


def _guess(line: str) -> tuple[int, str, tuple[str, str] | None] | None:
    """Column, message and example (wrong, right) for the usual mistakes in a line that the parser stumbled over."""
    tab = line.find("\t")
    if tab >= 0:
        return tab + 1, "Tabs are usually invalid in YAML.", None
    template = _TEMPLATE.search(line)
    if template:
        message = "This may be an issue with missing quotes around a template block."
        return template.start("value") + 1, message, ("{{ some_var }}", '"{{ some_var }}"')
    return _guess_colon(line) or _guess_quotes(line)


def _guess_colon(line: str) -> tuple[int, str, tuple[str, str]] | None:
    if line.lstrip().startswith(":"):
        return None
    value = _VALUE.search(line)
    if not value:
        return None
    # a value that is quoted as a whole may hold what it likes
    fragment = _WHOLLY_QUOTED.sub(lambda match: "." * len(match.group(0)), value.group("value"))
    colon = _COLON.search(fragment)
    if not colon:
        return None
    message = "Colons in unquoted values must be followed by a non-space character."
    return value.start("value") + colon.start() + 1, message, ("echo 'name: ansible'", "\"echo 'name: ansible'\"")


def _guess_quotes(line: str) -> tuple[int, str, tuple[str, str]] | None:
    match = _QUOTED.search(line)
    if not match:
        return None
    value = match.group("value")
    column = match.start("value") + 1
    message = "Values starting with a quote must end with the same quote"
    if value[0] != value[-1]:
        return column, f"{message}.", ('"foo" in bar', "'\"foo\" in bar'")
    if line.count(value[0]) > 2:
        return column, f"{message}, and not contain that quote.", ('"foo" in "bar"', '\'"foo" in "bar"\'')
    return None


def _example(example: tuple[str, str] | None) -> str | None:
    if example is None:
        return None
    wrong, right = example
    return f"For example:\n\n    raw: {wrong}\n\nShould be:\n\n    raw: {right}"
