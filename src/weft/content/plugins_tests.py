"""The native tests (``is failed``, ``is match``, ``is version`` ...)."""

from __future__ import annotations

import math
import operator
import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from weft.content.filters_common import Notices, PluginError, to_text, with_notices
from weft.content.filters_text import compiled
from weft.content.plugins_versions import compare

_WORDS: Final = {
    **dict.fromkeys(("y", "yes", "on", "1", "true", "t"), True),
    **dict.fromkeys(("n", "no", "off", "0", "false", "f"), False),
}


def _result(value: Any, test: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PluginError(f"The '{test}' test expects a dictionary")
    return value


def failed(result: Any) -> bool:
    return bool(_result(result, "failed").get("failed"))


def succeeded(result: Any) -> bool:
    return not failed(result)


def unreachable(result: Any) -> bool:
    return bool(_result(result, "unreachable").get("unreachable"))


def reachable(result: Any) -> bool:
    return not unreachable(result)


def skipped(result: Any) -> bool:
    return bool(_result(result, "skipped").get("skipped"))


def timedout(result: Any) -> bool:
    period = _result(result, "timedout").get("timedout")
    return bool(period and period.get("period"))


def changed(result: Any) -> bool:
    """``changed`` of the result, or of any of its ``results`` where it says nothing itself."""
    found = _result(result, "changed")
    if "changed" in found:
        return bool(found["changed"])
    results = found.get("results")
    if not isinstance(results, Sequence) or not results or not isinstance(results[0], Mapping):
        return False
    return any(bool(item.get("changed")) for item in results)


def _of_a_job(key: str) -> Callable[..., bool]:
    @with_notices
    def test(notices: Notices, result: Any) -> bool:
        """Whether an async task has done so. One that isn't async has, with a warning."""
        found = _result(result, key)
        if key in found:
            return bool(found[key])
        notices.warn(f"The '{key}' test expects an async task, but a non-async task was tested")
        return True

    return test


def regex(
    value: Any = "", pattern: str = "", ignorecase: Any = False, multiline: Any = False, match_type: str = "search"
) -> bool:
    return bool(getattr(compiled(pattern, bool(ignorecase), bool(multiline)), match_type)(to_text(value)))


def match(value: Any, pattern: str = "", ignorecase: Any = False, multiline: Any = False) -> bool:
    return regex(value, pattern, ignorecase, multiline, "match")


def search(value: Any, pattern: str = "", ignorecase: Any = False, multiline: Any = False) -> bool:
    return regex(value, pattern, ignorecase, multiline, "search")


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "=": operator.eq,
    "eq": operator.eq,
    "<": operator.lt,
    "lt": operator.lt,
    "<=": operator.le,
    "le": operator.le,
    ">": operator.gt,
    "gt": operator.gt,
    ">=": operator.ge,
    "ge": operator.ge,
    "!=": operator.ne,
    "<>": operator.ne,
    "ne": operator.ne,
}


def version(
    value: Any, version: Any, operator: str = "eq", strict: Any = None, version_type: str | None = None
) -> bool:
    """Compare two version numbers, by default as LooseVersion did."""
    if strict is not None and version_type is not None:
        raise PluginError("Cannot specify both 'strict' and 'version_type'")
    if not value:
        raise PluginError("Input version value cannot be empty")
    if not version:
        raise PluginError("Version parameter to compare against cannot be empty")
    kind = "strict" if strict else version_type or "loose"
    if kind not in ("loose", "strict", "semver", "semantic", "pep440"):
        raise PluginError(
            f"Invalid version type ({kind}). Must be one of 'loose', 'strict', 'semver', 'semantic', 'pep440'"
        )
    if operator not in _OPERATORS:
        raise PluginError(f"Invalid operator type ({operator}). Must be one of {', '.join(map(repr, _OPERATORS))}")
    try:
        return bool(_OPERATORS[operator](compare(kind, to_text(value), to_text(version)), 0))
    except Exception as error:
        raise PluginError(f"Version comparison failed: {error}") from error


def truthy(value: Any, convert_bool: Any = False) -> bool:
    """Python's idea of true; with ``convert_bool``, words such as ``off`` count as what they say."""
    if convert_bool and isinstance(value, str | bytes):
        value = _WORDS.get(to_text(value).lower().strip(), value)
    return bool(value)


def falsy(value: Any, convert_bool: Any = False) -> bool:
    return not truthy(value, convert_bool)


def contains(seq: Any, value: Any) -> bool:
    return value in seq


def subset(a: Any, b: Any) -> bool:
    return set(a) <= set(b)


def superset(a: Any, b: Any) -> bool:
    return set(a) >= set(b)


def nan(value: Any) -> bool:
    try:
        return math.isnan(value)
    except TypeError:
        return False


def uri(value: Any, schemes: Any = None) -> bool:
    from urllib.parse import urlparse

    try:
        parsed = urlparse(value)
        return not schemes or parsed.scheme in schemes
    except Exception:
        return False


def url(value: Any, schemes: Any = None) -> bool:
    from urllib.parse import urlparse

    if not uri(value, schemes):
        return False
    parsed = urlparse(value)
    return bool(parsed.netloc or parsed.scheme == "file")


def urn(value: Any) -> bool:
    return uri(value, ["urn"])


def vaulted_file(path: Any) -> bool:
    """Whether a file on the controller is encrypted."""
    try:
        with open(path, "rb") as file:
            return re.match(rb"\$ANSIBLE_VAULT", file.read(16)) is not None
    except OSError as error:
        raise PluginError(f"Cannot test if the file {str(path)!r} is a vault: {error}") from error


TESTS: Final[Mapping[str, Callable[..., Any]]] = {
    **dict.fromkeys(("failed", "failure"), failed),
    **dict.fromkeys(("succeeded", "success", "successful"), succeeded),
    **dict.fromkeys(("changed", "change"), changed),
    **dict.fromkeys(("skipped", "skip"), skipped),
    "reachable": reachable,
    "unreachable": unreachable,
    "timedout": timedout,
    "finished": _of_a_job("finished"),
    "started": _of_a_job("started"),
    "match": match,
    "search": search,
    "regex": regex,
    **dict.fromkeys(("version", "version_compare"), version),
    "any": any,
    "all": all,
    "truthy": truthy,
    "falsy": falsy,
    "contains": contains,
    **dict.fromkeys(("subset", "issubset"), subset),
    **dict.fromkeys(("superset", "issuperset"), superset),
    **dict.fromkeys(("nan", "isnan"), nan),
    "uri": uri,
    "url": url,
    "urn": urn,
    "vaulted_file": vaulted_file,
    "exists": os.path.exists,
    "link_exists": os.path.lexists,
    **dict.fromkeys(("directory", "is_dir"), os.path.isdir),
    **dict.fromkeys(("file", "is_file"), os.path.isfile),
    **dict.fromkeys(("link", "is_link"), os.path.islink),
    **dict.fromkeys(("abs", "is_abs"), os.path.isabs),
    **dict.fromkeys(("same_file", "is_same_file"), os.path.samefile),
    **dict.fromkeys(("mount", "is_mount"), os.path.ismount),
}
