"""A host that answers as a case says, and the context of an action that talks to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from weft.actions.base import ActionContext, JobRequest, PromptInterrupted, Services
from weft.connection.api import AgentInfo, Reply, RequestFailed, Session, Target
from weft.content.core import Core
from weft.content.kinds import Kind
from weft.content.modules import Module
from weft.content.payload import Payload
from weft.content.plugins import PluginSource
from weft.model.errors import Unreachable
from weft.model.nodes import Common, Role, Task
from weft.model.settings import Settings
from weft.model.values import Origin, Trusted
from weft.templating.templar import Templar

CORE = Core("/ansible", "2.19.0", ((3, 8),))
TARGET = Target(host="h1", connection="ssh", address="h1")
INFO = AgentInfo(
    python="/usr/bin/python3",
    version=(3, 11, 2),
    pid=1,
    uid=0,
    user="root",
    home="/root",
    boot_id="b1",
    hostname="h1",
    blobs=frozenset({"main"}),
)
_PLUGINS = PluginSource(Settings())


class Unasked(AssertionError):
    """An action asked the host for something that the case has no answer to."""


@dataclass
class FakeSession:
    """A host. ``replies`` are used up in order, each by the first request of its op (and module)."""

    replies: list[dict[str, Any]]
    target: Target = TARGET
    info: AgentInfo | None = INFO
    requests: list[dict[str, Any]] = field(default_factory=list)

    __hash__ = object.__hash__

    async def request(
        self, op: str, arguments: Mapping[str, Any] | None = None, payload: bytes = b"", *, on_stream: Any = None
    ) -> Reply:
        # as sessions do: `op` is the frame's own
        asked = {("run" if key == "op" else key): value for key, value in (arguments or {}).items()} | {"op": op}
        if payload:
            asked["payload"] = payload
        self.requests.append(asked)
        found = next((r for r in self.replies if r["op"] == op and r.get("name") in (None, asked.get("name"))), None)
        if found is None:
            return self._default(asked)
        self.replies.remove(found)
        if found.get("unreachable"):
            raise Unreachable("gone")
        if "error" in found:
            error = found["error"]
            raise RequestFailed(error["kind"], error.get("message", error["kind"]), error)
        if op == "module":
            out = (found["raw"] if "raw" in found else json.dumps(found["result"])).encode()
            errors = found.get("stderr", "").encode()
            result = {"rc": found.get("rc", 0), "stdout_len": len(out), "stderr_len": len(errors)}
            return Reply(result, out + errors)
        if op == "raw":
            out, errors = found.get("stdout", "").encode(), found.get("stderr", "").encode()
            result = {"rc": found.get("rc", 0), "stdout_len": len(out), "stderr_len": len(errors)}
            return Reply(result, out + errors)
        return Reply(found.get("result", {}), found.get("payload", "").encode())

    def _default(self, asked: Mapping[str, Any]) -> Reply:
        if asked["op"] in ("put", "put_blobs", "remove", "ping", "job.cleanup"):
            return Reply({})
        if asked["op"] == "tempdir":
            return Reply({"path": "/tmp/ansible-tmp-1"})
        if asked["op"] == "stat" and asked["path"] == "/sys/fs/selinux/enforce":
            return Reply({"exists": False})
        raise Unasked(f"{asked}; left: {self.replies}")

    def on_push(self, name: str, callback: Any) -> Callable[[], None]:
        return lambda: None

    async def close(self) -> None:
        pass


@dataclass
class FakeSessions:
    """Gives the one session; ``refuse`` counts how often it can't be reached first."""

    session: FakeSession
    refuse: int = 0
    resets: int = 0
    left: list[str | None] = field(default_factory=list)  # users whose sessions alone were dropped

    async def open(self, target: Target) -> Session:
        if self.refuse:
            self.refuse -= 1
            raise Unreachable("no route to host")
        return self.session

    async def reset(self, target: Target, *, user: str | None = None) -> None:
        self.resets += 1
        self.left.append(user)

    async def close(self) -> None:
        pass


class FakeModules:
    """Every module is there, unless it is named as missing; ``library`` are those that a library folder has."""

    def __init__(self, missing: Iterable[str] = (), library: Iterable[str] = ()) -> None:
        self._missing = frozenset(missing)
        self._library = frozenset(library)

    def resolve(
        self,
        name: str,
        collections: Sequence[str] = (),
        extra_dirs: Sequence[str] = (),
        *,
        python: Sequence[int] | None = None,
    ) -> Module | None:
        short = name.rpartition(".")[2]
        if short in self._missing:
            return None
        fqcn = name if name.count(".") > 1 and not name.startswith("ansible.") else f"ansible.builtin.{short}"
        if short in self._library:
            fqcn = f"ansible.legacy.{short}"
        return Module(name=short, fqcn=fqcn, path=f"/{short}.py", core=CORE, python_name=f"ansible.modules.{short}")

    def with_defaults(
        self, fqcn: str, args: Mapping[str, Any], defaults: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for mapping in defaults:
            found.update(mapping.get(fqcn, {}))
        return {**found, **args}


class FakePayloads:
    def cached(self, module: Module, utils_dirs: Sequence[str] = ()) -> Payload | None:
        return self.build(module)

    def build(self, module: Module, utils_dirs: Sequence[str] = ()) -> Payload:
        return Payload(
            name=module.name,
            fqcn=module.fqcn,
            kind=Kind.NEW,
            main="main",
            utils={"ansible": ("main", True)},
            wanted=frozenset({"main"}),
            blobs={"main": b""},
            version="2.19.0",
        )


@dataclass
class FakePrompter:
    """Somebody who types ``answers``; None stands for Ctrl-C."""

    answers: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    interactive: bool = True

    async def ask(self, text: str, **how: Any) -> str:
        self.asked.append(text)
        answer = self.answers.pop(0)
        if answer is None:
            raise PromptInterrupted
        return answer


class Names:
    """Variables, evaluated when they are read."""

    def __init__(self, raw: Mapping[str, Any], templar: Templar) -> None:
        self._raw = dict(raw)
        self._templar = templar

    def __getitem__(self, name: str) -> Any:
        return self._templar.evaluate(self._raw[name], self)

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def names(self) -> Iterable[str]:
        return self._raw

    def raw(self, name: str) -> Any:
        return self._raw[name]

    def child(self, local: Mapping[str, Any]) -> Names:
        return Names({**self._raw, **local}, self._templar)


def trusted(value: Any) -> Any:
    """All text marked as a loader would mark it."""
    if isinstance(value, str):
        return Trusted(value, Origin("play.yml", 1, 1))
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return value


@dataclass
class Stage:
    """A context with everything round it that tests look at."""

    context: ActionContext
    session: FakeSession
    sessions: FakeSessions
    prompter: FakePrompter
    events: list[Any]


def stage(
    action: str,
    args: Mapping[str, Any] | None = None,
    *,
    folder: Path,
    replies: Sequence[Mapping[str, Any]] = (),
    variables: Mapping[str, Any] | None = None,
    check: bool = False,
    diff: bool = False,
    no_log: bool = False,
    environment: Mapping[str, str] | None = None,
    defaults: Sequence[Mapping[str, Any]] = (),
    delegate_to: str | None = None,
    job: JobRequest | None = None,
    verbosity: int = 0,
    target: Mapping[str, Any] | None = None,
    discovered: bool = False,
    missing: Iterable[str] = (),
    library: Iterable[str] = (),
    role: Role | None = None,
    raw_args: Iterable[str] = (),
) -> Stage:
    """``args`` named in ``raw_args`` come as the playbook has them, the others evaluated."""
    settings = Settings(verbosity=verbosity)
    templar = Templar(_PLUGINS, settings=settings)
    names = Names(trusted(dict(variables or {})), templar)
    given = {key: trusted(value) if key in set(raw_args) else value for key, value in (args or {}).items()}
    there = replace(TARGET, **(target or {}))
    session = FakeSession([dict(reply) for reply in replies], there, replace(INFO, discovered=discovered))
    sessions = FakeSessions(session)
    prompter = FakePrompter()
    events: list[Any] = []
    services = Services(
        settings=settings,
        sessions=sessions,
        templar=templar,
        modules=FakeModules(missing, library),
        payloads=FakePayloads(),
        publish=events.append,
        decrypt=lambda data, path: b"plain",
        load_vars=_load_vars,
        parse_vars=lambda text, path: trusted(json.loads(text)),
        prompter=prompter,
    )
    short = action.rpartition(".")[2]
    task = Task(
        id="t1",
        origin=Origin(str(folder / "play.yml"), 3, 7),
        action=action,
        fqcn=f"ansible.builtin.{short}",
        args={key: trusted(value) for key, value in (args or {}).items()},
        common=Common(),
        role=role,
        path_parents=(str(folder),),
    )
    context = ActionContext(
        task=task,
        args=given,
        host="h1",
        scope=names,
        services=services,
        make_target=lambda: there,
        basedir=str(folder),
        check=check,
        diff=diff,
        no_log=no_log,
        environment=environment or {},
        module_defaults=defaults,
        delegate_to=delegate_to,
        job=job,
    )
    return Stage(context, session, sessions, prompter, events)


def _load_vars(path: str) -> Mapping[str, Any]:
    import yaml

    loaded = trusted(yaml.safe_load(Path(path).read_text()))
    return {} if loaded is None else loaded


def contains(whole: Any, part: Any) -> bool:
    """Whether ``part`` is in ``whole``: mappings by their keys, everything else exactly (text stands for its bytes)."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(contains, whole, part))
    if isinstance(whole, bytes) and isinstance(part, str):
        return whole == part.encode()
    return bool(whole == part)
