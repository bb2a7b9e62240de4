"""`-e`: key=value, JSON or YAML, or @FILE, to one mapping whose text may be templates."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.config.yaml import Decrypt, load_file, load_yaml
from weft.events.types import Warned
from weft.model.errors import OptionsError
from weft.model.values import Origin, Trusted, Value

ORIGIN = Origin("<CLI option '-e'>")
Warn = Callable[[Warned], None]


def parse(
    texts: Sequence[str], *, merge: bool = False, decrypt: Decrypt | None = None, warn: Warn | None = None
) -> Mapping[str, Value]:
    """The variables of all `-e` options; later ones win. ``merge``: mappings are merged (hash_behaviour).

    Raises OptionsError for what is no mapping, LoadError for files and text that can't be read.
    """
    result: dict[str, Value] = {}
    for text in texts:
        if not text:
            continue
        found = _one(text, decrypt, warn)
        if not isinstance(found, Mapping):
            raise OptionsError(
                f"Invalid extra vars data supplied. '{text}' could not be made into a dictionary", ORIGIN
            )
        result = _merged(result, found) if merge else {**result, **found}
    return result


def _one(text: str, decrypt: Decrypt | None, warn: Warn | None) -> Any:
    if text.startswith("@"):
        path = os.path.abspath(os.path.expandvars(os.path.expanduser(text[1:])))
        return load_file(path, decrypt=decrypt, warn=warn)
    if text[0] in "/.":
        raise OptionsError(f"Please prepend extra_vars filename '{text}' with '@'", ORIGIN)
    if text[0] in "[{":
        return load_yaml(text, ORIGIN.path, warn=warn)
    return _words(text, warn)


def _words(text: str, warn: Warn | None) -> Mapping[str, Value]:
    from weft.playbook.splitter import parse_kv

    found = dict(parse_kv(Trusted(text, ORIGIN)))
    stray = found.get("_raw_params")
    if stray is not None and warn is not None:
        warn(Warned(message=f"'{stray}' is not of the form key=value and sets no variable.", origin=ORIGIN))
    return found


def _merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(low)
    for key, value in high.items():
        known = result.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(known, value) if both and known is not None else value
    return result
