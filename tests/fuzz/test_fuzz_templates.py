"""Templates, conditions and encrypted values with anything in them."""

from __future__ import annotations

from typing import Any

import pytest
from fuzz_kit import TEMPLATES, nearly, nearly_bytes, tries, values, words
from hypothesis import given
from hypothesis import strategies as st

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.content.vault import Vault
from weft.model.errors import WeftError
from weft.model.settings import Settings
from weft.model.values import Origin
from weft.templating.blocking import WouldBlock
from weft.templating.templar import Templar

HERE = Origin("play.yml", 3, 7)
SEEDS = (
    *TEMPLATES,
    "{% for i in l %}{{ loop.index }}: {{ i | upper }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{{ l | map('int') | select('gt', 1) | list | sum }} {{ d.items() | list }}",
    "{% macro m(a, b=1) %}{{ a ~ b }}{% endmacro %}{{ m(1) }}",
    "{{ d | combine({'k': x}) | to_json | from_json }}",
    "{{ s | regex_replace('(.)', '\\\\1\\\\1') | b64encode | hash('sha1') }}",
    "{{ (x if x is defined and x > 1 else l)[0] | default('none', true) }}",
    "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}",
    "{{ l | zip(s) | list }} {{ l | product(l) | list }} {{ l | random(seed=1) }} {{ '%s' | format(x) }}",
    "{{ query('items', l) }} {{ l | union([1]) | unique | sort(reverse=true) }} {{ d | dict2items }}",
    "{{ '2020-01-01' | to_datetime('%Y-%m-%d') }} {{ 1024 | human_readable }} {{ 'a/b' | basename }}",
    "{%- raw %}{{ x }}{% endraw -%} {{ x|string|length }} {# remark #}",
)
TOKENS = (
    "{{", "}}", "{%", "%}", "|", "(", ")", "[", "]", ".", ",", "'", '"', " is ", " in ", " not ", " and ", "==",
    "**", "//",
    " if ", " else ", "for ", "x", "l", "d", "s", "u", "n", "1", "-", "~", "self", "loop", "__class__", "|map(",
    "|first",
    "{% else %}", "{% endif %}", "{% endfor %}", "|default(u)", "|to_yaml", "|int", "|list", "|tojson",
    "lookup('vars','x')",
    "|from_yaml", "|from_json", "|password_hash", "|ternary(1,2)", "|json_query('a')", "|items2dict",
    "|subelements('a')",
    "|flatten", "|groupby(0)", "|batch(2)", "|regex_search('(')", "|strftime", "|split", "|comment", "|mandatory",
    "|type_debug",
)  # fmt: skip
VARIABLES: dict[str, Any] = {
    "x": 3, "l": [1, "2", [3]], "d": {"a": 1, "b": {"c": "{{ x }}"}}, "s": "text", "u": "{{ nowhere }}", "n": None,
    "loops": "{{ loops2 }}", "loops2": "{{ loops }}", "bad": "{{ 1 +", "self_reference": "{{ self_reference }}",
}  # fmt: skip


@pytest.fixture(scope="module")
def templar() -> Templar:
    return Templar(PluginSource(), decrypt=lambda vault: f"secret of {vault.ciphertext}")


def names(templar: Templar, more: dict[str, Any]) -> DictNames:
    return DictNames(trusted({**VARIABLES, **more}), templar)


@tries(100)
@given(text=nearly(SEEDS, TOKENS))
def test_templates(templar: Templar, text: str) -> None:
    try:
        templar.render(trusted(text, HERE), names(templar, {}))
    except (WeftError, WouldBlock):
        pass


@tries(60)
@given(value=values(leaves=8), more=st.dictionaries(st.sampled_from(["x", "l", "d", "item"]), values(), max_size=2))
def test_values_of_any_shape(templar: Templar, value: Any, more: dict[str, Any]) -> None:
    try:
        templar.render(trusted(value, HERE), names(templar, more))
    except (WeftError, WouldBlock):
        pass


CONDITIONS = (
    "x is defined and x > 1", "'a' in d", "not n", "l | length == 3", "x == '{{ x }}'", "u is undefined",
    "d.b.c | int == 3",
    "s is match('t.*')", "x in [1, 2] or s", "true", "(x)", "l[0] is number", "d is mapping", "1 if x else 0",
    "s | bool",
)  # fmt: skip


@tries(80)
@given(text=st.one_of(nearly(CONDITIONS, TOKENS), values()))
def test_conditions(templar: Templar, text: Any) -> None:
    for condition in (trusted(text, HERE), text):
        try:
            templar.condition(condition, names(templar, {}))
        except (WeftError, WouldBlock):
            pass


@tries(60)
@given(text=nearly(CONDITIONS, TOKENS))
def test_expressions(templar: Templar, text: str) -> None:
    try:
        templar.expression(text, names(templar, {}))
    except (WeftError, WouldBlock):
        pass


@tries(24)
@given(text=nearly((*SEEDS, "#jinja2: trim_blocks: False, variable_start_string: '[['\n[[ x ]]"), TOKENS))
def test_template_files(templar: Templar, text: str) -> None:
    try:
        templar.render_template(trusted(text, HERE), names(templar, {}))
    except (WeftError, WouldBlock):
        pass


@tries(24)
@given(
    name=st.sampled_from(
        [
            "items",
            "dict",
            "indexed_items",
            "nested",
            "together",
            "sequence",
            "subelements",
            "vars",
            "flattened",
            "list",
            "random_choice",
            "nosuch",
            "env",
        ]
    ),
    terms=values(),
)
def test_loops(templar: Templar, name: str, terms: Any) -> None:
    try:
        templar.loop_items(name, trusted(terms, HERE), names(templar, {}))
    except (WeftError, WouldBlock):
        pass


@pytest.mark.parametrize(
    "text", ["{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "{{ " + "-" * 5000 + "1 }}", "{{ x" + "|int" * 3000 + " }}"]
)
def test_templates_that_are_nested_too_deep(templar: Templar, text: str) -> None:
    try:
        templar.render(trusted(text, HERE), names(templar, {}))
    except WeftError:
        pass


@pytest.fixture(scope="module")
def sealed() -> tuple[str, ...]:
    from ansible.parsing.vault import VaultLib, VaultSecret

    secret = VaultSecret(b"one")
    return tuple(
        VaultLib().encrypt(text, secret, vault_id=label).decode() for text, label in (("a: 1\n", None), ("x", "dev"))
    )


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    path = tmp_path_factory.mktemp("vault") / "password"
    path.write_text("one\n")
    return Vault(Settings(), [str(path)])


@tries(6)
@given(data=st.data())
def test_encrypted_data(vault: Vault, sealed: tuple[str, ...], data: st.DataObject) -> None:
    damaged = data.draw(
        st.one_of(nearly_bytes(sealed), words.map(lambda text: f"$ANSIBLE_VAULT;{text}".encode("utf-8", "replace")))
    )
    for thing in (damaged, damaged.decode("utf-8", "replace")):
        try:
            vault.decrypt(thing, HERE)
        except WeftError:
            pass
