"""What is known of the host behind a session, learnt once and kept as long as the session lives."""

from __future__ import annotations

import weakref

from msgspec import Struct, field

from weft.connection.api import Session


class HostState(Struct):
    """Owned by the session it belongs to; changed by those who run modules and move files through it."""

    blobs: set[str] = field(default_factory=set)  # hashes that its module cache holds, or will before what is sent next
    transfer_dir: str | None = None  # a private folder for files on their way; goes when the agent goes
    transfers: int = 0  # files that were given a number in it
    transfer_paths: set[str] = field(default_factory=set)  # names in it that are in use
    selinux: bool | None = None


_states: weakref.WeakKeyDictionary[Session, HostState] = weakref.WeakKeyDictionary()


def state_of(session: Session) -> HostState:
    """The one record of that session."""
    state = _states.get(session)
    if state is None:
        state = _states[session] = HostState(blobs=set(session.info.blobs) if session.info else set())
    return state


def forget(session: Session) -> None:
    """Its agent was replaced by a new one: what was learnt no longer holds."""
    _states.pop(session, None)
