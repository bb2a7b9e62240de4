"""The keywords that stand on one node, checked: as keywords, or spelled ``weft_K`` among its ``vars``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct, field

from weft.events.types import Warned
from weft.model.errors import LoadError
from weft.model.nodes import Retry
from weft.model.settings import Settings
from weft.model.values import Origin, Value, origin_of
from weft.playbook.action import unknown_key
from weft.playbook.api import Publish
from weft.playbook.checks import check_value, conditions, texts, variables
from weft.playbook.hints import did_you_mean
from weft.playbook.keywords import NODE_NAMES, SPELLED, SPELLED_LOOP, Keyword, On, added, allowed

_TASK_LIKE = (On.TASK, On.INCLUDE, On.IMPORT)
_HANDLER_LIKE = (On.HANDLER, On.HANDLER_INCLUDE, On.HANDLER_IMPORT)
_WHOLE = frozenset(("throttle", "timeout"))  # spelled weft_K they are the whole block's and not inherited
_HINTS = {
    "parallel": "'parallel' stands on blocks, includes and imports. "
    "For the items of a loop at once it is `loop_control: {parallel: N}`.",
    "listen": "'listen' is for handlers.",
}
NO_RETRY = Retry()


class Own(Struct):
    """What stands on a node. Values are as written."""

    data: Mapping[Any, Value]
    origin: Origin | None
    keywords: dict[str, Value] = field(default_factory=dict)
    others: list[Any] = field(default_factory=list)  # keys that are no keywords
    vars: Mapping[str, Value] = field(default_factory=dict)
    whole: dict[str, Value] = field(default_factory=dict)  # `weft_throttle`, `weft_timeout`
    loop_parallel: Value = None
    places: dict[str, Origin | None] = field(default_factory=dict)  # of the variables `weft_K`, by K

    def get(self, name: str) -> Value:
        return self.keywords.get(name)

    def place_of(self, name: str) -> Origin | None:
        """Where a keyword stands: its key, or that of the variable it is spelled as."""
        return next((origin_of(key) for key in self.data if key == name), None) or self.places.get(name) or self.origin

    @property
    def detached(self) -> bool:
        """Whether it is async: what stands inside runs beside what comes behind it."""
        return self.keywords.get("async") is not None

    def needs(self) -> tuple[str, ...]:
        """The siblings that must be ok first. Raises LoadError."""
        value = self.keywords.get("needs")
        return () if value is None else texts(value, "needs", self.place_of("needs"))

    def retry(self) -> Retry:
        """``until`` and its company."""
        get = self.keywords.get
        if not any(name in self.keywords for name in ("until", "retries", "delay", "backoff", "max_delay")):
            return NO_RETRY
        return Retry(
            until=conditions(get("until")),
            retries=get("retries"),
            delay=get("delay"),
            backoff=get("backoff"),
            max_delay=get("max_delay"),
        )


@cache
def _task_table(handlers: bool) -> Mapping[str, Keyword]:
    """Keywords of tasks of any kind: which kind a task is shows only when its action is known."""
    table: dict[str, Keyword] = {}
    for on in _HANDLER_LIKE if handlers else _TASK_LIKE:
        table.update(allowed(on))
    # known to tasks and handlers alike, so that one in the wrong place is called by its name
    table.update({"listen": allowed(On.HANDLER)["listen"]})
    return table


def read_task(data: Mapping[Any, Value], handlers: bool) -> Own:
    """The keywords of a task, whichever action it has; the others may name its action. Raises LoadError."""
    return _read(data, _task_table(handlers))


def read_node(data: Mapping[Any, Value], on: On, name: str | None = None) -> Own:
    """The keywords of any other node; an unknown key is an error. Raises LoadError."""
    own = _read(data, allowed(on))
    if own.others:
        raise unknown_key(own.others[0], name or NODE_NAMES[on], sorted(allowed(on)), own.origin)
    return own


def _read(data: Mapping[Any, Value], table: Mapping[str, Keyword]) -> Own:
    own = Own(data, origin_of(data))
    keywords = own.keywords
    for key, value in data.items():
        row = table.get(key)
        if row is None:
            own.others.append(key)
        else:
            check_value(row, value, origin_of(key))
            keywords[row.name] = value
    return own


def settle(own: Own, on: On, name: str, settings: Settings, publish: Publish) -> None:
    """Once the kind of node is known: what may not stand on it is an error, ``weft_K`` in its ``vars`` is obeyed.

    ``name`` is what messages call the node. Raises LoadError.
    """
    table = allowed(on)
    for key in [key for key in own.keywords if key not in table]:
        if settings.invalid_task_attribute_failed or on is On.BLOCK:
            error = unknown_key(key, name, sorted(table), own.origin)
            raise LoadError(error.message, own.place_of(key), _HINTS.get(key, error.hint))
        publish(Warned(message=f"Ignoring invalid attribute: {key}", origin=own.origin))
        del own.keywords[key]
    value = own.keywords.pop("vars", None)
    if value is not None:
        own.vars = variables(value, name, own.origin)
        spelled(own, on, name, publish)


def spelled(own: Own, on: On, name: str, publish: Publish) -> None:
    """Obeys ``weft_K`` among the node's variables; a keyword proper goes before it.

    Raises LoadError where K has no meaning here; publishes a warning where it looks misspelled.
    """
    for variable, value in own.vars.items():
        if not variable.startswith(SPELLED):
            continue
        key = variable.removeprefix(SPELLED)
        if key in added(on):
            _obey(own, key, value, origin_of(variable))
        elif any(key in added(other) for other in On):
            raise LoadError(f"'{variable}' has no meaning for a {name}", origin_of(variable), _HINTS.get(key))
        elif (hint := did_you_mean(variable, [SPELLED + known for known in added(on)])) is not None:
            message = f"The variable '{variable}' is no keyword of weft's."
            publish(Warned(message=message, origin=origin_of(variable), help=hint))


def _obey(own: Own, key: str, value: Value, origin: Origin | None) -> None:
    own.places[key] = origin
    if key == SPELLED_LOOP:
        own.loop_parallel = value
        return
    row = next(row for on in On if (row := allowed(on).get(key)) is not None)
    check_value(row, value, origin)
    if key in _WHOLE:
        own.whole.setdefault(key, value)
    else:
        own.keywords.setdefault(key, value)
