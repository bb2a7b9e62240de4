"""Reads YAML and JSON: playbooks, roles, vars files, inventory. Everything that is text comes out as ``Trusted``.

libyaml composes the nodes, ``yaml_nodes`` makes values of them (with their places), ``yaml_errors`` says what is
wrong. The rules are PyYAML's YAML 1.1, with Ansible's tags (``!vault``, ``!unsafe``).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from weft.events.types import Warned
from weft.model.errors import FileMissing, LoadError
from weft.model.values import MapNode, Origin, SeqNode, Trusted, VaultText

VAULT_HEADER = b"$ANSIBLE_VAULT"

#: Decrypts a whole file that begins with the vault's header; raises VaultFailed.
Decrypt = Callable[[bytes, Origin], bytes]
Warn = Callable[[Warned], None]


def load_yaml(
    text: str | bytes,
    path: str,
    *,
    duplicates: str = "warn",
    warn: Warn | None = None,
    trusted: bool = True,
    redact: bool = False,
) -> Any:
    """The value of one YAML or JSON document; None where it is empty.

    ``path`` is what origins name. ``duplicates`` (warn, error, ignore) is what to do about a key that stands twice in a
    mapping: the last one counts. Without ``trusted`` text is plain ``str`` and never a template. ``redact`` keeps the
    text itself out of error messages. Raises LoadError with the place.
    """
    text = decoded(text, path)
    if _may_be_json(text):
        found, value = _from_json(text, path, trusted)
        if found:
            return value
    from weft.config.yaml_nodes import Builder, compose

    builder = Builder(path, duplicates=duplicates, warn=warn, trusted=trusted)
    with pause_gc():
        try:
            node = compose(text)
            return None if node is None else builder.build(node)
        except LoadError:
            raise
        except RecursionError as error:
            raise LoadError("YAML parsing failed: the document is nested too deeply.", Origin(path)) from error
        except Exception as error:
            from weft.config.yaml_errors import yaml_error

            raise yaml_error(error, text, path, redact=redact) from error


def load_file(
    path: str,
    *,
    decrypt: Decrypt | None = None,
    duplicates: str = "warn",
    warn: Warn | None = None,
    trusted: bool = True,
) -> Any:
    """The value of a YAML or JSON file, decrypted first if it is a vault. Raises LoadError, VaultFailed."""
    data = read_bytes(path)
    encrypted = data.startswith(VAULT_HEADER)
    if encrypted:
        if decrypt is None:
            raise LoadError(f"A vault password or secret must be specified to decrypt {path}", Origin(path))
        data = decrypt(data, Origin(path))
    return load_yaml(data, path, duplicates=duplicates, warn=warn, trusted=trusted, redact=encrypted)


def read_bytes(path: str) -> bytes:
    """What a file on the controller holds. Raises LoadError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise FileMissing(f"Could not find or access '{path}' on the Ansible Controller.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise LoadError(f"An error occurred while trying to read the file '{path}': {reason}.") from error


def trust(value: Any, origin: Origin | None) -> Any:
    """Plain data as values of the user: its text may be templates. For what comes without places (JSON, ``-e``)."""
    if isinstance(value, str):
        return Trusted(value, origin)
    if isinstance(value, dict):
        return MapNode(((trust(key, origin), trust(item, origin)) for key, item in value.items()), origin)
    if isinstance(value, list):
        return SeqNode((trust(item, origin) for item in value), origin)
    return value


def decoded(text: str | bytes, path: str) -> str:
    """What a file holds as text, without a byte order mark. Raises LoadError with the place that isn't UTF-8."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            from weft.config.yaml_errors import decode_error

            raise decode_error(error, path) from error
    return text.removeprefix("\ufeff")


def _may_be_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _from_json(text: str, path: str, trusted: bool) -> tuple[bool, Any]:
    """Whether it is JSON, and its value. JSON goes first, for ``1e3`` and ``\\/`` mean something else in YAML."""
    import json

    try:
        value = json.loads(text)
    except ValueError:
        return False, None
    origin = Origin(path)
    return True, _special(trust(value, origin) if trusted else value, origin)


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


@contextmanager
def pause_gc() -> Iterator[None]:
    """No garbage collection within: loading makes many objects and no garbage, and looking for it doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
