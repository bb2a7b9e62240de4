"""Fixtures for tests over real sshds: the lab's hosts, and proxies before them.

One lab for each test process (pytest-xdist's workers don't see each other's), started when a test first asks for it.
Tests that kill, reboot or fill a host take one of their own: ``fresh_host`` or ``make_host``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weft.lab import BackgroundProxy, HostOptions, Kind, Lab, LabHost

MakeHost = Callable[..., LabHost]
MakeProxy = Callable[..., BackgroundProxy]

#: Reboots in tests need not take their time.
BOOT_DELAY = 0.2


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three hosts, lab1 to lab3, that all tests share. At the end nothing of them may be left."""
    best = Lab.best_available()
    if best.kind is not Kind.NAMESPACES:
        pytest.skip(f"needs root, namespaces and openssh-server: {best.message}")
    held = Lab(base=tmp_path_factory.mktemp("lab"))
    try:
        held.up(3, options=HostOptions(boot_delay=BOOT_DELAY))
        folder = held.folder
        yield held
        pids = [pid for host in held.hosts for pid in held.pids(host)]
    finally:
        held.down()
    assert leftovers(folder, pids) == []


@pytest.fixture
def lab_host(lab: Lab) -> LabHost:
    """One of the shared hosts. Leave it as it was."""
    return lab.host("lab1")


@pytest.fixture
def make_host(lab: Lab) -> Iterator[MakeHost]:
    """``make_host(**options)``: hosts for this test only, with the fields of ``HostOptions``."""
    made: list[LabHost] = []

    def make(**options: object) -> LabHost:
        name = f"fresh{next(_numbers)}"
        host = lab.add_host(name, group="fresh", options=HostOptions(**{"boot_delay": BOOT_DELAY, **options}))  # type: ignore[arg-type]
        made.append(host)
        return host

    yield make
    for host in made:
        lab.remove(host)


@pytest.fixture
def fresh_host(make_host: MakeHost) -> LabHost:
    """A host for this test only."""
    return make_host()


@pytest.fixture
def proxy(lab: Lab) -> Iterator[MakeProxy]:
    """``proxy(host, delay=0.0)``: a running proxy before a host; ``host.through(proxy.address)`` is the way by it."""
    with contextlib.ExitStack() as stack:
        yield lambda host, delay=0.0: stack.enter_context(BackgroundProxy(lab.proxy(host, delay=delay)))


def leftovers(folder: Path, pids: list[int]) -> list[str]:
    """What is still there of a lab that has ended: its folder, mounts in it, its processes."""
    found = [str(folder)] if folder.exists() else []
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]
    return found + [f"process {pid}" for pid in pids if os.path.exists(f"/proc/{pid}")]


_numbers = itertools.count(1)
