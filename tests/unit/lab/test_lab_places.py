"""Labs keep out of each other's way, and dead ones are swept."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from weft.lab import LabError, places


def test_a_lab_whose_supervisor_is_dead_is_swept(tmp_path: Path) -> None:
    base = tmp_path / "lab"
    folder, lock = places.create(base, "one")
    (folder.path / "hosts" / "a").mkdir(parents=True)
    assert places.running(base) == ["one"]
    places.sweep(base)
    assert folder.path.exists()
    os.close(lock)
    assert places.running(base) == []
    places.sweep(base)
    assert not folder.path.exists()


def test_a_new_lab_takes_the_place_of_a_dead_one(tmp_path: Path) -> None:
    _, lock = places.create(tmp_path, "one")
    with pytest.raises(LabError, match="a lab named one is up already"):
        places.create(tmp_path, "one")
    os.close(lock)
    _, lock = places.create(tmp_path, "one")
    os.close(lock)


def test_folders_are_private(tmp_path: Path) -> None:
    base = tmp_path / "lab"
    folder, lock = places.create(base, "one")
    assert {path.stat().st_mode & 0o777 for path in (base, folder.path)} == {0o700}
    os.close(lock)


def test_two_labs_never_share_an_address() -> None:
    one, other = places.Addresses(), places.Addresses()
    try:
        assert one.take().rpartition(".")[0] != other.take().rpartition(".")[0]
    finally:
        one.close()
        other.close()


def test_an_address_is_used_again_only_when_no_fresh_one_is_left() -> None:
    addresses = places.Addresses()
    try:
        first = addresses.take()
        addresses.give_back(first)
        rest = [addresses.take() for _ in range(places.HOSTS_IN_SLICE - 1)]
        assert first not in rest
        assert addresses.take() == first
        assert addresses.take().rpartition(".")[0] != first.rpartition(".")[0]
    finally:
        addresses.close()


def test_a_reserved_name_is_free_again_when_its_holder_is_gone() -> None:
    name = f"test-{os.getpid()}"
    held = places.reserve(name)
    assert held is not None
    assert places.reserve(name) is None
    held.close()
    again = places.reserve(name)
    assert again is not None
    again.close()


def test_a_port_somebody_listens_at_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not places.can_bind("127.0.0.1", port)
    assert places.can_bind("127.0.0.1", port)


def test_a_long_path_does_not_break_the_socket(tmp_path: Path) -> None:
    base = tmp_path / ("x" * 120)
    folder, lock = places.create(base, "one")
    with places.open_socket(folder, listen=True), places.open_socket(folder, listen=False) as client:
        assert client.getpeername()
    os.close(lock)
