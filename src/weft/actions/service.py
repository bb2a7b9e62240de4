"""``service``: the module of the host's service manager."""

from __future__ import annotations

from weft.actions.base import ActionContext, Result
from weft.actions.package import host_facts

_UNUSED = {"systemd": ("pattern", "runlevel", "sleep", "arguments", "args")}
_BUILTIN_MANAGERS = frozenset({"openwrt_init", "service", "systemd", "sysvinit"})


async def service(context: ActionContext) -> Result:
    """Run systemd, sysvinit, openwrt_init ... as facts or ``use`` say; the generic module where there is none."""
    module = str(context.args.get("use", "auto")).lower()
    if module == "auto":
        module = str(host_facts(context).get("service_mgr") or "auto")
    if module == "auto":
        asked = {"gather_subset": "!all", "filter": "ansible_service_mgr"}
        facts = await context.module("ansible.legacy.setup", asked)
        module = str((facts.get("ansible_facts") or {}).get("ansible_service_mgr", "auto"))
    if not module or module == "auto" or not await context.has_module(module):
        module = "ansible.legacy.service"
    args = {key: value for key, value in context.args.items() if key != "use"}
    for name in _UNUSED.get(module, ()):
        if name in args:
            del args[name]
            context.warn(f'Ignoring "{name}" as it is not used in "{module}"')
    args = await context.with_defaults(module, args)
    if module in _BUILTIN_MANAGERS:
        module = f"ansible.legacy.{module}"
    context.say(f"Running {module}", verbosity=4)
    return await context.module(module, args, as_job=True)
