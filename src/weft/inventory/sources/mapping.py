"""YAML and TOML inventories: a mapping of groups, each with ``hosts``, ``vars`` and ``children``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.config.yaml import trust
from weft.events.types import Message, Warned
from weft.inventory.addresses import BadAddress, expand_pattern
from weft.inventory.builder import InventoryBuilder, Warn, type_name
from weft.model.errors import LoadError
from weft.model.values import Origin, origin_of

_SECTIONS = ("vars", "children", "hosts")


def parse_yaml(data: Any, path: str, builder: InventoryBuilder, warn: Warn) -> None:
    """Fill ``builder`` from a loaded YAML document. Raises LoadError."""
    if not data:
        raise LoadError("Parsed empty YAML file", Origin(path))
    if not isinstance(data, Mapping):
        raise LoadError(
            f"YAML inventory has invalid structure, it should be a dictionary, got: {type_name(data)}",
            origin_of(data) or Origin(path),
        )
    if data.get("plugin"):
        raise LoadError("Plugin configuration YAML file, not YAML inventory", origin_of(data) or Origin(path))
    parser = _YamlParser(builder, warn)
    for name, content in data.items():
        parser.group(name, content)


class _YamlParser:
    def __init__(self, builder: InventoryBuilder, warn: Warn) -> None:
        self._builder = builder
        self._warn = warn

    def group(self, name: Any, content: Any) -> str:
        """Add a group with all below it; the name it is known by."""
        if content is not None and not isinstance(content, Mapping):
            self._say(f"Skipping '{name}' as this is not a valid group definition", name)
            return str(name)
        try:
            group = self._builder.add_group(name)
        except LoadError as error:
            raise LoadError(f"Unable to add group {name}: {error.message}", origin_of(name)) from error
        if content is None:
            return group
        sections = {key: self._section(group, key, value) for key, value in content.items()}
        for key, value in sections.items():
            if value is None:
                self._warn(Message(text=f"Skipping empty key ({key}) in group ({group})", verbosity=3))
            elif not isinstance(value, Mapping):
                self._say(
                    f"Skipping key ({key}) in group ({group}) as it is not a mapping, it is a {type_name(value)}", key
                )
            elif key == "vars":
                for variable, item in value.items():
                    self._builder.set_variable(group, variable, item)
            elif key == "children":
                for child, item in value.items():
                    self._add_child(group, child, item)
            elif key == "hosts":
                for pattern, variables in value.items():
                    self._hosts(group, pattern, variables)
            else:
                self._say(
                    f"Skipping unexpected key ({key}) in group ({group}), "
                    'only "vars", "children" and "hosts" are valid',
                    key,
                )
        return group

    def _section(self, group: str, key: Any, value: Any) -> Any:
        """A single name stands for a mapping of it to nothing."""
        if key not in _SECTIONS:
            return value
        if isinstance(value, str):
            return {value: None}
        if value is not None and not isinstance(value, Mapping):
            raise LoadError(
                f'Invalid "{key}" entry for "{group}" group, requires a dictionary, '
                f'found "{type_name(value)}" instead.',
                origin_of(value) or origin_of(key),
            )
        return value

    def _add_child(self, group: str, child: Any, content: Any) -> None:
        name = self.group(child, content)
        try:
            self._builder.add_child(group, name)
        except LoadError as error:
            raise LoadError(error.message, error.origin or origin_of(child)) from error

    def _hosts(self, group: str, pattern: Any, variables: Any) -> None:
        if not isinstance(pattern, str):
            raise LoadError(
                f"Host pattern {pattern} must be a string. Enclose integers/floats in quotation marks.",
                origin_of(pattern) or origin_of(variables),
            )
        add_pattern(self._builder, group, pattern, variables or {})

    def _say(self, message: str, about: Any) -> None:
        self._warn(Warned(message=message, origin=origin_of(about)))


def add_pattern(builder: InventoryBuilder, group: str, pattern: str, variables: Any) -> None:
    """Every host that a key of ``hosts`` stands for. Raises LoadError."""
    try:
        names, port = expand_pattern(pattern)
        builder.add_hosts(names, variables, group, port)
    except BadAddress as error:
        raise LoadError(str(error), origin_of(pattern)) from error
    except LoadError as error:
        raise LoadError(error.message, error.origin or origin_of(pattern), error.hint) from error


def parse_toml(text: str, path: str, builder: InventoryBuilder, warn: Warn) -> None:
    """Fill ``builder`` from TOML text. Raises LoadError."""
    import tomllib

    origin = Origin(path)
    try:
        data = trust(tomllib.loads(text), origin)
    except tomllib.TOMLDecodeError as error:
        raise LoadError(f"TOML file {path!r} is invalid: {error}", origin) from error
    if not data:
        raise LoadError("Parsed empty TOML file", origin)
    if data.get("plugin"):
        raise LoadError("Plugin configuration TOML file, not TOML inventory", origin)
    for name, content in data.items():
        try:
            _toml_group(builder, name, content, warn)
        except LoadError as error:
            raise LoadError(error.message, error.origin or origin, error.hint) from error


def _toml_group(builder: InventoryBuilder, name: str, content: Any, warn: Warn) -> None:
    if not isinstance(content, Mapping):
        warn(Warned(message=f"Skipping '{name}' as this is not a valid group definition"))
        return
    group = builder.add_group(name)
    for key, value in content.items():
        kind = {"vars": Mapping, "children": list, "hosts": Mapping}.get(key)
        if kind is None:
            warn(
                Warned(
                    message=f'Skipping unexpected key "{key}" in group "{group}", '
                    'only "vars", "children" and "hosts" are valid'
                )
            )
            continue
        if not isinstance(value, kind):
            wanted = "list" if kind is list else "dict"
            raise LoadError(
                f'Invalid "{key}" entry for "{group}" group, requires a {wanted}, found "{type_name(value)}" instead.'
            )
        if key == "vars":
            for variable, item in value.items():
                builder.set_variable(group, variable, item)
        elif key == "children":
            for child in value:
                builder.add_child(group, builder.add_group(child))
        else:
            for pattern, variables in value.items():
                add_pattern(builder, group, pattern, variables)
