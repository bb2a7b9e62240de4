"""subprocess.Popen as modules get it: a function that would do nothing in the child costs no fork.

Comes before ``zygote``, which puts it into the Python it sets up. ``run_command`` of ansible-core gives Popen a
``preexec_fn`` that sets a umask if there is one, which is seldom. With any such function Popen must fork this process,
and both sides then copy each page they touch: 2 ms for each program, of which setup alone runs twenty-five. Without it,
Python 3.10 and later use vfork(2).
"""

from __future__ import absolute_import, division, print_function

import functools
import os
import subprocess
import sys

_SAID = ("co_code", "co_consts", "co_names", "co_freevars")  # of code: all that it can do


def install():
    """Have ``subprocess`` use Popen from here, if this Python has anything of it."""
    if sys.version_info >= (3, 10) and isinstance(subprocess.Popen, type):
        subprocess.Popen = derived(subprocess.Popen)


def derived(base):
    """A subclass of ``base`` that looks like it and does as it does."""

    class Popen(base):
        @functools.wraps(base.__init__)
        def __init__(self, *args, **options):
            if does_nothing(options.get("preexec_fn")):
                options["preexec_fn"] = None
            base.__init__(self, *args, **options)

    for name in ("__module__", "__qualname__", "__doc__"):
        setattr(Popen, name, getattr(base, name))
    return Popen


def _only_sets(umask):
    """The function that is known to do nothing without a umask: any with the very same code is."""

    def known():
        if umask:
            os.umask(umask)

    return known


_KNOWN = [getattr(_only_sets(None).__code__, name) for name in _SAID]


def does_nothing(function):
    """Whether a call of ``function`` certainly has no effect; False for None."""
    code = getattr(function, "__code__", None)
    if code is None or [getattr(code, name) for name in _SAID] != _KNOWN:
        return False
    try:
        return not function.__closure__[0].cell_contents
    except ValueError:
        return False  # the variable has no value yet
