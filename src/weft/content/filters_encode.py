"""Filters between data and text: JSON, YAML, base64, hashes, UUIDs."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final

from weft.content.filters_common import Notices, PluginError, is_sequence, to_bytes, to_text, with_notices, with_setting
from weft.model.errors import WeftError

_NOT_UTF8: Final = "Refusing to deserialize an invalid UTF8 string value."
_NOT_UTF8_HINT: Final = "This check can be disabled with the `MODULE_STRICT_UTF8_RESPONSE` setting."
#: Ansible's own namespace for `to_uuid`.
_NAMESPACE: Final = uuid.UUID("361E6D51-FAEC-444A-9079-341386DA8E2E")


def to_json(value: Any, profile: str | None = None, **options: Any) -> str:
    """JSON text; other profiles than the usual one are ansible-core's."""
    legacy = [name for name in ("vault_to_text", "preprocess_unsafe") if options.pop(name, ...) is not ...]
    if profile and legacy:
        raise ValueError(f"Only one of `{legacy[0]}` or `profile` can be specified.")
    if profile not in (None, "tagless"):
        from weft.content.plugins_ansible import core_function

        return str(core_function("filter", "core", "to_json")(value, profile=profile, **options))
    if options.get("sort_keys") and _has_other_keys(value):
        value = _with_text_keys(value)  # Ansible sorts keys as the text they become
    return json.dumps(value, default=_json_default, **options)


def to_nice_json(value: Any, indent: Any = 4, sort_keys: bool = True, **options: Any) -> str:
    options.pop("separators", None)
    return to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options)


@with_setting("module_strict_utf8", "strict")
def from_json(text: Any, profile: str | None = None, *, strict: bool = True, **options: Any) -> Any:
    """``strict``: text that can't be encoded is refused."""
    if profile not in (None, "tagless"):
        from weft.content.plugins_ansible import core_function

        return core_function("filter", "core", "from_json")(text, profile=profile, **options)
    value = json.loads(text, **options)
    if strict:
        _check_encoding(value)
    return value


def _check_encoding(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise WeftError(_NOT_UTF8, hint=_NOT_UTF8_HINT) from WeftError(str(error))
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_encoding(key)
            _check_encoding(item)
    elif isinstance(value, list):
        for item in value:
            _check_encoding(item)


def _has_other_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return any(not isinstance(key, str) or _has_other_keys(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(_has_other_keys, value))


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text_key(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list | tuple) else value


def _text_key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _json_default(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_text_key(key): item for key, item in value.items()}
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, set | frozenset) or is_sequence(value):
        return list(value)
    use_it(value)
    raise TypeError(f"Object of type {type(value).__name__!r} is not JSON serializable by the 'tagless' profile.")


def use_it(value: Any) -> None:
    """Raise what a value raises that only stands for one that can't be had (Jinja's undefined)."""
    from jinja2.runtime import Undefined

    if isinstance(value, Undefined):
        str(value)


@cache
def _dumper() -> Any:
    import yaml
    from jinja2.runtime import Undefined

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]
        """Plain YAML for anything that is text, a mapping or a collection underneath."""

    def as_text(dumper: Any, value: Any) -> Any:
        return dumper.represent_str(str(value))

    def as_mapping(dumper: Any, value: Any) -> Any:
        return dumper.represent_dict(dict(value.items()))

    def as_list(dumper: Any, value: Any) -> Any:
        return dumper.represent_list(list(value))

    def refuse(_dumper: Any, value: Any) -> Any:
        use_it(value)

    Dumper.add_multi_representer(str, as_text)
    for mapping in (dict, Mapping):
        Dumper.add_multi_representer(mapping, as_mapping)
    for collection in (list, tuple, set, Collection):
        Dumper.add_multi_representer(collection, as_list)
    Dumper.add_multi_representer(Undefined, refuse)
    return Dumper


def to_yaml(value: Any, *_ignored: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    import yaml

    text: str = yaml.dump(value, Dumper=_dumper(), allow_unicode=True, default_flow_style=default_flow_style, **options)
    return text


def to_nice_yaml(value: Any, indent: int = 4, *_ignored: Any, default_flow_style: bool = False, **options: Any) -> str:
    return to_yaml(value, indent=indent, default_flow_style=default_flow_style, **options)


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@with_notices
def from_yaml(notices: Notices, text: Any) -> Any:
    """Data of a YAML document; what is no text is handed on."""
    if text is None:
        return None
    if not isinstance(text, str):
        notices.deprecate(f"The from_yaml filter ignored non-string input of type {type(text).__name__!r}.", "2.23")
        return text
    import yaml

    return yaml.load(str(text), Loader=_loader())


@with_notices
def from_yaml_all(notices: Notices, text: Any) -> Any:
    """Data of each document of a YAML stream."""
    if text is None:
        return []
    if not isinstance(text, str):
        notices.deprecate(f"The from_yaml_all filter ignored non-string input of type {type(text).__name__!r}.", "2.23")
        return text
    import yaml

    documents: Iterator[Any] = yaml.load_all(str(text), Loader=_loader())
    return documents


def b64encode(text: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return encode(to_bytes(text, encoding)).decode("ascii")


def b64decode(text: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    decode = base64.urlsafe_b64decode if urlsafe else base64.b64decode
    return to_text(decode(to_bytes(text)), encoding)


def hash_text(data: Any, hashtype: str = "sha1") -> str:
    """Hex digest by any of hashlib's algorithms."""
    try:
        digest = hashlib.new(hashtype)
    except (ValueError, TypeError) as error:
        raise PluginError(str(error)) from error
    digest.update(to_bytes(data))
    return digest.hexdigest()


def sha1(data: Any) -> str:
    return hashlib.sha1(to_bytes(data)).hexdigest()


def md5(data: Any) -> str:
    return hashlib.md5(to_bytes(data)).hexdigest()


def to_uuid(text: Any, namespace: Any = _NAMESPACE) -> str:
    """A version 5 UUID of the text."""
    if not isinstance(namespace, uuid.UUID):
        try:
            namespace = uuid.UUID(namespace)
        except (AttributeError, ValueError) as error:
            raise PluginError(f"Invalid value '{namespace}' for 'namespace': {error}") from error
    return str(uuid.uuid5(namespace, to_text(text)))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "b64decode": b64decode,
    "b64encode": b64encode,
    "checksum": sha1,
    "from_json": from_json,
    "from_yaml": from_yaml,
    "from_yaml_all": from_yaml_all,
    "hash": hash_text,
    "md5": md5,
    "sha1": sha1,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_nice_yaml": to_nice_yaml,
    "to_uuid": to_uuid,
    "to_yaml": to_yaml,
}
