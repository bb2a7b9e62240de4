"""weft runs Ansible playbooks, many times faster, with concurrency as part of the language."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.api import Finished, Run, play

__version__ = "0.1.0"
__all__ = ["Finished", "Run", "__version__", "play"]


def __getattr__(name: str) -> Any:
    # the agent, the lab's hosts and `weft --version` import this package: the API comes when it is asked for
    if name in ("Finished", "Run", "play"):
        return getattr(importlib.import_module("weft.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
