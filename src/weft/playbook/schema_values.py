"""What single keywords may hold, in the words of JSON schema. Used by ``schema``, which puts them where they belong."""

from __future__ import annotations

from typing import Any, Final

from weft.playbook.keywords import Kind, On

Schema = dict[str, Any]

VARIABLE_NAME: Final = r"^(?!(?:true|false|none|True|False|None|not)$)[A-Za-z_][A-Za-z0-9_]*$"
_TEMPLATE: Final = r"\{\{|\{%|\{#"
_WHOLE: Final = r"^\s*[+-]?[0-9]+(\.0*)?\s*$"
_REAL: Final = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_PERCENT: Final = r"^\s*([1-9][0-9]*(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)\s*%\s*$"

ANYTHING: Final[Schema] = {}
_PLAIN: Final = ["string", "number", "boolean", "null"]
_TEMPLATED: Final[Schema] = {"type": "string", "pattern": _TEMPLATE}
_NULL: Final[Schema] = {"type": "null"}


def _number(kind: str, pattern: str, **limits: Any) -> Schema:
    return {"anyOf": [{"type": kind, **limits}, {"type": "string", "pattern": f"{_TEMPLATE}|{pattern}"}, _NULL]}


#: A number of at least 1, or a template of one.
COUNT: Final[Schema] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": rf"{_TEMPLATE}|^\s*\+?0*[1-9][0-9]*(\.0*)?\s*$"},
        _NULL,
    ]
}
_SECONDS: Final[Schema] = _number("number", r"^\s*\+?([0-9]+\.?[0-9]*|\.[0-9]+)\s*$", minimum=0)
_FACTOR: Final[Schema] = _number("number", _REAL, exclusiveMinimum=0)
_NOT_NEGATIVE: Final[Schema] = _number("integer", r"^\s*\+?[0-9]+(\.0*)?\s*$", minimum=0)

_BATCH: Final[Schema] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": rf"{_TEMPLATE}|{_PERCENT}|^\s*\+?0*[1-9][0-9]*\s*$"},
    ]
}
#: `serial` on a task or block.
SERIAL: Final[Schema] = {"anyOf": [_NULL, _BATCH, {"type": "array", "minItems": 1, "items": _BATCH}]}


def _texts(*types: str) -> Schema:
    return {"anyOf": [{"type": [*types, "null"]}, {"type": "array", "items": {"type": [*types, "null"]}}]}


_TEXT: Final[Schema] = {"type": "string", "pattern": r"\S"}
DEFINITIONS: Final[Schema] = {
    "lock_row": {
        "anyOf": [
            _TEXT,
            {
                "type": "object",
                "required": ["path"],
                "additionalProperties": False,
                "properties": {
                    "path": {**_TEXT, "description": "A lock file on the machine where the task runs."},
                    "mode": {
                        "anyOf": [{"enum": ["exclusive", "shared"]}, _TEMPLATED],
                        "description": "shared: beside others that are shared too.",
                    },
                    "timeout": {**_SECONDS, "description": "Seconds to wait for it."},
                },
            },
            {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {
                    "name": {**_TEXT, "description": "A limit within this run, over all its hosts."},
                    "slots": {**COUNT, "description": "How many may hold it at once; 1 unless told."},
                    "by": {"description": "Counted apart for each value."},
                    "timeout": {**_SECONDS, "description": "Seconds to wait for it."},
                },
            },
        ]
    },
    "lock": {
        "anyOf": [
            _NULL,
            {"$ref": "#/definitions/lock_row"},
            {"type": "array", "items": {"anyOf": [_NULL, {"$ref": "#/definitions/lock_row"}]}},
        ]
    },
    "parallel": {
        "anyOf": [
            {"type": ["boolean", "null"]},
            COUNT,
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "limit": {**COUNT, "description": "At most so many children at once."},
                    "on_failure": {
                        "enum": ["finish", "cancel"],
                        "description": "When a child fails: let the others end, or stop them.",
                    },
                },
            },
        ]
    },
}

_HOSTS: Final[Schema] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "minItems": 1, "items": {"type": "string"}},
    ]
}
_NAMES: Final[Schema] = {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": "string"}}]}
_DEFAULTS: Final[Schema] = {"type": ["object", "null"], "additionalProperties": ANYTHING}

_SPECIAL: Final[dict[str, Schema]] = {
    "lock": {"$ref": "#/definitions/lock"},
    "parallel": {"$ref": "#/definitions/parallel"},
    "needs": _NAMES,
    "backoff": _FACTOR,
    "max_delay": _SECONDS,
    "loop_control": {"anyOf": [_NULL, {"$ref": "#/definitions/loop_control"}]},
    "tags": _texts("string", "integer"),
    "collections": _NAMES,
    "listen": _NAMES,
    "hosts": _HOSTS,
    "debugger": {
        "anyOf": [
            {"enum": ["always", "on_failed", "on_unreachable", "on_skipped", "never", "", None]},
            _TEMPLATED,
        ]
    },
    "module_defaults": {"anyOf": [_DEFAULTS, {"type": "array", "items": _DEFAULTS}]},
    "roles": {"type": ["array", "null"], "items": {"$ref": "#/definitions/role"}},
    "handlers": {"$ref": "#/definitions/handlers"},
    "pre_tasks": {"$ref": "#/definitions/nodes"},
    "tasks": {"$ref": "#/definitions/nodes"},
    "post_tasks": {"$ref": "#/definitions/nodes"},
}
#: On blocks, includes, imports and roles, where only weft knows them.
_GROUP: Final[dict[str, Schema]] = {
    "retries": _NOT_NEGATIVE,
    "delay": _SECONDS,
    "async": _NOT_NEGATIVE,
    "poll": _NOT_NEGATIVE,
}
_PLAIN_TASKS = On.TASK | On.HANDLER
#: Spelled as a variable these are one limit for the whole, which Ansible doesn't have.
WHOLE: Final[dict[str, Schema]] = {"throttle": _NOT_NEGATIVE, "timeout": _SECONDS}


def special(name: str, on: On) -> Schema | None:
    """What a keyword holds that its kind alone doesn't tell."""
    if name == "throttle" and on in On.INCLUDE | On.HANDLER_INCLUDE:
        return _NOT_NEGATIVE
    if name in _GROUP and on not in _PLAIN_TASKS:
        return _GROUP[name]
    return _SPECIAL.get(name)


def of_kind(kind: Kind) -> Schema:
    """What keywords of a kind hold. Truth is found out when a task runs: any plain value will do here."""
    if kind is Kind.BOOL or kind is Kind.TEXT:
        return {"type": _PLAIN}
    if kind is Kind.INT:
        return _number("integer", _WHOLE)
    if kind is Kind.FLOAT:
        return _number("number", _REAL)
    if kind is Kind.VARIABLE:
        return {"anyOf": [_NULL, {"type": "string", "pattern": VARIABLE_NAME}]}
    if kind is Kind.DICT:
        return {"type": ["object", "null"]}
    if kind is Kind.CONDITION:
        return {"anyOf": [{"type": _PLAIN}, {"type": "array", "items": {"type": _PLAIN}}]}
    if kind is Kind.NODES:
        return {"$ref": "#/definitions/nodes"}
    return {}
