"""Who is next: the line before one lock within a run. Decides only, without any I/O; ``keeper`` does the waiting.

A ticket waits, then *enters* (it takes what is to be taken outside the run, alone), then holds. Turns go strictly in
the order of arrival: nobody who could be let in at once passes one who came before and could not.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct


class Ticket(Struct, eq=False):
    """One who wants a lock. ``slots``: how many may hold it beside each other, this one included; None: any number."""

    label: str
    slots: int | None = 1
    exclusive: bool = True


class Line:
    """The line before one lock. Every method returns the ticket that may enter now, if there is one."""

    def __init__(self) -> None:
        self._waiting: deque[Ticket] = deque()
        self._entering: Ticket | None = None
        self._holders: list[Ticket] = []

    def __repr__(self) -> str:
        return f"<Line holders={len(self._holders)} entering={self._entering} waiting={len(self._waiting)}>"

    @property
    def holders(self) -> tuple[Ticket, ...]:
        return tuple(self._holders)

    @property
    def empty(self) -> bool:
        """Nobody has to do with this lock."""
        return not self._waiting and self._entering is None and not self._holders

    def arrive(self, ticket: Ticket) -> Ticket | None:
        """Stand at the end."""
        self._waiting.append(ticket)
        return self._next()

    def entered(self, ticket: Ticket) -> Ticket | None:
        """The one that was to enter holds the lock now."""
        if ticket is not self._entering:
            raise RuntimeError(f"it is not the turn of {ticket}")
        self._entering = None
        self._holders.append(ticket)
        return self._next()

    def leave(self, ticket: Ticket) -> Ticket | None:
        """Give the lock back, or give up waiting for it. Leaving twice is no error."""
        if ticket is self._entering:
            self._entering = None
        elif ticket in self._holders:
            self._holders.remove(ticket)
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
        return self._next()

    def before(self, ticket: Ticket) -> str:
        """Whose end a ticket waits for; empty where it waits for nobody of this run."""
        if self._holders:
            return next((holder.label for holder in self._holders if holder is not ticket), "")
        entering = self._entering
        return f"{entering.label}, which waits for it too" if entering not in (None, ticket) else ""

    def _next(self) -> Ticket | None:
        if self._entering is not None or not self._waiting or not self._admits(self._waiting[0]):
            return None
        self._entering = self._waiting.popleft()
        return self._entering

    def _admits(self, ticket: Ticket) -> bool:
        if ticket.exclusive and self._holders:
            return False
        if any(holder.exclusive for holder in self._holders):
            return False
        return ticket.slots is None or len(self._holders) < ticket.slots
