"""Jobs as text: tables, and everything known of one."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

from weft.jobs.record import FAILED, FINISHED, RUNNING, JobRecord

Paint = Callable[[str, str | None], str]  # text and the kind of line it is (`ok`, `error`, `changed`)

_HEADERS = ("HOST", "JID", "STATE", "AGE", "RUNTIME", "USER", "WHAT")
_GAP = "  "
_UNITS = ((86400.0, "d", 3600.0, "h"), (3600.0, "h", 60.0, "m"), (60.0, "m", 1.0, "s"))


def plain(text: str, kind: str | None) -> str:
    """A ``Paint`` without colours."""
    return text


def table(records: Iterable[JobRecord], paint: Paint = plain, width: int | None = None) -> str:
    """A table with a line for each job. ``width`` (columns): the last column is cut to fit."""
    records = tuple(records)
    rows = [_cells(record) for record in records]
    widths = [max(len(row[column]) for row in (_HEADERS, *rows)) for column in range(len(_HEADERS) - 1)]
    lines = [_line(_HEADERS, widths, width)]
    lines += [
        _line(row, widths, width, lambda text, r=record: paint(text, kind_of(r)))  # type: ignore[misc]
        for record, row in zip(records, rows, strict=True)
    ]
    return "".join(line + "\n" for line in lines)


def line(record: JobRecord, paint: Paint = plain) -> str:
    """One job in one line, for what happens while one looks on."""
    runtime = f" after {duration(record.runtime)}" if record.runtime is not None else ""
    what = f": {one_line(record.what)}" if record.what else ""
    return f"{record.host} {record.jid} {paint(state_text(record), kind_of(record))}{runtime}{what}\n"


def details(record: JobRecord, paint: Paint = plain) -> str:
    """Everything known of a job."""
    rows = [
        ("state", paint(state_text(record), kind_of(record))),
        ("what", record.what),
        ("user", record.user or ""),
        ("started", _moment(record.started_at)),
        ("ended", _moment(record.ended_at)),
        ("runtime", duration(record.runtime)),
        ("limit", duration(record.limit) if record.limit else ""),
        ("file", f"{record.async_dir}/{record.jid}"),
        ("started by", "ansible" if record.foreign else "weft"),
    ]
    lines = [f"{record.host} {record.jid}"]
    lines += [f"  {name + ':':<12}{text}" for name, text in rows if text not in ("", "-")]
    if record.result:
        dumped = json.dumps(record.result, indent=4, sort_keys=True, default=str, ensure_ascii=False)
        lines.append("  result: " + dumped.replace("\n", "\n  "))
    return "\n".join(lines) + "\n"


def kind_of(record: JobRecord) -> str:
    if record.state == RUNNING:
        return "changed"
    return "ok" if record.state == FINISHED else "error"


def state_text(record: JobRecord) -> str:
    """The state, with the return code of what failed, or that something of it still runs."""
    if record.orphans:
        return f"{record.state}, still runs"
    return f"{record.state} (rc {record.rc})" if record.state == FAILED and record.rc else record.state


def duration(seconds: float | None) -> str:
    """Seconds as a person reads them: `0.4s`, `12s`, `3m05s`, `2h10m`, `4d03h`."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for size, unit, below, name in _UNITS:
        if whole >= size:
            return f"{int(whole // size)}{unit}{int(whole % size // below):02d}{name}"
    return f"{whole}s"


def columns(stream: TextIO) -> int | None:
    """The width of a terminal; None: it is none, and nothing has to be cut."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None


def one_line(text: str) -> str:
    """Text without line ends and control characters."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


def as_json(document: Any) -> str:
    return json.dumps(document, indent=4, default=str) + "\n"


def _cells(record: JobRecord) -> Sequence[str]:
    return (
        record.host,
        record.jid,
        state_text(record),
        duration(record.age),
        duration(record.runtime),
        record.user or "-",
        one_line(record.what) or "-",
    )


def _line(
    cells: Sequence[str], widths: Sequence[int], width: int | None, paint: Callable[[str], str] | None = None
) -> str:
    padded = [f"{cell:<{room}}" for cell, room in zip(cells[:-1], widths, strict=True)]
    used = sum(widths) + len(_GAP) * len(widths)
    last = cells[-1] if width is None else cells[-1][: max(10, width - used)]
    if paint is not None:
        padded[2] = paint(padded[2])
    return _GAP.join([*padded, last]).rstrip()


def _moment(at: float | None) -> str:
    if at is None:
        return ""
    return datetime.datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
