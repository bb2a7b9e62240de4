"""`weft run`: one module on hosts, with the options of `ansible`."""

from __future__ import annotations

from typing import Any

import click

from weft.cli import params as shared


@click.command(cls=shared.Command, context_settings={"help_option_names": ["-h", "--help"]})
@shared.options(
    click.argument("pattern"),
    click.option("-m", "--module-name", "module", metavar="MODULE", help="Module or action (command unless told)."),
    click.option("-a", "--args", "module_args", metavar="ARGS", help="Its arguments: k=v words, or JSON."),
    click.option("-B", "--background", "background", type=click.INT, metavar="SECONDS", help="Run as a job."),
    click.option("-P", "--poll", "poll", type=click.INT, metavar="SECONDS", help="How often to look; 0: not at all."),
    click.option("-o", "--one-line", "one_line", is_flag=True, help="One line a host."),
    click.option("-t", "--tree", "tree", type=click.Path(), metavar="FOLDER", help="Write each host's result there."),
    click.option("--task-timeout", "task_timeout", type=click.IntRange(min=0), metavar="SECONDS", help="Time limit."),
    click.option("--playbook-dir", "basedir", type=click.Path(), help="Stands for the playbook's folder."),
    shared.INVENTORY,
    shared.TASKS,
    shared.CHECK,
    shared.CONNECTION,
    shared.BECOME,
    shared.VAULT,
    shared.VIEWS,
    shared.VERBOSITY,
)
def run(**params: Any) -> int:
    """Run one module on the hosts of PATTERN."""
    from weft.cli.execute import execute, show_lists
    from weft.cli.request import adhoc_request

    request = adhoc_request(params)
    if request.options.only_lists:
        return show_lists(request)

    from weft.run import run_adhoc

    return execute(request, lambda sinks: run_adhoc(request.options, request.settings, sinks))
