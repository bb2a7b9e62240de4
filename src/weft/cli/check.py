"""`weft check`: load everything and say what is wrong, without running it."""

from __future__ import annotations

from typing import Any

import click

from weft.cli import params as shared


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

    from weft.cli.request import playbook_request
    from weft.run import list_playbooks

    request = playbook_request({**params, "syntax_check": True})
    for playbook in request.options.playbooks:
        list_playbooks(replace(request.options, playbooks=(playbook,)), request.settings)
        click.echo(f"{playbook}: nothing wrong")
    return 0
