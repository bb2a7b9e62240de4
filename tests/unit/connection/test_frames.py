"""The wire: any cut of the stream gives the same frames."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.connection.errors import BrokenFrames
from weft.connection.frames import MAX_PAYLOAD, FrameReader, decode_json, encode, encode_json
from weft.model.values import Trusted

FRAMES = [({"id": 1, "op": "a"}, b""), ({"id": 2}, b"\x00\xff" * 500), ({"name": "ü"}, b"x")]
STREAM = b"".join(encode(header, payload) for header, payload in FRAMES)


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine the first ones take long to make
@given(st.lists(st.integers(1, len(STREAM)), max_size=30))
def test_frames_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    reader, found, last = FrameReader(), [], 0
    for cut in [*sorted(set(cuts)), len(STREAM)]:
        found += reader.feed(STREAM[last:cut])
        last = cut
    assert found == FRAMES


def test_one_byte_at_a_time() -> None:
    reader = FrameReader()
    assert [frame for index in range(len(STREAM)) for frame in reader.feed(STREAM[index : index + 1])] == FRAMES


def test_text_that_is_no_frame_is_told_apart() -> None:
    with pytest.raises(BrokenFrames, match="Traceback"):
        FrameReader().feed(b"Traceback (most recent call last)\n")


def test_a_header_must_be_an_object() -> None:
    with pytest.raises(BrokenFrames, match="no object"):
        FrameReader().feed(encode({}).replace(b"{}", b"[]"))


def test_a_payload_beyond_the_limit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="too large"):
        encode({}, bytes(MAX_PAYLOAD + 1))


@pytest.mark.parametrize("value", ["\udc80abc", {"a": ["\udcff"]}, 2**80, Trusted("{{ x }}"), {"k": Trusted("v")}])
def test_values_that_plain_json_encoders_refuse_arrive(value: object) -> None:
    assert decode_json(encode_json(value)) == value


def test_bytes_that_are_no_utf8_become_surrogates() -> None:
    assert decode_json(b'{"name": "\xff"}') == {"name": "\udcff"}


def test_not_a_number_arrives() -> None:
    assert repr(decode_json(b"[NaN, Infinity]")) == "[nan, inf]"


def test_what_can_not_be_sent_is_said() -> None:
    with pytest.raises(TypeError, match="object can't be sent"):
        encode_json({"a": object()})
