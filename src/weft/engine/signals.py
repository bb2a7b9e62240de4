"""How a host leaves the straight way through a play: exceptions with exactly those names."""

from __future__ import annotations

from weft.model.nodes import Role, Task
from weft.model.outcome import Outcome


class HostSignal(Exception):
    """Base of all: never shown to users, always caught by the engine."""


class HostFailed(HostSignal):
    """A task failed on the host and the failure is not ignored: a block's rescue may catch it.

    ``task`` and ``outcome`` are None where the host fails because another one did (any_errors_fatal, run_once).
    ``again``: so many times more it fails at the next place within the innermost block, be that its rescue or its
    always. So it goes, as in Ansible, with the other hosts where several rules let them fail (`run_once`, then
    any_errors_fatal, then max_fail_percentage). ``fatal``: it is every host's failure (any_errors_fatal). ``among``:
    where children of a parallel block failed, all their failures.

    ``at``: the host waited for its next task when another one's failure became its own. In Ansible a host leaves a
    block with the task behind it, so it fails where it has been last, and the rescue of a block that it came through
    is for it. None: it fails here.
    """

    at: tuple[int, ...] | None = None

    def __init__(
        self,
        task: Task | None = None,
        outcome: Outcome | None = None,
        *,
        again: int = 0,
        fatal: bool = False,
        among: tuple[HostFailed, ...] = (),
    ) -> None:
        super().__init__()
        self.task = task
        self.outcome = outcome
        self.again = again
        self.fatal = fatal
        self.among = among or (self,)


def failing_in(late: HostFailed | None, position: tuple[int, ...]) -> int:
    """Which of the things at a position the host fails in; the first, where it fails in none."""
    return late.at[len(position)] if late is not None and late.at is not None else 0


class HostUnreachable(HostSignal):
    """The host is out of reach: no rescue, no always, out of the rest of the run.

    ``fatal``: it is every host's failure (any_errors_fatal).
    """

    def __init__(self, *, fatal: bool = False) -> None:
        super().__init__()
        self.fatal = fatal


class Ended(HostSignal):
    """Base of those that end the play for a host that is not failed.

    ``rescuing``: it came directly from a rescue, so that what was to be rescued is. Without that a failure that the
    host had before is not forgotten. None: it has come out of no block yet.
    """

    rescuing: bool | None = None


class EndHost(Ended):
    """``meta: end_host``: this host is done with the play, and is not failed."""


class EndBatch(Ended):
    """``meta: end_batch``: every host of the batch is done with it."""


class EndPlay(Ended):
    """``meta: end_play``: the play is over for all hosts, later batches too."""


class EndRole(HostSignal):
    """``meta: end_role``: the rest of the role is left out on this host."""

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role


class Stopped(HostSignal):
    """Ctrl-C: no new task starts."""


class DebuggerQuit(Exception):
    """Somebody ended the run at the task debugger's prompt."""


class Broken(HostSignal):
    """Too many hosts failed (`max_fail_percentage`): the batch is over, nothing rescues it."""
