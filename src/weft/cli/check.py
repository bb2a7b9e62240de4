"""`weft check`: load everything and say what is wrong, without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli import params as shared

if TYPE_CHECKING:
    from weft.events.bus import Bus


@click.command(cls=shared.Command, context_settings={"help_option_names": ["-h", "--help"]})
@shared.options(
    click.argument("playbooks", nargs=-1, required=True, metavar="PLAYBOOK...", type=click.Path()),
    shared.HOSTS,
    shared.VARIABLES,
    shared.MODULES,
    shared.VAULT,
    shared.VERBOSITY,
)
def check(**params: Any) -> int:
    """Load playbooks with all they name, and the inventory. The exit code is 4 if something is wrong."""
    from dataclasses import replace
    from functools import partial

    from weft.cli.execute import show
    from weft.cli.request import playbook_request
    from weft.run import list_playbooks

    request = playbook_request({**params, "syntax_check": True})

    def load(playbook: str, bus: Bus) -> str:
        list_playbooks(replace(request.options, playbooks=(playbook,)), request.settings, bus)
        return f"{playbook}: nothing wrong"

    for playbook in request.options.playbooks:
        show(request, partial(load, playbook))
    return 0
