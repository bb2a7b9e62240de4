"""Plots as SVG, drawn by hand: how long each tool takes beside weft, and what work costs as it grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.report import BASE, Results
from bench.scale import Growth
from bench.workloads import WORKLOADS

_COLOURS = {
    "weft": "#1b9e77",
    "floor": "#a6a6a6",
    "pyinfra": "#7570b3",
    "mitogen": "#e6ab02",
    "ansible-core": "#d95f02",
}
_WIDTH, _LEFT, _RIGHT = 860, 330, 90
_BAR, _GAP, _TOP = 15, 14, 44
_ROW = 250

#: What is plotted as it grows: the unit of work, and what there is more and more of.
_SCALES = {
    "hosts": ("task and host", "hosts, 20 tasks each"),
    "strands": ("strand", "strands, of 1 host"),
    "jobs": ("job", "jobs, over 100 hosts"),
}


def write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if results.rows:
        (folder / "peers.svg").write_text(peers(results))
    shown = {growth.runs[0].case: growth for growth in results.growth}
    panels = [(shown[case], unit, across) for case, (unit, across) in _SCALES.items() if case in shown]
    if panels:
        (folder / "scale.svg").write_text(scale(panels))


def peers(results: Results) -> str:
    """Bars: times as long as weft, on a logarithmic scale, with the ratio and the seconds written beside them."""
    groups = []
    for work in WORKLOADS:
        found = [(tool, results.ratio(work.name, tool)) for tool in _COLOURS]
        bars = [(tool, ratio, results.median(work.name, tool) or 0.0) for tool, ratio in found if ratio is not None]
        if bars and work.name != "far-first":
            groups.append((work, bars))
    ratios = [ratio for _, bars in groups for _, ratio, _ in bars]
    low, high = min(0.25, *ratios), max(10.0, *ratios)
    y = _TOP
    body = []
    for work, bars in groups:
        middle = y + len(bars) * _BAR / 2 + 4
        hosts = f"{work.hosts} hosts: " if work.hosts > 1 else ""
        body.append(_text(_LEFT - 10, middle, _shortened(hosts + work.what.replace("`", "")), "end"))
        for tool, ratio, seconds in bars:
            x = _log_x(ratio, low, high)
            body.append(_rect(_LEFT, y, x - _LEFT, _BAR - 2, _COLOURS[tool]))
            times = "" if tool == BASE else f"{ratio:.2g} x, "
            body.append(_text(x + 5, y + _BAR - 5, f"{tool} {times}{seconds:.3g} s", "start", 11))
            y += _BAR
        y += _GAP
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= tick <= high]
    lines = [_line(_log_x(tick, low, high), _TOP - 8, _log_x(tick, low, high), y, tick == 1) for tick in ticks]
    labels = [_text(_log_x(tick, low, high), _TOP - 12, f"{tick:g}", "middle", 11) for tick in ticks]
    title = _text(_LEFT, 16, "Times as long as weft (logarithmic)", "start", 13)
    return _svg(_WIDTH, y + 4, [title, *lines, *labels, *body])


def _shortened(text: str) -> str:
    return text if len(text) <= 52 else text[:50].rsplit(" ", 1)[0] + " …"


def _log_x(ratio: float, low: float, high: float) -> float:
    share = (math.log(ratio) - math.log(low)) / (math.log(high) - math.log(low))
    return _LEFT + max(share, 0.004) * (_WIDTH - _LEFT - _RIGHT - 60)


def scale(rows: Sequence[tuple[Growth, str, str]]) -> str:
    """A row for each case: CPU and memory of one more, beside the smallest run, over how many there are."""
    shapes: list[str] = []
    for number, (growth, unit, across) in enumerate(rows):
        sizes = [run.size for run in growth.runs]
        cpu = [growth.cpu_each(run) * 1000 for run in growth.runs[1:]]
        memory = [max(0.0, growth.memory_each(run)) for run in growth.runs[1:]]
        top = number * _ROW
        kind = across.split(",")[0].removesuffix("s")
        shapes += _panel(60, top, f"Controller CPU, ms a {unit}", across, sizes[1:], cpu, max(0.5, *cpu))
        shapes += _panel(480, top, f"Peak memory, KiB a {kind}", across, sizes[1:], memory, max(10.0, *memory))
    return _svg(_WIDTH, _ROW * len(rows), shapes)


def _panel(
    x0: float, y0: float, title: str, what: str, sizes: Sequence[int], values: Sequence[float], most: float
) -> list[str]:
    width, top, bottom = 320.0, y0 + 40.0, y0 + 200.0
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])
    across = [x0 + (math.log10(size) - first) / (last - first or 1) * width for size in sizes]
    points = [(x, bottom - value / most * (bottom - top)) for x, value in zip(across, values, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    shapes = [_text(x0, y0 + 18, title, "start", 13), _line(x0, bottom, x0 + width, bottom, True)]
    shapes += [
        _line(x0, top, x0 + width, top, False),
        _text(x0 - 6, top + 4, f"{most:.2g}" if most < 10 else f"{most:.0f}", "end", 11),
    ]
    shapes += [_text(x0 - 6, bottom + 4, "0", "end", 11)]
    shapes.append(f'<polyline points="{path}" fill="none" stroke="{_COLOURS[BASE]}" stroke-width="2"/>')
    for (x, y), size, value in zip(points, sizes, values, strict=True):
        shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_COLOURS[BASE]}"/>')
        shapes.append(_text(x, y - 9, f"{value:.2g}" if value < 10 else f"{value:.0f}", "middle", 11))
        shapes.append(_text(x, bottom + 18, f"{size:,}", "middle", 11))
    shapes.append(_text(x0 + width / 2, bottom + 34, what, "middle", 11))
    return shapes


def _svg(width: float, height: float, shapes: Sequence[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *shapes, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, strong: bool) -> str:
    colour = "#444444" if strong else "#dddddd"
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
