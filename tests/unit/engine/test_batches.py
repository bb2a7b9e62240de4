"""`serial`: sizes, percentages, lists; the last entry holds for the rest."""

from __future__ import annotations

import pytest

from weft.engine.batches import batches, last_size
from weft.model.errors import LoadError

HOSTS = tuple("abcdefghij")


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        (None, [10]),
        (0, [10]),
        (3, [3, 3, 3, 1]),
        ("3", [3, 3, 3, 1]),
        ("30%", [3, 3, 3, 1]),
        ("1%", [1] * 10),
        ([1, 5, 10], [1, 5, 4]),
        ([1, 2], [1, 2, 2, 2, 2, 1]),
        (["10%", "50%"], [1, 5, 4]),
        (100, [10]),
    ],
)
def test_batches_have_the_sizes_that_serial_says(serial: object, sizes: list[int]) -> None:
    split = batches(HOSTS, serial)
    assert [len(batch) for batch in split] == sizes
    assert [host for batch in split for host in batch] == list(HOSTS)


def test_no_hosts_are_no_batches() -> None:
    assert batches((), 3) == []


def test_a_size_that_is_no_number_is_a_load_error() -> None:
    with pytest.raises(LoadError, match="'serial' takes a number or a percentage, not 'some'"):
        batches(HOSTS, "some")


@pytest.mark.parametrize(
    ("serial", "size"), [(None, 10), (0, 10), (3, 3), ("30%", 3), ([1, 5, 2], 2), (["10%", "50%"], 5), ([], 10)]
)
def test_hosts_that_come_after_all_entries_go_by_the_last(serial: object, size: int) -> None:
    assert last_size(serial, len(HOSTS)) == size
