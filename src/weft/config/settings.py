"""Reads a run's settings: ansible.cfg, environment variables and the command line, in Ansible's order of strength.

The command line is stronger than the environment, that is stronger than the file, and that is stronger than defaults.
What may be set, and where, is the data of ``options``; how text becomes a value is in ``convert``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from weft.config.convert import Place, convert, unquote
from weft.config.deprecated import DEPRECATED
from weft.config.options import BECOME_OPTIONS, COLORS, HOME, OPTIONS, PLUGIN_PATHS, UNSUPPORTED, Option
from weft.model.errors import OptionsError
from weft.model.settings import Settings

if TYPE_CHECKING:
    from configparser import ConfigParser

_KINDS = {"int": "integer", "bool": "boolean"}  # as Ansible's messages call them
SYSTEM_FILE = "/etc/ansible/ansible.cfg"


def load(
    env: Mapping[str, str],
    cwd: str,
    config_file: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    warn: Callable[[str], None] | None = None,
) -> Settings:
    """The settings of a run. ``overrides`` are fields with final values (from the command line).

    ``config_file`` takes the place of the search. What there is to say about the settings is in ``Settings.warnings``
    and goes to ``warn`` too. Raises OptionsError where a value can't be what it should, with the setting and its place.
    """
    place = Place(cwd=cwd, env=env)
    found, warnings = (_told_file(place.resolve(config_file)), []) if config_file else find_config_file(place)
    reader = _Reader(env, _parse(found) if found else None, found, place)
    values, origin = reader.read_all()
    warnings += reader.unsupported()
    for name, value in (overrides or {}).items():
        values[name] = value
        origin[name] = "command line"
    if not values.get("run_tags"):
        values["run_tags"] = ("all",)
    if unknown := values.keys() - set(Settings.__struct_fields__):
        raise TypeError(f"no such settings: {sorted(unknown)}")
    for message in warnings:
        if warn is not None:
            warn(message)
    told = {"warnings": tuple(warnings), "deprecated": reader.deprecated()}
    return replace(Settings(), **values, config_file=found, origin=origin, **told)


def find_config_file(place: Place) -> tuple[str | None, list[str]]:
    """The first readable file of ANSIBLE_CONFIG, ./ansible.cfg, ~/.ansible.cfg and /etc/ansible/ansible.cfg.

    A file in a folder that everybody may write to does not count: others could have put it there.
    """
    candidates: list[str] = []
    told = None
    if "ANSIBLE_CONFIG" in place.env:
        told = place.resolve(place.env["ANSIBLE_CONFIG"])
        if os.path.isdir(told):
            told = os.path.join(told, "ansible.cfg")
        candidates.append(told)
    local = os.path.join(place.cwd, "ansible.cfg")
    public = _is_world_writable(place.cwd)
    if not public:
        candidates.append(local)
    candidates += [place.resolve("~/.ansible.cfg"), SYSTEM_FILE]
    found = next((path for path in candidates if os.access(path, os.R_OK)), None)
    warnings = []
    if public and os.path.exists(local) and (told is None or found != told):
        warnings.append(
            f"Ansible is being run in a world writable directory ({place.cwd}), ignoring it as an ansible.cfg source. "
            "For more information see "
            "https://docs.ansible.com/ansible/devel/reference_appendices/config.html#cfg-in-world-writable-dir"
        )
    return found, warnings


def _is_world_writable(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & stat.S_IWOTH)
    except OSError:
        return False


def _told_file(path: str) -> str:
    if not os.access(path, os.R_OK) or os.path.isdir(path):
        raise OptionsError(f"The config file {path} can't be read")
    return path


def _parse(path: str) -> ConfigParser:
    from configparser import ConfigParser, Error

    if os.path.splitext(path)[1] not in (".ini", ".cfg"):
        raise OptionsError(
            f"Unsupported configuration file extension for {path}: {os.path.splitext(path)[1]}",
        )
    parser = ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_string(file.read())
    except UnicodeDecodeError as error:
        raise OptionsError(
            f"Error reading config file({path}) because the config file was not utf8 encoded: {error}"
        ) from error
    except (Error, OSError) as error:
        raise OptionsError(f"Error reading config file ({path}): {error}") from error
    return parser


class _Found(Struct, frozen=True):
    """Text of a setting and where it stands: ``env: NAME``, or the config file's path."""

    text: str
    origin: str
    in_file: bool


class _Reader:
    """Looks each option up, in the environment and then in the file."""

    def __init__(
        self, env: Mapping[str, str], parser: ConfigParser | None, config_file: str | None, place: Place
    ) -> None:
        self._env = env
        self._parser = parser
        self._file = config_file or ""
        self._place = place
        self._file_place = replace(place, basedir=os.path.dirname(self._file)) if config_file else place

    def read_all(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Fields with their values, and where those came from that are not defaults."""
        values: dict[str, Any] = {}
        origin: dict[str, str] = {}
        home = self._value(HOME, values, origin)
        values["home"] = home
        self._place = replace(self._place, home=home)
        self._file_place = replace(self._file_place, home=home)
        for option in OPTIONS:
            value = self._value(option, values, origin)
            if value is not None:
                values[option.field] = value
        values["plugin_paths"] = {kind: self._value(option, {}, origin) for kind, option in PLUGIN_PATHS.items()}
        values["become_options"] = self._become_options(origin)
        values["colors"] = dict(self._colors(origin))
        if values.get("fact_caching", "").rpartition(".")[2] == "jsonfile" and "fact_caching_connection" in values:
            in_file = origin["fact_caching_connection"] == self._file
            place = self._file_place if in_file else self._place
            values["fact_caching_connection"] = place.resolve(values["fact_caching_connection"])
        return values, origin

    def unsupported(self) -> list[str]:
        """One warning that names what is set and can't be honoured."""
        named = []
        for entry in UNSUPPORTED:
            found = self._find(entry.option)
            if found is None or not found.text:
                continue
            value = convert(found.text, entry.option.kind, self._place)
            if str(value).lower() not in entry.harmless:
                named.append(f"{entry.option.name} ({found.origin})")
        return [f"These settings have no effect in weft: {', '.join(named)}"] if named else []

    def deprecated(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in DEPRECATED if self._is_set(entry.env, entry.ini))

    def _is_set(self, env: str | None, ini: tuple[str, str]) -> bool:
        return (env is not None and env in self._env) or (self._parser is not None and self._parser.has_option(*ini))

    def _become_options(self, origin: dict[str, str]) -> dict[str, dict[str, str]]:
        methods = {
            method: {
                what: value for what, option in options.items() if (value := self._value(option, {}, {})) is not None
            }
            for method, options in BECOME_OPTIONS.items()
        }
        return {method: values for method, values in methods.items() if values}

    def _colors(self, origin: dict[str, str]) -> Iterator[tuple[str, str]]:
        for name, default in COLORS.items():
            option = Option(
                f"COLOR_{name.upper()}", name, "str", (f"ANSIBLE_COLOR_{name.upper()}",), (("colors", name),)
            )
            yield name, self._value(option, {}, origin) or default

    def _value(self, option: Option, values: dict[str, Any], origin: dict[str, str]) -> Any:
        """The final value; None where the field's own default holds."""
        found = self._find(option)
        if found is not None:
            try:
                value = convert(found.text, option.kind, self._file_place if found.in_file else self._place)
            except ValueError as error:
                # an empty variable means: not set
                if found.in_file or found.text:
                    raise OptionsError(
                        f"Config {option.name!r} from {found.origin!r} has an invalid value: "
                        f"Invalid value provided for {_KINDS.get(option.kind, option.kind)!r}: {found.text!r}"
                    ) from error
                found = None
        if found is None:
            if option.default is None:
                return None
            return convert(option.default.replace("{home}", self._place.home), option.kind, self._place)
        if found.in_file and isinstance(value, str):
            value = unquote(value)
        _check_choice(option, value, found.origin)
        origin[option.field] = found.origin
        return value

    def _find(self, option: Option) -> _Found | None:
        found = None
        for name in option.env:
            if name in self._env:
                found = _Found(self._env[name], f"env: {name}", in_file=False)
        if found is None and self._parser is not None:
            for section, key in option.ini:
                text = self._parser.get(section, key, fallback=None)
                if text is not None:
                    found = _Found(text, self._file, in_file=True)
        return found


def _check_choice(option: Option, value: Any, origin: str) -> None:
    if option.choices and not all(one in option.choices for one in (value if isinstance(value, tuple) else (value,))):
        raise OptionsError(
            f"Invalid value {value!r} for config {option.name!r} from {origin!r}.",
            hint=f"Valid values are: {', '.join(option.choices)}",
        )
