"""Typed events, the only way out of the engine, and the bus that carries them to sinks."""

from weft.events.bus import Bus, Sink
from weft.events.types import *  # noqa: F403

__all__ = ["Bus", "Sink"]
