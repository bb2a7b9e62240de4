"""Agents for the tests: one for each Python of this machine, and private homes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_client import Client, interpreters, make, marked, wait_gone


def label(path: str) -> str:
    return Path(path).parent.parent.name if ".pyenv" in path else Path(path).name


@pytest.fixture(scope="session", params=interpreters(), ids=label)
def any_agent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An agent on each Python in turn, shared by all tests."""
    client = make(tmp_path_factory.mktemp("home"), request.param)
    yield client
    assert client.close() == 0


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An agent on the tests' own Python, shared by the tests of a module."""
    client = make(tmp_path_factory.mktemp("home"))
    yield client
    assert client.close() == 0


@pytest.fixture
def own_agent(tmp_path: Path) -> Iterator[Client]:
    """An agent for one test, in ``tmp_path/home``."""
    client = make(tmp_path / "home")
    yield client
    client.close()


@pytest.fixture
def home(agent: Client) -> Path:
    """The home of ``agent``."""
    return Path(agent.hello["home"])


@pytest.fixture(autouse=True, scope="session")
def no_process_is_left() -> Iterator[None]:
    """What these tests start is gone when they are done."""
    before = marked()
    yield
    for pid in marked() - before:
        wait_gone(pid)
