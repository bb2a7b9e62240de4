"""The group of commands. Commands are imported when they are used, so that `weft --help` stays quick."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from weft import __version__


class _Entry(NamedTuple):
    module: str
    attribute: str
    help: str


_COMMANDS = {
    "play": _Entry("weft.cli.play", "play", "Run playbooks."),
    "run": _Entry("weft.cli.adhoc", "run", "Run one module on hosts."),
    "jobs": _Entry("weft.cli.jobs", "jobs", "List, await, read and end background jobs on hosts."),
    "check": _Entry("weft.cli.check", "check", "Load playbooks and say what is wrong with them, without running them."),
    "content": _Entry("weft.cli.content", "content", "Keep older modules, for hosts with old Pythons."),
    "shims": _Entry("weft.cli.shims", "shims", "Make ansible-playbook, ansible... that are weft, in a folder."),
    "lab": _Entry("weft.lab.cli", "lab", "Throwaway hosts on this machine, to try things out."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name only until one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Completion in your shell: eval "$(_WEFT_COMPLETE=bash_source weft)", or zsh_source, fish_source.',
)
@click.version_option(__version__, "-V", "--version", message="weft %(version)s")
def weft() -> None:
    """Run Ansible playbooks, many times faster, with concurrency as part of the language."""


def run(args: Sequence[str]) -> int:
    """Run a command line; raises what its command raises, and click's errors."""
    result: Any = weft.main(args=list(args), prog_name="weft", standalone_mode=False)
    return result if isinstance(result, int) else 0
