"""What a play brings to the variables of its tasks, and how it stands: the engine keeps it up to date."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, MutableSet, Sequence
from collections.abc import Iterator as Iter
from typing import TYPE_CHECKING, Any

from weft.model.nodes import Play, Role

if TYPE_CHECKING:
    from weft.inventory.inventory import Inventory
    from weft.vars.plans import PlayCache


class HostSet(MutableSet[str]):
    """A set of hosts that says when it changes."""

    __slots__ = ("_changed", "_hosts")

    def __init__(self, hosts: Iterable[str], changed: Callable[[], None]) -> None:
        self._hosts = set(hosts)
        self._changed = changed

    def __contains__(self, host: object) -> bool:
        return host in self._hosts

    def __iter__(self) -> Iter[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    def add(self, value: str) -> None:
        if value not in self._hosts:
            self._hosts.add(value)
            self._changed()

    def discard(self, value: str) -> None:
        if value in self._hosts:
            self._hosts.discard(value)
            self._changed()

    def update(self, hosts: Iterable[str]) -> None:
        for host in hosts:
            self.add(host)

    def __repr__(self) -> str:
        return repr(self._hosts)


class PlayVars:
    """One play (or one of several that run side by side). Owned by the engine, read by every scope of the play.

    ``all_hosts`` are those the play is for, ``batch`` those of the current batch; ``removed`` those that have failed or
    are unreachable, ``failed`` those that have failed. All may be set and changed at any time.
    """

    def __init__(
        self,
        *,
        play: Play,
        all_hosts: Sequence[str] = (),
        batch: Sequence[str] | None = None,
        removed: Iterable[str] = (),
        name: str | None = None,
        basedir: str | None = None,
    ) -> None:
        """``name`` is the play's rendered name. ``basedir`` replaces the folder of the play's file; empty: there is
        none (ad hoc), and no group_vars or host_vars beside a playbook are read."""
        self.play = play
        self.name = name
        self.prompted: dict[str, Any] = {}  # answers of vars_prompt
        self.roles: list[Role] = list(play.roles)
        if basedir is None:
            basedir = os.path.dirname(os.path.abspath(play.path)) if play.path else ""
        self.basedir = basedir
        self.cache: PlayCache | None = None  # of ``plans``, which alone looks into it
        self._all_hosts = tuple(all_hosts)
        self._batch = tuple(batch) if batch is not None else None
        self._removed = HostSet(removed, self._touch)
        self._failed = HostSet((), self._touch)
        self._lists: dict[str, list[str]] = {}
        self._select: Callable[[], Sequence[str]] | None = None
        self._inventory: Inventory | None = None  # that ``_all_hosts`` are of

    def __repr__(self) -> str:
        return f"<PlayVars {self.play.path} batch={len(self.batch)} removed={len(self._removed)}>"

    # -- hosts -----------------------------------------------------------------------------------------------------

    @property
    def all_hosts(self) -> tuple[str, ...]:
        return self._all_hosts

    @all_hosts.setter
    def all_hosts(self, hosts: Sequence[str]) -> None:
        self._all_hosts = tuple(hosts)
        self._touch()

    def follow(self, inventory: Inventory, select: Callable[[], Sequence[str]]) -> None:
        """``all_hosts`` are what ``select`` gives, now and whenever the inventory is another one (``in_inventory``)."""
        self._select = select
        self._inventory = None
        self.in_inventory(inventory)

    def in_inventory(self, inventory: Inventory) -> PlayVars:
        """The same play, with the hosts that this snapshot has for it."""
        if self._select is not None and inventory is not self._inventory:
            self._inventory = inventory
            self.all_hosts = self._select()
        return self

    @property
    def batch(self) -> tuple[str, ...]:
        return self._all_hosts if self._batch is None else self._batch

    @batch.setter
    def batch(self, hosts: Sequence[str]) -> None:
        self._batch = tuple(hosts)
        self._touch()

    @property
    def removed(self) -> HostSet:
        return self._removed

    @removed.setter
    def removed(self, hosts: Iterable[str]) -> None:
        self._removed = HostSet(hosts, self._touch)
        self._touch()

    @property
    def failed(self) -> HostSet:
        return self._failed

    @failed.setter
    def failed(self, hosts: Iterable[str]) -> None:
        self._failed = HostSet(hosts, self._touch)
        self._touch()

    def play_hosts(self) -> list[str]:
        """``ansible_play_hosts``."""
        return self._list("hosts", self._all_hosts, self._removed, wanted=False)

    def play_batch(self) -> list[str]:
        """``ansible_play_batch``."""
        return self._list("batch", self.batch, self._removed, wanted=False)

    def failed_hosts(self) -> list[str]:
        """``ansible_failed_hosts``."""
        return self._list("failed", self._all_hosts, self._failed, wanted=True)

    def _list(self, key: str, hosts: Sequence[str], marked: HostSet, *, wanted: bool) -> list[str]:
        found = self._lists.get(key)
        if found is None:
            found = self._lists[key] = [host for host in hosts if (host in marked) is wanted]
        return list(found)

    def _touch(self) -> None:
        self._lists = {}

    # -- roles -----------------------------------------------------------------------------------------------------

    def add_role(self, role: Role) -> None:
        """A role that an include brought in: from now on every host of the batch sees its name, once for each time, and
        what it exports, if it is public. For which hosts it was included makes no difference, as in Ansible.
        """
        if role.public and next((known for known in reversed(self.roles) if known.public), None) is not role:
            self.cache = None
        self.roles.append(role)

    def forget_includes(self) -> None:
        """A new batch begins: what the one before it has included is not there."""
        if len(self.roles) > len(self.play.roles):
            self.roles = list(self.play.roles)
            self.cache = None
