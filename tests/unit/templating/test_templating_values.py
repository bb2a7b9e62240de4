"""What users see of templates in values: types, laziness, what is undefined, what is omitted, where errors point."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.model.errors import TemplateFailed, UndefinedName, VaultFailed
from weft.model.settings import Settings
from weft.model.values import OMIT, MapNode, Origin, SeqNode, Trusted, VaultText
from weft.templating.lazy import LazyDict, LazyList
from weft.templating.templar import Templar

HERE = Origin("play.yml", 3, 7)


@pytest.fixture
def templar() -> Templar:
    return Templar(PluginSource(), decrypt=lambda vault: f"secret of {vault.ciphertext}")


def value(templar: Templar, raw: Any, **variables: Any) -> Any:
    return templar.render(trusted(raw, HERE), DictNames(trusted(variables), templar))


def test_a_lone_expression_keeps_its_type(templar: Templar) -> None:
    assert value(templar, "{{ n }}", n=5) == 5
    assert value(templar, "{{ n }}", n=[1]) == [1]
    assert value(templar, "{{ n }}", n=None) is None
    assert value(templar, "port {{ n }}", n=None) == "port "


def test_results_are_plain_types(templar: Templar) -> None:
    result = value(templar, {"a": ["x", "{{ d }}"]}, d={"k": "{{ s }}", "l": ["t"]}, s="text")
    assert result == {"a": ["x", {"k": "text", "l": ["t"]}]}
    assert all(type(part) is kind for part, kind in ((result, dict), (result["a"], list), (result["a"][0], str)))
    assert type(result["a"][1]) is dict
    assert [type(key) for key in result["a"][1]] == [str, str]


def test_only_marked_text_is_a_template(templar: Templar) -> None:
    names = DictNames({"fact": "{{ 1 + 1 }}", "indirect": Trusted("{{ fact }}")}, templar)
    assert templar.render("{{ fact }}", names) == "{{ fact }}"
    assert templar.render(Trusted("{{ indirect }}"), names) == "{{ 1 + 1 }}"
    assert templar.render(Trusted("<{{ indirect }}>"), names) == "<{{ 1 + 1 }}>"


def test_a_part_of_a_variable_is_there_though_another_is_undefined(templar: Templar) -> None:
    config = {"port": 80, "url": "http://{{ nowhere }}"}
    assert value(templar, "{{ config.port }}", config=config) == 80
    assert value(templar, "{{ config.url | default('none') }}", config=config) == "none"
    with pytest.raises(UndefinedName, match="'nowhere' is undefined"):
        value(templar, "{{ config }}", config=config)


def test_what_is_not_read_is_not_evaluated(templar: Templar, tmp_path: Any) -> None:
    mark = tmp_path / "read"
    raw = {"low": {"a": 1, "b": {"c": f"{{{{ lookup('pipe', 'touch {mark}') }}}}"}}, "high": "{{ low }}"}
    assert value(templar, "{{ high.a }}", **raw) == 1
    assert not mark.exists()
    value(templar, "{{ high }}", **raw)
    assert mark.exists()


def test_omitted_entries_are_left_out(templar: Templar) -> None:
    raw = {"a": "{{ x | default(omit) }}", "b": ["{{ omit }}", 1], "c": {"d": "{{ omit }}"}}
    assert value(templar, raw) == {"b": [1], "c": {}}
    assert value(templar, "{{ omit }}") is OMIT


def test_an_error_points_to_the_innermost_template(templar: Templar) -> None:
    inner = Origin("vars.yml", 1, 4)
    names = DictNames({"a": Trusted("{{ missing }}", inner), "c": Trusted("{{ 1/0 }}", inner)}, templar)
    with pytest.raises(UndefinedName) as raised:
        templar.render(Trusted("x {{ a }}", HERE), names)
    assert raised.value.origin == inner
    with pytest.raises(TemplateFailed, match="Error rendering template: division by zero") as failed:
        templar.render(Trusted("{{ c }}", HERE), names)
    assert failed.value.origin == inner
    with pytest.raises(UndefinedName) as own:
        templar.render(Trusted("{{ b.c }}", HERE), names)
    assert own.value.origin == HERE


def test_a_syntax_error_in_a_template_file_has_its_line(templar: Templar) -> None:
    text = Trusted("one\ntwo\n{% if %}\n", Origin("/x.j2"))
    with pytest.raises(TemplateFailed, match="Syntax error in template: ") as raised:
        templar.render_text(text, DictNames({}, templar))
    assert raised.value.origin == Origin("/x.j2", 3)


def test_encrypted_values_are_decrypted_and_known_as_such(templar: Templar) -> None:
    variables = {"v": VaultText("X"), "w": "plain"}
    names = DictNames(variables, templar)
    assert templar.render(Trusted("<{{ v }}>"), names) == "<secret of X>"
    assert templar.render(VaultText("Y"), names) == "secret of Y"
    assert type(templar.render(VaultText("Y"), names)) is str
    assert templar.condition(Trusted("v is vault_encrypted and w is not vault_encrypted"), names)


def test_yaml_containers_hide_their_places_from_templates(templar: Templar) -> None:
    node = MapNode({Trusted("origin"): Trusted("here"), Trusted("l"): SeqNode([1], HERE)}, HERE)
    names = DictNames({"node": node, "s": Trusted("x", HERE)}, templar)
    assert templar.render(Trusted("{{ node.origin }}"), names) == "here"
    assert templar.render(Trusted("{{ s.origin | default('none') }}"), names) == "none"
    assert templar.render(Trusted("{{ node.l.origin | default('none') }}"), names) == "none"


def test_methods_come_before_items_and_items_before_other_attributes(templar: Templar) -> None:
    assert value(templar, "{{ d.keys() | list }}", d={"keys": 1}) == ["keys"]
    assert value(templar, "{{ d['keys'] }}", d={"keys": 1}) == 1
    assert value(templar, "{{ d.peek }}", d={"peek": 1}) == 1


def test_changing_a_variable_in_a_template_leaves_what_was_written(templar: Templar) -> None:
    written = trusted({"l": [1]})
    for _ in range(2):
        names = DictNames(written, templar)
        assert templar.render(Trusted("{% set _ = l.append(2) %}{{ l }}"), names) == [1, 2]
    assert written == {"l": [1]}


def test_mappings_of_any_kind_are_mappings_to_templates(templar: Templar) -> None:
    class Hosts(dict[str, Any]):
        pass

    from collections import ChainMap

    for mapping in (Hosts(a={"b": 1}), ChainMap({"a": {"b": 1}})):
        names = DictNames({"m": mapping}, templar)
        assert templar.render(Trusted("{{ m.a.b }}"), names) == 1
        assert templar.render(Trusted("{{ m is mapping }}"), names) is True
        assert templar.render(Trusted("{{ m | to_json }}"), names) == '{"a": {"b": 1}}'
        assert templar.render(Trusted("{{ m | combine({'z': 1}) }}"), names) == {"a": {"b": 1}, "z": 1}
        assert templar.render(Trusted("{{ m | dict2items }}"), names) == [{"key": "a", "value": {"b": 1}}]
        assert templar.render(Trusted("{{ m }}"), names) == {"a": {"b": 1}}


def lazy(templar: Templar, raw: Any) -> Any:
    names = DictNames({}, templar)
    return templar.evaluate(trusted(raw), names)


def test_lazy_containers_are_what_they_stand_for(templar: Templar) -> None:
    mapping = lazy(templar, {"a": "{{ 1 + 1 }}", "b": {"c": "{{ 'x' }}"}})
    items = lazy(templar, ["{{ 1 }}", ["{{ 2 }}"]])
    assert isinstance(mapping, LazyDict)
    assert isinstance(items, LazyList)
    assert mapping == {"a": 2, "b": {"c": "x"}}
    assert items == [1, [2]]
    assert json.loads(json.dumps({"m": mapping, "l": items})) == {"m": {"a": 2, "b": {"c": "x"}}, "l": [1, [2]]}
    for copied in (copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))):
        assert copied(lazy(templar, {"a": ["{{ 1 }}"]})) == {"a": [1]}
        assert copied(lazy(templar, ["{{ 1 }}"])) == [1]
    assert dict(lazy(templar, {"a": "{{ 1 }}"})) == {"a": 1}
    assert {**lazy(templar, {"a": "{{ 1 }}"})} == {"a": 1}
    assert [*lazy(templar, ["{{ 1 }}"])] == [1]
    assert tuple(lazy(templar, ["{{ 1 }}"])) == (1,)
    assert sorted(lazy(templar, ["{{ 2 }}", 1])) == [1, 2]
    assert lazy(templar, ["{{ 1 }}"]) + list("a") == [1, "a"]
    assert list("a") + lazy(templar, ["{{ 1 }}"]) == ["a", 1]
    assert lazy(templar, {"a": "{{ 1 }}"}) | {"b": 2} == {"a": 1, "b": 2}
    assert 2 in lazy(templar, ["{{ 1 + 1 }}"])
    assert ",".join(lazy(templar, ["{{ 'a' }}", "b"])) == "a,b"
    assert repr(lazy(templar, {"a": ["{{ 1 }}"]})) == "{'a': [1]}"
    assert lazy(templar, {"a": "{{ 1 }}"}).pop("a") == 1
    assert lazy(templar, {"a": "{{ 1 }}"}).popitem() == ("a", 1)
    assert lazy(templar, ["{{ 1 }}"]).pop() == 1


def test_reading_what_is_undefined_outside_of_templates_raises(templar: Templar) -> None:
    with pytest.raises(UndefinedName):
        lazy(templar, {"a": "{{ nope }}"})["a"]
    with pytest.raises(UndefinedName):
        list(lazy(templar, ["{{ nope }}"]))
    with pytest.raises(UndefinedName):
        lazy(templar, {"a": "{{ nope }}"}).items()


def test_warnings_and_deprecations_are_handed_out() -> None:
    told: list[tuple[str, ...]] = []
    templar = Templar(
        PluginSource(),
        warn=lambda message, origin, advice: told.append(("warning", message)),
        deprecate=lambda message, version, origin, advice: told.append(("deprecation", version, message)),
    )
    names = DictNames(trusted({"a": "yes"}), templar)
    assert templar.condition(Trusted("'{{ a }}' == 'yes'"), names)
    assert templar.condition(Trusted("{{ a == 'yes' }}"), names)
    assert templar.render(Trusted("{{ lookup('items', '{{ a }}') }}"), names) == "yes"
    kinds = [(kind, texts[-1].split(".")[0]) for kind, *texts in told]
    assert kinds == [
        ("warning", "Jinja constant strings should not contain embedded templates"),
        ("deprecation", "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}"),
        ("warning", "Jinja constant strings should not contain embedded templates"),
    ]


def test_each_warning_comes_once_for_each_place() -> None:
    told: list[tuple[str, Origin | None, str | None]] = []
    templar = Templar(PluginSource(), warn=lambda *said: told.append(said))
    names = DictNames(trusted({"inner": "{{ lookup('items', '{{ 1 }}') }}"}), templar)
    for _ in range(3):
        assert templar.condition(Trusted("'{{ inner }}' == 1", HERE), names)
    (inner, where, advice), (outer, here, other) = told
    assert inner == outer and inner.startswith("Jinja constant strings should not contain embedded templates.")
    assert here == HERE and where != HERE
    assert "lookup(" in str(advice) and "when:" in str(other)


def test_an_undecryptable_value_fails_where_it_is_used() -> None:
    def refuse(value: VaultText) -> str:
        raise VaultFailed("no key", hint="give one")

    templar = Templar(PluginSource(), decrypt=refuse)
    names = DictNames({"v": VaultText("$ANSIBLE_VAULT;1.1;AES256\n00", HERE), "m": {"a": 1}}, templar)
    assert templar.render(Trusted("{{ m.a if true else v }}"), names) == 1
    assert templar.condition(Trusted("v is vault_encrypted"), names)
    for text in ("{{ v }}", "{{ v | default('x') }}", "{{ v is defined }}"):
        with pytest.raises(VaultFailed, match="Attempt to use undecryptable variable: no key") as raised:
            templar.render(Trusted(text), names)
        assert raised.value.origin == HERE


def test_jinja_extensions_can_be_turned_on() -> None:
    settings = Settings(jinja2_extensions=("jinja2.ext.loopcontrols", "jinja2.ext.do"))
    templar = Templar(PluginSource(settings))
    text = "{% for x in [1, 2, 3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% do [].append(1) %}{% endfor %}"
    assert templar.render(Trusted(text), DictNames({}, templar)) == 1


def test_the_sandbox_keeps_templates_from_python(templar: Templar) -> None:
    for text in (
        "{{ ''.__class__ }}",
        "{{ d['__class__'] }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ f.__globals__ }}",
    ):
        with pytest.raises(UndefinedName, match=r"is unsafe|is undefined"):
            value(templar, text, d={})
    assert value(templar, "{{ d.__class__ }}", d={"__class__": "mine"}) == "mine"
    assert value(templar, "{{ (6).__and__(3) }}") == 2


@pytest.mark.parametrize("index", ["i", "1, i", "(i, 1)"])
def test_an_index_without_a_value(templar: Templar, index: str) -> None:
    for container in ([1, 2], {"a": 1}, "text"):
        for text in (f"{{{{ c[{index}] }}}}", f"{{{{ c[{index}] | default('none') }}}}"):
            with pytest.raises(UndefinedName, match="'i' is undefined"):
                value(templar, text, c=container)
        with pytest.raises(UndefinedName, match="Error while evaluating conditional"):
            templar.condition(trusted(f"c[{index}]", HERE), DictNames(trusted({"c": container}), templar))
    assert value(templar, f"{{{{ nowhere[{index}] | default('none') }}}}") == "none"
