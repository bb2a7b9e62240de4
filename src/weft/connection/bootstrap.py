"""Bringing a program up on a host: one shell line, in one round trip, as the right user.

``pack`` writes the line; it finds an interpreter, says ``WEFT-PYTHON <path>`` and turns into a loader. ``Greeting``
reads what comes back (banners, password prompts, refusals, the first words) and decides, ``start`` does the I/O.
Comes after ``become`` and the transports, before ``session``.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shlex

from msgspec import Struct

from weft.connection.api import Become, Target
from weft.connection.become import Dialogue, Said, Wrapped, wrap
from weft.connection.channel import Channel, Ended, Receiver, Transport
from weft.connection.errors import AgentFailed, AgentGone, BecomeFailed
from weft.model.errors import Unreachable, WeftError

MAX_JUNK = 64 * 1024
START_TIMEOUT = 120.0  # seconds for a slow host to get Python up
AGENT_MARK = b"WEFT-AGENT 1"
FALLBACK_INTERPRETER = "/usr/bin/python3"  # what ansible-core runs where it finds none
# not in a quoted command line, where a $ or a quote follows
_PYTHON = re.compile(rb"WEFT-(?:NO-PYTHON|PYTHON ([^\r\n\"$]+))\r?\n")
_GONE = re.compile(rb"WEFT-GONE([^\r\n]*)\r?\n")


# The shell line


def candidates(target: Target) -> tuple[str, ...]:
    """Interpreters to look for, best first: the one that was told, or those that discovery tries."""
    if is_discovered(target):
        usable = tuple(found for found in target.interpreter_fallback if is_usable(found))
        return tuple(dict.fromkeys((*usable, FALLBACK_INTERPRETER)))
    return (target.interpreter,)


def is_usable(candidate: str) -> bool:
    """Whether a path or name of an interpreter (with arguments, perhaps) can be told to a shell."""
    try:
        return bool(shlex.split(candidate))
    except ValueError:
        return False


def is_discovered(target: Target) -> bool:
    return target.interpreter.startswith("auto")


def shell_command(mark: str, script: str, *, shell: str = "/bin/sh", stdin: bool = True) -> str:
    """A command that says ``mark`` and turns into a shell running ``script``, with or without something to read."""
    half = len(mark) // 2  # in two: a program that quotes its command line must not be taken for it
    line = f'echo "{mark[:half]}""{mark[half:]}" && exec {shlex.quote(shell)} -c {shlex.quote(script)}'
    line += "" if stdin else " </dev/null"
    return f"/bin/sh -c {shlex.quote(line)}"


# What comes back


class Send(Struct, frozen=True):
    """Write this to the program's stdin."""

    data: bytes
    secret: bool = False

    def __repr__(self) -> str:
        return "Send(<secret>)" if self.secret else f"Send({len(self.data)} bytes)"


class Ready(Struct, frozen=True):
    """It is up; ``rest`` is the first of what it wrote."""

    python: str
    rest: bytes


class NoPython(Struct, frozen=True):
    """There is none of the interpreters."""


class NeedsTerminal(Struct, frozen=True):
    """Becoming the other user only works on a terminal."""


class Failed(Struct, frozen=True):
    error: WeftError


Step = Send | Ready | NoPython | NeedsTerminal | Failed


class Greeting:
    """Reads the first output of a start line and says what is to be done. Knows no I/O and no clock."""

    def __init__(
        self, wrapped: Wrapped | None, payload: bytes, *, mark: bytes = AGENT_MARK, python: bool = True
    ) -> None:
        self._wrapped = wrapped
        self._payload = payload
        self._mark = re.compile(re.escape(mark) + rb"\r?\n")
        self._dialogue = Dialogue(wrapped) if wrapped else None
        self._out = b""
        self._errors = b""
        self._seeking = python  # the interpreter's line has not come yet
        self._python = ""
        self._sent = False
        self._over = False

    def __repr__(self) -> str:
        stage = "over" if self._over else "becoming" if self.becoming else "seeking" if self._seeking else "loading"
        return f"<Greeting {stage} python={self._python!r} junk={len(self._out)}>"

    @property
    def becoming(self) -> bool:
        return self._dialogue is not None

    @property
    def junk(self) -> str:
        """What came that is not ours, for messages."""
        return (self._errors + self._out).decode("utf-8", "replace").strip()

    @property
    def errors(self) -> str:
        return self._errors.decode("utf-8", "replace").strip()

    @property
    def python(self) -> str:
        return self._python

    def opened(self) -> list[Step]:
        if self._wrapped is None or self._wrapped.early:
            return self._send()
        return []

    def out(self, data: bytes) -> list[Step]:
        if self._over:
            return []
        self._out += data
        steps: list[Step] = []
        if self._seeking:
            match = _PYTHON.search(self._out)
            if match is None:
                return self._still_waiting(data)
            self._dialogue = None
            self._out = self._out[: match.start()] + self._out[match.end() :]
            self._seeking = False
            if match[1] is None:
                return self._finish(NoPython())
            self._python = match[1].decode("utf-8", "replace").strip()
            steps += self._send()
        match = self._mark.search(self._out)
        if match is None:
            gone = _GONE.search(self._out)
            if gone is not None:
                why = gone[1].decode("utf-8", "replace").strip()
                return self._finish(Failed(AgentGone(f"the agent is gone ({why})")))
            return steps + self._still_waiting(data)
        self._dialogue = None
        rest, self._out = self._out[match.end() :], self._out[: match.start()]
        return steps + self._send() + self._finish(Ready(self._python, rest))

    def error(self, data: bytes) -> list[Step]:
        self._errors = (self._errors + data)[-MAX_JUNK:]
        return [] if self._over else self._heard(data)

    def ended(self, ended: Ended) -> list[Step]:
        if self._over:
            return []
        if ended.rc is None:
            return self._finish(Failed(Unreachable(str(ended))))
        if self._wrapped is not None and self.becoming:
            return self._finish(Failed(self._refused(ended)))
        return self._finish(Failed(AgentFailed(self._python or "/bin/sh", self.junk, ended.rc)))

    # decisions

    def _send(self) -> list[Step]:
        if self._sent or not self._payload:
            return []
        self._sent = True
        return [Send(self._payload)]

    def _finish(self, step: Step) -> list[Step]:
        self._over = True
        return [step]

    def _still_waiting(self, data: bytes) -> list[Step]:
        if len(self._out) > MAX_JUNK:
            shown = self._out[:200].decode("utf-8", "replace")
            message = f"More than {MAX_JUNK} bytes came before the agent's: {shown!r}..."
            return self._finish(Failed(Unreachable(message)))
        return self._heard(data)

    def _heard(self, data: bytes) -> list[Step]:
        if self._dialogue is None or self._wrapped is None:
            return []
        become = self._wrapped.become
        match self._dialogue.feed(data):
            case Said.PROMPT:
                return [Send((become.password or "").encode() + b"\n", secret=True)]
            case Said.WRONG:
                return self._finish(Failed(self._become_error(f"Incorrect {become.method} password")))
            case Said.MISSING:
                return self._finish(Failed(self._become_error(f"Missing {become.method} password")))
            case Said.TERMINAL:
                return self._finish(NeedsTerminal())
        return []

    def _become_error(self, message: str, rc: int | None = None) -> BecomeFailed:
        assert self._wrapped is not None
        become = self._wrapped.become
        return BecomeFailed(message, method=become.method, user=become.user, output=self.junk, rc=rc)

    def _refused(self, ended: Ended) -> BecomeFailed:
        assert self._wrapped is not None
        become = self._wrapped.become
        said = self.junk or str(ended)
        return self._become_error(f"Failed to become {become.user!r} with {become.method}: {said}", ended.rc)


# Doing it


class Started(Struct, frozen=True):
    """A program that is up. What it writes is kept until ``attach``."""

    channel: Channel
    python: str
    greeter: Greeter

    def attach(self, receiver: Receiver) -> None:
        """Hand on what came so far, and everything after it."""
        self.greeter.attach(self.channel, receiver)


class Greeter:
    """Carries out a greeting's steps on a channel, and keeps what comes after it."""

    def __init__(self, greeting: Greeting) -> None:
        self.greeting = greeting
        self.done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self._channel: Channel | None = None
        self._unsent: list[bytes] = []  # for the channel, once we are told of it
        self._kept: list[bytes] = []
        self._ended: Ended | None = None

    def opened(self, channel: Channel) -> None:
        self._channel = channel
        self._do(self.greeting.opened())
        for data in self._unsent:
            channel.write(data)

    def on_data(self, data: bytes) -> None:
        if self.done.done():
            self._kept.append(data)
        else:
            self._do(self.greeting.out(data))

    def on_error(self, data: bytes) -> None:
        self._do(self.greeting.error(data))

    def on_end(self, ended: Ended) -> None:
        self._ended = ended
        self._do(self.greeting.ended(ended))

    def attach(self, channel: Channel, receiver: Receiver) -> None:
        channel.receiver = receiver
        for data in self._kept:
            receiver.on_data(data)
        self._kept.clear()
        if self._ended is not None:
            receiver.on_end(self._ended)

    def _do(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Send):
                if self._channel is not None:
                    self._channel.write(step.data)
                else:
                    self._unsent.append(step.data)
            elif not self.done.done():
                if isinstance(step, Ready) and step.rest:
                    self._kept.append(step.rest)
                self.done.set_result(step)


class Launch(Struct, frozen=True, kw_only=True):
    """What to bring up on a host, and as whom."""

    command: str  # one that any login shell takes
    payload: bytes = b""  # follows on stdin
    become: Become | None = None
    timeout: float = 12.0  # seconds to become the user
    patience: float = START_TIMEOUT  # seconds to come up
    mark: bytes = AGENT_MARK  # the line it is up with
    python: bool = True  # it says its interpreter first
    local: bool = False  # ansible-core has other words for what goes wrong on this machine


async def start(transport: Transport, launch: Launch) -> Started | None:
    """Run the command until it is up; None: it found no interpreter.

    Raises Unreachable, BecomeFailed, AgentFailed, AgentGone, NoTransport.
    """
    become, pty = launch.become, False
    while True:
        channel, greeter, step = await _attempt(transport, launch, pty)
        if isinstance(step, Ready):
            return Started(channel, step.python, greeter)
        channel.close()
        if isinstance(step, NoPython):
            return None
        if isinstance(step, Failed):
            raise step.error
        if pty and become is not None:
            said = greeter.greeting.junk
            message = f"Failed to become {become.user!r} with {become.method}: {said}"
            raise BecomeFailed(message, method=become.method, user=become.user, output=said)
        pty = True


async def _attempt(transport: Transport, launch: Launch, pty: bool) -> tuple[Channel, Greeter, Step]:
    command, wrapped = launch.command, None
    if launch.become is not None:
        key = secrets.token_hex(16)
        wrapped = wrap(launch.become, command, key=key)
        pty = pty or wrapped.pty
        if pty:  # frames need all eight bits and nothing changed, from the moment the password is given
            raw = f"/bin/sh -c {shlex.quote(f'stty raw -echo 2>/dev/null; {command}')}"
            wrapped = wrap(launch.become, raw, key=key)
        command = wrapped.command
    greeter = Greeter(Greeting(wrapped, launch.payload, mark=launch.mark, python=launch.python))
    channel = await transport.start(command, greeter, pty=pty)
    try:
        greeter.opened(channel)
        return channel, greeter, await _in_time(greeter, launch)
    except BaseException:
        channel.close()
        raise


def _too_late(launch: Launch, become: Become, said: str) -> str:
    if not launch.local:
        return f"Timeout ({int(launch.timeout)}s) waiting for privilege escalation prompt: {said}"
    awaited = "become success" if become.password is None else "become success or become password prompt"
    return f"Timed out waiting for {awaited}." + (f"\n>>> Standard Output\n{said}" if said else "")


async def _in_time(greeter: Greeter, launch: Launch) -> Step:
    greeting = greeter.greeting
    if launch.become is not None:
        await asyncio.wait([greeter.done], timeout=launch.timeout)
        if not greeter.done.done() and greeting.becoming:
            raise Unreachable(_too_late(launch, launch.become, greeting.junk))
    done, _ = await asyncio.wait([greeter.done], timeout=launch.patience)
    if not done:
        raise Unreachable(f"The agent did not start within {launch.patience:.0f} seconds. {greeting.junk}".rstrip())
    return greeter.done.result()
