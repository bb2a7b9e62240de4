"""``reboot``: restart a host and wait until it is back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.actions.attempts import AttemptFailed, TimedOut, until_success
from weft.actions.base import ActionContext, Result
from weft.actions.host import run_text
from weft.connection.names import LOCAL, transport_name
from weft.model.errors import TaskFailed, Unreachable, WeftError

_SEARCH_PATHS = ("/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin")
_MESSAGE = "Reboot initiated by Ansible"
_TIMEOUT = 600  # seconds
_MAX_PAUSE = 12.0  # seconds

# what differs by distribution with version, distribution, or family
_BOOT_TIME = {
    "freebsd": "/sbin/sysctl kern.boottime",
    "openbsd": "/sbin/sysctl kern.boottime",
    "macosx": "who -b",
    "solaris": "who -b",
    "sunos": "who -b",
    "vmkernel": "grep booted /var/log/vmksummary.log | tail -n 1",
    "aix": "who -b",
}
_SHUTDOWN = {"alpine": "reboot", "vmkernel": "reboot"}
_SHUTDOWN_ARGS = {
    "alpine": "",
    "void": '-r +{delay_min} "{message}"',
    "freebsd": '-r +{delay_sec}s "{message}"',
    "macosx": '-r +{delay_min} "{message}"',
    "openbsd": '-r +{delay_min} "{message}"',
    "solaris": '-y -g {delay_sec} -i 6 "{message}"',
    "sunos": '-y -g {delay_sec} -i 6 "{message}"',
    "vmkernel": "-d {delay_sec}",
    "aix": "-Fr",
}
_TEST = {"solaris": "who", "vmkernel": "who"}


class _System(Struct, frozen=True):
    """What the host runs, in lower case."""

    name: str
    version: str
    family: str

    def pick(self, table: Mapping[str, str], default: str) -> str:
        found = (table.get(key) for key in (self.name + self.version, self.name, self.family))
        return next((value for value in found if value is not None), default)


async def reboot(context: ActionContext) -> Result:
    """``rebooted`` and ``elapsed`` seconds. Raises WeftError where it can't even be begun."""
    if transport_name(context.target) == LOCAL:
        message = f"Running {context.name} with local connection would reboot the control node."
        return {"changed": False, "elapsed": 0, "rebooted": False, "failed": True, "msg": message}
    if context.check:
        return {"changed": True, "elapsed": 0, "rebooted": True}
    return await _Reboot(context).run()


class _Reboot:
    """One restart of one host."""

    def __init__(self, context: ActionContext) -> None:
        self._context = context
        self._args = context.args
        self._label = context.name
        self._before = _delay(context.args, "pre_reboot_delay")
        self._after = _delay(context.args, "post_reboot_delay")
        self._timeout = _whole(self._args.get("reboot_timeout", self._args.get("reboot_timeout_sec", _TIMEOUT)))
        told = self._args.get("connect_timeout", self._args.get("connect_timeout_sec"))
        self._connect_timeout = float(_whole(told)) if told else None

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        system = await self._system()
        try:
            booted = await self._boot_time(system)
        except WeftError as error:
            return {"failed": True, "reboot": False, "msg": error.message}
        command = f"{await self._command(system)} {self._arguments(system)}"
        began = loop.time()
        failure = await self._shut_down(command)
        if failure is not None:
            result: Result = {"failed": True, "rebooted": False, "msg": failure}
        else:
            if self._after:
                self._context.say(f"{self._label}: waiting an additional {self._after} seconds", 3)
                await asyncio.sleep(self._after)
            result = await self._validate(system, booted)
        result["elapsed"] = int(loop.time() - began)
        return result

    async def _system(self) -> _System:
        found = await self._context.module("ansible.legacy.setup", {"gather_subset": "min"})
        if found.get("failed"):
            said = ", ".join(str(found.get(key, "")).strip() for key in ("module_stdout", "module_stderr"))
            raise WeftError(f"Failed to determine system distribution. {said}", self._context.task.origin)
        facts = found.get("ansible_facts") or {}
        try:
            return _System(
                str(facts["ansible_distribution"]).lower(),
                str(facts["ansible_distribution_version"]).split(".")[0],
                str(facts["ansible_os_family"]).lower(),
            )
        except KeyError as missing:
            raise WeftError(
                f'Failed to get distribution information. Missing "{missing.args[0]}" in output.',
                self._context.task.origin,
            ) from None

    async def _boot_time(self, system: _System) -> str:
        """Something that is another after the restart. Raises WeftError."""
        command = self._text("boot_time_command")
        command = command or system.pick(_BOOT_TIME, "cat /proc/sys/kernel/random/boot_id")
        result = await run_text(self._context, command)
        if result["rc"] != 0:
            raise WeftError(
                f"{self._label}: failed to get host boot time info, rc: {result['rc']}, "
                f"stdout: {result['stdout']}, stderr: {result['stderr']}"
            )
        return str(result["stdout"]).strip()

    def _text(self, name: str) -> str | None:
        value = self._args.get(name)
        if value is None or isinstance(value, str):
            return value
        raise WeftError(
            f"Invalid value given for '{name}': '{value!r}' is not a string and conversion is not allowed.",
            self._context.task.origin,
        )

    async def _command(self, system: _System) -> str:
        """The absolute path of what restarts the host. Raises WeftError."""
        told = self._text("reboot_command")
        name = told.split(" ", 1)[0] if told is not None else system.pick(_SHUTDOWN, "shutdown")
        if name.startswith("/"):
            return name
        paths: Any = self._args.get("search_paths", list(_SEARCH_PATHS))
        if isinstance(paths, str):
            paths = paths.split(",")
        if not isinstance(paths, list):
            raise WeftError(f"'search_paths' must be a string or flat list of strings, got {paths}")
        found = await self._context.module(
            "ansible.legacy.find", {"paths": paths, "patterns": [name], "file_type": "any"}
        )
        files = found.get("files") or []
        if not files:
            raise WeftError(f'Unable to find command "{name}" in search paths: {paths}', self._context.task.origin)
        return str(files[0]["path"])

    def _arguments(self, system: _System) -> str:
        told = self._text("reboot_command")
        if told is not None:
            return told.partition(" ")[2]
        return system.pick(_SHUTDOWN_ARGS, '-r {delay_min} "{message}"').format(
            delay_sec=self._before, delay_min=self._before // 60, message=self._args.get("msg", _MESSAGE)
        )

    async def _shut_down(self, command: str) -> str | None:
        """Give the command; why it failed, or None. A connection that breaks is what one expects."""
        self._context.say(f"{self._label}: rebooting server...", 3)
        try:
            result = await run_text(self._context, command)
        except Unreachable:
            return None
        if result["rc"] == 0:
            return None
        said = f"{str(result['stdout']).strip()}, {str(result['stderr']).strip()}"
        return f"Reboot command failed. Error was: '{said}'"

    async def _validate(self, system: _System, booted: str) -> Result:
        self._context.say(f"{self._label}: validating reboot", 3)

        async def restarted() -> None:
            now = await self._boot_time(system)
            if not now or now == booted:
                raise AttemptFailed("boot time has not changed")

        async def works() -> None:
            command = str(self._args.get("test_command", system.pick(_TEST, "whoami")))
            result = await run_text(self._context, command)
            if result["rc"] != 0:
                raise AttemptFailed(f"Test command failed: {result['stderr']} {result['stdout']}")

        for attempt, what in ((restarted, "last boot time check"), (works, "post-reboot test command")):
            try:
                await until_success(
                    self._context,
                    attempt,
                    timeout=self._timeout,
                    connect_timeout=self._connect_timeout,
                    pauses=_pauses(),
                    on_failure=lambda why, pause, what=what: self._tell(what, why, pause),  # type: ignore[misc]
                )
            except TimedOut:
                message = f"Timed out waiting for {what} (timeout={self._timeout})"
                return {"failed": True, "rebooted": True, "msg": message}
        self._context.say(f"{self._label}: system successfully rebooted", 3)
        return {"rebooted": True, "changed": True}

    def _tell(self, what: str, why: str, pause: float) -> None:
        last = (why.splitlines() or [""])[-1]
        self._context.say(f"{self._label}: {what} fail '{last}', retrying in {pause:.4f} seconds...", 3)


def _delay(args: Mapping[str, Any], name: str) -> int:
    return max(_whole(args.get(name, args.get(f"{name}_sec", 0))), 0)


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise TaskFailed(str(error)) from error


def _pauses() -> Iterator[float]:
    """1, 2, 4, 8, then 12 seconds, each with a little on top so that many hosts don't come at once."""
    pause = 1.0
    while True:
        yield min(pause, _MAX_PAUSE) + random.random()
        pause *= 2
