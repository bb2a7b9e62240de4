"""The one task of an ad hoc command as a playbook."""

from __future__ import annotations

import json
import os
from typing import Any, Protocol

from weft.config.yaml import load_yaml
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Playbook
from weft.model.run_options import AdHoc
from weft.model.values import MapNode, Origin, SeqNode, Trusted, Value, Written
from weft.playbook.action import FREE_FORM
from weft.playbook.splitter import parse_kv

ORIGIN = Origin("<adhoc>")
_ARGUMENTS = "<CLI option '-a'>"
_REMOVED = 1  # the exit code of errors for what ansible-core once had: it does not come to the hosts


class DataLoader(Protocol):
    """What this needs of the loader."""

    def resolve_action(self, name: str) -> str | None: ...

    def load_data(self, data: Value, path: str, *, beside: bool = False) -> Playbook: ...


def adhoc_playbook(adhoc: AdHoc, loader: DataLoader, poll: int) -> Playbook:
    """``poll`` is in seconds, as the settings say. Raises LoadError."""
    task = _call(adhoc, loader)
    if adhoc.background > 0:
        task[_text("async")] = adhoc.background
        task[_text("poll")] = poll if adhoc.poll is None else adhoc.poll
    if adhoc.task_timeout:
        task[_text("timeout")] = adhoc.task_timeout
    play = {
        _text("name"): _text("Ansible Ad-Hoc"),
        _text("hosts"): _text(adhoc.pattern),
        _text("gather_facts"): False,
        _text("tasks"): SeqNode([MapNode(task, _place(adhoc, poll))], ORIGIN),
    }
    path = os.path.join(os.path.abspath(adhoc.basedir or ""), ORIGIN.path)
    return loader.load_data(SeqNode([MapNode(play, ORIGIN)], ORIGIN), path, beside=adhoc.basedir is not None)


def _place(adhoc: AdHoc, poll: int) -> Written:
    """Where errors say that the task stands: in no file, so they show the task itself, as `ansible` has it."""
    arguments = _arguments(adhoc.args) or {}
    try:
        args = parse_kv(arguments, raw=adhoc.module in FREE_FORM) if isinstance(arguments, str) else arguments
    except LoadError:
        args = {"_raw_params": arguments}
    task: dict[str, Any] = {"action": adhoc.module, "args": dict(args), "timeout": adhoc.task_timeout or 0}
    task |= {"async_val": adhoc.background, "poll": poll if adhoc.poll is None else adhoc.poll}
    return Written(f"<adhoc {adhoc.module!r} task>", text=str(task))


def _call(adhoc: AdHoc, loader: DataLoader) -> dict[Any, Value]:
    """Module and arguments. Which module a template stands for shows when the task runs.

    So does, as with `ansible`, that there is none of a name: the hosts fail then.
    """
    arguments = _arguments(adhoc.args)
    name, module = adhoc.module, adhoc.module
    if "{{" not in module:
        if _is_known(module, loader):
            return {_option("-m", module): arguments}
        module = "{{ " + json.dumps(module) + " }}"
    if isinstance(arguments, str):
        call: dict[Any, Value] = {_text("action"): Trusted(f"{module} {arguments}", _option("-m", name).origin)}
    else:
        action = Trusted(module, _option("-m", name).origin)
        call = {_text("action"): action, **({} if arguments is None else {_text("args"): arguments})}
    return call if name == module else {_text("name"): _text(name), **call}


def _is_known(module: str, loader: DataLoader) -> bool:
    try:
        return loader.resolve_action(module) is not None
    except WeftError as error:
        if error.exit_code == _REMOVED:
            raise
        return False  # redirected to what is not there


def _arguments(text: str) -> Value:
    if not text:
        return None
    if text.startswith("{") and text.endswith("}") and not text.startswith("{{"):
        try:
            return load_yaml(text, _ARGUMENTS)
        except LoadError:
            pass  # it may be the text of a command
    return Trusted(text, Written(_ARGUMENTS, text=text))


def _option(name: str, text: str) -> Trusted:
    return Trusted(text, Written(f"<CLI option '{name}'>", text=text))


def _text(text: str) -> Trusted:
    return Trusted(text, ORIGIN)
