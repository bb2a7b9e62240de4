"""The values that hold for one host: the command line's, then the files', the first obtained counts (ssh_config(5)).

Comes after ``syntax``, before ``plan``.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field

from weft.connection.ssh.syntax import BadConfig, Section, Setting

#: Keywords whose values add up over all blocks that match.
ACCUMULATE = {"identityfile", "certificatefile", "sendenv", "localforward", "remoteforward", "dynamicforward"}


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """For which connection values are asked. ``host`` is the name as given, ``command_line`` comes first."""

    host: str
    command_line: tuple[Setting, ...] = ()
    local_user: str = ""
    run: Callable[[str], bool] = dataclasses.field(default=lambda command: shell_succeeds(command), compare=False)


class Values(Struct):
    """What holds for a host: keyword -> arguments, each line's arguments for those that add up."""

    host: str
    first: dict[str, Setting] = field(default_factory=dict)
    added: dict[str, list[Setting]] = field(default_factory=dict)
    unknown_criteria: list[str] = field(default_factory=list)

    def get(self, keyword: str) -> str | None:
        setting = self.first.get(keyword)
        return setting.args[0] if setting and setting.args else None

    def all(self, keyword: str) -> tuple[str, ...]:
        """The arguments of the one line that counts."""
        setting = self.first.get(keyword)
        return setting.args if setting else ()

    def each(self, keyword: str) -> list[str]:
        """The arguments of all lines of a keyword that adds up."""
        return [arg for setting in self.added.get(keyword, ()) for arg in setting.args]

    def take(self, setting: Setting) -> None:
        if setting.keyword in ACCUMULATE:
            self.added.setdefault(setting.keyword, []).append(setting)
        else:
            self.first.setdefault(setting.keyword, setting)

    def settings(self) -> Iterable[Setting]:
        yield from self.first.values()
        for several in self.added.values():
            yield from several


def resolve(question: Question, files: Sequence[tuple[Section, ...]]) -> Values:
    """What holds for a host: the command line, then the files in order."""
    values = Values(question.host)
    for setting in question.command_line:
        values.take(setting)
    final = False
    for sections in files:
        final |= _walk(sections, question, values, question.host, False)
    if final:  # `Match final`: once more, now with what is known
        again = Values(question.host, dict(values.first), {k: list(v) for k, v in values.added.items()})
        for sections in files:
            _walk(sections, question, again, hostname(values, question.host), True)
        again.unknown_criteria = values.unknown_criteria
        return again
    return values


def hostname(values: Values, host: str) -> str:
    """The real name to connect to."""
    name = values.get("hostname")
    return name.replace("%%", "\0").replace("%h", host).replace("\0", "%") if name else host


def _walk(sections: tuple[Section, ...], question: Question, values: Values, host: str, final: bool) -> bool:
    """Take the lines that apply. True if something asked for a final pass."""
    wants_final = False
    for section in sections:
        applies, asked = _applies(section, question, values, host, final)
        wants_final |= asked
        if not applies:
            continue
        for item in section.items:
            if isinstance(item, Setting):
                if not final or item.keyword not in ACCUMULATE or item not in values.added.get(item.keyword, ()):
                    values.take(item)
            else:
                wants_final |= _walk(item, question, values, host, final)
    return wants_final


def _applies(section: Section, question: Question, values: Values, host: str, final: bool) -> tuple[bool, bool]:
    if section.kind == "":
        return True, False
    if section.kind == "host":
        return matches(section.criteria, host), False
    result, asked = True, False
    words = list(section.criteria)
    while words:
        word = words.pop(0)
        name, _, value = (
            word.lower().partition("=") if "=" in word and not word.startswith("!") else (word.lower(), "", "")
        )
        negated = name.startswith("!")
        name = name.lstrip("!")
        if name == "all":
            found = True
        elif name == "canonical":
            found = False
        elif name == "final":
            found, asked = final, True
        else:
            argument = word.partition("=")[2] if value else (words.pop(0) if words else "")
            found = result and _criterion(name, argument, question, values, host)
        result = result and found != negated
    return result, asked


def _criterion(name: str, argument: str, question: Question, values: Values, host: str) -> bool:
    patterns = argument.split(",")
    if name == "host":
        return matches(patterns, hostname(values, host))
    if name == "originalhost":
        return matches(patterns, question.host)
    if name == "user":
        return matches(patterns, values.get("user") or question.local_user)
    if name == "localuser":
        return matches(patterns, question.local_user)
    if name == "tagged":
        return matches(patterns, values.get("tag") or "")
    if name == "exec":
        return question.run(expand(argument, tokens(values, question)))
    values.unknown_criteria.append(name)
    return False


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether a name is meant by a list of patterns: one must match, and none that is negated."""
    found = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _wild(pattern.lstrip("!"), name):
            if negated:
                return False
            found = True
    return found


def _wild(pattern: str, name: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return pattern == name
    # fnmatch knows [sets], ssh does not
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def shell_succeeds(command: str) -> bool:
    shell = os.environ.get("SHELL") or "/bin/sh"
    done = subprocess.run([shell, "-c", command], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


# Tokens


def tokens(values: Values, question: Question) -> dict[str, str]:
    """What the percent tokens stand for (ssh_config(5), TOKENS)."""
    import hashlib
    import socket

    here = socket.gethostname()
    name = hostname(values, question.host)
    port = values.get("port") or "22"
    user = values.get("user") or question.local_user
    jump = values.get("proxyjump") or ""
    return {
        "%": "%",
        "C": hashlib.sha1(f"{here}{name}{port}{user}{jump}".encode()).hexdigest(),
        "d": os.path.expanduser("~"),
        "h": name,
        "i": str(os.getuid()),
        "j": jump,
        "k": values.get("hostkeyalias") or question.host,
        "L": here.partition(".")[0],
        "l": here,
        "n": question.host,
        "p": port,
        "r": user,
        "u": question.local_user,
    }


def expand(text: str, known: dict[str, str]) -> str:
    """Percent tokens replaced. Raises BadConfig for one that there is not."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise BadConfig(f"unknown token %{match[1]} in {text!r}")
        return known[match[1]]

    return re.sub(r"%(.)", value, text)


def expand_path(text: str, known: dict[str, str]) -> str:
    """A path with ``~``, tokens and ``${VARIABLES}`` replaced. Raises BadConfig."""

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise BadConfig(f"{text!r}: environment variable {match[1]} is not set")
        return os.environ[match[1]]

    return os.path.expanduser(re.sub(r"\$\{(\w+)\}", variable, expand(text, known)))
