"""Where filters, tests and lookups come from: weft's own, a user's folders, collections, ansible-core."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.model.errors import TemplateFailed, UndefinedName
from weft.model.settings import Settings
from weft.model.values import Trusted
from weft.templating.templar import Templar


class Told:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def warn(self, message: str) -> None:
        self.messages.append(message)

    def deprecate(self, message: str, version: str | None, **details: str | None) -> None:
        self.messages.append(f"{message} ({version})")

    def say(self, message: str, verbosity: int) -> None:
        self.messages.append(f"{'v' * verbosity}: {message}")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def source(told: Told) -> PluginSource:
    return PluginSource(notices=told)


@pytest.fixture
def templar(source: PluginSource) -> Templar:
    return Templar(source)


def value(templar: Templar, text: str, basedir: Path | str = "", **variables: Any) -> Any:
    return templar.render(Trusted(text), DictNames(trusted(variables), templar, basedir=str(basedir)))


FILTERS = """
from jinja2 import pass_context, pass_environment

def hello(name):
    return f"hello {name}"

def bad(name):
    raise ValueError("no way")

@pass_context
def context(context, name):
    return f"{name} {context.get('s')} {context.resolve('i')}"

@pass_environment
def filled(environment, text, **variables):
    return environment.from_string(text).render(**variables)

def each(items):
    yield from items

def dump(value):
    import yaml
    return yaml.safe_dump(value)

class Broken:
    @property
    def accept_args_markers(self):
        raise Exception("boom")

class FilterModule:
    def filters(self):
        own = dict(hello=hello, bad=bad, context=context, filled=filled, each=each, dump=dump)
        return dict(own, broken=Broken(), upper=lambda x: "mine")
"""
TAGS = """
from ansible.module_utils.datatag import native_type_name
from ansible.parsing.vault import VaultHelper
from ansible.template import is_trusted_as_template

def tags(value):
    if isinstance(value, dict):
        return {tags(key): tags(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(tags, value))
    trusted = isinstance(value, str) and is_trusted_as_template(value)
    return f"{native_type_name(value)} {trusted} {VaultHelper.get_ciphertext(value, with_tags=False)}"
"""
TESTS = """
class TestModule:
    def tests(self):
        return {"world": lambda value: value == "World", "one": lambda value: 1}
"""
LOOKUP = '''
DOCUMENTATION = """
name: mine
author: me
short_description: a test
description: a test
options:
  opt: {description: a number, type: int, default: 3, vars: [{name: my_opt}]}
"""
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        if terms[0] == "fail":
            raise AnsibleError("it broke")
        if terms[0] == "warn":
            self._display.warning("from the lookup")
        if terms[0] == "jinja":
            environment = self._templar.environment
            found = environment.from_string("{{ a.b }}").render(a={"b": 2})
            environment.variable_start_string = "<<"
            return [found, environment.tests["even"](2)]
        other = self._templar.copy_with_new_env(available_variables={"s": 9})
        return [{
            "terms": terms,
            "opt": self.get_option("opt"),
            "variable": variables["s"],
            "there": "nope" in variables,
            "trusted": self._templar.template(trust_as_template("{{ s }}!")),
            "untrusted": self._templar.template("{{ s }}"),
            "file": self.find_file_in_search_path(variables, "files", "x.txt", ignore_missing=True),
            "basedir": self._loader.get_basedir(),
            "available": self._templar.available_variables["s"],
            "with": other.template(trust_as_template("{{ s }}")),
        }]
'''


@pytest.fixture
def play(tmp_path: Path) -> Path:
    """A playbook's folder with plugins and a collection."""
    collection = tmp_path / "collections/ansible_collections/weft_test/coll"
    for path, text in {
        tmp_path / "filter_plugins/mine.py": FILTERS,
        tmp_path / "filter_plugins/wrong.py": "raise ImportError('nothing here')",
        tmp_path / "test_plugins/mine.py": TESTS,
        tmp_path / "lookup_plugins/mine.py": LOOKUP,
        tmp_path / "files/x.txt": "x",
        collection / "plugins/filter/f.py": "class FilterModule:\n"
        "    def filters(self):\n        return {'up': lambda x: x.upper(), 'fail': lambda x: 1 / 0, 'tags': tags}\n"
        + TAGS,
        collection / "plugins/test/t.py": "class TestModule:\n    def tests(self):\n"
        "        return {'big': lambda x: x > 9}\n",
        collection / "plugins/lookup/look.py": LOOKUP,
        collection / "meta/runtime.yml": "plugin_routing:\n  filter:\n    oldup: {redirect: weft_test.coll.up}\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_folders_filters_are_found(templar: Templar, source: PluginSource, play: Path, told: Told) -> None:
    with pytest.raises(TemplateFailed, match="Syntax error in template: No filter named 'hello'"):
        value(templar, "{{ 'a' | hello }}")
    source.add_content_root(str(play))
    assert value(templar, "{{ 'a' | hello }}") == "hello a"
    assert value(templar, "{{ 'a' | ansible.legacy.hello }}") == "hello a"
    assert value(templar, "{{ 'a' | context }}", s="{{ i }}", i=1) == "a 1 1"
    assert value(templar, "{{ [1, 2] | each }}") == [1, 2]
    assert value(templar, "{{ ('{' ~ '{ a.b[0] }' ~ '}') | filled(a={'b': [3]}) }}") == 3
    assert value(templar, "{{ ['a'] | map('hello') }}") == ["hello a"]
    assert value(templar, "{{ d | dump }}", d={"k": "{{ 1 }}"}) == "k: 1\n"
    with pytest.raises(TemplateFailed, match="The filter plugin 'bad' failed: no way"):
        value(templar, "{{ 'a' | bad }}")
    with pytest.raises(UndefinedName):
        value(templar, "{{ nope | hello }}")
    assert told.messages == [f"Skipping plugin ({play}/filter_plugins/wrong.py), cannot load: nothing here"]


def test_a_users_filter_replaces_one_of_the_same_name(templar: Templar, source: PluginSource, play: Path) -> None:
    assert value(templar, "{{ 'a' | upper }}") == "A"
    source.add_content_root(str(play))
    assert value(templar, "{{ 'a' | upper }}") == "mine"
    assert value(templar, "{{ 'a' | ansible.builtin.upper }}") == "A"


def test_a_plugin_that_can_not_be_loaded_says_so(templar: Templar, source: PluginSource, play: Path) -> None:
    source.add_content_root(str(play))
    with pytest.raises(TemplateFailed, match="The filter plugin 'broken' failed to load: boom"):
        value(templar, "{{ 'a' | broken }}")


def test_a_folders_tests_are_found(templar: Templar, source: PluginSource, play: Path, told: Told) -> None:
    source.add_content_root(str(play))
    told.messages.clear()
    assert value(templar, "{{ 'World' is world }}") is True
    assert value(templar, "{{ 'World' is one }}") is True
    assert told.messages[-1].startswith("The test plugin 'one' returned a non-boolean result of type <class 'int'>.")


def test_a_folder_in_the_settings_counts(play: Path) -> None:
    settings = Settings(plugin_paths={"filter": (str(play / "filter_plugins"),), "callback": ("/nowhere",)})
    assert value(Templar(PluginSource(settings)), "{{ 'a' | hello }}") == "hello a"


@pytest.mark.parametrize("name", ["mine", "weft_test.coll.look"])
def test_lookup_plugins_get_what_they_use(
    name: str, templar: Templar, source: PluginSource, play: Path, told: Told
) -> None:
    source.add_content_root(str(play))
    text = f"{{{{ lookup('{name}', 'a', {{'b': s}}) }}}}"
    assert value(templar, text, play, s="{{ 'S' }}", my_opt="{{ 2 + 3 }}") == {
        "terms": ["a", {"b": "S"}],
        "opt": 5,
        "variable": "S",
        "there": False,
        "trusted": "S!",
        "untrusted": "{{ s }}",
        "file": str(play / "files/x.txt"),
        "basedir": str(play),
        "available": "S",
        "with": 9,
    }
    assert value(templar, f"{{{{ lookup('{name}', 'a', opt='7').opt }}}}", play, s="") == 7
    with pytest.raises(TemplateFailed, match=f"The lookup plugin '{name}' failed: it broke"):
        value(templar, f"{{{{ lookup('{name}', 'fail') }}}}", play)
    assert value(templar, f"{{{{ query('{name}', 'jinja') + [1] }}}}", play) == [2, True, 1]
    assert told.messages[-1] == "Direct access to the `environment` attribute is deprecated. (2.23)"
    value(templar, f"{{{{ lookup('{name}', 'warn') }}}}", play, s="")
    assert told.messages[-1] == "from the lookup"


def test_collections_beside_the_playbook_are_found(
    templar: Templar, source: PluginSource, play: Path, told: Told
) -> None:
    source.add_content_root(str(play))
    assert value(templar, "{{ 'a' | weft_test.coll.up }}") == "A"
    assert told.messages == []
    assert value(templar, "{{ 'a' | weft_test.coll.oldup }}") == "A"
    assert told.messages == ["vvv: redirecting (type: filter) weft_test.coll.oldup to weft_test.coll.up"]
    assert value(templar, "{{ 10 is weft_test.coll.big }}") is True
    assert value(templar, "{{ [1, 10] | select('weft_test.coll.big') }}") == [10]
    assert value(templar, "{{ {'a': w, 'b': 'c', 'd': n} | weft_test.coll.tags }}", w="written", n=1) == {
        "str True None": "int False None"
    }
    with pytest.raises(TemplateFailed, match=r"The filter plugin 'weft_test\.coll\.fail' failed: division by zero"):
        value(templar, "{{ 'a' | weft_test.coll.fail }}")
    with pytest.raises(TemplateFailed, match=r"No filter named 'weft_test\.coll\.nope'"):
        value(templar, "{{ 'a' | weft_test.coll.nope }}")
    with pytest.raises(TemplateFailed, match=r"The lookup plugin 'weft_test\.coll\.nope' was not found"):
        value(templar, "{{ lookup('weft_test.coll.nope') }}")


def test_the_long_tail_is_ansible_cores(templar: Templar, play: Path) -> None:
    (play / "files/x.csv").write_text("Li,3\n")
    (play / "files/x.ini").write_text("[integration]\nuser=robert\n")
    assert value(templar, "{{ lookup('csvfile', 'Li file=x.csv delimiter=,') }}", play) == "3"
    assert value(templar, "{{ lookup('ini', 'user', section='integration', file='x.ini') }}", play) == "robert"
    assert value(templar, "{{ lookup('password', '/dev/null', length=7, chars=['digits']) | int(-1) >= 0 }}", play)
    assert value(templar, "{{ lookup('unvault', 'x.txt') }}", play) == "x"
    groups = {"all": ["h1", "h2"], "g": ["h2"]}
    assert value(templar, "{{ query('inventory_hostnames', 'all:!g') }}", play, groups=groups) == ["h1"]
    assert value(templar, "{{ lookup('config', 'DEFAULT_FORKS') }}", play) == 5
    assert value(templar, "{{ 'x' | vault('pw') | unvault('pw') }}") == "x"


def test_usual_templates_never_import_ansible() -> None:
    code = """
import sys
from weft.content.plugins import PluginSource
from weft.model.values import Trusted
from weft.templating.templar import Templar

class Names(dict):
    def names(self):
        return self

templar = Templar(PluginSource())
for text in (
    "{{ {'a': 1} | combine({'b': [1]}) | to_nice_yaml | from_yaml | to_json | from_json | dict2items }}",
    "{{ 'a' | regex_replace('a', 'b') | b64encode | hash | quote | bool }}",
    "{{ lookup('env', 'HOME') | basename is match('x') or '1.2' is version('1.1', '>') }}",
    "{{ q('items', [1]) + q('sequence', 'end=2') | map('int') | list | unique }}",
):
    templar.render(Trusted(text), Names())
assert not [name for name in sys.modules if name.split(".")[0] == "ansible"]
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_passwords_are_hashed(templar: Templar) -> None:
    pytest.importorskip("passlib")
    assert value(templar, "{{ 'x' | password_hash('sha512', 'saltsalt') }}").startswith("$6$saltsalt$")
