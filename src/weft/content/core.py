"""Where ansible-core's files are, without importing it: the installed one, and older releases kept for older hosts.

ansible-core drops old Pythons in time. weft keeps several releases of its *modules* side by side (``weft content add``
unpacks them below the data folder, nothing of them is ever imported on the controller) and sends each host the newest
whose modules run on that host's Python.
"""

from __future__ import annotations

import functools
import glob
import importlib.util
import os
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from weft.model.errors import TaskFailed, WeftError

_VERSION = r"""^__version__\s*=\s*['"]([^'"]+)['"]"""
_MINIMUM = r"^_PY[23]?_MIN\s*=\s*(?:sys\.version_info\S*\s*>=\s*)?\((?P<version>[\d,\s]+)\)"
_ANCIENT: tuple[tuple[int, ...], ...] = ((2, 6), (3, 5))  # releases before ansible-core said what they need
#: Python versions of hosts -> the last minor release that serves them (the support matrix of ansible-core's docs).
_LAST_FOR = {(2, 7): "2.16", (3, 6): "2.16", (3, 7): "2.17"}


class Core(Struct, frozen=True):
    """One release of ansible-core's files. ``path`` is its ``ansible`` package."""

    path: str
    version: str
    pythons: tuple[tuple[int, ...], ...]  # lowest version of each major line its modules run on

    @property
    def title(self) -> str:
        """The package and its version: the project's first package was named ansible, then ansible-base."""
        key = version_key(self.version)
        name = "ansible" if key < (2, 10) else "ansible-base" if key < (2, 11) else "ansible-core"
        return f"{name} {self.version}"

    @property
    def modules(self) -> str:
        return os.path.join(self.path, "modules")

    @property
    def module_utils(self) -> str:
        return os.path.join(self.path, "module_utils")

    @property
    def runtime_file(self) -> str:
        return os.path.join(self.path, "config", "ansible_builtin_runtime.yml")

    def runs_on(self, python: Sequence[int]) -> bool:
        """Whether its modules run on a Python of that version."""
        return any(python[0] == lowest[0] and tuple(python) >= lowest for lowest in self.pythons)


def read_core(path: str) -> Core:
    """Raises WeftError where there is no ansible-core."""
    try:
        with open(os.path.join(path, "release.py"), encoding="utf-8") as file:
            release = file.read()
        with open(os.path.join(path, "module_utils", "basic.py"), encoding="utf-8") as file:
            basic = file.read(20_000)
    except OSError as error:
        raise WeftError(f"There is no usable ansible-core in {path}: {error}") from error
    version = re.search(_VERSION, release, re.MULTILINE)
    minimums = (match["version"] for match in re.finditer(_MINIMUM, basic, re.MULTILINE))
    lowest = tuple(tuple(int(n) for n in minimum.split(",") if n.strip()) for minimum in minimums)
    return Core(path, version[1] if version else "0", lowest or _ANCIENT)


@functools.cache
def installed_core() -> Core:
    """The ansible-core that weft is installed with. Raises WeftError where there is none."""
    spec = importlib.util.find_spec("ansible")
    if spec is None or not spec.submodule_search_locations:
        raise WeftError("ansible-core is not installed: weft needs it", hint="Install the package ansible-core.")
    return read_core(next(iter(spec.submodule_search_locations)))


def data_dir() -> str:
    """weft's data folder: ``$WEFT_DATA``, or ``$XDG_DATA_HOME/weft``, or ``~/.local/share/weft``."""
    told = os.environ.get("WEFT_DATA")
    if told:
        return os.path.expanduser(told)
    base = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(base, "weft")


def content_dir() -> str:
    """Where releases for older hosts are: ``<data folder>/content/<name>/ansible``."""
    return os.path.join(data_dir(), "content")


@functools.cache
def older_cores() -> tuple[Core, ...]:
    """Releases in the content folder, newest first."""
    found = []
    for path in glob.iglob(os.path.join(glob.escape(content_dir()), "[!.]*", "ansible")):
        try:
            found.append(read_core(path))
        except WeftError:
            continue  # something else
    return tuple(sorted(found, key=lambda core: version_key(core.version), reverse=True))


def core_for(python: Sequence[int]) -> Core:
    """The newest release whose modules run on that Python; the installed one where none does (it then says so)."""
    installed = installed_core()
    return next((core for core in (installed, *older_cores()) if core.runs_on(python)), installed)


def too_old(host: str, python: Sequence[int], path: str) -> TaskFailed:
    """What a module fails with on a host whose Python none of the releases here serves; ``path`` is the Python's."""
    core = core_for(python)
    release = _LAST_FOR.get((python[0], python[1]))
    remedy = f" This gets it older ones: weft content add 'ansible-core=={release}.*'" if release else ""
    return TaskFailed(
        f"The modules of {core.title} need Python {' or '.join(map(dotted, core.pythons))} or later, "
        f"{host} has {dotted(python)} ({path}).{remedy}",
        hint="Only command, shell, raw, script and ping need no modules.",
    )


def dotted(version: Iterable[int]) -> str:
    """``(3, 6)`` as ``3.6``."""
    return ".".join(map(str, version))


def version_key(version: str) -> tuple[int, ...]:
    """Sorts ``2.9.27`` before ``2.16.3``; pre-release marks do not count."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
