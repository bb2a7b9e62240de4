"""The part of a templar that needs Jinja: imported, and made, with the first template that does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from jinja2.loaders import FileSystemLoader

from weft.model.errors import WeftError
from weft.model.values import OMIT, Trusted, Value
from weft.templating import embedded, special
from weft.templating.api import Names
from weft.templating.context import TemplateContext
from weft.templating.environment import TemplateEnvironment, concat
from weft.templating.inspection import Needs
from weft.templating.lookups import Host, Lookups
from weft.templating.markers import marker_for
from weft.templating.needs import needs_of
from weft.templating.programs import compile_expression, compile_template
from weft.templating.shortcut import Join, Program
from weft.templating.tables import Table

if TYPE_CHECKING:
    from weft.templating.templar import Templar

_MOST_FILE_PROGRAMS: Final = 1000


class Jinja:
    """Compiles templates for a templar."""

    def __init__(self, templar: Templar) -> None:
        self._templar = templar
        self._lookups = Lookups(templar)
        self.environment = self._make_environment()
        self._for_text = self.environment.variant(escape_backslashes=True)
        self._for_conditions = self.environment.variant(on_constant=self._constant_of_condition)
        self._file_environments: dict[Any, TemplateEnvironment] = {}
        self._file_programs: dict[Any, Program] = {}
        templar.plugins.on_change(self._file_programs.clear)

    def _make_environment(self) -> TemplateEnvironment:
        plugins, settings = self._templar.plugins, self._templar.settings
        environment = TemplateEnvironment(
            filters=Table(plugins, "filter"),
            tests=Table(plugins, "test"),
            extensions=settings.jinja2_extensions,
        )
        environment.embedded_templates = settings.allow_embedded_templates
        environment.globals.update(self._lookups.functions, now=special.now, undef=special.undef, omit=OMIT)
        return environment

    def text(self, text: str, join: Join | None = None) -> Program:
        """A template in a playbook. ``join``: as by ``joined`` if not given. Raises TemplateFailed."""
        return compile_template(self._for_text, text, join or concat)

    def expression(self, text: str, conditional: bool) -> Program:
        """Raises TemplateFailed."""
        return compile_expression(self._for_conditions if conditional else self.environment, text)

    def file(self, text: str, options: Mapping[str, Any], searchpath: tuple[str, ...], escape: bool) -> Program:
        """A template file's text. Raises TemplateFailed."""
        kind = (frozenset(options.items()), searchpath, escape)
        key = (text, kind)
        program = self._file_programs.get(key)
        if program is None:
            environment = self._file_environments.get(kind)
            if environment is None:
                environment = self.environment.variant(**options, loader=FileSystemLoader(searchpath or ("/",)))
                self._file_environments[kind] = environment
            compiling = environment.variant(escape_backslashes=True) if escape else environment
            if len(self._file_programs) >= _MOST_FILE_PROGRAMS:
                self._file_programs.clear()
            program = self._file_programs[key] = compile_template(compiling, text)
        return program

    def needs(self, text: str) -> Needs:
        return needs_of(self.environment, self._templar.plugins, text)

    def loop_items(self, name: str, terms: Value, names: Names, action: str) -> list[Any]:
        """The items of ``with_NAME: terms``, still to be finalized. Raises Tripped, UndefinedName, TemplateFailed."""
        return self._lookups.loop_items(name, terms, names, action)

    def folders_of(self, names: Names) -> Sequence[str]:
        """Where a template in a playbook finds the files that it includes: the names know the playbook's folder."""
        return (Host(self._templar, names).basedir,)

    def _constant_of_condition(self, text: str, context: TemplateContext) -> Any:
        """A string constant of a conditional that is a template: evaluated, with a warning."""
        try:
            return self._templar.evaluate(Trusted(text), context.names)
        except WeftError as error:
            return marker_for(error)
        finally:
            self._templar.embedded.met.append(embedded.IN_CONDITION)
