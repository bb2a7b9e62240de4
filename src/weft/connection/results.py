"""From a module's output to its result: JSON found among junk, ansible-core's wire types made plain.

Comes before ``modules``, which runs them. Knows nothing of sessions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from weft.model.errors import WeftError

#: Under this key a failed result carries a ``Failure`` until the executor takes it out.
FAILURE: Final = "_ansible_failure"
#: Marks a result whose facts and the like have had their effect: whoever tells of it must not have them take it again.
TAKEN_IN: Final = "_ansible_taken_in"
NO_LOG: Final = "_ansible_no_log"
NO_TRACEBACK: Final = "(traceback unavailable)"
MODULE_FAILED: Final = "Module failed"
ACTION_FAILED: Final = "Action failed"

_TYPE = "__ansible_type"
_SEE_OUTPUT = "See stdout/stderr for the returned output."
_ENGINE_KEYS = ("add_host", "add_group")  # only actions of weft may return these
_SURROGATE = "[\ud800-\udfff]"
_NESTED = frozenset({dict, list})
_LOOKED_INTO = frozenset({dict, list, str})


class Failure(Struct, frozen=True, kw_only=True):
    """Why a module or an action failed, beside what its result says.

    ``message`` is the chain of causes folded into one (``A: B``); ``links`` are its parts, outermost first, each with
    its help, where they can't be folded.
    """

    source: str  # MODULE_FAILED | ACTION_FAILED
    message: str
    links: tuple[tuple[str, str | None], ...] = ()
    traceback: str | None = None
    parts: tuple[Failure, ...] = ()  # of several modules that failed side by side


class Output(Struct, frozen=True, kw_only=True):
    """What a program left behind."""

    rc: int
    stdout: str
    stderr: str


class NoResult(ValueError):
    """A module's output holds no result."""


class NotUtf8(WeftError):
    """A result holds text that can't be encoded, which the settings don't allow."""

    def __init__(self) -> None:
        super().__init__(
            "Refusing to deserialize an invalid UTF8 string value.",
            hint="This check can be disabled with the `MODULE_STRICT_UTF8_RESPONSE` setting.",
        )


def module_result(
    output: Output, interpreter: str | None, warn: Callable[[str], None], *, strict: bool = True
) -> dict[str, Any]:
    """The result of a module, as ansible-core would hand it to an action: no result is a failed one. Raises NotUtf8."""
    try:
        text, junk = find_json(output.stdout)
        data = plain_result(json.loads(text), strict=strict)
    except ValueError as error:
        return no_result(output, interpreter, error)
    for warning in junk:
        warn(warning)
    return tidy(data, warn)


def find_json(text: str) -> tuple[str, list[str]]:
    """The JSON object in a module's output, with warnings about what comes after it. Raises NoResult."""
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip().startswith("{")), None)
    if start is None:
        raise NoResult("No start of json char found")
    end = next((n for n in range(len(lines) - 1, start - 1, -1) if lines[n].strip().endswith("}")), None)
    if end is None:
        raise NoResult("No end of json char found")
    rest = lines[end + 1 :]
    junk = "\n".join(rest)
    warnings = [f"Module invocation had junk after the JSON data: {junk}"] if junk.strip() else []
    return "\n".join(lines[start : end + 1]), warnings


def plain_result(data: Any, *, strict: bool = True) -> dict[str, Any]:
    """A decoded result without wire types; a failure is under ``FAILURE``.

    Raises NoResult where it is no object, NotUtf8 where text in it is not UTF-8 (if ``strict``).
    """
    if not isinstance(data, dict):
        raise NoResult(f"Malformed result. Received {type(data).__name__} instead of dict.")
    if strict:
        _check_text(data)
    exception = data.pop("exception", None)
    result: dict[str, Any] = {key: _plain(item) for key, item in data.items()}
    if result.get("failed") or exception:
        failure = _failure(exception, result)
        result[FAILURE] = failure
        result["exception"] = failure.traceback or NO_TRACEBACK
    return result


def tidy(data: dict[str, Any], warn: Callable[[str], None]) -> dict[str, Any]:
    """Take out what only the engine may say, and add the lines of stdout and stderr."""
    results = data.get("results")
    if "results" in data and (not isinstance(results, Sequence | Mapping) or isinstance(results, str)):
        data["ansible_module_results"] = data.pop("results")
        warn("Found internal 'results' key in module return, renamed to 'ansible_module_results'.")
    for key in [key for key in data if (key.startswith("_ansible_") and key != FAILURE) or key in _ENGINE_KEYS]:
        value = data.pop(key)
        if key not in ("_ansible_parsed", "_ansible_suppress_tmpdir_delete"):
            warn(f"Removed unexpected internal key in module return: {key} = {value}")
    for key in ("warnings", "deprecations"):
        if key in data and not data[key]:
            del data[key]
    facts = data.get("ansible_facts")
    if isinstance(facts, dict):
        for key in [key for key in facts if str(key).removeprefix("ansible_").startswith("discovered_interpreter_")]:
            del facts[key]
    return add_lines(data)


def add_lines(data: dict[str, Any]) -> dict[str, Any]:
    """``stdout_lines`` and ``stderr_lines`` where the module did not give them."""
    for key in ("stdout", "stderr"):
        if key in data and f"{key}_lines" not in data:
            text = data[key] or ""
            data[f"{key}_lines"] = text.splitlines() if isinstance(text, str) else [text]
    return data


def no_result(output: Output, interpreter: str | None, cause: ValueError) -> dict[str, Any]:
    """The failed result of a module that died or printed something else."""
    message = f"Module result deserialization failed: {cause}"
    headline, help_text = "Module result deserialization failed.", _SEE_OUTPUT
    missing = (
        rf"{re.escape(interpreter)}: (?:No such file or directory|not found|command not found)" if interpreter else ""
    )
    if missing and (re.search(missing, output.stderr) or re.search(missing, output.stdout)):
        message = headline = f"The module interpreter {interpreter!r} was not found."
        help_text = f"Consider overriding the configured interpreter path for this host. {_SEE_OUTPUT}"
        folded = headline
    else:
        folded = fold([headline, str(cause)])
    return {
        "failed": True,
        "msg": message,
        "exception": NO_TRACEBACK,
        "module_stdout": output.stdout,
        "module_stderr": output.stderr,
        "rc": output.rc,
        FAILURE: Failure(source=ACTION_FAILED, message=folded, links=((folded, help_text),)),
    }


def fold(messages: Sequence[str]) -> str:
    """One message of a chain, outermost first: ``A.`` and ``B`` give ``A: B``; repetitions are left out."""
    *outer, text = messages
    for part in reversed(outer):
        text = part if part.endswith(text) else f"{part.rstrip('. ')}: {text}"
    return text


def _failure(exception: Any, result: Mapping[str, Any]) -> Failure:
    if isinstance(exception, Mapping) and exception.get(_TYPE) == "ErrorSummary":
        events = list(_chain(exception.get("event") or {}))
        messages = [str(event.get("msg", "")) for event in events]
        helps = [event.get("help_text") for event in events]
        links = tuple(zip(messages, helps, strict=True)) if any(helps) else ()
        return Failure(source=MODULE_FAILED, message=fold(messages), links=links, traceback=_traceback(events))
    text = str(exception).rstrip() if exception else ""
    message = str(result.get("msg", "Unknown error."))
    return Failure(source=MODULE_FAILED, message=message, traceback=text + "\n" if text else None)


def _chain(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """An event and its causes, outermost first."""
    current: Mapping[str, Any] | None = event
    while current:
        yield current
        chain = current.get("chain") or {}
        current = chain.get("event") if chain.get("follow", True) else None


def _traceback(events: Sequence[Mapping[str, Any]]) -> str | None:
    """All tracebacks of a chain, innermost first, as Python prints them."""
    if not any(event.get("formatted_traceback") for event in events):
        return None
    parts: list[str] = []
    for event in events:
        parts.append(event.get("formatted_traceback") or "(traceback missing)\n")
        reason = (event.get("chain") or {}).get("traceback_reason")
        if reason:
            parts.append(f"\n{reason}\n\n")
    return "".join(reversed(parts))


def _plain(value: Any) -> Any:
    """Part of a result: its internal keys are nobody's business. Those of the result itself are looked at later."""
    if isinstance(value, dict):
        kind = value.get(_TYPE)
        if kind is None:
            return {
                key: _plain(item) if type(item) in _NESTED else item
                for key, item in value.items()
                if not key.startswith("_ansible_")
            }
        return _plain_type(kind, value)
    if isinstance(value, list):
        return [_plain(item) if type(item) in _NESTED else item for item in value]
    return value


def _plain_type(kind: str, value: Mapping[str, Any]) -> Any:
    """ansible-core's typed JSON: tagged values, dates, and summaries of warnings and errors."""
    if kind == "DeprecationSummary":
        return _deprecation(value)
    if kind in ("WarningSummary", "ErrorSummary"):
        return _brief(value)
    if "value" in value:
        return _plain(value["value"])
    if "iso8601" in value:
        return value["iso8601"]
    return {key: _plain(item) for key, item in value.items() if key != _TYPE}


def _brief(summary: Mapping[str, Any]) -> str:
    return fold([str(event.get("msg", "")) for event in _chain(summary.get("event") or {})] or [""])


def _deprecation(summary: Mapping[str, Any]) -> dict[str, Any]:
    """As playbooks see it: message, collection, version or date."""
    by = summary.get("deprecator") or {}
    name = by.get("resolved_name")
    result: dict[str, Any] = {
        "msg": _brief(summary),
        "collection_name": ".".join(name.split(".")[:2]) if name else None,
        "deprecator": {"resolved_name": name, "type": by.get("type")} if by else None,
    }
    if summary.get("date"):
        result["date"] = summary["date"]
    else:
        result["version"] = summary.get("version")
    return result


def _check_text(value: Any) -> None:
    """Raises NoResult where there is text that can't be encoded."""
    if isinstance(value, str):
        if not value.isascii() and re.search(_SURROGATE, value):
            raise NotUtf8
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.isascii():
                _check_text(key)
            if type(item) in _LOOKED_INTO:
                _check_text(item)
    elif isinstance(value, list):
        for item in value:
            if type(item) in _LOOKED_INTO:
                _check_text(item)
