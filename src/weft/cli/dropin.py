"""Ansible's commands by their own names, for scripts and people that call these: what ``weft shims`` makes calls this.

`ansible-playbook` and `ansible` are `weft play` and `weft run`, with what callers read of them as ansible-core has it:
names in messages, `--version`, exit code 2 for a wrong command line. The other commands are ansible-core's own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from weft.cli.main import alone, locale_problem
from weft.model.errors import WeftError

#: What weft plays itself, and where.
OWN = {"ansible-playbook": ("weft.cli.play", "play"), "ansible": ("weft.cli.adhoc", "run")}
#: What ansible-core's own commands do. `ansible-pull` calls the two above, from the folder that it lies in.
CORE = (
    "ansible-config",
    "ansible-console",
    "ansible-doc",
    "ansible-galaxy",
    "ansible-inventory",
    "ansible-pull",
    "ansible-vault",
)


def main(name: str, argv: Sequence[str] | None = None) -> int:
    """Run one of ansible's commands; returns the exit code. ``argv`` is without the command's name."""
    return _any(name, argv) if argv is not None else alone(lambda: _any(name, sys.argv[1:]))


def _any(name: str, args: Sequence[str]) -> int:
    if name in OWN:
        return _own(name, args)
    from weft.content.commands import run_core_command

    try:
        return run_core_command(name, args)
    except WeftError as error:
        from weft.cli.problems import report

        return report(error, args)


def _own(name: str, args: Sequence[str]) -> int:
    problem = locale_problem()
    if problem is not None:
        sys.stderr.write(f"ERROR: {problem}\n")
        return 1
    if "--version" in args:
        print(version_text(name))
        return 0
    try:
        return _run(name, args)
    except BaseException as error:
        from weft.cli.problems import report

        return report(error, args)


def _run(name: str, args: Sequence[str]) -> int:
    import importlib

    module, attribute = OWN[name]
    command = getattr(importlib.import_module(module), attribute)
    code = command.main(args=list(args), prog_name=name, standalone_mode=False)
    return code if isinstance(code, int) else 0


def version_text(name: str) -> str:
    """What `--version` says. The first line is what other tools read; the last one says who plays."""
    import os
    from importlib.metadata import version

    import yaml

    from weft import __version__
    from weft.config.settings import load
    from weft.content.core import installed_core

    settings, core = load(os.environ, os.getcwd()), installed_core()
    library = [os.path.expanduser(path) for path in settings.library]
    collections = ":".join(map(os.path.expanduser, settings.collections_path))
    speed = "with libyaml" if getattr(yaml, "__with_libyaml__", False) else "without libyaml"
    return "\n".join(
        (
            f"{name} [core {core.version}]",
            f"  config file = {settings.config_file}",
            f"  configured module search path = {library}",
            f"  ansible python module location = {core.path}",
            f"  ansible collection location = {collections}",
            f"  executable location = {sys.argv[0]}",
            f"  python version = {''.join(sys.version.splitlines())} ({sys.executable})",
            f"  jinja version = {version('Jinja2')}",
            f"  pyyaml version = {version('PyYAML')} ({speed})",
            f"  played by = weft {__version__}",
        )
    )
