"""What the recap counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from weft.events import HostRecap


class Tally(Struct):
    """One host's figures while they grow."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


class Stats(Struct):
    """The run's figures; hosts appear with their first task."""

    hosts: dict[str, Tally] = field(default_factory=dict)
    custom: dict[str, dict[str, Any]] = field(default_factory=dict)  # host, or `_run`, -> what set_stats said
    task_seconds: float = 0.0

    def of(self, host: str) -> Tally:
        tally = self.hosts.get(host)
        if tally is None:
            tally = self.hosts[host] = Tally()
        return tally

    def add_custom(self, data: Mapping[str, Any], hosts: Iterable[str], *, aggregate: bool) -> None:
        """Take in what `set_stats` says; with ``aggregate`` equal keys are added up (mappings: merged)."""
        for host in hosts:
            known = self.custom.setdefault(host, {})
            for key, value in data.items():
                known[key] = _aggregated(known.get(key), value) if aggregate and key in known else value

    def recap(self) -> dict[str, HostRecap]:
        return {host: HostRecap(**asdict(tally)) for host, tally in self.hosts.items()}


def _aggregated(old: Any, new: Any) -> Any:
    if type(old) is not type(new):
        return new
    if isinstance(old, dict):
        return {**old, **new}
    try:
        return old + new
    except TypeError:
        return new
