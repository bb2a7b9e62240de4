"""What takes long is kept off the event loop, and templates may be evaluated in several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.names import DictNames, trusted
from weft.content.plugins import PluginSource
from weft.model.values import Trusted, VaultText
from weft.templating.blocking import WouldBlock, evaluate
from weft.templating.templar import Templar


@pytest.fixture
def templar() -> Templar:
    return Templar(PluginSource())


@pytest.mark.parametrize(
    "text",
    [
        "{{ lookup('pipe', 'echo a') }}",
        "{{ q('lines', 'echo a') | first }}",
        "{{ v }}",
        "{{ ['a'] | map('x') | first }}",
    ],
)
async def test_a_slow_lookup_runs_in_a_thread(text: str, templar: Templar, tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("class FilterModule:\n    def filters(self):\n        return {'x': str}\n")
    templar.plugins.add_directory("filter", str(tmp_path))
    names = DictNames(trusted({"v": "{{ lookup('pipe', 'echo a') }}"}), templar)
    if "map" not in text:
        with pytest.raises(WouldBlock):
            templar.render(Trusted(text), names)
    assert await evaluate(lambda: templar.render(Trusted(text), names)) == "a"


async def test_a_default_does_not_hide_that_it_is_slow(templar: Templar) -> None:
    names = DictNames({}, templar)
    with pytest.raises(WouldBlock):
        templar.render(Trusted("{{ lookup('pipe', 'exit 1', errors='ignore') | default('x', true) }}"), names)


async def test_a_quick_lookup_runs_where_it_is(templar: Templar) -> None:
    assert templar.render(Trusted("{{ lookup('items', 1) }}"), DictNames({}, templar)) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{ a }}", False),
        ("plain", False),
        ("{{ lookup('items', a) }}", False),
        ("{{ lookup('dict', a) | map(attribute='value') }}", False),
        ("{{ lookup('url', a) }}", True),
        ("{{ lookup(a) }}", True),
        ({"k": ["{{ q('file', 'x') }}"]}, True),
        ("{{ 'x' | password_hash }}", True),
        ("{% include 'x' %}", True),
        ("{{ 1 + }}", False),
    ],
)
def test_what_may_block_can_be_told_from_the_text(value: Any, expected: bool, templar: Templar) -> None:
    assert templar.may_block(trusted(value)) is expected


def test_what_may_block_can_be_told_through_variables(templar: Templar) -> None:
    raw = trusted({"a": "{{ b }}", "b": "{{ lookup('file', 'x') }}", "c": "{{ d }}", "d": "{{ c }}"})
    assert not templar.may_block(Trusted("{{ a }}"))
    assert templar.may_block(Trusted("{{ a }}"), raw.__getitem__)
    assert not templar.may_block(Trusted("{{ c }}{{ e }}"), raw.__getitem__)


def test_what_is_a_template(templar: Templar) -> None:
    assert templar.is_template(trusted(["a", {"b": "{{ c }}"}]))
    assert templar.is_template({"a": VaultText("x")})
    assert not templar.is_template(trusted({"{{ key }}": "a"}))
    assert not templar.is_template("{{ not marked }}")
    assert templar.is_template(Trusted("#jinja2: trim_blocks: False\nx"))


def test_many_threads_at_once_with_names_of_their_own(templar: Templar) -> None:
    texts = [
        f"{{{{ [n, {k}] | map('int') | sum }}}} {{% for x in range(3) %}}{{{{ x + n }}}}{{% endfor %}}"
        for k in range(5)
    ]

    def one(number: int) -> list[str]:
        names = DictNames(trusted({"n": "{{ base }}", "base": number}), templar)
        return [templar.render(Trusted(text), names) for text in texts]

    def expected(number: int) -> list[str]:
        return [f"{number + k} {number}{number + 1}{number + 2}" for k in range(5)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(200))) == list(map(expected, range(200)))
