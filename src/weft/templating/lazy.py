"""Containers whose templates are evaluated when they are read.

A variable such as ``{port: 80, url: "http://{{ host }}"}`` must give its port where ``host`` is undefined, so these are
what templates see of containers. They are dicts and lists to all who ask, and hold what was written until it is read;
then they keep the outcome. Reading something that can't be evaluated raises (UndefinedName, TemplateFailed); code that
can handle that (templates themselves) uses ``peek`` and ``with_markers`` and gets a marker instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, SupportsIndex

from weft.model.errors import WeftError
from weft.templating.failures import LIVE, MARKERS, marker_of

Evaluate = Callable[[Any], Any]
_MISSING = object()


def _read(value: Any, evaluate: Evaluate) -> Any:
    if type(value) in MARKERS:
        raise value.as_error()
    return evaluate(value)


class LazyDict(dict[Any, Any]):
    """A mapping evaluated value by value. ``evaluate`` makes the value from what was written."""

    __slots__ = ("_evaluate",)

    def __init__(self, raw: Mapping[Any, Any], evaluate: Evaluate) -> None:
        super().__init__(raw)
        self._evaluate = evaluate

    def __getitem__(self, key: Any) -> Any:
        value = dict.__getitem__(self, key)
        if type(value) in LIVE:
            value = _read(value, self._evaluate)
            dict.__setitem__(self, key, value)
        return value

    def peek(self, key: Any) -> Any:
        """As reading the key, but a marker where it can't be evaluated. Raises KeyError."""
        try:
            return self[key]
        except WeftError as error:
            return marker_of(error)

    def settle(self) -> LazyDict:
        """Evaluate everything. Raises UndefinedName, TemplateFailed."""
        for key, value in dict.items(self):
            if type(value) in LIVE:
                dict.__setitem__(self, key, _read(value, self._evaluate))
        return self

    def get(self, key: Any, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __iter__(self) -> Iterator[Any]:
        # overridden so that dict(lazy) and {**lazy} read value by value instead of copying what is stored
        return dict.__iter__(self)

    def items(self) -> Any:
        return dict.items(self.settle())

    def values(self) -> Any:
        return dict.values(self.settle())

    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        if key not in self and default is not _MISSING:
            return default
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[Any, Any]:
        key = next(reversed(self), _MISSING)
        if key is _MISSING:
            raise KeyError("popitem(): dictionary is empty")
        return key, self.pop(key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key in self:
            return self[key]
        self[key] = default
        return default

    def copy(self) -> LazyDict:
        return LazyDict(stored(self), self._evaluate)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        import copy

        return {copy.deepcopy(key, memo): copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (list(self.items()),)

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[Any, ...]:
        return self.__reduce__()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented  # without a look at what is in it
        return self is other or dict.__eq__(self.settle(), _settled(other))

    def __ne__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        return self is not other and dict.__ne__(self.settle(), _settled(other))

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return {**self, **other} if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return {**other, **self} if isinstance(other, Mapping) else NotImplemented

    def __repr__(self) -> str:
        return repr(dict(self))

    __str__ = __repr__


class LazyList(list[Any]):
    """A sequence evaluated item by item."""

    __slots__ = ("_evaluate", "_settled")

    def __init__(self, raw: Iterable[Any], evaluate: Evaluate) -> None:
        super().__init__(raw)
        self._evaluate = evaluate
        self._settled = False

    def __getitem__(self, index: Any) -> Any:
        value = list.__getitem__(self, index)
        if type(value) in LIVE:
            if isinstance(index, slice):
                return LazyList(value, self._evaluate)
            value = _read(value, self._evaluate)
            list.__setitem__(self, index, value)
        return value

    def peek(self, index: Any) -> Any:
        """As reading the index, but a marker where it can't be evaluated. Raises IndexError, TypeError."""
        try:
            return self[index]
        except WeftError as error:
            return marker_of(error)

    def settle(self) -> LazyList:
        """Evaluate everything. Raises UndefinedName, TemplateFailed."""
        if not self._settled:
            for index in range(len(self)):
                value = list.__getitem__(self, index)
                if type(value) in LIVE:
                    list.__setitem__(self, index, _read(value, self._evaluate))
            self._settled = True
        return self

    def with_markers(self) -> Iterator[Any]:
        """The items, with a marker for each that can't be evaluated."""
        for index in range(len(self)):
            yield self.peek(index)

    def __iter__(self) -> Iterator[Any]:
        if self._settled:
            return list.__iter__(self)
        return self._each()

    def _each(self) -> Iterator[Any]:
        index = 0
        while index < len(self):
            yield self[index]
            index += 1

    def __reversed__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self) - 1, -1, -1))

    def __contains__(self, item: object) -> bool:
        return list.__contains__(self.settle(), item)

    def __add__(self, other: Any) -> Any:
        if type(other) is LazyList and other._evaluate == self._evaluate:
            return LazyList([*stored(self), *stored(other)], self._evaluate)
        return list.__add__(list(self), other) if isinstance(other, list) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return [*other, *self] if isinstance(other, list) else NotImplemented

    def __iadd__(self, other: Any) -> LazyList:
        self.extend(other)
        return self

    def __mul__(self, times: SupportsIndex) -> list[Any]:
        return list(self) * times

    __rmul__ = __mul__

    def __setitem__(self, index: Any, value: Any) -> None:
        self._settled = False
        list.__setitem__(self, index, value)

    def append(self, item: Any) -> None:
        self._settled = False
        list.append(self, item)

    def insert(self, index: SupportsIndex, item: Any) -> None:
        self._settled = False
        list.insert(self, index, item)

    def extend(self, items: Iterable[Any]) -> None:
        self._settled = False
        list.extend(self, items)

    def pop(self, index: SupportsIndex = -1) -> Any:
        value = self[index]
        del self[index]
        return value

    def index(self, item: Any, *bounds: Any) -> int:
        return list.index(self.settle(), item, *bounds)

    def count(self, item: Any) -> int:
        return list.count(self.settle(), item)

    def remove(self, item: Any) -> None:
        list.remove(self.settle(), item)

    def sort(self, **options: Any) -> None:
        list.sort(self.settle(), **options)

    def copy(self) -> LazyList:
        return LazyList(stored(self), self._evaluate)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        import copy

        return [copy.deepcopy(item, memo) for item in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[Any, ...]:
        return self.__reduce__()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list):
            return NotImplemented  # without a look at what is in it
        return self is other or (len(self) == len(other) and list.__eq__(self.settle(), _settled(other)))

    def __ne__(self, other: object) -> bool:
        if not isinstance(other, list):
            return NotImplemented
        return self is not other and (len(self) != len(other) or list.__ne__(self.settle(), _settled(other)))

    def __lt__(self, other: Any) -> bool:
        return list.__lt__(self.settle(), _settled(other))

    def __le__(self, other: Any) -> bool:
        return list.__le__(self.settle(), _settled(other))

    def __gt__(self, other: Any) -> bool:
        return list.__gt__(self.settle(), _settled(other))

    def __ge__(self, other: Any) -> bool:
        return list.__ge__(self.settle(), _settled(other))

    __hash__ = None

    def __repr__(self) -> str:
        return repr(list(self))

    __str__ = __repr__


def _settled(value: Any) -> Any:
    return value.settle() if type(value) in (LazyDict, LazyList) else value


def stored(value: Any) -> Any:
    """What a container holds, evaluated or not, as a plain one."""
    return dict(dict.items(value)) if isinstance(value, dict) else list(list.__iter__(value))


def keep_markers(items: list[Any], evaluate: Evaluate) -> list[Any]:
    """A plugin's list as it is, or, where it holds markers, as a list that fails where one of them is read."""
    if any(type(item) in MARKERS for item in items):
        return LazyList(items, evaluate)
    return items


def identity(value: Any) -> Any:
    """For containers of values that are evaluated already."""
    return value
