"""Nothing that these tests start may outlive them: no task, no process, no descriptor."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from connection_kit import MemoryHost

from weft.connection.api import Target
from weft.connection.session import AgentSession


def descriptors() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return {name for name in found if name.startswith(("pipe:", "socket:", "/dev/ptmx", "anon_inode:[pidfd]"))}


def children() -> set[str]:
    try:
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
    except OSError:
        return set()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before, families = descriptors(), children()
    yield
    if children() - families or descriptors() - before:
        gc.collect()  # it takes a while: only if something may be waiting for it
    assert children() <= families
    assert descriptors() <= before


@pytest_asyncio.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("asyncio"):
            item.fixturenames.insert(0, "no_task_is_left")  # type: ignore[attr-defined]


@pytest.fixture
def memory() -> MemoryHost:
    return MemoryHost()


@pytest.fixture
def target() -> Target:
    return Target(host="web1")


@pytest_asyncio.fixture
async def session(memory: MemoryHost, target: Target) -> AsyncIterator[AgentSession]:
    """A session with the fake agent of ``memory``."""
    session = AgentSession(target, memory, window=30.0, linger=60.0)
    await session.start(await memory.launch())
    yield session
    await session.close()
