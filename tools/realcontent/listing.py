"""What the two commands print about a playbook without running it, compared line for line."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

#: Each is one command; both commands allow to ask for all lists at once.
QUESTIONS = (("--list-tasks", "--list-tags", "--list-hosts"),)
SEPARATE = (("--list-tasks",), ("--list-tags",), ("--list-hosts",), ("--syntax-check",))

_HOSTS = re.compile(r"^    hosts \(\d+\):\n((?:      \S.*\n?)*)", re.M)
_TAGS = re.compile(r"^(  play #.*\tTAGS: \[)(.*)\]$", re.M)
TIME_LIMIT = 300  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said, and how long it took in seconds."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def lists(self) -> str:
        """What stands on stdout; hosts and plays' tags are sorted, which ansible-playbook prints as sets have them."""
        text = _TAGS.sub(lambda found: f"{found[1]}{','.join(sorted(found[2].split(',')))}]", self.stdout)
        return _HOSTS.sub(lambda found: found[0].replace(found[1], _sorted(found[1])), text)

    @property
    def messages(self) -> list[str]:
        """What stands on stderr, in an order that doesn't depend on what is looked at first."""
        return sorted(line.rstrip() for line in self.stderr.splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class Command:
    """One of the two: its command line, and what it finds in its environment."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]

    def told(self, environment: Mapping[str, str]) -> Command:
        """The same with more in its environment."""
        return replace(self, environment={**self.environment, **environment})

    def ask(self, arguments: Sequence[str], folder: Path) -> Answer:
        base = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        started = time.perf_counter()
        try:
            done = subprocess.run(
                [*self.argv, *arguments],
                cwd=folder,
                env={**base, **self.environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIME_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(-1, "", "no end", TIME_LIMIT)
        return Answer(done.returncode, done.stdout, done.stderr, time.perf_counter() - started)


class Remembered:
    """A command whose answers are kept in ``folder``: the one that is compared with doesn't change between runs."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.name = command.name
        self.environment = command.environment
        self._command = command
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def told(self, environment: Mapping[str, str]) -> Remembered:
        return Remembered(self._command.told(environment), self._folder)

    def ask(self, arguments: Sequence[str], folder: Path) -> Answer:
        key = json.dumps([self._command.argv, dict(self._command.environment), list(arguments), str(folder)])
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
        if path.exists():
            return Answer(**json.loads(path.read_text()))
        answer = self._command.ask(arguments, folder)
        path.write_text(json.dumps({name: getattr(answer, name) for name in ("status", "stdout", "stderr", "seconds")}))
        return answer


@dataclass(frozen=True, slots=True)
class Compared:
    """Two answers to one question.

    ``verdict`` is `same`, `refused` (both, with the same status), `messages` (only stderr is another) or `differs`.
    """

    playbook: str
    question: tuple[str, ...]
    expected: Answer
    given: Answer

    @property
    def verdict(self) -> str:
        if (self.expected.status, self.expected.lists) != (self.given.status, self.given.lists):
            return "differs"
        if self.expected.messages != self.given.messages:
            return "messages"
        return "refused" if self.expected.status else "same"

    def difference(self) -> str:
        lines = [f"# {self.playbook} {' '.join(self.question)}", f"status {self.expected.status} {self.given.status}"]
        for name in ("lists", "stderr"):
            one, other = getattr(self.expected, name).splitlines(), getattr(self.given, name).splitlines()
            lines += difflib.unified_diff(one, other, f"ansible {name}", f"weft {name}", lineterm="", n=1)
        return "\n".join(lines) + "\n"


def _sorted(lines: str) -> str:
    return "".join(sorted(lines.splitlines(keepends=True)))
