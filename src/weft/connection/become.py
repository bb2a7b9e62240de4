"""Becoming another user: the command lines, and what the programs say when they want or refuse a password.

Everything here is a decision without I/O: ``wrap`` makes a command line, ``Dialogue`` reads output and says what to do.
"""

from __future__ import annotations

import enum
import re
import secrets
import shlex
from collections.abc import Callable

from msgspec import Struct

from weft.connection.api import Become
from weft.connection.errors import NoTransport

#: The word for "password" as su asks for it, by locale (su(1) translates its prompt, PAM's messages catalogue).
SU_WORDS = (
    "Password", "암호", "パスワード", "Adgangskode", "Contraseña", "Contrasenya", "Hasło", "Heslo", "Jelszó",
    "Lösenord", "Mật khẩu", "Mot de passe", "Parola", "Parool", "Pasahitza", "Passord", "Passwort", "Salasana", "Sandi",
    "Senha", "Wachtwoord", "ססמה", "Лозинка", "Парола", "Пароль", "गुप्तशब्द", "शब्दकूट", "సంకేతపదము", "හස්පදය",
    "密码", "密碼", "口令",
)  # fmt: skip


class Said(enum.Enum):
    """What the becoming program's output means."""

    PROMPT = "it asks for the password"
    WRONG = "the password was refused"
    MISSING = "it wants a password and there is none"
    TERMINAL = "it wants a terminal"


class Wrapped(Struct, frozen=True):
    """A command line that runs as the other user, and how to talk to it."""

    command: str
    become: Become
    prompt: str  # regular expression
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    pty: bool  # its password can only be given on a terminal
    early: bool  # stdin is not read before the command runs: data may follow at once


class _Method(Struct, frozen=True):
    """One way to become another user. ``line`` makes the command line from its parts."""

    line: Callable[[_Parts], str]
    flags: str = ""
    prompt: str = "[Pp]assword:"
    wrong: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    terminal: str = "password"  # when it needs a terminal: never | password | always
    own_prompt: bool = False  # takes `-p PROMPT` and `-n`, as sudo does
    exe: str | None = None


class _Parts(Struct, frozen=True):
    exe: str
    flags: str
    user: str
    prompt: str
    inner: str  # a command line
    password: bool

    @property
    def quoted(self) -> str:
        return shlex.quote(self.inner)

    @property
    def by_user(self) -> str:
        return f"-u {shlex.quote(self.user)}" if self.user else ""


def _words(*parts: str) -> str:
    return " ".join(part for part in parts if part)


_SUDO_PROMPT = r"(?:\[sudo\][^\r\n]*|^[Pp]assword):"
_SUDO_MISSING = ("a password is required", "a terminal is required to read the password")
_SUDO_WRONG = ("Sorry, try again.",)
_SYSTEMD_WRONG = ("AUTHENTICATION FAILED",)

METHODS: dict[str, _Method] = {
    "sudo": _Method(
        lambda p: _words(p.exe, p.flags, p.prompt, p.by_user, p.inner),
        flags="-H -S -n", prompt=_SUDO_PROMPT, wrong=_SUDO_WRONG, missing=_SUDO_MISSING, terminal="never",
        own_prompt=True,
    ),
    "dzdo": _Method(
        lambda p: _words(p.exe, p.flags, p.prompt, p.by_user, p.inner),
        flags="-H -S -n", prompt=_SUDO_PROMPT, wrong=_SUDO_WRONG, missing=_SUDO_MISSING, terminal="never",
        own_prompt=True,
    ),
    "sudosu": _Method(
        lambda p: _words(p.exe, p.flags, p.prompt, "su -l", shlex.quote(p.user), "-c", p.quoted),
        flags="-H -S -n", prompt=_SUDO_PROMPT, wrong=_SUDO_WRONG, missing=_SUDO_MISSING, terminal="never",
        own_prompt=True, exe="sudo",
    ),
    "su": _Method(
        lambda p: _words(p.exe, p.flags, shlex.quote(p.user), "-c", p.quoted),
        wrong=("Authentication failure",),
    ),
    "doas": _Method(
        lambda p: _words(p.exe, p.flags, "" if p.password else "-n", p.by_user, p.inner),
        prompt=r"doas \([^)]*\) password:|[Pp]assword:",
        wrong=("Permission denied", "Authorization failed"),
        missing=("Authorization required", "Authentication required"),
    ),
    "pbrun": _Method(lambda p: _words(p.exe, p.flags, p.by_user, p.inner), prompt="[Pp]assword:"),
    "pfexec": _Method(lambda p: _words(p.exe, p.flags, p.inner), terminal="never"),
    "pmrun": _Method(
        lambda p: _words(p.exe, p.flags, p.inner),
        prompt="Enter UPM user password:", wrong=("You must enter the password of your user",),
    ),
    "ksu": _Method(
        lambda p: _words(p.exe, shlex.quote(p.user), p.flags, "-e", p.inner),
        prompt="Kerberos password for .*@.*:|[Pp]assword for .*:",
        wrong=("Password incorrect",), missing=("No password given",),
    ),
    "sesu": _Method(
        lambda p: _words(p.exe, p.flags, shlex.quote(p.user), "-c", p.quoted),
        prompt="Please enter your password:", missing=("Sorry, try again with sesu.",),
    ),
    "machinectl": _Method(
        lambda p: _words(p.exe, "-q shell", p.flags, shlex.quote(p.user + "@"), p.inner),
        wrong=_SYSTEMD_WRONG, terminal="always",
    ),
    "run0": _Method(
        lambda p: _words(p.exe, f"--user={shlex.quote(p.user)}", p.flags, p.inner),
        wrong=_SYSTEMD_WRONG,
    ),
}  # fmt: skip


def is_native(name: str) -> bool:
    """Whether weft has this method itself; collections' FQCNs are taken."""
    short = name.rsplit(".", 1)[-1]
    return short in METHODS and name in (short, f"ansible.builtin.{short}", f"community.general.{short}")


def method_name(name: str) -> str:
    """The short name of a method; collections' FQCNs are taken. Raises NoTransport for one that isn't native."""
    if not is_native(name):
        raise NoTransport("become", name)
    return name.rsplit(".", 1)[-1]


def wrap(become: Become, inner: str, *, key: str | None = None) -> Wrapped:
    """The command line that has ``inner`` (a simple command) run as the other user.

    ``key`` makes the prompt unique where the program lets us choose it. Raises NoTransport.
    """
    name = method_name(become.method)
    method = METHODS[name]
    prompt, asked = method.prompt, ""
    flags = become.flags if become.flags is not None else method.flags
    if method.own_prompt and become.password is not None:
        text = f"[{name} via weft, key={key or secrets.token_hex(16)}] password:"
        prompt, asked = re.escape(text), f"-p {shlex.quote(text)}"
        flags = _without_n(flags)
    elif name == "su":
        prompt = f"(?:{'|'.join(re.escape(word) for word in become.prompts or SU_WORDS)})\\s*(?::|：)"
    exe = become.exe or method.exe or name
    if become.chdir:
        exe = f"cd {shlex.quote(become.chdir)} && {exe}"
    parts = _Parts(exe, flags, become.user, asked, inner, become.password is not None)
    return Wrapped(
        command=method.line(parts),
        become=become,
        prompt=prompt,
        wrong=method.wrong,
        missing=method.missing,
        pty=method.terminal == "always" or (method.terminal == "password" and become.password is not None),
        early=become.password is None and method.own_prompt and _has_n(flags),
    )


def _without_n(flags: str) -> str:
    """sudo's flags without "never ask": there is a password to give."""
    kept = []
    for flag in _split(flags):
        if flag in ("-n", "--non-interactive"):
            continue
        kept.append(flag if flag.startswith("--") else re.sub(r"^(-\w*)n(\w*.*)", r"\1\2", flag))
    return shlex.join(kept)


def _has_n(flags: str) -> bool:
    return any(flag == "--non-interactive" or re.match(r"-[A-Za-z]*n", flag) for flag in _split(flags))


def _split(flags: str) -> list[str]:
    try:
        return shlex.split(flags)
    except ValueError:
        return flags.split()


class Dialogue:
    """Reads what comes before the command runs, and says what it means. Prompts are matched once each."""

    def __init__(self, wrapped: Wrapped) -> None:
        self._wrapped = wrapped
        # whoever asks then waits: a prompt is the last that came. What a login prints is no prompt
        self._prompt = re.compile(b"(?:%b)\\s*\\Z" % wrapped.prompt.encode(), re.MULTILINE | re.IGNORECASE)
        self._text = b""
        self._answered = False

    def feed(self, data: bytes) -> Said | None:
        """The meaning of the output so far, if it has one; asked again after each piece of it."""
        self._text = (self._text + data)[-8192:]
        if self._mentions(self._wrapped.wrong) and self._answered:
            return Said.WRONG
        if self._mentions(self._wrapped.missing):
            return Said.MISSING
        if self._mentions(("you must have a tty", "must be run from a terminal", "no tty present")):
            return Said.TERMINAL
        match = self._prompt.search(self._text)
        if match is None:
            return None
        self._text = self._text[match.end() :]
        if self._wrapped.become.password is None:
            return Said.MISSING
        if self._answered:
            return Said.WRONG
        self._answered = True
        return Said.PROMPT

    def _mentions(self, phrases: tuple[str, ...]) -> bool:
        return any(phrase.encode() in self._text for phrase in phrases)
