"""From measured seconds to a table of ratios, and to JSON."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class Measured:
    """One tool on one workload: seconds of each round."""

    workload: str
    tool: str
    seconds: list[float] = field(default_factory=list)
    failed: str | None = None  # the end of the output, where it did not end well

    @property
    def median(self) -> float | None:
        return statistics.median(self.seconds) if self.seconds else None


def table(rows: list[Measured], base: str = "weft") -> str:
    """Medians in seconds, and how many times as long as ``base`` each took."""
    medians = {(row.workload, row.tool): row.median for row in rows}
    lines = [f"{'workload':<12} {'tool':<14} {'median s':>9} {'x ' + base:>9}  rounds"]
    for row in rows:
        reference = medians.get((row.workload, base))
        if row.median is None:
            lines.append(f"{row.workload:<12} {row.tool:<14} {'failed':>9} {'':>9}  {row.failed or ''}")
            continue
        ratio = f"{row.median / reference:.2f}" if reference else ""
        rounds = " ".join(f"{value:.2f}" for value in row.seconds)
        lines.append(f"{row.workload:<12} {row.tool:<14} {row.median:>9.2f} {ratio:>9}  {rounds}")
    return "\n".join(lines)


def as_data(rows: list[Measured]) -> list[dict[str, object]]:
    return [{**asdict(row), "median": row.median} for row in rows]
