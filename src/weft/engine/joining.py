"""The end of a host's play: its strands are waited for, and what failed without anybody being told is told."""

from __future__ import annotations

from weft.engine.background import GroupStrand, settle_group
from weft.engine.settle import settle_strand
from weft.engine.signals import HostFailed, HostUnreachable
from weft.engine.state import BatchState, HostState


async def join_strands(batch: BatchState, host: HostState) -> None:
    """Wait for what the host's tasks left behind. Raises HostFailed or HostUnreachable after all have been told of."""
    signals: list[HostFailed | HostUnreachable] = []
    for strand in await batch.run.strands.join(host.name):
        try:
            if isinstance(strand.owner, GroupStrand):
                await settle_group(strand.owner.walk, strand.owner, strand)
            else:
                settle_strand(batch, host, strand)
        except (HostFailed, HostUnreachable) as signal:
            signals.append(signal)
    if signals:
        # to be out of reach is more than to have failed
        last = next((signal for signal in signals if isinstance(signal, HostUnreachable)), signals[-1])
        last.fatal = any(signal.fatal for signal in signals)
        raise last
