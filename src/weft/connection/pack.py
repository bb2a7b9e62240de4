"""Packs the agent into the one program that is sent to a host, and writes the ``/bin/sh`` line that starts it there.

Reads the sources of ``weft.agent`` as data, never imports them. Used by ``connection``'s bootstrap.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import threading
import zlib
from collections.abc import Sequence
from functools import cache

from msgspec import Struct

from weft import __version__
from weft.content.diskcache import load_json, store_json

_packing = threading.Lock()  # the first of many hosts packs, the others wait for it
_LAYOUT = 3  # of what is kept of a packed program
_NOT_SENT = {"__init__", "loader", "boot", "relay"}


class Packed(Struct, frozen=True):
    """A program ready to be sent."""

    program: bytes
    sha256: str
    entry: str  # the module whose ``main`` is called
    boot: int  # length of the first module once unpacked
    loader: str  # what the host's Python runs first, as one line
    modules: tuple[str, ...]


def pack() -> Packed:
    """The agent. The same bytes for the same sources; tens of kilobytes. Safe to call from several threads at once."""
    with _packing:
        return _agent()


def pack_relay() -> Packed:
    """The relay, which joins a new connection to an agent that waits for it. About two kilobytes."""
    with _packing:
        return _relay()


@cache
def _agent() -> Packed:
    return _remembered("main", sorted(name for name in _sources() if name not in _NOT_SENT))


@cache
def _relay() -> Packed:
    return _remembered("relay", ["relay"])


def start_command(candidates: Sequence[str], packed: Packed, arguments: Sequence[str] = ()) -> str:
    """The command that starts ``packed`` on a host, for whatever login shell the user has there.

    Looks for the first of ``candidates`` (paths, names, or either with arguments of its own) that the host has, prints
    ``WEFT-PYTHON path`` and runs it; ``packed.program`` must follow on stdin. Prints ``WEFT-NO-PYTHON`` and exits with
    127 if the host has none of them.
    """
    look = "".join(_look_for(candidate) for candidate in candidates)
    words = [len(packed.program), packed.boot, packed.sha256, packed.entry, *arguments]
    script = (
        f"q=; a=; {look}"
        '[ -n "$q" ] || { echo WEFT-NO-PYTHON; exit 127; }; echo "WEFT-PYTHON $q"; '
        f'exec "$q" $a -S -E -c "{packed.loader}" {" ".join(_double_quoted(str(word)) for word in words)}'
    )
    return "/bin/sh -c '" + script.replace("'", "'\\''") + "'"


def relay_command(candidates: Sequence[str], socket: str, token: str) -> str:
    """The command that joins stdin and stdout to the agent with that token; ``pack_relay().program`` must follow."""
    return start_command(candidates, pack_relay(), (socket, token))


def _look_for(candidate: str) -> str:
    first, *rest = shlex.split(candidate) or [""]
    found = _found(first)
    arguments = f" && a={_double_quoted(' '.join(rest))}" if rest else ""
    if "/" in first:
        # what looks like a path and arguments may be a path with spaces
        whole = f'[ -n "$q" ] || {_found(candidate)}; ' if rest else ""
        return f'{whole}[ -n "$q" ] || {{ {found}{arguments}; }}; '
    # a version manager's shim may stand for a version that it won't run: only trying it tells
    check = 'case "$q" in */shims/*) "$q" -c "" </dev/null >/dev/null 2>&1 || q=;; esac'
    return f'[ -n "$q" ] || {{ {found}{arguments}; {check}; }}; '


def _found(path: str) -> str:
    word = '"$HOME"' + _double_quoted(path[1:]) if path.startswith("~/") else _double_quoted(path)
    return f"q=$(command -v {word} 2>/dev/null)"


def _double_quoted(text: str) -> str:
    for special in '\\"$`':
        text = text.replace(special, "\\" + special)
    return f'"{text}"'


@cache
def _sources() -> dict[str, str]:
    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "agent")
    return {name[:-3]: _read(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".py")}


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def _remembered(entry: str, names: Sequence[str]) -> Packed:
    """From the cache if these sources were packed before: stripping them takes a tenth of a second.

    Each installation of weft finds its own there: the sources are in the file's name.
    """
    digest = hashlib.sha256(f"{_LAYOUT} {__version__}\n".encode())
    for name in ("boot", "loader", *names):
        digest.update(f"{name} {len(_sources()[name])}\n{_sources()[name]}".encode())
    file = f"{entry}-agent-{digest.hexdigest()[:32]}.json"
    known = load_json(file)
    if isinstance(known, dict):
        program = base64.b64decode(known["program"])
        return Packed(
            program, hashlib.sha256(program).hexdigest(), entry, int(known["boot"]), known["loader"], tuple(names)
        )
    packed = _pack(entry, names)
    kept = {"boot": packed.boot, "loader": packed.loader}
    store_json(file, {**kept, "program": base64.b64encode(packed.program).decode("ascii")})
    return packed


def _pack(entry: str, names: Sequence[str]) -> Packed:
    from weft.connection.strip import one_line, strip  # what it needs takes long to import

    sources = {name: strip(_sources()[name]).encode("ascii") for name in ("boot", *names)}
    index = "\n".join(f"{name} {len(sources[name])}" for name in names)
    boot = sources["boot"]
    unpacked = boot + index.encode("ascii") + b"\n\n" + b"".join(sources[name] for name in names)
    program = zlib.compress(unpacked, 9)
    loader = one_line(_sources()["loader"])
    return Packed(program, hashlib.sha256(program).hexdigest(), entry, len(boot), loader, tuple(names))
