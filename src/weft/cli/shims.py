"""`weft shims`: executables named as ansible's commands are, so that what calls these gets weft."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from weft.cli.dropin import CORE, OWN
from weft.model.errors import OptionsError

_MARK = "# made by `weft shims`"
_LONGEST_SHEBANG = 127  # bytes that every kernel reads of a first line


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option("--force", "force", is_flag=True, help="Replace commands in DIR that are not weft's, too.")
@click.option("--remove", "remove", is_flag=True, help="Remove weft's commands from DIR.")
def shims(folder: str, force: bool, remove: bool) -> int:
    """Make ansible-playbook, ansible, ansible-inventory... in DIR.

    ansible-playbook and ansible are weft; ansible-vault, -inventory, -config, -doc, -galaxy, -pull and -console are
    ansible-core's own. Put DIR before others in PATH.
    """
    place = Path(folder).expanduser()
    if remove:
        _remove(place)
        return 0
    foreign = [name for name in (*OWN, *CORE) if os.path.lexists(place / name) and not _is_ours(place / name)]
    if foreign and not force:
        raise OptionsError(f"{place} has {', '.join(foreign)} already, which weft did not make; --force replaces them")
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in (*OWN, *CORE):
            _write(place / name, script(name))
    except OSError as error:
        raise OptionsError(f"Can't write to {place}: {error.strerror or error}") from error
    click.echo(f"{place} has {', '.join((*OWN, *CORE))}.")
    click.echo(f"To use them: export PATH={shlex.quote(str(place.resolve()))}:$PATH")
    return 0


def script(name: str) -> str:
    """The text of a command."""
    first = f"#!{sys.executable}"
    if " " in sys.executable or len(os.fsencode(first)) > _LONGEST_SHEBANG:
        # the kernel can't start this Python by itself: sh can, and Python takes the line for a string
        first = f"#!/bin/sh\n'''exec' {shlex.quote(sys.executable)} \"$0\" \"$@\"\n' '''"
    return f"{first}\n{_MARK}\nimport sys\n\nfrom weft.cli.dropin import main\n\nsys.exit(main({name!r}))\n"


def _write(path: Path, text: str) -> None:
    """Whole or not at all: the command may be in use."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.chmod(0o755)
    os.replace(fresh, path)


def _remove(place: Path) -> None:
    for name in (*OWN, *CORE):
        if _is_ours(place / name):
            (place / name).unlink()


def _is_ours(path: Path) -> bool:
    try:
        return _MARK in path.read_text()
    except (OSError, UnicodeDecodeError):
        return False
