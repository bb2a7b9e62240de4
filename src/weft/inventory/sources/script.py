"""Executable inventories: a program that prints groups and host variables as JSON for ``--list``."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

from weft.config.yaml import trust
from weft.events.types import Deprecated, Message
from weft.inventory.builder import InventoryBuilder, Warn
from weft.model.errors import LoadError
from weft.model.values import Origin, VaultText

_PROFILE = "inventory_legacy"  # the only spelling of JSON that scripts use; it is the default


def parse_script(path: str, builder: InventoryBuilder, warn: Warn, *, show_stderr: bool = True) -> None:
    """Run the program and fill ``builder``. Raises LoadError with what it wrote to stderr as the hint."""
    origin = Origin(f"<inventory script output from {path!r}>")
    text, stderr = _run([path, "--list"], origin)
    hint = _stderr_hint(stderr)
    data = _decode(text, origin, hint)
    if stderr and show_stderr:
        warn(Message(text=f"[ERROR]: {stderr}", stderr=True))
    hosts: dict[str, None] = {}
    known: dict[str, Any] | None = None
    for name, content in data.items():
        if name == "_meta":
            known = content.get("hostvars") if isinstance(content, dict) else None
            if not isinstance(known, dict):
                raise LoadError(f"Value contains '_meta.hostvars' which is {_type(known)!r} instead of 'dict'.", origin)
        else:
            _group(builder, name, content, hosts, origin, warn)
    if known is None:
        warn(
            Deprecated(
                message="Inventory scripts should always provide 'meta.hostvars'. Host variables will be collected by "
                "running the inventory script with the '--host' option for each host.",
                version="2.23",
                collection="ansible.builtin",
                origin=origin,
            )
        )
    for host in hosts:
        variables = known.get(host, {}) if known is not None else _host_variables(path, host)
        builder.add_hosts([host], _variables(variables, origin))


def _group(
    builder: InventoryBuilder, name: str, content: Any, hosts: dict[str, None], origin: Origin, warn: Warn
) -> None:
    group = builder.add_group(name)
    if not isinstance(content, dict):
        warn(
            Deprecated(
                message=f"Group {group!r} was converted to 'dict' from {_type(content)!r}.",
                version="2.23",
                collection="ansible.builtin",
                origin=origin,
            )
        )
        content = {"hosts": content}
    elif not content.keys() & {"hosts", "vars", "children"}:
        warn(
            Deprecated(
                message=f"Treating malformed group {group!r} as the sole host of that group. "
                "Variables provided in this manner cannot be templated.",
                version="2.23",
                collection="ansible.builtin",
                origin=origin,
            )
        )
        content = {"hosts": [group], "vars": content}
    if "hosts" in content:
        for host in _checked(content["hosts"], list, f"{group}.hosts", origin):
            builder.add_host(host, group)
            hosts[host] = None
    if "vars" in content:
        for key, value in _checked(content["vars"], dict, f"{group}.vars", origin).items():
            builder.set_variable(group, key, _variable(value, origin))
    for child in content.get("children", ()):
        builder.add_child(group, builder.add_group(child))


def _checked(value: Any, kind: type, what: str, origin: Origin) -> Any:
    if not isinstance(value, kind):
        raise LoadError(f"Value contains '{what}' which is {_type(value)!r} instead of {kind.__name__!r}.", origin)
    return value


def _host_variables(path: str, host: str) -> Any:
    origin = Origin(f"<inventory script output from {path!r} for host {host!r}>")
    text, stderr = _run([path, "--host", host], origin)
    if not text.strip():
        return {}
    try:
        return json.loads(text)
    except ValueError as error:
        raise LoadError(
            f"Inventory script result for host {host!r} could not be parsed as JSON: {error}",
            origin,
            _stderr_hint(stderr),
        ) from error


def _variables(values: Any, origin: Origin) -> Any:
    return {key: _variable(value, origin) for key, value in values.items()} if isinstance(values, dict) else values


def _variable(value: Any, origin: Origin) -> Any:
    return _special(trust(value, origin), origin)


def _special(value: Any, origin: Origin) -> Any:
    """Replaces Ansible's JSON spelling of encrypted and of untrusted text."""
    if isinstance(value, dict):
        if len(value) == 1:
            [(key, item)] = value.items()
            if key == "__ansible_vault" and isinstance(item, str):
                return VaultText(str(item), origin)
            if key == "__ansible_unsafe" and isinstance(item, str):
                return str(item)
        for key, item in value.items():
            value[key] = _special(item, origin)
    elif isinstance(value, list):
        value[:] = [_special(item, origin) for item in value]
    return value


def _decode(text: str, origin: Origin, hint: str | None) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise LoadError(
            f"Unable to get JSON decoder for inventory script result: Value could not be parsed as JSON: {error}",
            origin,
            hint,
        ) from error
    problem = None
    meta = data.get("_meta", {}) if isinstance(data, dict) else {}
    profile = meta.get("profile", _PROFILE) if isinstance(meta, dict) else _PROFILE
    if not isinstance(data, dict):
        problem = f"Value is {_type(data)!r} instead of 'dict'."
    elif not isinstance(meta, dict):
        problem = f"Value contains '_meta' which is {_type(meta)!r} instead of 'dict'."
    elif not isinstance(profile, str):
        problem = f"Value contains '_meta.profile' which is {_type(profile)!r} instead of 'str'."
    elif profile != _PROFILE:
        problem = (
            f"Unknown profile name {profile!r}."
            if profile.startswith("inventory_")
            else f"Non-inventory profile {profile!r} is not allowed."
        )
    if problem:
        raise LoadError(f"Unable to get JSON decoder for inventory script result: {problem}", origin, hint)
    return dict(data)


def _type(value: Any) -> str:
    return type(value).__name__


def _stderr_hint(stderr: str) -> str | None:
    return f"Standard error from inventory script:\n{stderr}" if stderr.strip() else None


def _run(command: list[str], origin: Origin) -> tuple[str, str]:
    """What the program writes to stdout and stderr."""
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise LoadError(
            f"Failed to execute inventory script command {shlex.join(command)!r}: {error}", origin
        ) from error
    stderr = done.stderr.decode(errors="surrogateescape")
    if stderr and not stderr.endswith("\n"):
        stderr += "\n"
    if done.returncode != 0:
        raise LoadError(
            f"Inventory script returned non-zero exit code {done.returncode}.", origin, _stderr_hint(stderr)
        )
    try:
        return done.stdout.decode(), stderr
    except UnicodeDecodeError as error:
        raise LoadError(
            f"Inventory script result contained characters that cannot be interpreted as UTF-8: {error}",
            origin,
            _stderr_hint(stderr),
        ) from error
