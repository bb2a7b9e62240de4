"""Which includes of a round's hosts are one: equal ones of several hosts, found without comparing all with all."""

from __future__ import annotations

from typing import Any

from weft.engine.includes import group
from weft.executor.report import Include

FILE = {"_raw_params": "x.yml"}


def include(item: Any, **variables: Any) -> Include:
    return Include(args=FILE, variables={"item": item, **variables}, label=item)


def grouped(wanted: dict[str, list[Include]]) -> list[tuple[Any, str]]:
    found = group({host: tuple(includes) for host, includes in wanted.items()}, tuple(wanted))
    return [(one.variables["item"], " ".join(one.hosts)) for one in found]


def test_hosts_that_include_the_same_do_it_together() -> None:
    wanted = {"a": [include(1), include(2)], "b": [include(2), include(3)]}
    assert grouped(wanted) == [(1, "a"), (2, "a b"), (3, "b")]


def test_equal_items_of_one_host_are_included_each_for_itself() -> None:
    wanted = {"a": [include("x"), include("x")], "b": [include("x"), include("x"), include("x")]}
    assert grouped(wanted) == [("x", "a b"), ("x", "a b"), ("x", "b")]


def test_items_may_be_anything() -> None:
    items: list[Any] = [{"k": [1]}, [1, {"k": 2}], {1, 2}, (1, 2), None, 1.5]
    wanted = {"a": [include(item) for item in items], "b": [include(item) for item in items]}
    assert grouped(wanted) == [(item, "a b") for item in items]
    assert grouped({"a": [include({"k": [1]})], "b": [include({"k": [2]})]}) == [({"k": [1]}, "a"), ({"k": [2]}, "b")]


class Item:
    """Counts how often it is compared."""

    compared = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        Item.compared += 1
        return isinstance(other, Item) and other.number == self.number


def test_a_loop_of_many_items_is_not_compared_item_by_item() -> None:
    count, hosts = 300, 4
    wanted = {f"h{host}": tuple(include(Item(number)) for number in range(count)) for host in range(hosts)}
    found = group(wanted, tuple(wanted))
    assert [len(one.hosts) for one in found] == [hosts] * count
    assert Item.compared < 10 * count * hosts
