"""A bus that is held while somebody is asked something."""

from __future__ import annotations

import pytest

from weft.events import Bus, Event, Message


class Heard:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def handle(self, event: Event) -> None:
        assert isinstance(event, Message)
        self.texts.append(event.text)

    async def close(self) -> None:
        pass


def test_what_is_said_meanwhile_comes_afterwards_in_order():
    heard = Heard()
    bus = Bus((heard,))
    with bus.held() as publish:
        bus.publish(Message(text="second"))
        publish(Message(text="first"))
        bus.publish(Message(text="third"))
        assert heard.texts == ["first"]
    assert heard.texts == ["first", "second", "third"]


def test_nothing_is_lost_where_it_ends_badly():
    heard = Heard()
    bus = Bus((heard,))
    with pytest.raises(ValueError), bus.held():
        bus.publish(Message(text="kept"))
        raise ValueError
    bus.publish(Message(text="more"))
    assert heard.texts == ["kept", "more"]


def test_it_is_held_by_one_at_a_time():
    bus = Bus()
    with bus.held(), pytest.raises(RuntimeError), bus.held():
        pass
