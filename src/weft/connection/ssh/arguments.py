"""ssh(1)'s own options, as they stand in ``ssh_args`` and its like, as settings."""

from __future__ import annotations

import shlex

from msgspec import Struct

from weft.connection.ssh.syntax import BadConfig, Setting, parse_line

_FLAGS = {
    "4": "addressfamily=inet", "6": "addressfamily=inet6", "C": "compression=yes", "A": "forwardagent=yes",
    "a": "forwardagent=no", "X": "forwardx11=yes", "Y": "forwardx11trusted=yes", "x": "forwardx11=no",
    "K": "gssapiauthentication=yes", "k": "gssapidelegatecredentials=no", "q": "loglevel=quiet",
    "g": "gatewayports=yes",
}  # fmt: skip
_VALUES = {
    "p": "port", "l": "user", "i": "identityfile", "J": "proxyjump", "c": "ciphers", "m": "macs", "b": "bindaddress",
    "B": "bindinterface", "S": "controlpath", "I": "pkcs11provider", "L": "localforward", "R": "remoteforward",
    "D": "dynamicforward", "w": "tunneldevice", "P": "tag", "e": "escapechar",
}  # fmt: skip
_NO_MEANING = set("tTnNfMsvyG")  # what they ask for, weft decides itself


class CommandLine(Struct, frozen=True):
    """What ssh_args and its like say: settings, a file in place of the usual ones, and what only ssh itself can do."""

    settings: tuple[Setting, ...] = ()
    file: str | None = None
    unknown: tuple[str, ...] = ()


def parse_arguments(text: str) -> CommandLine:
    """ssh(1)'s options as they stand in ssh_args. Raises BadConfig."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadConfig(f"ssh arguments {text!r}: {error}") from None
    settings: list[Setting] = []
    unknown: list[str] = []
    file: str | None = None
    queue = list(reversed(words))
    while queue:
        word = queue.pop()
        if not word.startswith("-") or len(word) < 2:
            unknown.append(word)
            continue
        for index, letter in enumerate(word[1:], 1):
            if letter in _FLAGS:
                settings.append(_setting(_FLAGS[letter].replace("=", " ", 1)))
            elif letter in _NO_MEANING:
                continue
            elif letter == "o" or letter == "F" or letter in _VALUES:
                value = word[index + 1 :] or (queue.pop() if queue else "")
                if letter == "o":
                    settings.append(_setting(value))
                elif letter == "F":
                    file = value
                else:
                    settings.append(Setting(_VALUES[letter], (value,), "<arguments>"))
                break
            else:
                unknown.append(f"-{letter}")
                break
    return CommandLine(tuple(settings), file, tuple(unknown))


def _setting(text: str) -> Setting:
    setting = parse_line(text, "<arguments>")
    if setting is None:
        raise BadConfig(f"ssh option {text!r} says nothing")
    return setting
