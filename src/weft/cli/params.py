"""Options that commands share: ansible-playbook's and ansible's, under their names. ``None`` means: not given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from weft import __version__

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

_FILE = click.Path()


def _checked_forks(_context: click.Context, _option: click.Parameter, count: int | None) -> int | None:
    if count is not None and count < 1:
        raise click.UsageError("The number of processes (--forks) must be >= 1")
    return count


def options(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several decorators as one, in the order in which they are listed."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


VERBOSITY = options(
    click.option("-v", "--verbose", "verbosity", count=True, help="Say more; up to -vvvvvv."),
    click.version_option(__version__, "--version", message="weft %(version)s"),
)

HOSTS = options(
    click.option(
        "-i", "--inventory", "--inventory-file", "inventory", multiple=True, metavar="INVENTORY",
        help="Inventory file or folder, or hosts with commas. May be given several times.",
    ),
    click.option("-l", "--limit", "limit", metavar="PATTERN", help="Only these of the hosts."),
)  # fmt: skip

INVENTORY = options(
    HOSTS,
    click.option("--list-hosts", "list_hosts", is_flag=True, help="Say which hosts match, and do nothing else."),
    click.option("--flush-cache", "flush_cache", is_flag=True, help="Forget the cached facts of every host."),
)  # fmt: skip

CONNECTION = options(
    click.option("-c", "--connection", "connection", metavar="TYPE", help="How to connect (ssh, local, docker...)."),
    click.option("-u", "--user", "remote_user", metavar="USER", help="Connect as this user."),
    click.option("--private-key", "--key-file", "private_key_file", type=_FILE, help="Log in with this key."),
    click.option("-T", "--timeout", "timeout", type=click.INT, metavar="SECONDS", help="Time to connect."),
    click.option("--ssh-common-args", "ssh_common_args", metavar="ARGS", help="Arguments of every ssh connection."),
    click.option("--ssh-extra-args", "ssh_extra_args", metavar="ARGS", help="Arguments of ssh alone."),
    click.option("--sftp-extra-args", "sftp_extra_args", metavar="ARGS", help="Has no effect: sftp is not used."),
    click.option("--scp-extra-args", "scp_extra_args", metavar="ARGS", help="Has no effect: scp is not used."),
    click.option("-k", "--ask-pass", "ask_pass", is_flag=True, help="Ask for the connection password."),
    click.option(
        "--connection-password-file", "--conn-pass-file", "connection_password_file", type=_FILE,
        help="Read the connection password from a file (or run it); `-`: from stdin.",
    ),
)  # fmt: skip

BECOME = options(
    click.option("-b", "--become", "become", is_flag=True, help="Run as another user (root unless told)."),
    click.option("--become-method", "become_method", metavar="METHOD", help="sudo, su, doas..."),
    click.option("--become-user", "become_user", metavar="USER", help="Run as this user."),
    click.option("-K", "--ask-become-pass", "become_ask_pass", is_flag=True, help="Ask for the become password."),
    click.option(
        "--become-password-file", "--become-pass-file", "become_password_file", type=_FILE,
        help="Read the become password from a file (or run it); `-`: from stdin.",
    ),
)  # fmt: skip

VAULT = options(
    click.option("--vault-id", "vault_ids", multiple=True, metavar="LABEL@SOURCE", help="A vault identity to use."),
    click.option(
        "-J", "--ask-vault-password", "--ask-vault-pass", "ask_vault_pass", is_flag=True,
        help="Ask for the vault password.",
    ),
    click.option(
        "--vault-password-file", "--vault-pass-file", "vault_password_files", multiple=True, type=_FILE,
        help="Read the vault password from a file (or run it).",
    ),
)  # fmt: skip

CHECK = options(
    click.option("-C", "--check", "check", is_flag=True, help="Change nothing; say what would change."),
    click.option("-D", "--diff", "diff", is_flag=True, help="Show how files change."),
)

VARIABLES = options(
    click.option(
        "-e", "--extra-vars", "extra_vars", multiple=True, metavar="VARS",
        help="Variables: key=value, JSON or YAML, or @FILE. May be given several times.",
    ),
)  # fmt: skip

MODULES = options(
    click.option(
        "-M", "--module-path", "module_path", multiple=True, metavar="PATHS",
        help="Look for modules here first (several: with colons).",
    ),
)  # fmt: skip

TASKS = options(
    VARIABLES,
    MODULES,
    click.option(
        "-f",
        "--forks",
        "forks",
        type=click.INT,
        callback=_checked_forks,
        metavar="N",
        help="At most so many hosts at once.",
    ),
)

VIEWS = options(
    click.option("--json", "json", is_flag=True, help="Print events, one JSON object a line."),
    click.option("--profile", "profile", is_flag=True, help="Show how long tasks take."),
)


#: Options that ansible-core is going to remove, by their parameter.
OUTDATED = {"inventory": ("--inventory-file",), "one_line": ("-o", "--one-line"), "tree": ("-t", "--tree")}


class Command(click.Command):
    """A command whose long options may be shortened, and whose optional values need an equals sign.

    `--ask-vault` is `--ask-vault-password`, as with ansible-playbook; `--parallel site.yml` is `--parallel` and a
    playbook.
    """

    #: Options that may stand without a value, and the value they have then.
    bare: dict[str, str] = {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The parameters get one more, `outdated`: options that ansible-core is going to remove, as they were typed."""
        known = {name: param for param in self.params for name in param.opts if isinstance(param, click.Option)}
        named: list[str] = []
        rest = super().parse_args(ctx, self._spelled_out(args, known, named))
        ctx.params["outdated"] = tuple(name for name in named if name in OUTDATED.get(known[name].name or "", ()))
        return rest

    def _spelled_out(self, args: list[str], known: dict[str, click.Option], named: list[str]) -> list[str]:
        """``named`` gets the options in it, one by one."""
        result: list[str] = []
        is_value = False
        for number, arg in enumerate(args):
            if arg == "--" and not is_value:
                return result + args[number:]
            if is_value or not arg.startswith("-") or arg == "-":
                result.append(arg)
                is_value = False
                continue
            spelled = self._long(arg, known) if arg.startswith("--") else arg
            result.append(_long_for(spelled, known))
            names = list(_named(spelled, known))
            named += names
            is_value = _wants_value(spelled, names, known)
        return result

    def _long(self, arg: str, known: dict[str, click.Option]) -> str:
        name, equals, value = arg.partition("=")
        if name not in known:
            meant = {id(param): option for option, param in known.items() if option.startswith(name)}
            name = next(iter(meant.values())) if len(meant) == 1 else name
        if not equals and name in self.bare:
            return f"{name}={self.bare[name]}"
        return f"{name}{equals}{value}"


def _long_for(word: str, known: dict[str, click.Option]) -> str:
    """The long name of a short option: click looks for what is close to each short one, at a millisecond each."""
    param = known.get(word)
    return word if param is None else next((name for name in param.opts if name.startswith("--")), word)


def _named(word: str, known: dict[str, click.Option]) -> Iterator[str]:
    """The options that a word names."""
    if word.startswith("--"):
        name = word.partition("=")[0]
        if name in known:
            yield name
    elif word.startswith("-"):
        for letter in word[1:]:
            param = known.get(f"-{letter}")
            if param is None:
                return
            yield f"-{letter}"
            if _takes_value(param):
                return


def _wants_value(word: str, names: Sequence[str], known: dict[str, click.Option]) -> bool:
    """Whether the next word is the value of the last of the options that this one names."""
    if not names or not _takes_value(known[names[-1]]):
        return False
    return word == names[-1] if word.startswith("--") else len(names) == len(word) - 1


def _takes_value(param: click.Option) -> bool:
    return not param.is_flag and not param.count
