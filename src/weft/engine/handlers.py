"""Handlers: who is notified, and in which order they run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from weft.engine.state import BatchState, HostState
from weft.events import Message, Notified, Warned
from weft.model.errors import WeftError
from weft.model.nodes import Block, Handler, Node, Task
from weft.model.values import Trusted, origin_of


def flatten(nodes: Sequence[Node]) -> list[Handler]:
    """Handlers of a list; static imports among them count with theirs."""
    found: list[Handler] = []
    for node in nodes:
        if isinstance(node, Block):
            found.extend(flatten(node.body))
        elif isinstance(node, Handler):
            found.append(node)
    return found


def notify(batch: BatchState, host: HostState, names: Sequence[str], task: Task) -> None:
    """Remember what a changed task notifies; while handlers run, expand it at once.

    Raises WeftError where there is no such handler.
    """
    for name in names:
        handlers = list(_search(batch, name))
        if not handlers:
            message = (
                f"The requested handler '{name}' was not found in either the main handlers"
                " list nor in the listening handlers list"
            )
            if batch.run.settings.error_on_missing_handler:
                raise WeftError(message, task.origin)
            batch.run.bus.publish(Warned(message=message, origin=task.origin))
        elif host.flushing:
            for handler in handlers:
                _add(batch, host, handler)
        elif name not in host.notifications:
            host.notifications.append(name)
            batch.run.bus.publish(Message(text=f"Notification for handler {name} has been saved.", verbosity=2))


def flush_needed(batch: BatchState, host: HostState) -> bool:
    return bool(host.notifications) or any(host.notified_as in hosts for hosts in batch.notified.values())


def next_handlers(batch: BatchState, host: HostState) -> Iterator[tuple[int, Handler]]:
    """The host's notified handlers in their written order, those too that a handler notifies further down."""
    names, host.notifications = host.notifications, []
    for name in names:
        for handler in _search(batch, name):
            _add(batch, host, handler)
    for index, handler in enumerate(tuple(batch.handlers)):
        waiting = batch.notified.get(handler.id)
        if waiting is not None and host.notified_as in waiting:
            waiting.discard(host.notified_as)
            yield index, handler


def _add(batch: BatchState, host: HostState, handler: Handler) -> None:
    hosts = batch.notified.setdefault(handler.id, set())
    if host.notified_as not in hosts:
        hosts.add(host.notified_as)
        batch.run.bus.publish(Notified(host=host.name, handler=batch.title(handler, host)))


def _search(batch: BatchState, name: str) -> Iterator[Handler]:
    """The last handler of that name, then all that listen to it: of those with the same name again the last.

    Last is what was loaded last (the play's own, then those of included roles); in one list the first counts. A block
    among handlers is a list, and what stands between two blocks is one.
    """
    sections = [list(section) for _, section in itertools.groupby(batch.handlers, key=lambda handler: handler.within)]
    handlers = [handler for section in reversed(sections) for handler in section]
    for handler in handlers:
        if handler.name is not None and name in _names(batch, handler):
            yield handler
            break
    seen: set[str] = set()
    for handler in handlers:
        if name in _topics(handler):
            own = str(handler.name) if handler.name else ""
            if own and own in seen:
                continue
            seen.add(own)
            yield handler


def _names(batch: BatchState, handler: Handler) -> tuple[str, ...]:
    """What it can be called, which is the same for all hosts; nothing where its name can't be evaluated."""
    own, problems = batch.handler_name(handler)
    if problems:
        if not handler.listen:
            message = (
                f"Handler '{handler.name}' is unusable because it has no listen topics and the name could not be "
                f"templated (host-specific variables are not supported in handler names). The error: {problems[0]}"
            )
            batch.run.bus.publish(Warned(message=message, origin=origin_of(handler.name)))
        return ()
    if handler.role is None:
        return (own,)
    short = handler.role.name.rpartition(".")[2]
    return (own, f"{short} : {own}", f"{handler.role.name} : {own}")


def _topics(handler: Handler) -> tuple[str, ...]:
    return tuple(str(topic) if isinstance(topic, Trusted) else topic for topic in handler.listen)
