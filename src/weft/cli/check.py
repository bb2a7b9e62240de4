"""`weft check`: load everything and say what is wrong, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from weft.cli import params as shared

if TYPE_CHECKING:
    from weft.check.findings import Checked

_WRONG = 4


@click.command(cls=shared.Command, context_settings={"help_option_names": ["-h", "--help"]})
@shared.options(
    click.argument("playbooks", nargs=-1, required=True, metavar="PLAYBOOK...", type=click.Path()),
    shared.HOSTS,
    shared.VARIABLES,
    shared.MODULES,
    shared.VAULT,
    click.option("--strict-conflicts", "strict_conflicts", is_flag=True, help="Conflicts of strands are errors."),
    click.option("--json", "json", is_flag=True, help="Print JSON."),
    shared.VERBOSITY,
)
def check(**params: Any) -> int:
    """Load playbooks with all they name, and say what is wrong with them. Nothing is run, no host is asked.

    Exit codes: 0 no errors (there may be warnings and hints), 4 an error, 5 wrong options.
    """
    from weft.cli.request import playbook_request
    from weft.run import check_playbooks

    request = playbook_request({**params, "syntax_check": True})
    checked = check_playbooks(request.options, request.settings)
    click.echo(_json(checked) if params.get("json") else _text(checked))
    return _WRONG if any(each.errors for each in checked) else 0


def _text(checked: Sequence[Checked]) -> str:
    from weft.check.findings import lines_of

    lines: list[str] = []
    for each in checked:
        if not each.findings:
            lines.append(f"{each.path}: nothing wrong")
        for finding in each.findings:
            lines.extend(lines_of(finding, each.path))
        if each.findings:
            lines.append(f"{each.path}: {each.summary}")
    return "\n".join(lines)


def _json(checked: Sequence[Checked]) -> str:
    import json

    books = [{"playbook": each.path, "findings": [found.as_json() for found in each.findings]} for each in checked]
    return json.dumps({"playbooks": books, "errors": sum(each.errors for each in checked)}, indent=1)
