"""ansible-core's results, errors and messages as plain data for the wire."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ansible._internal._errors import _captured
from ansible.module_utils._internal import _event_utils, _messages
from ansible.utils.vars import transform_to_native_types

_SUMMARIES = ("exception", "warnings", "deprecations")


def plain_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with plain warnings and deprecations; why it failed is under ``_ansible_lane_failure``."""
    rest = {key: value for key, value in result.items() if key not in _SUMMARIES}
    plain: dict[str, Any] = _encodable(transform_to_native_types(rest, redact=False))
    if warnings := result.get("warnings"):
        plain["warnings"] = [_brief(entry) for entry in warnings]
    if deprecations := result.get("deprecations"):
        plain["deprecations"] = [_encodable(_event_utils.deprecation_as_dict(entry)) for entry in deprecations]
    exception = result.get("exception")
    if isinstance(exception, _messages.ErrorSummary):
        plain["_ansible_lane_failure"] = _failure(exception)
    elif exception:
        plain["exception"] = str(exception)
    return plain


def _failure(summary: _messages.ErrorSummary) -> dict[str, Any]:
    """Links of the chain of causes, outermost first, and all tracebacks."""
    links: list[list[str | None]] = []
    traces: list[str] = []
    event: Any = summary.event
    while event is not None:
        links.append([event.msg, event.help_text])
        if event.formatted_traceback:
            traces.append(event.formatted_traceback)
        event = event.chain.event if event.chain is not None and event.chain.follow else None
    kind = getattr(summary, "error_type", None)
    captured = kind.__name__ if isinstance(kind, type) and issubclass(kind, _captured.AnsibleCapturedError) else ""
    return {"links": links, "traceback": "\n".join(reversed(traces)) or None, "captured": captured}


def _brief(entry: Any) -> str:
    if isinstance(entry, _messages.SummaryBase):
        return str(_event_utils.format_event_brief_message(entry.event))
    return str(entry)


def notice(method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a plugin wanted to show: {text, verbosity, stderr}, {warning} or {deprecation, version, date}."""
    first = args[0] if args else kwargs.get("msg", kwargs.get("warning", kwargs.get("error", "")))
    if isinstance(first, _messages.DeprecationSummary):
        return {"deprecation": _brief(first), "version": first.version, "date": first.date}
    if method == "_error":
        return {"text": f"[ERROR]: {_brief(first)}", "verbosity": 0, "stderr": bool(kwargs.get("stderr", True))}
    if isinstance(first, _messages.SummaryBase) or method == "system_warning":
        return {"warning": _brief(first)}
    if method == "debug" or method == "_verbose_log" or kwargs.get("log_only"):
        return None
    text = str(first)
    if method == "_verbose_display":
        host = args[1] if len(args) > 1 else kwargs.get("host")
        caplevel = args[2] if len(args) > 2 else kwargs.get("caplevel", 2)
        return {"text": f"<{host}> {text}" if host is not None else text, "verbosity": caplevel + 1, "stderr": False}
    return {"text": text.rstrip("\n"), "verbosity": 0, "stderr": bool(kwargs.get("stderr"))}


def _encodable(value: Any) -> Any:
    """With what JSON has no form for as text, and keys as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Mapping):
        return {key if isinstance(key, bool | int | float) else str(key): _encodable(v) for key, v in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_encodable(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise TypeError(f"Type {type(value).__name__!r} can't be part of a result.")
