"""ansible-core's own commands, for those of ansible's that weft leaves to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from weft.model.errors import WeftError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def run_core_command(name: str, args: Sequence[str]) -> int:
    """Run `ansible-vault` and the like in this process, as the script of that name would. Returns the exit code.

    ``sys.argv[0]`` stays as it is: some commands look beside it for others. Raises WeftError where the installed
    ansible-core has no such command, and SystemExit as it sees fit.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        scripts = distribution("ansible-core").entry_points.select(group="console_scripts", name=name)
    except PackageNotFoundError as error:
        raise WeftError(
            "ansible-core is not installed: weft needs it", hint="Install the package ansible-core."
        ) from error
    for script in scripts:
        code = _loaded(script)([name, *args])
        return code if isinstance(code, int) else 0
    raise WeftError(f"The installed ansible-core has no command {name}.")


def _loaded(script: EntryPoint) -> Callable[[Sequence[str]], object]:
    """Import a command. What is imported stays: Python looks for no garbage in it, neither meanwhile nor later."""
    import gc

    gc.disable()
    try:
        command: Callable[[Sequence[str]], object] = script.load()
        gc.freeze()
    finally:
        gc.enable()
    return command
