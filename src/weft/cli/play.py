"""`weft play`: ansible-playbook's options, and weft's own."""

from __future__ import annotations

from typing import Any

import click

from weft.cli import params as shared


class PlayCommand(shared.Command):
    bare = {"--parallel": "0"}


@click.command(cls=PlayCommand, context_settings={"help_option_names": ["-h", "--help"]})
@shared.options(
    click.argument("playbooks", nargs=-1, required=True, metavar="PLAYBOOK...", type=click.Path()),
    shared.INVENTORY,
    shared.TASKS,
    click.option("-t", "--tags", "tags", multiple=True, metavar="TAGS", help="Only what has one of these tags."),
    click.option("--skip-tags", "skip_tags", multiple=True, metavar="TAGS", help="Not what has one of these tags."),
    shared.CHECK,
    click.option("--syntax-check", "syntax_check", is_flag=True, help="Load the playbooks, and do nothing else."),
    click.option("--list-tasks", "list_tasks", is_flag=True, help="Say which tasks would run."),
    click.option("--list-tags", "list_tags", is_flag=True, help="Say which tags there are."),
    click.option("--start-at-task", "start_at_task", metavar="NAME", help="Begin at the task of this name."),
    click.option("--step", "step", is_flag=True, help="Ask before each task."),
    click.option("--force-handlers", "force_handlers", is_flag=True, help="Run handlers even if a task fails."),
    shared.CONNECTION,
    shared.BECOME,
    shared.VAULT,
    click.option(
        "--parallel",
        "parallel",
        type=click.IntRange(min=0),
        metavar="[=N]",
        help="Run the playbooks side by side, at most N at once.",
    ),
    click.option("--strict-conflicts", "strict_conflicts", is_flag=True, help="Conflicts of strands are errors."),
    click.option("--resume", "resume", metavar="RUN", hidden=True),
    shared.VIEWS,
    shared.VERBOSITY,
)
def play(**params: Any) -> int:
    """Run playbooks.

    Exit codes: 0 all went well, 1 an error, 2 a host failed, 4 a host can't be reached or a playbook can't be
    loaded, 5 wrong options, 130 ended with Ctrl-C.
    """
    from weft.cli.execute import execute, show_lists
    from weft.cli.request import playbook_request

    request = playbook_request(params)
    if request.options.only_lists:
        return show_lists(request)

    from weft.run import run_playbooks

    return execute(request, lambda sinks: run_playbooks(request.options, request.settings, sinks))
