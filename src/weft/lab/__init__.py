"""Throwaway SSH hosts on this machine, for the demo, tests and benches.

Each host has mount, process, host name and IPC namespaces of its own, a writable overlay over this machine's root and
an sshd of its own at 127.77.x.y. One supervisor process holds a lab; when it ends, however it ends, so do the hosts.

Stands beside the rest of weft: it imports nothing but ``model`` and the standard library (``cli`` also click).
Names are resolved at first use, since every host's init imports this package at its start.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.lab.available import Availability, best_available
    from weft.lab.client import Lab
    from weft.lab.errors import LabError
    from weft.lab.hosts import HostOptions, HostStatus, Kind, LabHost, inventory_text
    from weft.lab.proxy import BackgroundProxy, Proxy

__all__ = [
    "Availability",
    "BackgroundProxy",
    "HostOptions",
    "HostStatus",
    "Kind",
    "Lab",
    "LabError",
    "LabHost",
    "Proxy",
    "best_available",
    "inventory_text",
]

_HOMES = {
    "Availability": "available",
    "BackgroundProxy": "proxy",
    "HostOptions": "hosts",
    "HostStatus": "hosts",
    "Kind": "hosts",
    "Lab": "client",
    "LabError": "errors",
    "LabHost": "hosts",
    "Proxy": "proxy",
    "best_available": "available",
    "inventory_text": "hosts",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
