"""``gather_facts``, ``setup``, ``set_fact`` and ``set_stats``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from weft.actions.args import BadArguments, boolean, check_variable_name, truth
from weft.actions.base import ActionContext, Result
from weft.connection.results import ACTION_FAILED, FAILURE, NO_TRACEBACK, Failure
from weft.model.errors import TaskFailed
from weft.model.values import Trusted, origin_of

_SETUP_NAMES = frozenset({"setup", "ansible.builtin.setup", "ansible.legacy.setup"})
#: Network systems whose facts their own modules gather, and the collections of those.
_NETWORK = {
    "asa": "cisco.asa",
    "eos": "arista.eos",
    "exos": "extreme.exos",
    "frr": "frr.frr",
    "ios": "cisco.ios",
    "iosxr": "cisco.iosxr",
    "ironware": "community.network",
    "junos": "junipernetworks.junos",
    "nxos": "cisco.nxos",
    "slxos": "extreme.slxos",
    "voss": "extreme.voss",
    "vyos": "vyos.vyos",
}
#: Values of ``ansible_network_os`` to facts modules; ``ansible_connection_facts_modules`` replaces it.
_NETWORK_FACTS: Mapping[str, str] = {
    **{system: f"ansible.legacy.{system}_facts" for system in _NETWORK},
    **{f"{collection}.{system}": f"{collection}.{system}_facts" for system, collection in _NETWORK.items()},
}


async def setup(context: ActionContext) -> Result:
    """The setup module; its result is shown only when asked for more than once (-vv)."""
    result = await context.module(context.task.fqcn or context.name, label=context.name, as_job=True)
    result["_ansible_verbose_override"] = True
    return result


async def gather_facts(context: ActionContext) -> Result:
    """Run the facts modules of the host, side by side where there are several, and join what they find."""
    args = dict(context.args)
    modules = _fact_modules(context)
    told = context.variable("ansible_facts_parallel", args.pop("parallel", None))
    parallel = len(modules) > 1 if told is None else truth(told)
    given = {name: await _module_args(context, name, args) for name in modules}
    if not parallel:
        return _joined({name: await context.module(name, given[name]) for name in modules})
    limit = args.get("gather_timeout")
    calls = [_limited(context, name, given[name], float(limit) if limit else None) for name in modules]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return _joined(dict(zip(modules, outcomes, strict=True)))  # type: ignore[arg-type]


async def _limited(context: ActionContext, name: str, args: Mapping[str, Any], limit: float | None) -> Result:
    """One of several facts modules; one that keeps no time itself is ended after ``limit`` seconds."""
    try:
        async with asyncio.timeout(None if name in _SETUP_NAMES else limit):
            return await context.module(name, args)
    except TimeoutError:
        message = f"Timeout exceeded: {name} did not end within {limit:g} seconds"
        return {"failed": True, "msg": message, FAILURE: Failure(source=ACTION_FAILED, message=message)}


def _fact_modules(context: ActionContext) -> list[str]:
    """``ansible_facts_modules`` (``smart`` unless told otherwise) with ``smart`` replaced by what it means here."""
    told = context.variable("ansible_facts_modules", list(context.settings.facts_modules))
    names = [name.strip() for name in told.split(",")] if isinstance(told, str) else [str(name) for name in told]
    if "smart" not in names:
        return names
    names.remove("smart")
    facts = context.variable("ansible_facts")
    known = facts.get("network_os") if isinstance(facts, Mapping) else None
    system = context.args.get("network_os", context.variable("ansible_network_os", known))
    has_setup = bool(_SETUP_NAMES & set(names))
    if not system:
        return names if has_setup else [*names, "ansible.legacy.setup"]
    network = context.variable("ansible_connection_facts_modules", _NETWORK_FACTS)
    if system in network:
        names.append(network[system])
    elif not names:
        raise TaskFailed(
            "No fact modules available and we could not find a fact module for your network OS "
            f"({system}), try setting one via the `FACTS_MODULES` configuration."
        )
    if has_setup:
        context.warn(
            "Detected 'setup' module and a network OS is set, the output when running it will reflect 'localhost'"
            " and not the target when a networking connection plugin is used."
        )
    return names


async def _module_args(context: ActionContext, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """What one facts module is given: options of setup only where it is setup, and module_defaults."""
    given = {key: value for key, value in args.items() if value is not None}
    if name not in _SETUP_NAMES:
        subset = given.pop("gather_subset", None)
        if subset not in ("all", ["all"], None):
            context.warn(f"Not passing subset({subset}) to {name}")
        timeout = given.pop("gather_timeout", None)
        if timeout is not None:
            context.warn(f"Not passing timeout({timeout}) to {name}")
        wanted = given.pop("filter", None)
        if wanted is not None:
            context.warn(f"Not passing filter({wanted}) to {name}")
    return await context.with_defaults(name, given)


def _joined(outcomes: Mapping[str, Result]) -> Result:
    result: Result = {"ansible_facts": {}}
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.get("failed")}
    skipped = {name: outcome for name, outcome in outcomes.items() if outcome.get("skipped") and name not in failed}
    for name, outcome in outcomes.items():
        if name in failed or name in skipped:
            continue
        result["ansible_facts"] = _merged(result["ansible_facts"], outcome.get("ansible_facts") or {})
        for key in ("warnings", "deprecations"):
            if outcome.get(key):
                result[key] = [*result.get(key, []), *outcome[key]]
    if skipped:
        result["msg"] = f"The following modules were skipped: {', '.join(skipped)}."
        result["skipped_modules"] = skipped
        if len(skipped) == len(outcomes):
            result["skipped"] = True
    if failed:
        message = f"The following modules failed to execute: {', '.join(failed)}."
        parts = tuple(_failure_of(outcome) for outcome in failed.values())
        result.update(failed=True, msg=message, exception=NO_TRACEBACK)
        result["failed_modules"] = {name: _public(outcome) for name, outcome in failed.items()}
        result[FAILURE] = Failure(source=ACTION_FAILED, message=message, parts=parts)
    result["ansible_facts"]["_ansible_facts_gathered"] = True
    result["_ansible_verbose_override"] = True
    return result


def _failure_of(outcome: Mapping[str, Any]) -> Failure:
    known = outcome.get(FAILURE)
    return known if isinstance(known, Failure) else Failure(source=ACTION_FAILED, message=str(outcome.get("msg", "")))


def _public(outcome: Mapping[str, Any]) -> Result:
    return {key: value for key, value in outcome.items() if key != FAILURE}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge; of two lists the second's items come last, without those that the first has as well."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = [*(item for item in old if item not in value), *value]
        else:
            merged[key] = value
    return merged


async def set_fact(context: ActionContext) -> Result:
    """Every argument but ``cacheable`` becomes a variable of the host; names may be templates."""
    args = dict(context.args)
    try:
        cacheable = boolean(args.pop("cacheable", False))
    except BadArguments as error:
        raise TaskFailed(str(error)) from None
    args.pop("_raw_params", None)
    if not args:
        raise TaskFailed("No key/value pairs provided, at least one is required for this action to succeed")
    facts = {_variable_name(context, key): value for key, value in args.items()}
    return {"ansible_facts": facts, "_ansible_facts_cacheable": cacheable}


def _variable_name(context: ActionContext, key: str) -> str:
    own = next((name for name in context.task.args if name == key), key)
    written = own if isinstance(own, Trusted) else Trusted(key) if own in context.task.args else key
    name = context.templar.render(written, context.scope) if context.templar.is_template(written) else written
    check_variable_name(name)
    return Trusted(name, origin_of(written))  # with its place, for warnings about the name


async def set_stats(context: ActionContext) -> Result:
    """Figures for the end of the run."""
    data = context.args.get("data", {})
    if not isinstance(data, Mapping):
        return {"failed": True, "msg": "The 'data' option needs to be a dictionary/hash"}
    for name in data:
        check_variable_name(name)
    return {
        "changed": False,
        "ansible_stats": {
            "data": {str(name): value for name, value in data.items()},
            "per_host": truth(context.args.get("per_host"), False),
            "aggregate": truth(context.args.get("aggregate"), True),
        },
    }
