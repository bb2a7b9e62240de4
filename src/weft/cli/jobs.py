"""`weft jobs`: background jobs on the hosts of an inventory, those that `ansible` started included."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from weft.cli import params as shared

_JID = re.compile(r"j\d+\.\d+")
_HOSTS = (
    click.argument("what", nargs=-1, metavar="[PATTERN|JID]..."),
    shared.HOSTS,
    shared.VARIABLES,
    shared.CONNECTION,
    shared.BECOME,
    shared.VAULT,
    click.option("--json", "json", is_flag=True, help="Print JSON."),
    shared.VERBOSITY,
)


class JobsGroup(click.Group):
    """Without a command it lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            # `weft jobs -i hosts wait`: options may come first
            named = next((arg for arg in args if arg in self.commands), None) if args and args[0][:1] == "-" else None
            if named is not None:
                args = args.copy()
                args.remove(named)
            args = [named or "list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=JobsGroup, context_settings={"help_option_names": ["-h", "--help"]})
def jobs() -> None:
    """List, await, read and end background jobs.

    PATTERN is a host pattern (all hosts unless told), JID a job's id. Without a command: list.
    """


def _command(name: str, help: str, *more: Callable[[Any], Any]) -> None:
    @jobs.command(name, cls=shared.Command, help=help)
    @shared.options(*_HOSTS, *more)
    def command(**params: Any) -> int:
        return _run(name, params)


def _run(action: str, params: dict[str, Any]) -> int:
    from weft.cli.execute import execute
    from weft.cli.request import jobs_options
    from weft.model.errors import OptionsError
    from weft.model.run_options import JobsRequest
    from weft.run import jobs_command

    words = params["what"]
    if action == "cancel" and not words:
        raise OptionsError("Which jobs? Name them, or hosts (`all`: every job that runs)")
    request = JobsRequest(
        action=action,
        pattern=",".join(word for word in words if not _JID.fullmatch(word)) or "all",
        jids=tuple(word for word in words if _JID.fullmatch(word)),
        finished=bool(params.get("finished")),
        follow=bool(params.get("follow")),
        wait_for=params.get("wait_for") or "all",
        timeout=params.get("wait_timeout"),
        older_than=params.get("older_than"),
        json=bool(params.get("json")),
    )
    # `--json` here is one document for the answer, not a line for each event
    reach = jobs_options({**params, "json": False})
    return execute(reach, lambda sinks: jobs_command(request, reach.options, reach.settings, sinks))


def _wait_for(context: click.Context, option: click.Parameter, value: str) -> str:
    if value not in ("all", "any") and not value.isdigit():
        raise click.BadParameter("it is all, any or a number", context, option)
    return value


_command(
    "list",
    "Jobs that run, with host, id, age and what they do.",
    click.option("--finished", is_flag=True, help="Those that have ended too."),
)
_command("show", "Everything known of jobs, their results too.")
_command(
    "wait",
    "Wait until jobs have ended. The exit code is 2 if one of them failed.",
    click.option("--for", "wait_for", default="all", callback=_wait_for, metavar="all|any|N", help="How many of them."),
    click.option("--wait-timeout", "wait_timeout", type=click.FLOAT, metavar="SECONDS", help="Wait no longer."),
)
_command(
    "logs",
    "What jobs have printed.",
    click.option("-f", "--follow", "follow", is_flag=True, help="Go on until they end."),
)
_command("cancel", "End jobs: TERM, then KILL, to all their processes.")
_command(
    "cleanup",
    "Remove the files of jobs that have ended.",
    click.option("--older-than", type=click.FLOAT, metavar="SECONDS", help="Only if they ended so long ago."),
)
