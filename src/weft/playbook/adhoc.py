"""The one task of an ad hoc command as a playbook."""

from __future__ import annotations

import os
from typing import Any, Protocol

from weft.config.yaml import load_yaml
from weft.model.nodes import Playbook
from weft.model.run_options import AdHoc
from weft.model.values import MapNode, Origin, SeqNode, Trusted, Value

ORIGIN = Origin("<adhoc>")


class DataLoader(Protocol):
    """What this needs of the loader."""

    def load_data(self, data: Value, path: str, *, beside: bool = False) -> Playbook: ...


def adhoc_playbook(adhoc: AdHoc, loader: DataLoader, poll: int) -> Playbook:
    """``poll`` is in seconds, as the settings say. Raises LoadError."""
    task = _call(adhoc)
    if adhoc.background > 0:
        task[_text("async")] = adhoc.background
        task[_text("poll")] = poll if adhoc.poll is None else adhoc.poll
    if adhoc.task_timeout:
        task[_text("timeout")] = adhoc.task_timeout
    play = {
        _text("name"): _text("Ansible Ad-Hoc"),
        _text("hosts"): _text(adhoc.pattern),
        _text("gather_facts"): False,
        _text("tasks"): SeqNode([MapNode(task, ORIGIN)], ORIGIN),
    }
    path = os.path.join(os.path.abspath(adhoc.basedir or ""), ORIGIN.path)
    return loader.load_data(SeqNode([MapNode(play, ORIGIN)], ORIGIN), path, beside=adhoc.basedir is not None)


def _call(adhoc: AdHoc) -> dict[Any, Any]:
    """Module and arguments. Which module a template stands for shows when the task runs."""
    arguments = _arguments(adhoc.args)
    if "{{" not in adhoc.module:
        return {_text(adhoc.module): arguments}
    if isinstance(arguments, str):
        return {_text("action"): _text(f"{adhoc.module} {arguments}")}
    return {_text("action"): _text(adhoc.module), **({} if arguments is None else {_text("args"): arguments})}


def _arguments(text: str) -> Value:
    if not text:
        return None
    if text.lstrip().startswith("{") and not text.lstrip().startswith("{{"):
        return load_yaml(text, ORIGIN.path)
    return _text(text)


def _text(text: str) -> Trusted:
    return Trusted(text, ORIGIN)
