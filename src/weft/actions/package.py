"""``package``, and ``dnf`` with its two generations: they find out which module is meant, and run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.actions.base import ActionContext, Result
from weft.connection.results import FAILURE
from weft.model.errors import TaskFailed

#: Package managers that facts may name: their modules may be replaced from a library folder.
_BUILTIN_MANAGERS = frozenset(
    {
        "apk", "apt", "atomic_container", "dnf", "dnf5", "homebrew", "installp", "macports", "opkg", "pacman", "pkg5",
        "pkgin", "pkgng", "portage", "sorcery", "svr4pkg", "swdepot", "swupd", "urpmi", "xbps", "zypper",
    }
)  # fmt: skip
_DNF_BACKENDS = frozenset({"yum", "yum4", "dnf", "dnf4", "dnf5"})


async def package(context: ActionContext) -> Result:
    """Raises TaskFailed where no package manager is found, or weft has no module for it."""
    module = str(context.args.get("use", "auto"))
    if module == "auto":
        module = await _manager(context)
    if not module or module == "auto":
        raise TaskFailed(
            'Could not detect which package manager to use. Try gathering facts or setting the "use" option.'
        )
    if not await context.has_module(module):
        raise TaskFailed(f'Could not find a matching action for the "{module}" package manager.')
    args = {key: value for key, value in context.args.items() if key != "use"}
    args = await context.with_defaults(module, args)
    if module in _BUILTIN_MANAGERS:
        module = f"ansible.legacy.{module}"
    context.say(f"Running {module}", verbosity=4)
    return await context.module(module, args, as_job=True)


async def _manager(context: ActionContext) -> str:
    told = context.variable("ansible_package_use")
    if told:
        return str(told)
    known = host_facts(context).get("pkg_mgr")
    return str(known) if known else await find_manager(context, "package")


async def find_manager(context: ActionContext, action: str) -> str:
    """Ask the host which package manager it has; ``auto`` where facts don't say."""
    facts = await context.module("ansible.legacy.setup", {"filter": "ansible_pkg_mgr", "gather_subset": "!all"})
    if facts.get("failed"):
        raise TaskFailed(
            f"Failed to fetch ansible_pkg_mgr to determine the {action} action backend: {facts.get('msg')}",
            result={key: value for key, value in facts.items() if key != FAILURE},
        )
    found = (facts.get("ansible_facts") or {}).get("ansible_pkg_mgr")
    if found is None and action == "package":
        raise TaskFailed('Could not detect a package manager. Try using the "use" option.')
    return str(found or "auto")


async def dnf(context: ActionContext) -> Result:
    """The module of the generation that the host has: dnf for 4, dnf5."""
    args = dict(context.args)
    if "use" in args and "use_backend" in args:
        raise TaskFailed("parameters are mutually exclusive: ('use', 'use_backend')")
    module = str(args.get("use", args.get("use_backend", "auto")))
    result: Result = {}
    if module in ("yum", "auto"):
        module = str(host_facts(context).get("pkg_mgr") or module)
    if module not in _DNF_BACKENDS:
        module = await find_manager(context, "dnf")
        if (not context.delegate_to or context.delegate_facts) and module != "auto":
            result["ansible_facts"] = {"pkg_mgr": module}
    if module not in _DNF_BACKENDS:
        message = (
            "Could not detect which major revision of dnf is in use, which is required to determine module backend.",
            "You should manually specify use_backend to tell the module whether to use the dnf4 or dnf5 backend})",
        )
        return {**result, "failed": True, "msg": list(message)}
    backend = "ansible.legacy." + ("dnf" if module in ("yum4", "dnf4") else module)
    if not await context.has_module(backend):
        return {**result, "failed": True, "msg": f"Could not find a dnf module backend for {backend}."}
    given = {key: value for key, value in args.items() if key not in ("use", "use_backend")}
    context.say(f"Running {backend} as the backend for the dnf action plugin", verbosity=4)
    return {**result, **await context.module(backend, given, as_job=True)}


def host_facts(context: ActionContext) -> Mapping[str, Any]:
    """``ansible_facts`` of where the task runs: the delegate's, if there is one."""
    if not context.delegate_to:
        facts = context.variable("ansible_facts", {})
    else:
        try:
            facts = context.scope["hostvars"][context.delegate_to]["ansible_facts"]
        except (KeyError, TypeError, LookupError):
            facts = {}
    return facts if isinstance(facts, Mapping) else {}
