"""docs/conformance.md, and the measurements it is made of.

What was measured is kept in ``measured.json``: for each program (weft, ansible-core) the targets, whether they passed
and the seconds they took. A run of a few targets replaces what is known of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance.listing import Listing
from conformance.suite import VERSION

MEASURED = Path(__file__).with_name("measured.json")
WEFT, ANSIBLE = "weft", "ansible-core"
UNEXPLAINED = "not looked into yet"


@dataclass(frozen=True, slots=True)
class Result:
    """What one target came to. ``seconds`` from its start to the end of all that it started."""

    target: str
    passed: bool
    seconds: float


Results = Mapping[str, Result]


def load(program: str) -> dict[str, Result]:
    if not MEASURED.exists():
        return {}
    rows = json.loads(MEASURED.read_text()).get(program, {})
    return {name: Result(name, row["passed"], row["seconds"]) for name, row in rows.items()}


def keep(program: str, results: Iterable[Result]) -> None:
    known = {**load(program), **{result.target: result for result in results}}
    rows = {name: _row(result) for name, result in sorted(known.items())}
    data = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    lines = []
    for name, table in sorted({**data, program: rows}.items()):
        body = ",\n".join(f"  {json.dumps(target)}: {json.dumps(row)}" for target, row in table.items())
        lines.append(f"{json.dumps(name)}: {{\n{body}\n }}")
    MEASURED.write_text("{" + ",\n ".join(lines) + "}\n")


def _row(result: Result) -> dict[str, object]:
    row = asdict(result)
    del row["target"]
    return row


def page(listing: Listing, weft: Results, ansible: Results) -> str:
    """The whole of docs/conformance.md."""
    parts = [
        "# Conformance\n",
        f"ansible-core {VERSION}'s own integration targets, played by weft's `ansible-playbook` and `ansible` "
        "([drop-in commands](drop-in.md)). `make conformance` fetches the targets from PyPI, plays them one by one and "
        "writes this page; `make conformance ARGS='--help'` says what else it can do. "
        f"A small part of them ({len(listing.gate)} targets) is played on every change.\n",
        "The targets want root, sudo and Python 3.11; they change the machine they are played on. "
        "Seconds are those of one machine with two cores that had other work too, from a target's start to its end, "
        "test tools and the tests' own sleeps included. Where ansible-core's are given, it played the target right "
        "after weft (`--compare`): the ratio says more than the seconds.\n",
        _summary(listing, weft, ansible),
    ]
    for group, members in listing.groups.items():
        parts.append(f"## {group}: {listing.about[group]}\n")
        parts.append(_table(members, listing, weft, ansible))
    parts.append("## What is left out of targets\n")
    parts.append(_left_out(listing))
    return "\n".join(parts)


def _summary(listing: Listing, weft: Results, ansible: Results) -> str:
    lines = [
        "| group | pass | of | seconds of the targets that both have played | ansible-core's |",
        "| --- | --: | --: | --: | --: |",
    ]
    for group, members in listing.groups.items():
        played = [weft[name] for name in members if name in weft]
        both = [name for name in members if name in weft and name in ansible]
        passed = sum(result.passed for result in played)
        ours = f"{sum(weft[name].seconds for name in both):.0f} ({len(both)} targets)" if both else ""
        theirs = f"{sum(ansible[name].seconds for name in both):.0f}" if both else ""
        lines.append(f"| {group} | {passed} | {len(played)} | {ours} | {theirs} |")
    return "\n".join(lines) + "\n"


def _table(members: Iterable[str], listing: Listing, weft: Results, ansible: Results) -> str:
    lines = ["| target | pass | why not | seconds | ansible-core |", "| --- | --- | --- | --: | --: |"]
    for name in members:
        result, theirs = weft.get(name), ansible.get(name)
        if result is None:
            lines.append(f"| {name} | not played | {listing.reasons.get(name, '')} | | |")
            continue
        verdict = "yes" if result.passed else "**no**"
        why = "" if result.passed else listing.reasons.get(name, UNEXPLAINED)
        other = "" if theirs is None else f"{theirs.seconds:.1f}" if theirs.passed else "fails"
        lines.append(f"| {name} | {verdict} | {why} | {result.seconds:.1f} | {other} |")
    return "\n".join(lines) + "\n"


def _left_out(listing: Listing) -> str:
    why: dict[tuple[str, str], None] = dict.fromkeys((cut.target, cut.why) for cut in listing.cuts)
    return "\n".join(f"- {target}: a part that {_verb(text)}" for target, text in why) + "\n"


def _verb(why: str) -> str:
    return f"uses {why}" if why.startswith(("a ", "an ", "the ")) else why
