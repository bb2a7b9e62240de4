"""Host keys that are known, and what to make of the one that a host shows: as OpenSSH decides it.

``KnownHosts`` reads the files once a run (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT); keys stay text until a host is looked
up. ``judge`` is the decision. New keys are appended to the user's first file.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable

from msgspec import Struct, field

from weft.connection.ssh.plan import HostKeys
from weft.connection.ssh.resolve import matches


class Known(Struct, frozen=True):
    """What the files say about one host: keys as (type, base64)."""

    keys: tuple[tuple[str, str], ...] = ()
    authorities: tuple[tuple[str, str], ...] = ()
    revoked: tuple[tuple[str, str], ...] = ()
    where: str = ""  # of the first key: file and line

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for kind, _ in self.keys))


class _Line(Struct, frozen=True):
    marker: str
    key: tuple[str, str]
    where: str


class _File(Struct):
    """One file: lines by exact name, hashed names, and patterns."""

    exact: dict[str, list[_Line]] = field(default_factory=dict)
    hashed: list[tuple[bytes, bytes, _Line]] = field(default_factory=list)
    patterns: list[tuple[list[str], _Line]] = field(default_factory=list)

    def add(self, names: str, line: _Line) -> None:
        if names.startswith("|1|"):
            salt, _, digest = names[3:].partition("|")
            try:
                self.hashed.append((base64.b64decode(salt), base64.b64decode(digest), line))
            except ValueError:
                return
        elif any(char in names for char in "*?!"):
            self.patterns.append((names.lower().split(","), line))
        else:
            for name in names.lower().split(","):
                self.exact.setdefault(name, []).append(line)

    def find(self, name: str) -> Iterable[_Line]:
        yield from self.exact.get(name, ())
        encoded = name.encode()
        for salt, digest, line in self.hashed:
            if hmac.digest(salt, encoded, "sha1") == digest:
                yield line
        for patterns, line in self.patterns:
            if matches(patterns, name):
                yield line


class KnownHosts:
    """The known hosts of a run. Files are read at first need."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    def loaded(self, policy: HostKeys) -> bool:
        return all(path in self._files for path in (*policy.user_files, *policy.global_files))

    def load(self, policy: HostKeys) -> None:
        """Read the files now. Blocks."""
        for path in (*policy.user_files, *policy.global_files):
            self._file(path)

    def lookup(self, name: str, policy: HostKeys) -> Known:
        """What is known of the host by that name."""
        found = [line for path in (*policy.user_files, *policy.global_files) for line in self._file(path).find(name)]
        plain = [line for line in found if line.marker == ""]
        return Known(
            keys=tuple(dict.fromkeys(line.key for line in plain)),
            authorities=tuple(dict.fromkeys(line.key for line in found if line.marker == "@cert-authority")),
            revoked=tuple(dict.fromkeys(line.key for line in found if line.marker == "@revoked")),
            where=plain[0].where if plain else "",
        )

    def learn(self, policy: HostKeys, key: tuple[str, str]) -> None:
        """Remember a new key, in the user's first file too. Blocks for a moment: a small append."""
        if not policy.user_files:
            return
        path = policy.user_files[0]
        self._file(path).add(policy.name, _Line("", key, path))
        shown = _hashed(policy.name) if policy.hash_new else policy.name
        try:
            os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
            needs_newline = _ends_without_newline(path)
            with open(path, "a", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(("\n" if needs_newline else "") + f"{shown} {key[0]} {key[1]}\n")
        except OSError:
            return  # as OpenSSH: it goes on without

    def _file(self, path: str) -> _File:
        if path not in self._files:
            self._files[path] = _parse(path)
        return self._files[path]


def _parse(path: str) -> _File:
    file = _File()
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
    except OSError:
        return file
    for number, content in enumerate(text.splitlines(), 1):
        words = content.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) >= 3 and not words[0].startswith("#"):
            file.add(words[0], _Line(marker, (words[1], words[2]), f"{path}:{number}"))
    return file


def _hashed(name: str) -> str:
    salt = secrets.token_bytes(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _ends_without_newline(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


# The decision


class Verdict(enum.Enum):
    """What to do with the key that a host shows."""

    TRUSTED = "known"
    LEARN = "new; accept and remember it"
    ASK = "new; ask"
    REFUSE = "refuse"
    DISTRUST = "changed, and accepted because checking is off: no password may be given"


class Judgement(Struct, frozen=True):
    verdict: Verdict
    message: str = ""


def judge(policy: HostKeys, known: Known, without_port: Known, key: tuple[str, str]) -> Judgement:
    """OpenSSH's rule for a plain host key (no certificate). ``without_port`` is what is known by the second name."""
    kind = key_kind(key[0])
    if key in known.revoked:
        return Judgement(Verdict.REFUSE, f"The {kind} host key for {policy.name} is marked as revoked.")
    if key in known.keys:
        return Judgement(Verdict.TRUSTED)
    if key[0] in known.types:
        changed = (
            f"REMOTE HOST IDENTIFICATION HAS CHANGED! The fingerprint for the {kind} key sent by the remote host is "
            f"{fingerprint(key)}. Offending key in {known.where}."
        )
        if policy.strict == "no":
            return Judgement(Verdict.DISTRUST, changed)
        return Judgement(Verdict.REFUSE, f"{changed} Host key for {policy.name} has changed.")
    if key in without_port.keys:
        return Judgement(Verdict.TRUSTED)
    if policy.strict in ("no", "accept-new"):
        return Judgement(Verdict.LEARN)
    shown = f"{kind} key fingerprint is {fingerprint(key)}."
    if policy.strict == "yes":
        text = f"No {kind} host key is known for {policy.name} and you have requested strict checking. {shown}"
        return Judgement(Verdict.REFUSE, text)
    return Judgement(Verdict.ASK, f"The authenticity of host '{policy.name}' can't be established. {shown}")


def fingerprint(key: tuple[str, str]) -> str:
    """SHA256 of the key, as ssh-keygen shows it."""
    digest = hashlib.sha256(base64.b64decode(key[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def key_kind(name: str) -> str:
    """ED25519, RSA, ECDSA, ..."""
    short = name.removeprefix("sk-").removeprefix("ssh-").partition("@")[0]
    return "ECDSA" if short.startswith("ecdsa") else {"dss": "DSA"}.get(short, short.upper())
