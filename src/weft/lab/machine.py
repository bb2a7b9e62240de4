"""One host as the supervisor sees it: made once, then booted, frozen, killed and booted again.

A host's life from power on to power off is one coroutine; orders wait for the state they want. What the host is made of
is its ``Body``'s affair. Comes after ``bodies``, before ``supervisor``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable

from weft.lab import host_init, processes
from weft.lab.bodies import Body
from weft.lab.errors import LabError
from weft.lab.hosts import HostStatus

BOOT_SECONDS = 30.0  # from the start of a boot until sshd listens
STOP_SECONDS = 20.0  # for one to go down


class Machine:
    """A host's life. All of its state is changed by its own coroutines, in the supervisor's one loop."""

    def __init__(self, body: Body, boots_at_once: asyncio.Semaphore) -> None:
        self.body = body
        self.host = body.host
        self._boots_at_once = boots_at_once
        self._state = "off"
        self._frozen = False
        self._message = ""
        self._pid: int | None = None
        self._boots = 0
        self._writer: asyncio.StreamWriter | None = None
        self._life: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()  # a new one after each change

    def status(self) -> HostStatus:
        return HostStatus(
            host=self.host,
            state="frozen" if self._frozen and self._state == "up" else self._state,
            pid=self._pid,
            boot_id=self.body.boot_id if self._pid is not None else None,
            boots=self._boots,
            message=self._message,
        )

    # ---------------------------------------------------------------- orders

    async def start(self) -> None:
        """Power on, if it is off, and wait until sshd listens. Raises LabError."""
        if self._life is None or self._life.done():
            self._state, self._message = "booting", ""
            self._life = asyncio.create_task(self._live())
            self._life.add_done_callback(lambda _: self._announce())
        # no limit: it may stand behind many others, and its boot has one of its own
        await self._until(lambda: self._state in ("up", "failed", "off"))
        if self._state != "up":
            raise LabError(f"{self.host.name} can't boot: {self._message or 'it was killed'}")

    async def kill(self) -> None:
        """End all its processes at once and leave it off."""
        if self._life is None:
            return
        if self._pid is None:
            self._life.cancel()  # it waits for its turn or for the end of its boot delay
        else:
            self.body.kill(self._pid)
        await self._wait(lambda: self._life is None or self._life.done(), STOP_SECONDS, "did not die")
        self._become("off")

    async def restart(self) -> None:
        """Power off and on."""
        await self.kill()
        await self.start()

    async def reboot(self, *, wait: bool) -> None:
        """As the command ``reboot`` does. ``wait``: until it is up again."""
        self._require_up("reboot")
        if self._frozen or self._writer is None:
            raise LabError(f"{self.host.name} is frozen: it can't reboot")
        boots = self._boots
        self._writer.write(b"reboot 0\n")
        if wait:
            limit = BOOT_SECONDS + STOP_SECONDS + self.host.options.boot_delay
            await self._wait(lambda: self._boots > boots and self._state != "booting", limit, "did not come back")
            if self._state != "up":
                raise LabError(f"{self.host.name} is {self._state} after its reboot: {self._message}")

    async def freeze(self) -> None:
        """Stop all its processes where they are; its connections stay, and nothing answers."""
        processes.stop_tree(self._require_up("freeze"))
        self._frozen = True

    async def thaw(self) -> None:
        if self._frozen and self._pid is not None:
            processes.continue_tree(self._pid)
        self._frozen = False

    async def remove(self) -> None:
        await self.kill()
        self.body.remove()

    # ---------------------------------------------------------------- life

    async def _live(self) -> None:
        """Boot after boot, until it is powered off, killed, or fails."""
        try:
            while (end := await self._boot()) == host_init.EXIT_REBOOT:
                self._become("rebooting")
                await asyncio.sleep(self.host.options.boot_delay)
                self._become("booting")
            self._become("failed" if end == host_init.EXIT_FAILED else "off")
        except Exception as error:  # whatever it is, those who wait for the host must hear of it
            self._message = str(error) or repr(error)
            self._become("failed")

    async def _boot(self) -> int:
        """One boot from its start to the end of the host's last process; returns what the end means."""
        async with contextlib.AsyncExitStack() as stack:
            async with self._boots_at_once:
                reader = await stack.enter_async_context(self._running())
                ready = await self._read_ready(reader)
            if ready:
                self._become("up")
            with contextlib.suppress(ConnectionError):  # orders that it never read
                await reader.read()
        return self._end

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[asyncio.StreamReader]:
        """The host's first process; at the end it has been reaped and its exit is in ``_end``."""
        ours, theirs = socket.socketpair()
        try:
            pid = self.body.start(theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._pid, self._boots = pid, self._boots + 1
        try:
            reader, self._writer = await asyncio.open_connection(sock=ours)
            yield reader
        finally:
            if self._writer is not None:
                self._writer.close()
            self._end = _meaning(await _reaped(pid))
            self._pid, self._writer, self._frozen = None, None, False

    async def _read_ready(self, reader: asyncio.StreamReader) -> bool:
        try:
            line = await asyncio.wait_for(reader.readline(), BOOT_SECONDS)
        except TimeoutError:
            self.body.kill(self._require_pid())
            line = json.dumps({"error": f"not up after {BOOT_SECONDS:g} s"}).encode()
        except ConnectionError:
            line = b""
        said = json.loads(line) if line else {}
        if "error" in said:
            self._message = f"{said['error']} ({self._console()})"
        elif not said:
            self._message = "its first process died: " + self._console()
        return "ready" in said

    def _console(self) -> str:
        try:
            return (self.body.folder / "console.log").read_text(errors="replace").strip()[-500:] or "it said nothing"
        except OSError as error:
            return str(error)

    def _become(self, state: str) -> None:
        self._state = state
        self._announce()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait(self, wanted: Callable[[], bool], seconds: float, problem: str) -> None:
        try:
            await asyncio.wait_for(self._until(wanted), seconds)
        except TimeoutError:
            raise LabError(f"{self.host.name} {problem} within {seconds:g} s; it is {self._state}") from None

    async def _until(self, wanted: Callable[[], bool]) -> None:
        while not wanted():
            await self._changed.wait()

    def _require_pid(self) -> int:
        assert self._pid is not None
        return self._pid

    def _require_up(self, order: str) -> int:
        if self._state != "up" or self._pid is None:
            raise LabError(f"{self.host.name} is {self._state}: there is nothing to {order}")
        return self._pid


async def _reaped(pid: int) -> int:
    """The wait status of a process that is about to end."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 -- it does not wait
        if found:
            return status
        await asyncio.sleep(0.005)


def _meaning(status: int) -> int:
    """An exit code of ``host_init`` for any wait status; SIGHUP is what the kernel makes of a reboot(2) in the host."""
    if os.WIFSIGNALED(status):
        return host_init.EXIT_REBOOT if os.WTERMSIG(status) == signal.SIGHUP else host_init.EXIT_POWER_OFF
    code = os.waitstatus_to_exitcode(status)
    known = (host_init.EXIT_REBOOT, host_init.EXIT_POWER_OFF)
    return code if code in known else host_init.EXIT_FAILED
