"""Diffs of a result as unified text, as `--diff` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.sinks.dump import ResultDumper
from weft.sinks.style import Palette

_NO_NEWLINE = "\n\\ No newline at end of file\n"
_MARKS = {"+": "diff_add", "-": "diff_remove"}


def diff_text(diffs: Sequence[Mapping[str, Any]], dumper: ResultDumper, palette: Palette, context: int) -> str:
    """All diffs of one result, with ``context`` unchanged lines round each change. Empty: nothing to show."""
    return "".join(part for diff in diffs for part in _parts(diff, dumper, palette, context))


def _parts(diff: Mapping[str, Any], dumper: ResultDumper, palette: Palette, context: int) -> Iterator[str]:
    if "dst_binary" in diff:
        yield "diff skipped: destination file appears to be binary\n"
    if "src_binary" in diff:
        yield "diff skipped: source file appears to be binary\n"
    if "dst_larger" in diff:
        yield f"diff skipped: destination file size is greater than {diff['dst_larger']}\n"
    if "src_larger" in diff:
        yield f"diff skipped: source file size is greater than {diff['src_larger']}\n"
    if "before" in diff and "after" in diff:
        yield from _unified(diff, dumper, palette, context)
    if "prepared" in diff:
        yield str(diff["prepared"])


def _unified(diff: Mapping[str, Any], dumper: ResultDumper, palette: Palette, context: int) -> Iterator[str]:
    import difflib

    lines = list(
        difflib.unified_diff(
            _side(diff["before"], dumper),
            _side(diff["after"], dumper),
            fromfile=_header("before", diff),
            tofile=_header("after", diff),
            n=context,
        )
    )
    for line in lines:
        yield palette.paint(line, "diff_lines" if line.startswith("@@") else _MARKS.get(line[:1]))
    if lines:
        yield "\n"


def _side(value: Any, dumper: ResultDumper) -> list[str]:
    if isinstance(value, Mapping):
        value = dumper.dump_diff(value)
    lines = ("" if value is None else str(value)).splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += _NO_NEWLINE
    return lines


def _header(side: str, diff: Mapping[str, Any]) -> str:
    return f"{side}: {diff[f'{side}_header']}" if f"{side}_header" in diff else side
