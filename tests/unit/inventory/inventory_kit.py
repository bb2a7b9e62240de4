"""Inventories from text, for the tests beside this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from weft.events.types import Deprecated, Event, Warned
from weft.inventory import Inventory, load
from weft.model.settings import Settings


class Said(list[Event]):
    """What was told."""

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self if isinstance(event, Warned | Deprecated)]


class Kit:
    """Writes sources below a folder and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = Said()

    def write(self, name: str, text: str, mode: int = 0o644) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def load(self, *sources: str, **changes: Any) -> Inventory:
        return load(sources, replace(Settings(), **changes), warn=self.said.append, cwd=str(self.folder))

    def ini(self, text: str, **changes: Any) -> Inventory:
        return self.load(self.write("hosts", text), **changes)

    def yaml(self, text: str, **changes: Any) -> Inventory:
        return self.load(self.write("hosts.yml", text), **changes)


def own_vars(inventory: Inventory, host: str) -> dict[str, Any]:
    """A host's variables without those that say where it was found."""
    return {key: value for key, value in inventory.hosts[host].vars.items() if not key.startswith("inventory_")}
