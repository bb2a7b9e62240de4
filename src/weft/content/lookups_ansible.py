"""Runs ansible-core's and collections' lookup plugins: stands in for the loader and the templar that they are given."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from weft.content.display import load_display
from weft.content.lookups_files import Overlay
from weft.content.plugins import load_failure
from weft.content.plugins_ansible import LOCK, is_trusted, plain, ready, tell_of_redirects, told
from weft.model.errors import UndefinedName, WeftError

if TYPE_CHECKING:
    from weft.content.lookups import Lookup, LookupHost, Variables
    from weft.content.plugins import PluginSource


def find_lookup(source: PluginSource, name: str) -> Lookup | None:
    """A lookup that isn't weft's own. Raises TemplateFailed where it can't be loaded."""
    from weft.content.lookups import Lookup

    with LOCK, told(source.notices):
        loader = ready(source).lookup_loader
        for folder in source.folders("lookup"):
            loader.add_directory(folder)
        try:
            found = loader.get(name, class_only=True)
        except Exception as error:
            raise load_failure("lookup", name, error) from None
        if found is None:
            return None
        tell_of_redirects(source, "lookup", name)

    def run(host: LookupHost, terms: list[Any], options: dict[str, Any]) -> Any:
        templar = TemplarAdapter(host, host.names)
        with LOCK:
            plugin = loader.get(name, loader=templar._loader, templar=templar)
        with told(host.notices):
            given = {key: host.plain(value) for key, value in options.items()}
            result = plugin.run(
                [host.plain(term) for term in terms], variables=VariablesView(host.names, host), **given
            )
        return plain(result)

    takes_undefined = bool(getattr(found, "accept_args_markers", False))
    return Lookup(name, run, takes_undefined=takes_undefined, foreign=True)


class VariablesView(Mapping[str, Any]):
    """Variables as lookup plugins expect them: a mapping, evaluated when it is read; a copy is a dict."""

    def __init__(self, names: Variables, host: LookupHost) -> None:
        self._names = names
        self._host = host

    def __getitem__(self, name: str) -> Any:
        return self._host.plain(self._names[name])

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.names())

    def __len__(self) -> int:
        return sum(1 for _ in self._names.names())

    def __bool__(self) -> bool:
        return True

    def copy(self) -> dict[str, Any]:
        found = {}
        for name in self:
            with contextlib.suppress(WeftError):
                found[name] = self[name]
        return found

    __copy__ = copy

    def __deepcopy__(self, _memo: dict[int, Any]) -> dict[str, Any]:
        return self.copy()


@cache
def _loader_class() -> Any:
    load_display()
    from ansible.parsing.dataloader import DataLoader

    class FileLoader(DataLoader):  # type: ignore[misc]
        """ansible-core's file loader, with weft's decryption."""

        def __init__(self, host: LookupHost) -> None:
            super().__init__()
            self._host = host
            self._reading = ""
            self.set_basedir(host.basedir)

        def _get_file_contents(self, file_name: str) -> Any:
            self._reading = self.path_dwim(file_name) if file_name else ""
            return super()._get_file_contents(file_name)

        def _decrypt_if_vault_data(self, b_data: bytes, *_args: Any) -> tuple[bytes, bool]:
            encrypted = b_data.startswith(b"$ANSIBLE_VAULT")
            return (self._host.decrypt_file(bytes(b_data), self._reading) if encrypted else b_data), not encrypted

        def get_real_file(self, file_path: str, decrypt: bool = True) -> str:
            path: str = self.path_dwim(file_path)
            if not decrypt or not os.path.isfile(path):
                return str(super().get_real_file(file_path, decrypt=False))
            with open(path, "rb") as file:
                data = file.read()
            if not data.startswith(b"$ANSIBLE_VAULT"):
                return path
            temporary: str = self._create_content_tempfile(self._host.decrypt_file(data, path))
            self._tempfiles.add(temporary)
            return temporary

    return FileLoader


class TemplarAdapter:
    """What lookup plugins use of ansible-core's Templar, done by weft's."""

    def __init__(self, host: LookupHost, names: Variables, searchpath: Any = None, overrides: Any = None) -> None:
        self._host = host
        self._names = names
        self._searchpath = searchpath
        self._overrides = dict(overrides or {})
        self._loader = _loader_class()(host)

    @property
    def basedir(self) -> str:
        return self._host.basedir

    @property
    def available_variables(self) -> Mapping[str, Any]:
        return VariablesView(self._names, self._host)

    @available_variables.setter
    def available_variables(self, variables: Mapping[str, Any]) -> None:
        self._names = self._names_of(variables)

    _available_variables = available_variables

    def copy_with_new_env(
        self, *, searchpath: Any = None, available_variables: Any = None, **overrides: Any
    ) -> TemplarAdapter:
        overrides.pop("environment_class", None)
        names = self._names if available_variables is None else self._names_of(available_variables)
        given = {key: value for key, value in overrides.items() if value is not None}
        return TemplarAdapter(self._host, names, searchpath or self._searchpath, {**self._overrides, **given})

    @contextlib.contextmanager
    def set_temporary_context(self, **changes: Any) -> Iterator[None]:
        before = (self._names, self._searchpath, self._overrides)
        changed = self.copy_with_new_env(**changes)
        self._names, self._searchpath, self._overrides = changed._names, changed._searchpath, changed._overrides
        try:
            yield
        finally:
            self._names, self._searchpath, self._overrides = before

    def template(
        self,
        variable: Any,
        convert_bare: bool = False,
        preserve_trailing_newlines: bool = True,
        escape_backslashes: bool = True,
        fail_on_undefined: bool = True,
        overrides: Mapping[str, Any] | None = None,
        **_ignored: Any,
    ) -> Any:
        """Evaluate text marked as a template, recursively; what is undefined fails, or gives the text back."""
        try:
            if convert_bare and isinstance(variable, str) and not self.is_possibly_template(variable):
                return self._host.expression(str(variable), self._names)
            return self._template(variable, {**self._overrides, **(overrides or {})}, escape_backslashes)
        except UndefinedName:
            if fail_on_undefined:
                raise
            return variable

    do_template = template

    def _template(self, value: Any, overrides: Mapping[str, Any], escape_backslashes: bool) -> Any:
        if isinstance(value, str):
            if not is_trusted(value):
                return self._host.render(value, self._names)
            return self._host.render_template(
                str(plain(value)), self._names, overrides, self._searchpath or (), escape_backslashes
            )
        if isinstance(value, Mapping):
            return {key: self._template(item, overrides, escape_backslashes) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._template(item, overrides, escape_backslashes) for item in value]
        return plain(value)

    def evaluate_expression(self, expression: str, *, local_variables: Any = None, **_ignored: Any) -> Any:
        names = Overlay(local_variables, self._names) if local_variables else self._names
        return self._host.expression(str(expression), names)

    resolve_variable_expression = evaluate_expression

    def evaluate_conditional(self, conditional: Any) -> bool:
        marked = self._host.template_marked(conditional) if is_trusted(conditional) else conditional
        return self._host.condition(marked, self._names)

    def is_possibly_template(self, data: Any, *_ignored: Any) -> bool:
        return isinstance(data, str) and any(mark in data for mark in ("{{", "{%", "{#"))

    def is_template(self, data: Any) -> bool:
        if isinstance(data, Mapping):
            return any(map(self.is_template, data.values()))
        if isinstance(data, list | tuple):
            return any(map(self.is_template, data))
        return self.is_possibly_template(data) and is_trusted(data)

    @property
    def environment(self) -> Any:
        """A Jinja environment with weft's filters, tests and rules, of the caller's own."""
        from ansible.utils.display import Display

        Display().deprecated(
            "Direct access to the `environment` attribute is deprecated.",
            help_text="Consider using `copy_with_new_env` or passing `overrides` to `template`.",
            version="2.23",
        )
        return self._host.environment()

    def _names_of(self, variables: Any) -> Variables:
        if isinstance(variables, VariablesView):
            return variables._names
        return _Given(variables, self._host)


class _Given:
    """Variables that a plugin made itself, or has from `hostvars` as they were written."""

    def __init__(self, variables: Mapping[str, Any], host: LookupHost) -> None:
        self._variables = variables
        self._host = host

    def __getitem__(self, name: str) -> Any:
        value = self._variables[name]
        if is_trusted(value):
            value = self._host.template_marked(str(plain(value)))
        return self._host.evaluate(value, self)

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def names(self) -> list[str]:
        return list(self._variables)
