"""ansible-core's display in a program whose output streams are no files.

It is made when the first of ansible-core's plugins needs it, changes how the program's streams deal with locks and bad
characters, and warns where it can't. Here it only ever tells of ansible-core's own code, through ``told`` or the
streams as they are: that these are left alone is nothing to warn of.
"""

from __future__ import annotations

import importlib
import sys
import threading

_MODULE = "ansible.utils.display"
_OF_STREAMS = "stdout/stderr"
_lock = threading.Lock()


def load_display() -> None:
    """To be called before what imports the display. Costs next to nothing where that has been done."""
    if _MODULE in sys.modules or all(hasattr(stream, "reconfigure") for stream in (sys.stdout, sys.stderr)):
        return
    context = importlib.import_module("ansible._internal._display_utils").DeferredWarningContext
    with _lock, context(variables={}) as deferred:
        display = importlib.import_module(_MODULE).Display()
    for warning in deferred.get_warnings():
        if _OF_STREAMS not in warning.event.msg:
            display._warning(warning)
