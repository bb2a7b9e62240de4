"""Results as text: JSON on one line or many, or YAML, without what a view has no use for.

Used by every view that shows results. ``ResultDumper`` holds how the settings want them.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from weft.events.types import TaskInfo
from weft.model.settings import Settings

INVOCATION_FROM = 3  # -vvv shows how a module was called, and diffs within results
_DEBUG_KEPT = frozenset(("msg", "exception", "warnings", "deprecations"))
_DEBUG_HIDDEN = frozenset(
    (
        "changed",
        "failed",
        "skipped",
        "invocation",
        "skip_reason",
        "ansible_loop_var",
        "ansible_index_var",
        "ansible_loop",
    )
)
_STATUS_KEYS = frozenset(("failed", "skipped"))  # said by the line's first word
_HANDLED_KEYS = frozenset(("exception", "warnings", "deprecations"))  # shown in lines of their own
_BREAKS = "[\n\x85\u2028\u2029]"
_BLANKS_BEFORE_BREAK = " +(?=[\n\x85\u2028\u2029])"


@functools.cache
def _not_in_block() -> re.Pattern[str]:
    """What a block of YAML can't hold. Compiled when it is needed: it takes as long as all of this module."""
    return re.compile("[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def is_action(task: TaskInfo, *names: str) -> bool:
    """Whether a task's action is one of ansible.builtin's ``names``, however it was written."""
    return task.action.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.") in names


def without_status(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in _STATUS_KEYS}


def shown_result(task: TaskInfo, result: Mapping[str, Any]) -> dict[str, Any]:
    """A result's keys that views show. Of `debug` only what was asked for."""
    shown = without_status(result)
    if not is_action(task, "debug"):
        return shown
    if "msg" in shown:
        return {key: value for key, value in shown.items() if key in _DEBUG_KEPT}
    return {key: value for key, value in shown.items() if key not in _DEBUG_HIDDEN}


class ResultDumper(Struct, frozen=True):
    """How results are written. ``pretty`` None: as the format usually is (JSON on one line, YAML in blocks)."""

    format: str = "json"
    pretty: bool | None = None
    verbosity: int = 0

    @classmethod
    def of(cls, settings: Settings) -> ResultDumper:
        return cls(settings.callback_result_format, settings.callback_format_pretty, settings.verbosity)

    def dump(self, result: Mapping[str, Any], *, indent: int | None = None, always: bool = False) -> str:
        """A result as text. ``always``: it is what the task is for (`debug`), and gets lines of its own."""
        if not indent and (always or self._blocks or self.verbosity >= INVOCATION_FROM):
            indent = 4
        if self.pretty is False:
            indent = None
        hidden = _HANDLED_KEYS if self.verbosity >= INVOCATION_FROM else _HANDLED_KEYS | {"invocation", "diff"}
        shown = {key: value for key, value in result.items() if key not in hidden and not _internal(key)}
        if self.format == "yaml":
            return "\n" + self._yaml(shown, indent)
        return json_text(shown, indent)

    def dump_diff(self, side: Mapping[str, Any]) -> str:
        """One side of a diff that is data, as the lines to compare."""
        if self.format == "yaml":
            return _as_yaml(side, 4, lossy=self._lossy) + "\n"
        return json.dumps(_plain(side), sort_keys=True, indent=4) + "\n"

    @property
    def _blocks(self) -> bool:
        return self.pretty is True or (self.pretty is None and self.format != "json")

    @property
    def _lossy(self) -> bool:
        return self.pretty is not False

    def _yaml(self, result: dict[str, Any], indent: int | None) -> str:
        if self._lossy:
            for name in ("stdout", "stderr"):
                if name in result and f"{name}_lines" in result:
                    result[f"{name}_lines"] = "<omitted>"
        return _as_yaml(result, indent, lossy=self._lossy)


def json_text(value: Any, indent: int | None) -> str:
    """JSON with sorted keys, readable letters and text in place of what JSON has no form for."""
    return json.dumps(_plain(value), indent=indent, ensure_ascii=False, sort_keys=True)


def _internal(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("_ansible_")


def _plain(value: Any) -> Any:
    """Data that JSON has a form for; the rest as text. Always a copy."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items() if not _internal(key)}
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    return str(value)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, int | float | tuple | frozenset):
        return json.dumps(_plain(key))
    return str(_plain(key))


def _as_yaml(value: Any, indent: int | None, *, lossy: bool) -> str:
    import yaml

    dumper = _dumper(lossy)
    text = yaml.dump(_yaml_plain(value), Dumper=dumper, allow_unicode=True, default_flow_style=False, indent=indent)
    return textwrap.indent(text, " " * (indent or 4))


def _yaml_plain(value: Any) -> Any:
    if value is None or isinstance(value, int | float | bytes | datetime.date | datetime.datetime):
        return value
    if isinstance(value, str):
        return str(value) if type(value) is not str else value
    if isinstance(value, Mapping):
        return {_yaml_key(key): _yaml_plain(item) for key, item in value.items() if not _internal(key)}
    if isinstance(value, Iterable):
        return [_yaml_plain(item) for item in value]
    return str(value)


def _yaml_key(key: Any) -> Any:
    plain = _yaml_plain(key)
    return str(key) if isinstance(plain, list | dict) else plain


@functools.cache
def _dumper(lossy: bool) -> Any:
    """A YAML dumper that writes text of several lines as a block. ``lossy``: even where that changes its blanks."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        pass

    def text_node(dumper: Any, text: str) -> Any:
        if not re.search(_BREAKS, text):
            return dumper.represent_scalar("tag:yaml.org,2002:str", text)
        shown = _blockable(text) if lossy else text
        return dumper.represent_scalar("tag:yaml.org,2002:str", shown, style="|")

    Dumper.add_representer(str, text_node)
    return Dumper


def _blockable(text: str) -> str:
    """Text without what YAML does not allow in a block: trailing blanks, tabs, control characters."""
    text = _not_in_block().sub("", text.rstrip().expandtabs())
    return re.sub(_BLANKS_BEFORE_BREAK, "", text)
