"""What kind of program a module's file is, by the marks that ansible-core looks for."""

from __future__ import annotations

import enum
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final


class Kind(enum.Enum):
    """How a module wants its arguments; the values are the wire's."""

    NEW = "new"  # Python that imports module_utils
    JSON_ARGS = "json-args"  # text into which the arguments are put as JSON
    WANT_JSON = "want-json"  # a program that is given a file of JSON
    OLD = "old"  # a program that is given a file of key=value
    BINARY = "binary"  # an executable that is given a file of JSON
    POWERSHELL = "powershell"  # for Windows: not run natively


REPLACER: Final = b"#<<INCLUDE_ANSIBLE_MODULE_COMMON>>"
_JSON_ARGS = b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"
_POWERSHELL_COMMON = b"# POWERSHELL_COMMON"
_POWERSHELL = rb"#Requires -(Module|Version)|#AnsibleRequires -(OSVersion|PowerShell|CSharpUtil|Wrapper)"
_NEW_STYLE = (
    rb"from +\.{2,} *module_utils.* +import "
    rb"|from +ansible_collections\.[^.]+\.[^.]+\.plugins\.module_utils.* +import "
    rb"|import +ansible_collections\.[^.]+\.[^.]+\.plugins\.module_utils.*"
    rb"|from +ansible\.module_utils.* +import "
    rb"|import +ansible\.module_utils\."
)
_TEXT_BYTES = bytes({7, 8, 9, 10, 12, 13, 27} | (set(range(0x20, 0x100)) - {0x7F}))


def detect_kind(source: bytes) -> Kind:
    """What a module's contents make it, by ansible-core's marks."""
    if source[:1024].translate(None, _TEXT_BYTES):
        return Kind.BINARY
    if REPLACER in source or re.search(_NEW_STYLE, source):
        return Kind.NEW
    if _POWERSHELL_COMMON in source or re.search(_POWERSHELL, source, re.I):
        return Kind.POWERSHELL
    if _JSON_ARGS in source:
        return Kind.JSON_ARGS
    if b"WANT_JSON" in source:
        return Kind.WANT_JSON
    return Kind.OLD


def shebang(source: bytes) -> tuple[str, tuple[str, ...]] | None:
    """Interpreter and its arguments from the first line; None where there is no ``#!``."""
    first = source.split(b"\n", 1)[0].strip()
    if not first.startswith(b"#!"):
        return None
    words = shlex.split(first[2:].decode("utf-8", "surrogateescape"))
    return (words[0], tuple(words[1:])) if words else None


def interpreter_for(program: str, args: Sequence[str], overrides: Mapping[str, str]) -> str:
    """The interpreter line of a module that isn't Python: ``ansible_<name>_interpreter`` replaces the program."""
    name = os.path.basename(program).strip()
    return " ".join([overrides.get(name) or program, *args])
