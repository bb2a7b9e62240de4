"""When to try again after a link is lost or a set-up was turned away: pure functions of numbers, no clock, no I/O."""

from __future__ import annotations

from msgspec import Struct


class Backoff(Struct, frozen=True):
    """Pauses that double up to a cap. All in seconds."""

    first: float
    cap: float
    factor: float = 2.0

    def pause(self, attempt: int, jitter: float = 0.0) -> float:
        """The pause before ``attempt`` (0 is the first); ``jitter`` of 0..1 shortens it by up to a half."""
        whole = min(self.cap, self.first * self.factor**attempt) if attempt < 64 else self.cap
        return whole * (1.0 - jitter / 2)


#: A lost link: the first try at once, then 0.5 s, 1 s, ... up to 10 s.
LOST_LINK = Backoff(first=0.25, cap=10.0)
#: sshd turned us away before its version line (MaxStartups): soon, but not all at the same moment.
TURNED_AWAY = Backoff(first=0.2, cap=2.0)
TURNED_AWAY_TRIES = 8


def next_try(attempt: int, elapsed: float, window: float, jitter: float = 0.0) -> float | None:
    """Seconds until try number ``attempt`` (from 0) of mending a link lost ``elapsed`` seconds ago.

    None: the window (in seconds; 0 means never mend) is over.
    """
    if window <= 0:
        return None
    if attempt == 0:
        return 0.0
    left = window - elapsed
    if left <= 0:
        return None
    return min(LOST_LINK.pause(attempt, jitter), left)


def connect_retry(attempt: int, retries: int) -> float | None:
    """Seconds before connecting again after failure number ``attempt`` (from 0), as ansible's ssh: 0, 1, 3, 7...

    None: no retries are left.
    """
    if attempt >= retries:
        return None
    return min(30.0, float(2**attempt - 1))


def turned_away_retry(attempt: int, jitter: float, left: float) -> float | None:
    """Seconds before trying a set-up again that was cut off before the server's version line.

    None: too many tries, or the pause would be longer than what is ``left`` (seconds) of the time to connect.
    """
    if attempt + 1 >= TURNED_AWAY_TRIES:
        return None
    pause = TURNED_AWAY.pause(attempt, jitter)
    return pause if pause <= left else None
