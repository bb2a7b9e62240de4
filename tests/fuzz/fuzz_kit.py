"""Inputs for the fuzz tests: words and values that parsers trip over, and texts that are nearly right."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("WEFT_FUZZ", "1"))

TEMPLATES = (
    "{{ x }}", "{{ undefined_name }}", "{{", "}}", "{% if %}", "{% for i in x %}", "{#", "{{ x.y.z }}", "{{ omit }}",
    "{{ x | nofilter }}", "{{ x is notest }}", "{{ lookup('nolookup') }}", "{{ lookup('env', 'HOME') }}", "{{ 1/0 }}",
    "{{ [1,2] | first }}", "{{ {'a': 1} }}", "{{ x | int }}", "{{ x['a'] }}", "{{ [x] }}", "{{ none }}", "{{ '{{' }}",
    "{{ hostvars }}", "{{ hostvars[x] }}", "{{ vars }}", "{{ groups.all }}", "{{ item }}", "{{ self_reference }}",
    "{% set a = 1 %}{{ a }}", "{{ x | default(omit) }}", "{{ range(3) | list }}", "{{ x ~ 1 }}", "{{ x() }}",
)  # fmt: skip
SCALARS = (
    "", " ", "x", "a", "all", "yes", "no", "on", "null", "~", "0", "1", "-1", "1e999", "0x1f", "0o17", ".inf", ".nan",
    "9" * 30, "1.5", "2020-01-01", "12:30:45", "!vault", "!unsafe", "&a", "*a", "<<", "a:b", "a,b", "@x", "%", "`",
    "\t",
    "é", "\u2028", "\ufeff", "\U0001f600", "a\nb", "a=b", "a='b", 'a="b', "a=b c=d", "\\", "'", '"', "../x",
    "/dev/null",
    "a.yml", "x.y", "x.y.z", "__class__", "_ansible_x", "ansible_facts", "[0]", "a[0:2]", "a[1:", "!a", "&a:b",
    "~(", "~a.*",
)  # fmt: skip

words = st.one_of(st.sampled_from(SCALARS), st.sampled_from(TEMPLATES), st.text(max_size=6))
scalars = st.one_of(
    words,
    st.sampled_from([None, True, False, 0, 1, -1, 2**70, 1.5, float("inf"), float("nan")]),
    st.integers(-5, 5),
)


def values(keys: st.SearchStrategy[str] = words, leaves: int = 6) -> st.SearchStrategy[Any]:
    """Anything that YAML can hold."""
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=leaves,
    )


def yaml_of(value: Any) -> str:
    """A value as YAML: JSON is a part of it, but for numbers that aren't any."""
    return json.dumps(value, allow_nan=True).replace("NaN", ".nan").replace("Infinity", ".inf")


@st.composite
def nearly(draw: Callable[..., Any], seeds: Sequence[str], tokens: Sequence[str] = ()) -> str:
    """One of the texts with some damage."""
    text = draw(st.sampled_from(list(seeds)))
    pieces = st.one_of(words, st.sampled_from(tokens)) if tokens else words
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 2, 5, 20])))
        kind = draw(st.sampled_from(["replace", "replace", "twice", "move"]))
        if kind == "replace":
            text = text[:start] + draw(pieces) + text[end:]
        elif kind == "twice":
            text = text[:end] + text[start:end] + text[end:]
        else:
            cut = text[:start] + text[end:]
            place = draw(st.integers(0, len(cut)))
            text = cut[:place] + text[start:end] + cut[place:]
    return text


@st.composite
def nearly_bytes(draw: Callable[..., Any], seeds: Sequence[str]) -> bytes:
    """Likewise, and perhaps no text at all."""
    data = draw(nearly(seeds)).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(st.binary(max_size=4)) + data[place:]
    return data


def tries(count: int) -> settings:
    """So many inputs, or the multiple that was asked for."""
    return settings(
        max_examples=count * TIMES,
        derandomize=TIMES == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
