"""A JSON schema of playbooks for YAML editors, made of the table of keywords.

``python -m weft.playbook.schema`` prints it; ``schema/weft-playbook.json`` is a copy, and a test keeps it so. It is a
draft-07 schema, which is what editors' YAML servers know best. It accepts what the loader accepts, and rejects what
the loader rejects as far as a schema can tell: whether an action exists, or a sibling that `needs` names, it can't.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from weft.playbook.keyword_texts import spelled_text, text_of
from weft.playbook.keywords import SPELLED, Keyword, Kind, On, added, allowed, names
from weft.playbook.schema_values import COUNT, DEFINITIONS, SERIAL, VARIABLE_NAME, WHOLE, of_kind, special

Schema = dict[str, Any]

_PREFIXES = ("", "ansible.builtin.", "ansible.legacy.")
#: Keywords that are names of modules too: on a task they may be its action.
_MODULES_TOO = frozenset(("gather_facts", "pause", "user"))

#: Definition -> the kinds of node that it may turn out to be.
_TASKS: Mapping[str, On] = {
    "task": On.TASK,
    "include": On.INCLUDE,
    "import": On.IMPORT,
    "handler": On.HANDLER,
    "handler_include": On.HANDLER_INCLUDE,
    "handler_import": On.HANDLER_IMPORT,
}
_GROUPS = On.BLOCK | On.INCLUDE | On.IMPORT | On.HANDLER_INCLUDE | On.HANDLER_IMPORT | On.ROLE


def schema() -> Schema:
    """The whole of it."""
    definitions: Schema = dict(DEFINITIONS)
    definitions["loop_control"] = _closed(On.LOOP_CONTROL)
    for name, on in _TASKS.items():
        definitions[name] = _open(on)
    definitions["any_task"] = _any_of_them(On.TASK | On.INCLUDE | On.IMPORT)
    definitions["any_handler"] = _any_of_them(On.HANDLER | On.HANDLER_INCLUDE | On.HANDLER_IMPORT)
    definitions["block"] = _block()
    definitions["handler_block"] = _block(handlers=True)
    definitions["child"] = _choice("block", "task", "include", "import", "any_task")
    definitions["handler"] = _without_needs(definitions["handler"])
    definitions["handler_node"] = _choice(
        "handler_block", "handler", "handler_include", "handler_import", "any_handler"
    )
    definitions["node"] = {"allOf": [_ref("child"), _NO_NEEDS]}
    definitions["nodes"] = _list(_ref("node"), "Tasks, one after the other.")
    definitions["handlers"] = _list(_ref("handler_node"), "Tasks that run when they are notified.")
    definitions["tasks_file"] = _list(_ref("child"), "A file of tasks, as in a role or an include.")
    definitions["role"] = _role()
    definitions["play"] = _closed(On.PLAY, required=("hosts",))
    definitions["import_playbook"] = _import_playbook()
    definitions["parallel_plays"] = _parallel_plays()
    definitions["entry"] = _if_any(
        [f"{prefix}import_playbook" for prefix in _PREFIXES],
        _ref("import_playbook"),
        {
            "if": {"required": ["parallel"], "not": {"required": ["hosts"]}},
            "then": _ref("parallel_plays"),
            "else": _ref("play"),
        },
    )
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A playbook for weft",
        "description": "Ansible's playbooks, and what weft adds to the language.",
        "type": "array",
        "minItems": 1,
        "items": _ref("entry"),
        "definitions": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The schema as it is written to a file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


# -- nodes ---------------------------------------------------------------------------------------------------------


def _open(on: On) -> Schema:
    """A task: a key that is no keyword names its action."""
    known = allowed(on)
    properties: Schema = {name: _keyword(row, on) for name, row in known.items()}
    for name in sorted(names() - known.keys() - _MODULES_TOO):
        properties[name] = False
    return _object(properties, on)


def _closed(on: On, required: Iterable[str] = ()) -> Schema:
    """A node whose every key is a keyword."""
    found = _object({name: _keyword(row, on) for name, row in allowed(on).items()}, on)
    return {**found, "additionalProperties": False, **({"required": list(required)} if required else {})}


def _object(properties: Schema, on: On) -> Schema:
    if "vars" in properties:
        properties["vars"] = _variables(on)
    return {"type": "object", "properties": dict(sorted(properties.items()))}


def _any_of_them(on: On) -> Schema:
    """A task whose action stands in ``action:``, where a schema can't tell an include from a module."""
    rows: dict[str, tuple[Keyword, On]] = {}
    for kind in on:
        for name, row in allowed(kind).items():
            rows.setdefault(name, (row, kind))
    return {"type": "object", "properties": {name: _keyword(*found) for name, found in sorted(rows.items())}}


def _block(handlers: bool = False) -> Schema:
    """A block; in a parallel one its nodes are children, which may name siblings that they need."""
    found = _closed(On.BLOCK)
    properties = found["properties"]
    node = _ref("handler_node" if handlers else "node")
    for name in ("rescue", "always"):
        properties[name] = {"type": ["array", "null"], "items": node, "description": text_of(name)}
    properties["block"] = {"description": text_of("block")}
    return {
        **found,
        "dependencies": {"rescue": ["block"], "always": ["block"]},
        "if": _IS_PARALLEL,
        "then": {"properties": {"block": {"type": "array", "items": node if handlers else _ref("child")}}},
        "else": {"properties": {"block": {"type": "array", "items": node}}},
    }


_SET: Schema = {"not": {"enum": [False, None]}}
_IS_PARALLEL: Schema = {
    "anyOf": [
        {"required": ["parallel"], "properties": {"parallel": _SET}},
        {
            "required": ["vars"],
            "not": {"required": ["parallel"]},
            "properties": {
                "vars": {"type": "object", "required": ["weft_parallel"], "properties": {"weft_parallel": _SET}}
            },
        },
    ]
}


def _choice(block: str, task: str, include: str, imported: str, unknown: str) -> Schema:
    """Which definition an entry of a list of tasks has to keep: its keys tell."""
    includes = [f"{prefix}include_{what}" for what in ("tasks", "role") for prefix in _PREFIXES]
    imports = [f"{prefix}import_{what}" for what in ("tasks", "role") for prefix in _PREFIXES]
    rest = _if_any(
        includes,
        _ref(include),
        _if_any(imports, _ref(imported), _if_any(["action", "local_action"], _ref(unknown), _ref(task))),
    )
    mapping = {"type": "object", **_if_any(["block", "rescue", "always"], _ref(block), rest)}
    return {"anyOf": [{"type": "null"}, mapping]}


def _without_needs(found: Schema) -> Schema:
    properties = {**found["properties"], **_NO_NEEDS["properties"]}
    return {**found, "properties": {**properties, "vars": found["properties"]["vars"]}}


_NO_NEEDS: Schema = {
    "properties": {
        "needs": {"enum": [None, []], "description": text_of("needs")},
        "vars": {"properties": {"weft_needs": {"enum": [None, []], "description": spelled_text("needs", "task")}}},
    }
}


def _role() -> Schema:
    """An entry of ``roles``. Other keys are parameters, and weft's own keywords may be a role's parameters too."""
    properties: Schema = {}
    for name, row in allowed(On.ROLE).items():
        own = On.ROLE in row.on
        properties[name] = _keyword(row, On.ROLE) if own else {"description": text_of(name, "group")}
    named = [{"required": ["role"]}, {"required": ["name"]}]
    return {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "integer"},
            {**_object(properties, On.ROLE), "anyOf": named},
        ]
    }


# -- plays ---------------------------------------------------------------------------------------------------------


def _import_playbook() -> Schema:
    found = _closed(On.IMPORT_PLAYBOOK)
    name = found["properties"].pop("import_playbook")
    for prefix in _PREFIXES:
        found["properties"][f"{prefix}import_playbook"] = {**name, "type": "string", "minLength": 1}
    return found


def _parallel_plays() -> Schema:
    lane = {
        "anyOf": [
            {**_ref("import_playbook")},
            {**_ref("play")},
        ]
    }
    return {
        "type": "object",
        "required": ["parallel"],
        "additionalProperties": False,
        "properties": {
            "name": of_kind(Kind.TEXT),
            "parallel": {
                "type": "array",
                "minItems": 1,
                "items": lane,
                "description": "weft: plays and imported playbooks that run side by side.",
            },
        },
    }


# -- keywords ------------------------------------------------------------------------------------------------------


def _keyword(row: Keyword, on: On) -> Schema:
    kind = _kind_of(on)
    value = special(row.name, on)
    if row.name == "serial" and on is not On.PLAY:
        value = SERIAL
    if row.name == "parallel" and on is On.LOOP_CONTROL:
        value = COUNT
    return {**(of_kind(row.kind) if value is None else value), "description": text_of(row.name, kind)}


def _variables(on: On) -> Schema:
    """``vars``, with what may be spelled ``weft_K`` there."""
    kind = _kind_of(on)
    known = added(on)
    every = {name for place in On for name in added(place)}
    properties: Schema = {}
    for name in sorted(every):
        if name not in known:
            properties[SPELLED + name] = False
            continue
        value = COUNT if name == "loop_parallel" else _spelled_value(name, on)
        properties[SPELLED + name] = {**value, "description": spelled_text(name, kind)}
    return {
        "type": ["object", "null"],
        "properties": properties,
        "propertyNames": {"pattern": VARIABLE_NAME},
        "description": text_of("vars"),
    }


def _spelled_value(name: str, on: On) -> Schema:
    if name in WHOLE:
        return WHOLE[name]
    row = next(row for place in On if (row := allowed(place).get(name)) is not None)
    found = _keyword(row, on)
    return {key: value for key, value in found.items() if key != "description"}


def _kind_of(on: On) -> str:
    if on is On.LOOP_CONTROL:
        return "loop_control"
    if on is On.PLAY:
        return "play"
    return "group" if on in _GROUPS else "task"


# -- words of the schema language ------------------------------------------------------------------------------------


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _list(items: Schema, description: str) -> Schema:
    return {"type": ["array", "null"], "items": items, "description": description}


def _if_any(keys: Iterable[str], then: Schema, otherwise: Schema) -> Schema:
    return {"if": {"anyOf": [{"required": [key]} for key in keys]}, "then": then, "else": otherwise}


if __name__ == "__main__":
    import sys

    sys.stdout.write(text())
