"""Values between weft and ansible-core: trusted text, encrypted text and places, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.content.display import load_display
from weft.model.values import Decrypted, MapNode, Origin, SeqNode, Trusted, Value, VaultText


def to_ansible(value: Value) -> Any:
    """With ansible-core's tags."""
    if isinstance(value, Trusted):
        from ansible._internal._datatag._tags import TrustedAsTemplate

        return _placed(TrustedAsTemplate().tag(str(value)), value.origin)
    if isinstance(value, VaultText):
        load_display()
        from ansible.parsing.vault import EncryptedString

        return _placed(EncryptedString(ciphertext=str(value.ciphertext)), value.origin)
    if isinstance(value, Mapping):
        return {_key(key): to_ansible(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_ansible(item) for item in value]
    return value


def tagged(value: Any) -> Any:
    """A template's value as ansible-core's plugins get it: text that was written, or encrypted, says so."""
    kind = type(value)
    if kind is Trusted:
        return to_ansible(value)
    if kind is Decrypted:
        from ansible.parsing.vault import VaultedValue

        return VaultedValue(ciphertext=value.ciphertext).tag(str(value))
    if kind is dict:
        written = any(type(item) is Trusted for item in value.values())  # so are its keys, which lose their marks
        return {_tagged_key(key) if written else key: tagged(item) for key, item in value.items()}
    if kind is list:
        return [tagged(item) for item in value]
    return value


def from_ansible(value: Any, *, mark: bool = True) -> Value:
    """What ansible-core's code has trusted is ``Trusted`` (unless not ``mark``), all other text is plain."""
    load_display()
    from ansible._internal._datatag._tags import TrustedAsTemplate
    from ansible.parsing.vault import EncryptedString

    if isinstance(value, EncryptedString):
        return VaultText(str(value._ciphertext), origin_from(value))
    if isinstance(value, str):
        trusted = mark and TrustedAsTemplate.is_tagged_on(value)
        return Trusted(_text(value), origin_from(value)) if trusted else _text(value)
    if isinstance(value, Mapping):
        items = ((from_ansible(key, mark=False), from_ansible(item, mark=mark)) for key, item in value.items())
        return MapNode(items, origin_from(value))
    if isinstance(value, list | tuple | set | frozenset):
        return SeqNode((from_ansible(item, mark=mark) for item in value), origin_from(value))
    return _native(value)


def origin_from(value: Any) -> Origin | None:
    """Where ansible-core says a value stands."""
    from ansible._internal._datatag._tags import Origin as AnsibleOrigin

    if isinstance(value, AnsibleOrigin):
        tag = value
    else:
        tag = AnsibleOrigin.get_tag(value) if value is not None else None
    if tag is None:
        return None
    return Origin(str(tag.path or tag.description or "<unknown>"), tag.line_num or 0, tag.col_num or 0)


def _placed(value: Any, origin: Origin | None) -> Any:
    if origin is None:
        return value
    from ansible._internal._datatag._tags import Origin as AnsibleOrigin

    if not origin.path.startswith("/"):
        return AnsibleOrigin(description=origin.path).tag(value)
    return AnsibleOrigin(path=origin.path, line_num=origin.line or None, col_num=origin.column or None).tag(value)


def _tagged_key(key: Any) -> Any:
    return to_ansible(Trusted(key)) if type(key) is str else key


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, str) else key


def _native(value: Any) -> Any:
    from ansible.module_utils._internal._datatag import AnsibleTagHelper

    return AnsibleTagHelper.as_native_type(value)


def _text(value: Any) -> str:
    return str(_native(value))
