"""What `await` and `cancel` take for jobs: handles, registered loops, ids, lists of these.

Comes before ``actions``. Nothing is asked of a host here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.model.errors import WeftError

ALL = "all"  # every job that tasks of the host have started in this run and that were not seen to end


class Handle(Struct, frozen=True):
    """One job. ``ended`` is its result, where what was given says that it is over already (or never began)."""

    jid: str
    ended: Mapping[str, Any] | None = None


def read_handles(value: Any) -> list[Handle]:
    """Jobs in the order given, each once. Skipped items have no job and are passed by. Raises WeftError."""
    found: dict[str, Handle] = {}
    for number, handle in enumerate(_each(value)):
        found.setdefault(handle.jid or f"#{number}", handle)
    return list(found.values())


def _each(value: Any) -> Iterator[Handle]:
    if isinstance(value, str):
        yield _named(value)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _each(item)
    elif not isinstance(value, Mapping):
        raise WeftError(f"A job is a handle, a registered loop or a job id, not {value!r}.")
    elif value.get("ansible_job_id"):
        # of a lost job something may still run: it is asked about again
        over = (bool(value.get("finished")) or bool(value.get("failed"))) and not value.get("lost")
        yield Handle(_named(str(value["ansible_job_id"])).jid, value if over else None)
    elif isinstance(value.get("results"), list):
        yield from _each(value["results"])
    elif value.get("failed"):
        yield Handle("", value)  # it could not be started
    elif not value.get("skipped"):
        raise WeftError("This is no job: it has no 'ansible_job_id'. Was it started with `async` and `poll: 0`?")


def _named(text: str) -> Handle:
    jid = text.strip()
    if not jid or "/" in jid:
        raise WeftError(f"{text!r} is no job id.")
    return Handle(jid)
