"""What stands in a template for a value that can't be had: it may be passed on or tested, and fails when it is used.

A marker is made where a name is undefined, an attribute missing, or a plugin or a nested template fails. ``default``
and ``is defined`` look at it, containers carry it; any real use of it (text, comparison, loop, arithmetic) raises
``Tripped``, which whoever evaluates the template turns into the error that the marker holds.
"""

from __future__ import annotations

from typing import Any, NoReturn

from jinja2.exceptions import UndefinedError
from jinja2.runtime import StrictUndefined
from jinja2.utils import missing

from weft.model.errors import UndefinedName, WeftError
from weft.model.values import Origin
from weft.templating.failures import MARKERS, Tripped, add_markers
from weft.templating.types import type_name


class MarkerTripped(UndefinedError, Tripped):
    """What Jinja, and who knows Jinja, sees of a marker that was used."""

    def __init__(self, marker: Marker) -> None:
        super().__init__(marker.message)
        self.marker = marker


class Marker(StrictUndefined):
    """Base of the two kinds. Every operation that Jinja's strict undefined refuses raises ``Tripped``."""

    __slots__ = ("origin",)
    origin: Origin | None

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: Any = None,
        exc: Any = None,
        *,
        origin: Origin | None = None,
    ) -> None:
        self._undefined_hint = hint
        self._undefined_obj = obj
        self._undefined_name = name
        self.origin = origin

    @property
    def _undefined_exception(self) -> Any:  # type: ignore[override]
        """What Jinja's own methods call with the message, to raise what it gives."""
        return self._tripped

    def _tripped(self, _message: str | None = None) -> Tripped:
        return MarkerTripped(self)

    @property
    def message(self) -> str:
        return self._undefined_hint or ""

    def as_error(self, origin: Origin | None = None) -> Exception:
        """The exception that it stands for; ``origin`` is where it was used, if it doesn't know its place."""
        return UndefinedName(self.message, self.origin or origin)

    def trip(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises Tripped."""
        raise MarkerTripped(self)

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    __repr__ = __format__ = __setitem__ = trip


class UndefinedMarker(Marker):
    """Something that has no value. ``default`` replaces it."""

    __slots__ = ()

    @property
    def message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        name = self._undefined_name
        if self._undefined_obj is missing:
            return f"{name!r} is undefined"
        if name:
            return f"object of type {type_name(self._undefined_obj)!r} has no attribute {name!r}"
        return f"{type_name(self._undefined_obj)} object has no element {name!r}"

    @property
    def name(self) -> Any:
        """The name that has no value; None where the marker was made with a hint."""
        return self._undefined_name


class ErrorMarker(Marker):
    """Something that failed. ``default`` does not replace it."""

    __slots__ = ("error",)
    error: Exception

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        object.__setattr__(self, "error", error)

    @property
    def message(self) -> str:
        return str(self.error)

    def as_error(self, origin: Origin | None = None) -> Exception:
        error = self.error
        if isinstance(error, WeftError) and error.origin is None:
            error.origin = origin
        return error


add_markers(UndefinedMarker, ErrorMarker)


def marker_for(error: Exception) -> Marker:
    """The marker that stands for an exception."""
    if isinstance(error, Tripped):
        return error.marker  # type: ignore[no-any-return]
    if isinstance(error, UndefinedName):
        return UndefinedMarker(error.message, origin=error.origin)
    return ErrorMarker(error)


def first_marker(args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Marker | None:
    """The first marker among the arguments of a call."""
    for value in args:
        if type(value) in MARKERS:
            return value  # type: ignore[no-any-return]
    if kwargs:
        for value in kwargs.values():
            if type(value) in MARKERS:
                return value  # type: ignore[no-any-return]
    return None
