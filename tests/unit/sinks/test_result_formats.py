"""Results as JSON and YAML."""

from __future__ import annotations

import datetime

from sink_events import ended, show, task

from weft.model.outcome import Status
from weft.model.values import Trusted, VaultText
from weft.sinks.dump import json_text

COMMAND = {"changed": True, "cmd": ["echo", "foo"], "stdout": "foo", "stdout_lines": ["foo"]}


def shown_result(result, *, always=False, **settings):
    event = ended(task(), Status.CHANGED, result, verbose_always=always)
    text = show(event, **{"verbosity": 1, **settings}).stdout
    return text[text.index("changed: [h1]") :].removeprefix("changed: [h1] => ")


def test_pretty_json_without_vvv():
    assert shown_result({"a": [1, {"b": None}]}, callback_format_pretty=True) == (
        '{\n    "a": [\n        1,\n        {\n            "b": null\n        }\n    ]\n}\n'
    )


def test_pretty_no_keeps_one_line_even_with_vvv():
    assert shown_result({"a": {"b": 1}}, callback_format_pretty=False, verbosity=3) == '{"a": {"b": 1}}\n'


def test_yaml_is_pretty_unless_told_otherwise():
    assert shown_result(COMMAND, callback_result_format="yaml") == (
        "\n    changed: true\n    cmd:\n    - echo\n    - foo\n    stdout: foo\n    stdout_lines: <omitted>\n"
    )
    assert shown_result(COMMAND, callback_result_format="yaml", callback_format_pretty=False) == (
        "\n    changed: true\n    cmd:\n    - echo\n    - foo\n    stdout: foo\n    stdout_lines:\n    - foo\n"
    )


def test_yaml_writes_text_of_several_lines_as_a_block():
    text = "äöü \n\tß\x07ï☺\n"
    assert shown_result({"msg": text}, callback_result_format="yaml") == (
        "\n    msg: |-\n        äöü\n                ßï☺\n"
    )
    assert shown_result({"msg": "a\nb\n"}, callback_result_format="yaml", callback_format_pretty=False) == (
        "\n    msg: |\n      a\n      b\n"
    )


def test_what_json_has_no_form_for_becomes_text():
    value = {
        "time": datetime.datetime(2024, 1, 2, 3, 4, 5),
        "date": datetime.date(2024, 1, 2),
        "bytes": b"ab",
        "tuple": (1, 2),
        "set": {1},
        "other": VaultText("x"),
        "trusted": Trusted("{{ x }}"),
        "none": None,
        "nan": float("nan"),
    }
    assert json_text(value, None) == (
        '{"bytes": "ab", "date": "2024-01-02", "nan": NaN, "none": null, "other": "<vault-encrypted text>", '
        '"set": [1], "time": "2024-01-02T03:04:05", "trusted": "{{ x }}", "tuple": [1, 2]}'
    )


def test_keys_that_are_no_text():
    assert json_text({10: 1, 9: 2, None: 3, True: 4, (1, "a"): 5, 1.5: 6}, None) == (
        '{"1.5": 6, "10": 1, "9": 2, "None": 3, "[1, \\"a\\"]": 5, "true": 4}'
    )
    assert "1: a" in shown_result({"d": {1: "a", (1, 2): "b"}}, callback_result_format="yaml")


def test_lists_that_appear_twice_have_no_anchors_in_yaml():
    shared = [1]
    assert "&" not in shown_result({"a": shared, "b": shared}, callback_result_format="yaml")
