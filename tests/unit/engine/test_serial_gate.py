"""The gate of `serial` where hosts come at their own pace, and some of them again."""

from __future__ import annotations

import asyncio

from weft.engine.limits import SerialGate


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def through(gate: SerialGate, names: str) -> list[str]:
    """Who is inside together when hosts come in this order, each leaving as the longest one inside."""
    inside: list[str] = []
    leave = {number: asyncio.Event() for number in range(len(names))}
    seen: list[str] = []

    async def host(number: int, name: str) -> None:
        async with gate.turn():
            inside.append(f"{name}{number}")
            await leave[number].wait()
            inside.remove(f"{name}{number}")

    tasks = [asyncio.create_task(host(number, name)) for number, name in enumerate(names)]
    await settled()
    while inside:
        seen.append("".join(sorted(entry[0] for entry in inside)))
        leave[int(inside[0][1:])].set()
        await settled()
    assert all(task.done() for task in tasks), gate
    return seen


def test_batches_go_in_one_after_the_other() -> None:
    assert asyncio.run(through(SerialGate([2, 1], coming=False, further=2), "abc")) == ["ab", "b", "c"]


def test_who_comes_again_makes_up_batches_of_the_same_size() -> None:
    seen = asyncio.run(through(SerialGate([2, 1], coming=False, further=2), "abcABCD"))
    assert seen == ["ab", "b", "c", "AB", "B", "CD", "D"]


def test_who_comes_to_batches_that_were_announced_comes_after_them() -> None:
    async def play() -> list[str]:
        gate = SerialGate([2], coming=True, further=1)
        async with gate.turn(0), gate.turn(0):
            pass
        return await through(gate, "ab")

    assert asyncio.run(play()) == ["a", "b"]
