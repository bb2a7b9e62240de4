"""`weft content`: older releases of ansible-core's modules, for hosts whose Python the installed one has dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from weft.content.core import Core
    from weft.content.releases import Release

_HEADERS = ("RELEASE", "PYTHON OF HOSTS", "SHA-256", "FROM")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def content() -> None:
    """Keep modules of older ansible-core releases, for hosts with old Pythons.

    Every host gets the newest release whose modules run on its Python. ansible-core 2.16 is the last for Python 2.7
    and 3.6, 2.17 the last for 3.7.
    """


@content.command()
@click.argument("wanted", nargs=-1, required=True, metavar="RELEASE...")
@click.option("--sha256", metavar="HEX", help="What the archive must have; else it is not added.")
def add(wanted: tuple[str, ...], sha256: str | None) -> int:
    """Fetch a release with pip and unpack it.

    RELEASE is a version (2.16: its newest patch release), a requirement ('ansible-core==2.16.*'), or the path of a
    wheel or source archive.
    """
    from weft.content import releases
    from weft.model.errors import OptionsError

    if sha256 is not None and len(wanted) > 1:
        raise OptionsError("--sha256 is of one release: give one")
    for one in wanted:
        added = releases.add(one, sha256=sha256)
        core = added.release.core
        click.echo(f"{core.title} {'added' if added.new else 'is here already'}: hosts with Python {_pythons(core)}")
        if _unneeded(core):
            click.echo("No host will get it: the installed ansible-core runs on the same Pythons.")
    return 0


@content.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> int:
    """The releases there are, newest first. The first is the installed one."""
    from weft.content.core import content_dir, installed_core
    from weft.content.releases import releases

    installed, added = installed_core(), releases()
    if as_json:
        document = {
            "installed": {"version": installed.version, "pythons": _listed(installed)},
            "folder": content_dir(),
            "added": [_document(release) for release in added],
        }
        click.echo(json.dumps(document, indent=4))
        return 0
    rows = [_HEADERS, (installed.title, _pythons(installed), "-", "installed")]
    rows += [_row(release) for release in added]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADERS) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())
    return 0


@content.command()
@click.argument("wanted", nargs=-1, required=True, metavar="RELEASE...")
def remove(wanted: tuple[str, ...]) -> int:
    """Remove releases: versions, or patterns such as '2.16.*'."""
    from weft.content.releases import remove

    for one in wanted:
        for release in remove(one):
            click.echo(f"{release.core.title} removed")
    return 0


def _row(release: Release) -> tuple[str, str, str, str]:
    source = release.source or str(release.folder)
    return (
        release.core.title,
        _pythons(release.core),
        release.sha256[:12] or "-",
        f"{source} (its files were changed since)" if release.changed else source,
    )


def _document(release: Release) -> dict[str, Any]:
    return {
        "version": release.core.version,
        "pythons": _listed(release.core),
        "source": release.source or None,
        "sha256": release.sha256 or None,
        "changed": release.changed,
        "folder": str(release.folder),
    }


def _listed(core: Core) -> list[str]:
    from weft.content.core import dotted

    return [dotted(version) for version in sorted(core.pythons)]


def _pythons(core: Core) -> str:
    """Python 2 ended with 2.7; of 3 a release says only the oldest."""
    listed = [text if text.startswith("2.") else f"{text}+" for text in _listed(core)]
    return " and ".join(listed)


def _unneeded(core: Core) -> bool:
    from weft.content.core import installed_core

    return all(installed_core().runs_on(version) for version in core.pythons)
