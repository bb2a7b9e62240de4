"""``weft lab``: throwaway hosts from the command line. The main command line takes the group ``lab`` in lazily."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from weft.lab.available import best_available
from weft.lab.client import Lab
from weft.lab.errors import LabError
from weft.lab.hosts import HostOptions, HostStatus, Kind
from weft.lab.places import DEFAULT_NAME

_F = TypeVar("_F", bound=Callable[..., Any])
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class LabGroup(click.Group):
    """Shows a LabError as a message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise click.ClickException(error.describe()) from None


def parse_size(text: str) -> int:
    """Bytes, with k, M or G after them. Raises click.BadParameter."""
    found = re.fullmatch(r"(\d+)([kmg]?)", text, re.IGNORECASE)
    if not found:
        raise click.BadParameter(f"'{text}' is not a size such as 200k or 1M")
    return int(found[1]) * _UNITS[found[2].lower()]


def _lab_option(command: _F) -> _F:
    option = click.option("--lab", "name", default=DEFAULT_NAME, show_default=True, metavar="NAME", help="Which lab.")
    return option(command)


def _json_option(command: _F) -> _F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@click.group(name="lab", cls=LabGroup)
def lab() -> None:
    """Throwaway SSH hosts on this machine."""


@lab.command()
@click.argument("count", type=click.IntRange(min=1), default=3)
@click.option("--prefix", default="lab", show_default=True, help="The hosts' names are PREFIX1, PREFIX2, ...")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="The best that works here, unless told.")
@click.option("--boot-delay", type=float, default=1.0, show_default=True, help="Seconds a reboot takes.")
@click.option("--home-size", type=parse_size, metavar="SIZE", help="A small disk for the homes, such as 200k or 1M.")
@click.option("--readonly-home", is_flag=True, help="/root and /home can't be written to.")
@click.option("--banner", is_flag=True, help="sshd and shells print junk.")
@click.option("--no-python", is_flag=True, help="No Python on the hosts.")
@click.option("--password-login", is_flag=True, help="alice gets in with `wonderland`, whoever that is.")
@_lab_option
@_json_option
def up(
    count: int,
    prefix: str,
    kind: str | None,
    boot_delay: float,
    home_size: int | None,
    readonly_home: bool,
    banner: bool,
    no_python: bool,
    password_login: bool,
    name: str,
    as_json: bool,
) -> None:
    """Start COUNT hosts (3 unless told) that stay until `weft lab down`. A lab that is up gets COUNT more."""
    options = HostOptions(
        boot_delay=boot_delay,
        home_size=home_size,
        readonly_home=readonly_home,
        banner=banner,
        no_python=no_python,
        password_login=password_login,
    )
    if name in Lab.running():
        held = Lab.attach(name)
        if kind is not None and held.kind.value != kind:
            raise LabError(f"lab {name} is up with {held.kind.value} hosts, it can't get {kind} ones")
    else:
        best = best_available()
        if not as_json:
            for line in (best.message, *best.notes):
                click.echo(line, err=True)
        held = Lab(name, kind=Kind(kind) if kind else best.kind, detached=True)
    held.up(count, name_prefix=prefix, options=options)
    _show(held.status(), as_json)
    if not as_json:
        which = "" if name == DEFAULT_NAME else f" --lab {name}"
        click.echo(
            f"`weft lab inventory{which} > lab.ini` writes an inventory, `weft lab down{which}` ends them.", err=True
        )


@lab.command()
@click.option("--all", "every", is_flag=True, help="All labs that were started with `weft lab up`.")
@_lab_option
@_json_option
def down(every: bool, name: str, as_json: bool) -> None:
    """End all hosts of the lab. Nothing of them is left."""
    names = [name]
    if every:
        names = [other for other in Lab.running() if Lab.attach(other).detached]
    for other in names:
        Lab.attach(other).down()
    if as_json:
        click.echo(json.dumps({"down": names}))
    else:
        click.echo(f"down: {', '.join(names) or 'no lab was up'}")


@lab.command()
@_lab_option
@_json_option
def status(name: str, as_json: bool) -> None:
    """How each host is now."""
    _show(Lab.attach(name).status(), as_json)


@lab.command()
@_lab_option
@_json_option
def inventory(name: str, as_json: bool) -> None:
    """Print an inventory of the lab: INI, or with --json what a dynamic inventory script prints."""
    held = Lab.attach(name)
    if not as_json:
        click.echo(held.inventory_text(), nl=False)
        return
    hosts = held.hosts
    groups: dict[str, Any] = {}
    for host in hosts:
        groups.setdefault(host.group, {"hosts": []})["hosts"].append(host.name)
    meta = {"hostvars": {host.name: host.variables() for host in hosts}}
    click.echo(json.dumps({**groups, "_meta": meta}, indent=2))


def _order(verb: str, text: str, apply: Callable[[Lab, tuple[str, ...]], None]) -> None:
    """Add a command that does one thing to some hosts."""

    @lab.command(name=verb, help=f"{text} HOSTS: names, or `all`.")
    @click.argument("hosts", nargs=-1, required=True)
    @_lab_option
    @_json_option
    def command(hosts: tuple[str, ...], name: str, as_json: bool) -> None:
        held = Lab.attach(name)
        chosen = tuple(host.name for host in held.hosts) if hosts == ("all",) else hosts
        apply(held, chosen)
        _show([found for found in held.status() if found.host.name in chosen], as_json)


_order("kill", "Kill every process of a host at once; it stays off.", lambda held, hosts: held.kill(*hosts))
_order("start", "Boot a host that is off.", lambda held, hosts: held.start(*hosts))
_order("reboot", "Reboot a host in good order, and wait for it.", lambda held, hosts: held.reboot(*hosts))
_order("freeze", "Stop a host where it is: connections stay, nothing answers.", lambda held, hosts: held.freeze(*hosts))
_order("thaw", "Let a frozen host go on.", lambda held, hosts: held.thaw(*hosts))


def _show(found: tuple[HostStatus, ...] | list[HostStatus], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([item.as_json() for item in found], indent=2))
        return
    width = max((len(item.host.name) for item in found), default=0)
    for item in found:
        host = item.host
        where = "local" if host.kind is Kind.LOCAL else f"{host.user}@{host.address}:{host.port}"
        click.echo(f"{host.name:<{width}}  {item.state:<9}  {where}" + (f"  {item.message}" if item.message else ""))
