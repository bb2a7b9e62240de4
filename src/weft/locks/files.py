"""Lock files on hosts: flock(2) through a session's agent, the same lock as `flock PATH` takes.

The lock is the agent's: it is free again when the agent ends, however it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from weft.connection.api import RequestFailed, Session
from weft.locks.spec import PathLock
from weft.model.errors import Unreachable, WeftError


class FileLock:
    """One lock file, asked for once. ``lease`` is unique to whoever asks; others are shown it."""

    def __init__(self, open_session: Callable[[], Awaitable[Session]], wish: PathLock, lease: str) -> None:
        """``open_session`` is called when it is asked for: until then, what is open may have been lost."""
        self._open = open_session
        self._wish = wish
        self._lease = lease
        self._session: Session | None = None
        self._asking: asyncio.Future[Any] | None = None
        self._own = False  # it is held already, by the same lease under another name
        self.holder = ""  # who has it, as far as the host says

    async def take(self, seconds: float | None) -> bool:
        """Wait until it is held; false if ``seconds`` were not enough. Raises WeftError, Unreachable.

        Where this fails or is cancelled the lock may have been granted all the same: call ``give_back``.
        """
        session = self._session = await self._open()
        if session.info is None:
            raise WeftError(f"The lock {self._wish} needs Python on {session.target.host}.")
        mode = "shared" if self._wish.shared else "exclusive"
        arguments: dict[str, Any] = {"path": self._wish.path, "mode": mode, "lease": self._lease}
        if seconds is not None:
            arguments["timeout"] = seconds
        self._asking = asyncio.ensure_future(session.request("lock.acquire", arguments, on_stream=self._heard))
        try:
            await self._asking
        except asyncio.CancelledError:
            if self._own:
                raise WeftError(f"The lock {self._wish} is another name of a lock that is taken with it.") from None
            raise
        except RequestFailed as error:
            if error.kind == "timeout":
                return False
            raise WeftError(f"The lock {self._wish} can't be taken: {error.message}") from error
        return True

    async def give_back(self) -> bool:
        """Whether the host still held it for us. Never raises WeftError: where the host is gone, so is the lock."""
        if self._asking is None or self._session is None:
            return True
        try:
            await self._session.request("lock.release", {"path": self._wish.path, "lease": self._lease})
        except (RequestFailed, Unreachable):
            return False
        return True

    def _heard(self, said: Mapping[str, Any], _: bytes) -> None:
        found = said.get("holder")
        if not isinstance(found, Mapping):
            return
        self.holder = described(found)
        if found.get("lease") == self._lease and self._asking is not None:
            self._own = True
            self._asking.cancel()


async def full_path(session: Session, path: str) -> str:
    """A path with `~` and variables as they are on the host. Raises Unreachable, RequestFailed."""
    if not path.startswith("~") and "$" not in path:
        return path
    reply = await session.request("expand", {"paths": [path]})
    return str(reply.result["paths"][0])


def described(found: Mapping[str, Any]) -> str:
    """A holder for messages: `flock /x sleep 9, pid 17 of root`."""
    name = found.get("lease") or found.get("command") or "a process"
    return f"{name}, pid {found.get('pid')} of {found.get('user') or 'an unknown user'}"
