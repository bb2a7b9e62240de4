"""Which jobs somebody waits for, as far as the text tells: by the names of their handles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from weft.check.findings import Finding, Rule, Severity
from weft.check.texts import words
from weft.model.nodes import Task
from weft.model.values import Value

_WAITING = frozenset((
    "ansible.builtin.async_status", "ansible.legacy.async_status", "weft.builtin.await", "weft.builtin.cancel",
))  # fmt: skip
_SET_FACT = frozenset(("ansible.builtin.set_fact", "ansible.legacy.set_fact"))
#: Words by which text may mean a variable that it doesn't name.
_INDIRECT = frozenset(("lookup", "query", "q", "vars", "varnames", "hostvars"))
_HINT = '`await: {{jobs: "{{{{ {name} }}}}"}}` waits for it. Without `register` nobody is expected to.'


def waits(task: Task) -> bool:
    """Whether the task waits for jobs, or ends them."""
    return task.fqcn in _WAITING


def said_by(task: Task) -> frozenset[str]:
    """The words by which a task that waits says what for."""
    return words([task.args, task.args_template, task.loop, list(task.retry.until)])


def waits_for_all(task: Task) -> bool:
    """Whether it waits for every job of the host, or for what only a run can tell."""
    return task.args.get("jobs") == "all" or not said_by(task).isdisjoint(_INDIRECT)


class Handles(Struct):
    """What a run's tasks register, define and wait for."""

    started: dict[str, Task] = field(default_factory=dict)  # handle -> the first task that registers it
    waited: set[str] = field(default_factory=set)
    meanings: dict[str, frozenset[str]] = field(default_factory=dict)  # variable -> the words of its values
    everything: bool = False  # somebody waits for all jobs, or for what only a run can tell

    def see(self, task: Task) -> None:
        """Take note of a task."""
        for layer in task.common.vars:
            self.define(layer)
        if task.fqcn in _SET_FACT:
            self.define(task.args)
        if waits(task):
            self.waited |= said_by(task)
            self.everything = self.everything or waits_for_all(task)

    def define(self, variables: Mapping[str, Value]) -> None:
        """Variables and what they stand for."""
        for name, value in variables.items():
            self.meanings[str(name)] = self.meanings.get(str(name), frozenset()) | words(value)

    def start(self, task: Task) -> None:
        """A job is started, and its handle registered."""
        if task.register:
            self.started.setdefault(str(task.register), task)

    def meant_by(self, said: Iterable[str]) -> set[str]:
        """The words, and those of the variables among them, and so on."""
        reached: set[str] = set()
        rest = list(said)
        while rest:
            word = rest.pop()
            if word not in reached:
                reached.add(word)
                rest.extend(self.meanings.get(word, ()))
        return reached

    def forgotten(self) -> list[Finding]:
        """Jobs whose handle nobody uses to wait."""
        if self.everything:
            return []
        reached = self.meant_by(self.waited)
        return [
            Finding(
                severity=Severity.HINT,
                rule=Rule.JOB,
                message=f"Nobody waits for the job of '{task.name or task.action}': '{name}' is registered, "
                "and no task awaits, asks about or cancels it.",
                origin=task.origin,
                hint=_HINT.format(name=name),
            )
            for name, task in self.started.items()
            if name not in reached
        ]
