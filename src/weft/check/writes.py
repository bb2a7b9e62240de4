"""What a task writes, as far as its text tells, and which two writes meet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.check.texts import Reader, loop_names, own_names, words
from weft.model.convert import is_true
from weft.model.nodes import Play, Task
from weft.model.values import Value
from weft.watch.uses import CONTROLLER, Use, uses_of

_COMPARED = re.compile(r"\s*([\w.\[\]'\"]+)\s*==\s*(['\"]?)([\w.\- ]*)\2\s*")
_MOST_ITEMS = 1000


class Write(Struct, frozen=True, kw_only=True):
    """One thing that a task writes. Frozen: what is round the task adds to copies."""

    task: Task
    use: Use
    machine: str = ""  # where: a delegate as it is written; "": the host itself
    locks: frozenset[str] = frozenset()
    alone: bool = False  # one host at a time
    item: int | None = None  # of a loop whose items are known

    @property
    def sure(self) -> bool:
        """Whether all of it is known."""
        return not _is_open(self.use.key) and not _is_open(self.machine)

    def meets(self, other: Write) -> bool:
        """Whether both, side by side on one host's behalf, write the same."""
        if self.machine != other.machine or not self.use.meets(other.use) or not self.locks.isdisjoint(other.locks):
            return False
        if exclude_each_other(self.task.common.when, other.task.common.when):
            return False
        return self.sure or (not self._is_own() and not other._is_own())

    def _is_own(self) -> bool:
        """Whether text that isn't evaluated yet means something else in another task."""
        return not words([self.use.key, self.machine]).isdisjoint(own_names(self.task))


def _is_open(text: str) -> bool:
    """Whether text is still to be evaluated."""
    return "{{" in text or "{%" in text


def writes_of(task: Task, play: Play, reader: Reader) -> list[Write]:
    """What one task writes: for each item, where the items are known."""
    if any(condition is False or str(condition).lower() == "false" for condition in task.common.when):
        return []
    items = _items(task, play, reader)
    if items is None:
        return _one(task, play, reader, {}, None)
    return [
        write
        for number, item in enumerate(items)
        for write in _one(task, play, reader, {str(task.loop_control.loop_var): item}, number)
    ]


def _one(task: Task, play: Play, reader: Reader, local: Mapping[str, Value], item: int | None) -> list[Write]:
    def value(raw: Value) -> Any:
        return reader.value(raw, play, task, local)

    args = {key: value(raw) for key, raw in task.args.items()}
    if is_true(value(task.common.check_mode)):
        return []
    common = task.common
    user = value(common.become_user) if common.become_user is not None else value(common.remote_user)
    uses = uses_of(task.fqcn, args, user if isinstance(user, str) else "")
    machine = str(value(common.delegate_to) or "")
    locks = lock_names(value(task.lock))
    alone = is_true(value(common.run_once)) or str(value(common.throttle)) == "1" or str(task.serial) == "1"
    return [
        Write(
            task=task,
            use=use,
            machine=CONTROLLER if use.controller else machine,
            locks=locks,
            alone=alone,
            item=item,
        )
        for use in uses
    ]


def _items(task: Task, play: Play, reader: Reader) -> Sequence[Any] | None:
    """The items of the loop where all of them are known."""
    if task.loop is None or task.loop_with not in (None, "items", "list"):
        return None
    items = reader.value(task.loop, play, task)
    if not isinstance(items, list) or not reader.known(items) or len(items) > _MOST_ITEMS:
        return None
    if task.loop_with == "items":
        return [inner for item in items for inner in (item if isinstance(item, list) else [item])]
    return items


def lock_names(value: Any) -> frozenset[str]:
    """What tells locks apart, of a `lock` as far as it is known."""
    rows = value if isinstance(value, list) else [value]
    found = set()
    for row in rows:
        if isinstance(row, Mapping):
            name = row.get("path") or f"{row.get('name')} ({row.get('by')})"
            found.add(str(name))
        elif row is not None:
            found.add(str(row))
    return frozenset(found)


def held(writes: Iterable[Write], locks: frozenset[str], alone: bool) -> list[Write]:
    """Writes with what a block round them holds."""
    if not locks and not alone:
        return list(writes)
    return [replace(write, locks=write.locks | locks, alone=write.alone or alone) for write in writes]


def meeting_items(writes: Sequence[Write]) -> tuple[Write, Write] | None:
    """Two items of one loop that write the same. Their lock is the task's: it doesn't keep them apart."""
    bare = [replace(write, locks=frozenset()) for write in writes]
    for number, one in enumerate(bare):
        if one.item is None:
            if words([one.use.key, one.machine]).isdisjoint(loop_names(one.task)) and one.use.meets(one.use):
                return one, one
            continue
        for other in bare[number + 1 :]:
            if one.item != other.item and one.sure and one.machine == other.machine and one.use.meets(other.use):
                return one, other
    return None


def exclude_each_other(first: Sequence[Value], second: Sequence[Value]) -> bool:
    """Whether two lists of conditions can't both hold: `x` and `not x`, `x == 'a'` and `x == 'b'`."""
    return any(_opposite(_plain(one), _plain(other)) for one in first for other in second)


def _opposite(one: str, other: str) -> bool:
    if one in (f"not {other}", f"not ({other})") or other in (f"not {one}", f"not ({one})"):
        return True
    for positive, negative in ((" is ", " is not "), (" in ", " not in "), (" == ", " != ")):
        if one.replace(positive, negative, 1) == other or other.replace(positive, negative, 1) == one:
            return one != other
    left, right = _COMPARED.fullmatch(one), _COMPARED.fullmatch(other)
    return left is not None and right is not None and left[1] == right[1] and left[3] != right[3]


def _plain(condition: Value) -> str:
    return " ".join(str(condition).split())
