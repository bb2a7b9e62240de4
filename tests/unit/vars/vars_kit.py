"""Variables of a small run, for the tests beside this: text for the inventory, mappings for all else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import force_setattr, replace

from weft.config.yaml import load_file, trust
from weft.content.plugins import PluginSource
from weft.events.types import Deprecated, Event, Warned
from weft.inventory import load
from weft.model.nodes import Common, Play, Role, Task, VarsPrompt
from weft.model.settings import Settings
from weft.model.values import Origin
from weft.templating.templar import Templar
from weft.vars import PlayVars, Scope, Variables

HERE = Origin("play.yml", 1, 1)


def raw(value: Any) -> Any:
    """As a loader gives it: text is trusted."""
    return trust(value, HERE)


def role(name: str, **parts: Any) -> Role:
    for key in ("defaults", "vars", "params", "use_vars"):
        if key in parts:
            parts[key] = raw(parts[key])
    dependencies = parts.pop("dependencies", ())
    made = Role(name=name, path=f"/roles/{name}", origin=HERE, **parts)
    # loaders make a role before those it depends on
    force_setattr(made, "dependencies", tuple(replace(one, parents=(*made.parents, made)) for one in dependencies))
    return made


def task(*, role: Role | None = None, paths: tuple[str, ...] = (), **common: Any) -> Task:
    if "vars" in common:
        common["vars"] = tuple(raw(one) for one in common["vars"])
    if "params" in common:
        common["params"] = tuple(raw(one) for one in common["params"])
    return Task(
        id="t", origin=HERE, action="debug", fqcn="ansible.builtin.debug", role=role, common=Common(**common),
        path_parents=paths,
    )  # fmt: skip


class Run:
    """One run with one play."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[Event] = []
        self.inventory_text = "[web]\nh1\nh2\n"
        self.settings: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.play: dict[str, Any] = {}
        self.limit: str | None = None
        self._made: tuple[Variables, PlayVars] | None = None

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    @property
    def variables(self) -> Variables:
        return self._make()[0]

    @property
    def play_vars(self) -> PlayVars:
        return self._make()[1]

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.said if isinstance(event, Warned | Deprecated)]

    def _make(self) -> tuple[Variables, PlayVars]:
        if self._made is None:
            settings = replace(Settings(), inventory_enabled=("host_list", "ini"), **self.settings)
            source = self.write("inv/hosts", self.inventory_text)
            variables = Variables(
                load([source], settings, warn=self.said.append),
                Templar(PluginSource(settings), decrypt=lambda value: f"plain {value.ciphertext}"),
                extra_vars=raw(self.extra),
                settings=settings,
                loader=load_file,
                warn=self.said.append,
                limit=self.limit,
            )
            self._made = variables, PlayVars(play=self._play(), all_hosts=list(variables.inventory.hosts))
        return self._made

    def _play(self) -> Play:
        parts = dict(self.play)
        parts["vars"] = raw(parts.get("vars", {}))
        parts["vars_files"] = tuple(raw(entry) for entry in parts.get("vars_files", ()))
        parts["vars_prompt"] = tuple(VarsPrompt(name=name, origin=HERE) for name in parts.get("vars_prompt", ()))
        parts.setdefault("name", "the play")
        return Play(
            id="p", origin=HERE, path=str(self.folder / "play" / "site.yml"), hosts=raw("all"), common=Common(), **parts
        )  # fmt: skip

    def scope(self, host: str | None = "h1", one: Task | None = None, **more: Any) -> Scope:
        return self.variables.scope(host, play=self.play_vars, task=one or task(), **more)

    def read(self, expression: str, host: str | None = "h1", one: Task | None = None) -> Any:
        """The plain value of an expression."""
        return self.variables.templar.expression(raw(expression), self.scope(host, one))  # type: ignore[attr-defined]

    def render(self, text: str, scope: Scope) -> Any:
        return self.variables.templar.render(raw(text), scope)


def given(values: Mapping[str, Any], names: str) -> dict[str, Any]:
    return {name: values[name] for name in names.split()}
