"""When another try is made."""

from __future__ import annotations

import pytest

from weft.connection.reconnect import Backoff, connect_retry, next_try, turned_away_retry


def test_a_lost_link_is_tried_at_once_and_then_less_and_less_often() -> None:
    assert [next_try(n, 0.0, 60.0) for n in range(8)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_the_last_try_is_at_the_end_of_the_window() -> None:
    assert next_try(6, 55.0, 60.0) == 5.0
    assert next_try(7, 60.0, 60.0) is None


def test_no_window_means_no_mending() -> None:
    assert next_try(0, 0.0, 0.0) is None


def test_jitter_only_shortens() -> None:
    assert Backoff(1.0, 8.0).pause(1, 1.0) == 1.0
    assert Backoff(1.0, 8.0).pause(100) == 8.0


@pytest.mark.parametrize(
    ("retries", "pauses"), [(0, []), (3, [0.0, 1.0, 3.0]), (7, [0.0, 1.0, 3.0, 7.0, 15.0, 30.0, 30.0])]
)
def test_retries_pause_as_ansible_s(retries: int, pauses: list[float]) -> None:
    tried = []
    while (pause := connect_retry(len(tried), retries)) is not None:
        tried.append(pause)
    assert tried == pauses


def test_being_turned_away_is_retried_for_some_seconds_only() -> None:
    pauses = []
    while (pause := turned_away_retry(len(pauses), 0.0, 100.0)) is not None:
        pauses.append(pause)
    assert len(pauses) == 7
    assert 5 < sum(pauses) < 12


def test_an_sshd_that_turns_us_away_is_not_asked_longer_than_the_time_to_connect() -> None:
    assert turned_away_retry(3, 0.0, 0.1) is None
