"""The native filters and tests, where their results differ each time or depend on the machine, and their notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weft.content import filters_data, filters_encode, filters_math, filters_paths, filters_text, plugins_tests
from weft.content.filters_common import PluginError
from weft.content.plugins import PluginSource
from weft.model.errors import WeftError
from weft.model.settings import Settings


class Told:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def warn(self, message: str) -> None:
        self.messages.append(message)

    def deprecate(self, message: str, version: str | None, **details: str | None) -> None:
        self.messages.append(f"{message} ({version})")

    def say(self, message: str, verbosity: int) -> None:
        self.messages.append(f"{'v' * verbosity}: {message}")


def test_every_filter_and_test_of_ansible_core_is_known() -> None:
    source = PluginSource()
    from ansible.plugins.filter import core, encryption, mathstuff, urls, urlsplit
    from ansible.plugins.test import core as tests_core
    from ansible.plugins.test import files, uri
    from ansible.plugins.test import mathstuff as tests_math

    filters = {
        name for module in (core, encryption, mathstuff, urls, urlsplit) for name in module.FilterModule().filters()
    }
    tests = {name for module in (tests_core, files, uri, tests_math) for name in module.TestModule().tests()}
    from weft.templating.special import SPECIAL_FILTERS, SPECIAL_TESTS

    assert not [name for name in filters if name not in SPECIAL_FILTERS and source.filter(name) is None]
    assert not [name for name in tests if name not in SPECIAL_TESTS and source.test(name) is None]


def test_random_is_repeatable_with_a_seed() -> None:
    for end in (1000, list(range(1000)), "abcdefgh"):
        assert filters_data.random(end, seed="x") == filters_data.random(end, seed="x")
    assert filters_data.random(20, start=10) in range(10, 20)
    assert filters_data.shuffled([1, 2, 3], seed="a") == filters_data.shuffled([1, 2, 3], seed="a")
    assert filters_data.shuffled(22) == 22
    with pytest.raises(PluginError):
        filters_data.random(None)


def test_job_tests_take_booleans_and_numbers() -> None:
    told = Told()
    source = PluginSource(notices=told)
    for name in ("finished", "started"):
        test = source.test(name)
        assert test is not None
        assert [test({name: state}) for state in (True, 1, False, 0)] == [True, True, False, False]
        assert told.messages == []
        assert test({}) is True
        assert told.messages.pop() == f"The '{name}' test expects an async task, but a non-async task was tested"


def test_bool_tells_of_what_is_neither() -> None:
    told = Told()
    to_bool = PluginSource(notices=told).filter("bool")
    assert to_bool is not None
    assert [to_bool(value) for value in ("Yes", "off", 1, 0, True, "0")] == [True, False, True, False, True, False]
    assert told.messages == []
    assert to_bool("maybe") is False
    assert told.messages == ["The `bool` filter coerced invalid value 'maybe' (str) to False. (2.23)"]


def test_files_on_the_controller(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("$ANSIBLE_VAULT;1.1;AES256\n")
    (tmp_path / "b").mkdir()
    assert filters_paths.fileglob(str(tmp_path / "*")) == [str(tmp_path / "a")]
    tests = plugins_tests.TESTS
    assert tests["vaulted_file"](str(tmp_path / "a"))
    assert tests["directory"](str(tmp_path / "b"))
    assert not tests["link"](str(tmp_path / "a"))


def test_changed_looks_into_results() -> None:
    assert plugins_tests.changed({"results": [{"changed": False}, {"changed": 1}]})
    assert not plugins_tests.changed({"results": []})


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (filters_math.human_to_bytes, "10 foo", "Value is not a valid string|must be one of"),
        (filters_text.comment, "x", "Invalid style"),
        (filters_encode.hash_text, "x", "unsupported hash type"),
    ],
)
def test_bad_input_is_told(function: Any, value: str, text: str) -> None:
    extra = {filters_text.comment: ["nope"], filters_encode.hash_text: ["nope"]}.get(function, [])
    with pytest.raises(PluginError, match=text):
        function(value, *extra)


def test_json_with_text_that_is_no_utf8_is_refused_unless_told_otherwise() -> None:
    text = '{"a": ["\\udc80"]}'
    strict = PluginSource().filter("from_json")
    lenient = PluginSource(Settings(module_strict_utf8=False)).filter("from_json")
    assert strict is not None and lenient is not None
    with pytest.raises(WeftError, match="Refusing to deserialize an invalid UTF8 string value") as caught:
        strict(text)
    assert "MODULE_STRICT_UTF8_RESPONSE" in str(caught.value.hint)
    assert lenient(text) == {"a": ["\udc80"]}
