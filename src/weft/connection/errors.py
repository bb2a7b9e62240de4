"""What can go wrong with a connection other than not reaching the host (that is ``Unreachable``)."""

from __future__ import annotations

from typing import Any

from weft.model.errors import TaskFailed, WeftError


class NoTransport(WeftError):
    """weft has no native way for this connection or become method; the compatibility lane may have one.

    ``kind`` is ``connection``, ``become`` or ``shell``; ``name`` is what was asked for.
    """

    def __init__(self, kind: str, name: str, message: str | None = None) -> None:
        super().__init__(message or f"There is no native {kind} method {name!r}.")
        self.kind = kind
        self.name = name


class BecomeFailed(TaskFailed):
    """The host was reached, but not as the user that was asked for: the task fails, the host is not unreachable."""

    def __init__(self, message: str, *, method: str, user: str, output: str = "", rc: int | None = None) -> None:
        result: dict[str, Any] = {"rc": rc} if rc is not None else {}
        if output:
            result["module_stderr"] = output
        super().__init__(message, result=result)
        self.method = method
        self.user = user


class InterpreterMissing(TaskFailed):
    """An operation needs Python and the host has none (or not the one it was told to use)."""

    def __init__(self, interpreter: str, tried: tuple[str, ...] = (), others: tuple[str, ...] = ()) -> None:
        hint = "Consider overriding the configured interpreter path for this host."
        hint += f" Tried: {', '.join(tried)}." if tried else ""
        hint += f" The host has: {', '.join(others)}." if others else ""
        super().__init__(
            f"The module interpreter {interpreter!r} was not found.",
            hint=hint,
            result={"rc": 127, "module_stdout": "", "module_stderr": f"/bin/sh: 1: {interpreter}: not found\n"},
        )
        self.interpreter = interpreter
        self.tried = tried
        self.others = others


class AgentFailed(TaskFailed):
    """Python is there but the agent could not start under it."""

    def __init__(self, python: str, output: str, rc: int | None) -> None:
        # kubectl's own line comes last, and says of the status alone
        said = [
            line for line in output.strip().splitlines() if not line.startswith("command terminated with exit code")
        ]
        super().__init__(
            f"The agent could not start under {python}: {said[-1] if said else f'it ended with status {rc}'}",
            result={"rc": rc if rc is not None else 1, "module_stdout": "", "module_stderr": output},
        )


class AgentGone(WeftError):
    """The host is there and the agent is not: it was killed, it waited long enough, or the host was restarted."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "there is no agent any more")


class BrokenFrames(WeftError):
    """What came from the agent is no frame: something else wrote to its stdout, or the two sides disagree."""
