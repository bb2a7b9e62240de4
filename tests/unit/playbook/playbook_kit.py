"""Given these files, load that playbook: the builder of the playbook tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from weft.events.types import Deprecated, Event, Warned
from weft.model.errors import LoadError, UndefinedName
from weft.model.nodes import Block, Node, Play, Playbook, Task
from weft.model.settings import Settings
from weft.model.values import Trusted
from weft.playbook.loader import Loader

BUILTINS = frozenset((
    "add_host", "apt", "assert", "async_status", "command", "copy", "debug", "fail", "file", "group_by",
    "include_vars", "lineinfile", "package", "pause", "ping", "raw", "script", "service", "set_fact", "setup",
    "shell", "stat", "template", "validate_argument_spec", "wait_for",
))  # fmt: skip


class Names:
    """The actions that exist in these tests: some of ansible.builtin, and what a test adds."""

    def __init__(self) -> None:
        self.extra: set[str] = set()
        self.folders: Sequence[str] = ()

    def resolve(self, name: str, collections: Sequence[str], module_dirs: Sequence[str]) -> str | None:
        self.folders = tuple(module_dirs)
        for candidate in [name, *(f"{collection}.{name}" for collection in collections)]:
            if candidate in self.extra:
                return candidate
        for folder in module_dirs:
            if (Path(folder) / f"{name}.py").exists():
                return f"ansible.legacy.{name}"
        short = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        return f"ansible.builtin.{short}" if short in BUILTINS else None

    def check_group(self, name: str) -> None:
        """All groups are known."""


def render_static(value: Any, names: Mapping[str, Any]) -> Any:
    """``{{ name }}`` only, which is all that these tests need."""
    if not isinstance(value, Trusted):
        return value

    def look(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in names:
            raise UndefinedName(f"'{name}' is undefined", value.origin)
        return str(render_static(names[name], names))

    whole = re.fullmatch(r"\{\{ *(\w+) *\}\}", value)
    if whole and whole.group(1) in names and not isinstance(names[whole.group(1)], str):
        return names[whole.group(1)]
    return re.sub(r"\{\{ *(\w+) *\}\}", look, value)


class Book:
    """Files below a folder, and a Loader."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names = Names()
        self.events: list[Event] = []
        self.plugin_dirs: list[tuple[str, str]] = []
        self.settings = Settings(roles_path=(), collections_path=(str(root / "installed"),))
        self.extra_vars: dict[str, Any] = {}
        self._loader: Loader | None = None

    @property
    def loader(self) -> Loader:
        if self._loader is None:
            self._loader = Loader(
                self.settings,
                actions=self.names,
                warn=self.events.append,
                render_static=render_static,
                extra_vars=self.extra_vars,
                on_plugin_dirs=lambda kind, path: self.plugin_dirs.append((kind, path)),
            )
        return self._loader

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")

    def load(self, text: str, **files: str) -> Playbook:
        """The playbook in ``text``, with more files (``roles__a__tasks__main`` for roles/a/tasks/main.yml)."""
        self.write({"site.yml": text} | {name.replace("__", "/") + ".yml": body for name, body in files.items()})
        return self.loader.load(str(self.root / "site.yml"))

    def play(self, text: str, **files: str) -> Play:
        """The only play of a playbook."""
        (play,) = self.load(text, **files).plays
        return play

    def tasks(self, text: str, **files: str) -> list[Task]:
        """The tasks of a play for localhost whose `tasks:` are ``text``, out of all blocks."""
        return list(flat(self.nodes(text, **files)))

    def task(self, text: str, **files: str) -> Task:
        (task,) = self.tasks(text, **files)
        return task

    def nodes(self, text: str, **files: str) -> tuple[Node, ...]:
        return self.play(in_play(text), **files).tasks

    def fail(self, text: str, **files: str) -> LoadError:
        """The error of loading a playbook."""
        try:
            self.load(text, **files)
        except LoadError as error:
            return error
        raise AssertionError("it loaded")

    def where(self, error: LoadError) -> str:
        """The place of an error: file below the root, line, column."""
        return str(error.origin).removeprefix(f"{self.root}/")

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned | Deprecated)]


def in_play(text: str) -> str:
    """A play for localhost with these tasks."""
    body = "".join(f"    {line}\n" if line else "\n" for line in dedent(text).strip("\n").split("\n"))
    return f"- hosts: localhost\n  tasks:\n{body}"


def flat(nodes: Sequence[Node]) -> Iterator[Task]:
    """The tasks in nodes, in order: those of rescue and always too, but none that weft made."""
    for node in nodes:
        if isinstance(node, Block):
            yield from flat((*node.body, *node.rescue, *node.always))
        elif not node.implicit:
            yield node


def merged(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for layer in layers:
        result.update(layer)
    return result
