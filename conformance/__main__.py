"""``python -m conformance``: see the package's first lines."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from conformance import keeper, listing, report, suite
from conformance.report import ANSIBLE, WEFT, Result
from conformance.workplace import Workplace

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
LOGS = ROOT / "build" / "conformance"
_RECAP = re.compile(r"^testhost +: ok=[1-9].* unreachable=0 +failed=0 ", re.MULTILINE)


def main() -> int:
    known = listing.read()
    options = parse(known)
    if options.page:
        write_page(known)
        return 0
    cache = Path(options.cache)
    tests = suite.Suite(suite.fetch(cache))
    names = options.targets or [name for group in options.groups for name in known.groups[group]]
    names = list(known.gate) if options.gate else names
    unknown = [name for name in names if name not in tests.targets]
    if unknown:
        raise SystemExit(f"ansible-core {suite.VERSION} has no such targets: {', '.join(unknown)}")
    with tempfile.TemporaryDirectory(prefix="weft-conformance-", dir="/tmp") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)
        places = {
            program: Workplace(tests, known, make_commands(program, scratch / program), cache, scratch)
            for program in ((WEFT, ANSIBLE) if options.compare else (WEFT,))
        }
        with own_ssh_folder():
            results = play_all(names, places, options, known)
    if options.record:
        write_page(known)
    return verdict(results, known)


def parse(known: listing.Listing) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance", description="ansible-core's integration targets under weft")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="only these, of any group or of none")
    parser.add_argument("--group", dest="groups", action="append", choices=sorted(known.groups), help="only this group")
    parser.add_argument("--gate", action="store_true", help="the quick and harmless ones that have to go on passing")
    parser.add_argument("--compare", action="store_true", help="each of them with ansible-core too, right after weft")
    parser.add_argument("--jobs", type=int, default=1, help="targets at once (default: 1; more only suits --gate)")
    parser.add_argument("--limit", type=float, default=600, help="seconds for each target (default: 600)")
    parser.add_argument("--record", action="store_true", help="measure: write docs/conformance.md with the results")
    parser.add_argument("--page", action="store_true", help="only write docs/conformance.md, from what is known")
    parser.add_argument("--tail", type=int, default=15, help="lines to show of a target that fails (default: 15)")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser.add_argument("--cache", default=os.path.join(home, "weft", "conformance"), help="for what is fetched")
    options = parser.parse_args()
    options.groups = options.groups or list(known.groups)
    return options


def make_commands(program: str, folder: Path) -> Path:
    """The commands under test. ansible-core's are those that are installed beside weft."""
    if program == WEFT:
        subprocess.run([sys.executable, "-m", "weft", "shims", str(folder)], check=True, stdout=subprocess.DEVNULL)
        return folder
    folder.mkdir()
    for command in Path(sys.executable).parent.glob("ansible*"):
        (folder / command.name).symlink_to(command)
    return folder


@contextmanager
def own_ssh_folder() -> Iterator[None]:
    """Some targets write to ~/.ssh: what was there comes back."""
    folder = Path("~/.ssh").expanduser()
    before = _files(folder)
    try:
        yield
    finally:
        after = _files(folder)
        for path in after.keys() - before.keys():
            path.unlink()
        for path, content in before.items():
            if after.get(path) != content:
                path.write_bytes(content[1])
                path.chmod(content[0])


def _files(folder: Path) -> dict[Path, tuple[int, bytes]]:
    plain = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path: (path.stat().st_mode & 0o7777, path.read_bytes()) for path in plain}


def play_all(
    names: Sequence[str], places: Mapping[str, Workplace], options: argparse.Namespace, known: listing.Listing
) -> list[Result]:
    """weft's results. Programs take turns, so that a slow moment of the machine hits them all."""
    for program in places:
        (LOGS / program).mkdir(parents=True, exist_ok=True)

    def both(name: str) -> dict[str, Result]:
        return {
            program: play(name, place, LOGS / program / f"{name}.log", options.limit)
            for program, place in places.items()
        }

    results = []
    with ThreadPoolExecutor(max_workers=options.jobs) as threads:
        for found in threads.map(both, names):
            results.append(found[WEFT])
            tell(found, known, options.tail)
            if options.record:
                for program, result in found.items():
                    report.keep(program, [result])
    return results


def tell(found: Mapping[str, Result], known: listing.Listing, tail: int) -> None:
    result, other = found[WEFT], found.get(ANSIBLE)
    line = f"{'pass' if result.passed else 'FAIL'} {result.target} {result.seconds:.1f} s"
    if other is not None:
        line += f" ({ANSIBLE}: {other.seconds:.1f} s{'' if other.passed else ', fails'})"
    if not result.passed:
        line += f": {known.reasons.get(result.target, report.UNEXPLAINED)}"
    print(line, flush=True)
    if not result.passed and result.target not in known.reasons:
        log = LOGS / WEFT / f"{result.target}.log"
        print("".join(f"    | {text}\n" for text in last_lines(log, tail)), end="", flush=True)


def play(name: str, place: Workplace, log: Path, limit: float) -> Result:
    """One target. A role's play must have got to its recap, whatever the exit status says."""
    start = time.monotonic()
    with place.prepared(name) as prepared:
        command = [sys.executable, keeper.__file__, str(limit), str(log), *prepared.command]
        done = subprocess.run(command, env=dict(prepared.environment), cwd=prepared.folder, check=False)
    passed = done.returncode == 0
    if passed and prepared.command[0] != "./runme.sh":
        passed = _RECAP.search(log.read_text(errors="replace")) is not None
    return Result(name, passed, round(time.monotonic() - start, 1))


def last_lines(log: Path, count: int) -> list[str]:
    lines = [line[:300] for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-count:] if count else []


def write_page(known: listing.Listing) -> None:
    PAGE.write_text(report.page(known, report.load(WEFT), report.load(ANSIBLE)))


def verdict(results: Sequence[Result], known: listing.Listing) -> int:
    """0 if all that failed is known to fail, with its reason."""
    failed = [result.target for result in results if not result.passed]
    print(f"{len(results) - len(failed)} of {len(results)} targets pass, in {sum(r.seconds for r in results):.0f} s")
    for group, members in known.groups.items():
        mine = [result for result in results if result.target in members]
        if mine and len(mine) < len(results):
            print(f"  {group}: {sum(result.passed for result in mine)} of {len(mine)}")
    surprising = [name for name in failed if name not in known.reasons]
    if surprising:
        print(f"these should pass: {', '.join(surprising)}; logs in {LOGS}")
    return 1 if surprising else 0


if __name__ == "__main__":
    sys.exit(main())
