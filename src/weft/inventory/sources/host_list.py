"""Host lists on the command line: ``-i a,b,`` (and with ranges, where `advanced_host_list` is enabled)."""

from __future__ import annotations

from weft.events.types import Message
from weft.inventory.addresses import BadAddress, expand_pattern, parse_address
from weft.inventory.builder import InventoryBuilder, Warn
from weft.inventory.model import UNGROUPED
from weft.model.errors import LoadError


def parse_host_list(text: str, builder: InventoryBuilder, warn: Warn, *, ranges: bool = False) -> None:
    """Fill ``builder``. Raises LoadError for a range that is none."""
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        names: list[str] = [entry]
        port: int | None = None
        try:
            if ranges:
                names, port = expand_pattern(entry)
            else:
                name, port = parse_address(entry)
                names = [name]
        except BadAddress as error:
            if ranges and isinstance(error.__cause__, ValueError):
                raise LoadError(f"Invalid data from string, could not parse: {error}") from error
            warn(Message(text=f"Unable to parse address from hostname, leaving unchanged: {error}", verbosity=3))
        for name in names:
            if name not in builder.hosts:
                builder.add_host(name, UNGROUPED, port)
