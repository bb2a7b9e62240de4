"""What actions need of the rest of weft, as small interfaces, and the record that carries them.

``base`` builds an action's context on these; the composition root fills them in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from weft.model.values import Origin, Value
from weft.templating.api import Names

if TYPE_CHECKING:
    from weft.actions.base import ActionContext
    from weft.connection.api import Reply, Session, Sessions
    from weft.content.modules import Module
    from weft.content.payload import Payload
    from weft.events.types import Event
    from weft.jobs.registry import JobRegistry
    from weft.jobs.strands import Strand
    from weft.lane import Lane
    from weft.model.settings import Settings


class TaskNames(Names, Protocol):
    """The variables of one task on one host."""

    def raw(self, name: str) -> Value:
        """The unevaluated value. Raises KeyError."""

    def child(self, local: Mapping[str, Any]) -> TaskNames:
        """The same with ``local`` on top."""

    def own_names(self) -> Sequence[str]:
        """Every variable there is, without what the connection brings."""

    def of_host(self, host: str) -> TaskNames:
        """Another host's variables, as ``hostvars`` shows them."""


class Templating(Protocol):
    """What actions use of the templar."""

    def render(self, value: Value, names: Names) -> Any: ...
    def render_marked(self, value: Value, names: Names) -> Any: ...
    def evaluate(self, value: Value, names: Names) -> Any: ...
    def expression(self, text: str, names: Names) -> Any: ...
    def evaluate_expression(self, text: str, names: Names) -> Any: ...
    def condition(self, text: Value, names: Names) -> bool: ...
    def is_template(self, value: Value) -> bool: ...
    def may_block(self, value: Value) -> bool: ...
    def names_in(self, value: Value) -> frozenset[str]: ...
    def steady_names(self, value: Value) -> frozenset[str] | None: ...
    def render_for_people(self, text: str, names: Names) -> tuple[str, tuple[str, ...]]: ...
    def warn(self, message: str, origin: Origin | None = None) -> None: ...
    def render_text(
        self, text: str, names: Names, *, overrides: Mapping[str, Any] = ..., searchpath: Sequence[str] = ...
    ) -> str: ...


class Ahead(Protocol):
    """Asks for a task when its turn has come; the request may be on its way by then."""

    async def ask(self, context: ActionContext, session: Session, op: str, arguments: Mapping[str, Any]) -> Reply:
        """The answer. Raises as ``Session.request``."""


class ModuleFinder(Protocol):
    """Names to modules (``weft.content.modules.ModuleStore``)."""

    def resolve(
        self,
        name: str,
        collections: Sequence[str] = (),
        extra_dirs: Sequence[str] = (),
        *,
        python: Sequence[int] | None = None,
    ) -> Module | None: ...

    def with_defaults(
        self, fqcn: str, args: Mapping[str, Any], defaults: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]: ...


class Payloads(Protocol):
    """Modules to what goes over the wire (``weft.content.payload.PayloadStore``)."""

    def cached(self, module: Module, utils_dirs: Sequence[str] = ()) -> Payload | None:
        """What was built before; never blocks for long."""

    def build(self, module: Module, utils_dirs: Sequence[str] = ()) -> Payload:
        """May read and parse files: it blocks."""


class PromptInterrupted(Exception):
    """Ctrl-C, or one of the interrupting keys, at a prompt."""


class Prompter(Protocol):
    """Asks the person at the terminal. One prompt at a time: the service queues them."""

    @property
    def interactive(self) -> bool:
        """Whether somebody can answer."""

    async def ask(
        self,
        text: str,
        *,
        echo: bool = True,
        seconds: float | None = None,
        complete: Sequence[str] | None = None,
        interrupt: Sequence[str] | None = None,
    ) -> str:
        """What was typed until Enter, or until a key of ``complete`` (case does not matter; empty: no key ends it).

        After ``seconds`` it ends with what there is. A key of ``interrupt``, or Ctrl-C, raises PromptInterrupted.
        """

    async def line(self, text: str) -> str | None:
        """A line that was typed, or stands in the file or pipe that standard input is. None at its end.

        Ctrl-D where nothing was typed is the end; Ctrl-C raises PromptInterrupted.
        """


class Strands(Protocol):
    """Async work of this run that is not a job on a host (templates, blocks, roles ...), known by jid.

    A strand is seen by tasks of its own host alone. ``weft.jobs.strands.Strands`` is the only one.
    """

    def start(
        self,
        host: str,
        title: str,
        work: Callable[[], Awaitable[Mapping[str, Any]]],
        *,
        limit: float | None,
        on_join: Callable[[], None] | None = None,
        owner: object = None,
    ) -> Strand:
        """Begin ``work``, to be cancelled after ``limit`` seconds."""

    def find(self, host: str, jid: str) -> Strand | None:
        """A strand that the host's tasks can see, without being told of its end."""

    def of_host(self, host: str) -> Sequence[Strand]:
        """Those whose end nobody was told, in the order of their start."""

    def status(self, host: str, jid: str) -> Mapping[str, Any] | None:
        """As a job's result file (``started``, ``finished``, the result once it ended); None: no such strand."""

    def forget(self, host: str, jid: str) -> bool:
        """``mode: cleanup``. False: no such strand."""

    async def wait(self, jid: str) -> None:
        """Until it has ended. Raises WeftError for a strand that would wait for itself."""

    async def cancel(self, jid: str) -> bool:
        """End it, with what runs on hosts for it. False: it was over, or is the one that asks."""


class Services(Struct, frozen=True, kw_only=True):
    """What a run offers to every action. Made once, by the composition root."""

    settings: Settings
    sessions: Sessions
    templar: Templating
    modules: ModuleFinder
    payloads: Payloads
    publish: Callable[[Event], None]
    decrypt: Callable[[bytes, str], bytes]
    """Contents of a vaulted file, with its path for messages -> plain contents. Raises VaultFailed. May block."""
    load_vars: Callable[[str], Mapping[str, Value]]
    """Path of a variables file -> its marked (Trusted) mapping. Raises LoadError. May block."""
    parse_vars: Callable[[str, str], Any]
    """Text of YAML or JSON and its path for messages -> marked (Trusted) data of any type. Raises LoadError."""
    prompter: Prompter
    strands: Strands | None = None
    jobs: JobRegistry | None = None
    """Jobs of this run: `async_status` asks about them as the user who started them."""
    lane: Lane | None = None
    """Runs what weft has no native way for; None: nothing does."""


class JobRequest(Struct, frozen=True, kw_only=True):
    """``async:`` of the task: start a job on the host instead of waiting for it."""

    limit: float  # seconds
    title: str = ""  # the task's name, for lists of jobs; empty: it has none
    jid: str | None = None  # None: the agent makes one
    async_dir: str | None = None  # None: the target's
