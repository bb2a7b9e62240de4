"""``python -m tools.realcontent``: see the package's first lines."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.realcontent.listing import QUESTIONS, SEPARATE, Command, Compared, Remembered
from tools.realcontent.sources import SOURCES, Content, Source, roles_path, working_folder

HOSTS = "[web]\nweb1\nweb2\n\n[db]\ndb1\n"
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    options = parse()
    cache = Path(options.cache).resolve()
    content = Content(Path(options.content).resolve() if options.content else cache / "content")
    with tempfile.TemporaryDirectory(prefix="weft-home-") as home:
        layout = cache / "layout"
        found = {**content.lay_out(layout), "HOME": home, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "200"}
        peer = Command("ansible", (f"{options.bin}/ansible-playbook",), {**found, "HOME": str(cache)})
        own = {**found, "PYTHONPATH": str(ROOT / "src")}
        weft = Command("weft", (f"{options.bin}/python", "-m", "weft", "play"), own)
        if options.what == "run":
            return run_all(options, layout, peer, weft)
        wanted = [source for source in SOURCES if not options.only or any(part in source.name for part in options.only)]
        return list_all(options, layout, content, wanted, Remembered(peer, cache / "answers"), weft)


def parse() -> argparse.Namespace:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser = argparse.ArgumentParser(prog="realcontent", description="real content under weft and ansible-playbook")
    parser.add_argument("what", choices=["list", "run"], help="what is compared")
    parser.add_argument("only", nargs="*", help="repositories, or roles, whose name contains one of these")
    parser.add_argument("--content", help="folder with checkouts, as OWNER/NAME; what is missing there is cloned")
    parser.add_argument("--cache", default=os.path.join(cache, "weft", "realcontent"), help="where things are kept")
    parser.add_argument("--bin", default=os.path.dirname(sys.executable), help="folder with ansible-playbook")
    parser.add_argument("--playbook", help="only playbooks whose path contains this")
    parser.add_argument("--each", action="store_true", help="one command for each list instead of one for all")
    parser.add_argument("--jobs", type=int, default=2, help="comparisons at once (default: 2)")
    parser.add_argument("--differences", help="folder for a diff of each playbook that isn't the same")
    return parser.parse_intermixed_args()


def list_all(
    options: argparse.Namespace, layout: Path, content: Content, wanted: list[Source], peer: Remembered, weft: Command
) -> int:
    hosts = layout / "hosts.ini"
    hosts.write_text(HOSTS)
    work = [
        (playbook, question, working_folder(playbook, content.checkout(source)), inventory(source, content, hosts))
        for source, playbook in playbooks(content, wanted, layout)
        if not options.playbook or options.playbook in str(playbook)
        for question in (SEPARATE if options.each else QUESTIONS)
    ]

    def compare(playbook: Path, question: tuple[str, ...], folder: Path, hosts: Path) -> Compared:
        arguments = ["-i", str(hosts), os.path.relpath(playbook, folder), *question]
        found = roles_path(folder, peer.environment)
        answers = (command.told(found).ask(arguments, folder) for command in (peer, weft))
        return Compared(str(playbook), question, *answers)

    with ThreadPoolExecutor(options.jobs) as pool:
        return report(pool.map(lambda one: compare(*one), work), options.differences)


def run_all(options: argparse.Namespace, layout: Path, peer: Command, weft: Command) -> int:
    """Each role on fresh hosts with both commands, one after the other: they share ports and package servers."""
    from tools.realcontent.running import CASES, difference, play

    differ = 0
    for case in CASES:
        if options.only and not any(part in case.role for part in options.only):
            continue
        played = [play(case, command, layout, {"ANSIBLE_PIPELINING": "1"}) for command in (peer, weft)]
        found = difference(case, *played)
        differ += bool(found)
        seconds = " ".join(
            f"{one.command} {'+'.join(f'{answer.seconds:.0f}' for answer in one.answers)} s" for one in played
        )
        print(f"{'differs' if found else 'same'} {case.role}: {seconds}; {played[0].outcomes()[-1]}", flush=True)
        if options.differences:
            folder = Path(options.differences)
            folder.mkdir(parents=True, exist_ok=True)
            for one in played:
                text = "\n".join(answer.stdout + answer.stderr for answer in one.answers)
                (folder / f"{case.role}.{one.command}").write_text(text)
        if found:
            print(found)
    return 1 if differ else 0


def playbooks(content: Content, wanted: list[Source], layout: Path) -> list[tuple[Source, Path]]:
    own = [(source, path) for source, path in content.role_playbooks(layout) if source in wanted]
    return [*own, *((source, path) for source in wanted for path in content.playbooks(source))]


def inventory(source: Source, content: Content, hosts: Path) -> Path:
    return content.checkout(source) / source.inventory if source.inventory else hosts


def report(results: Iterable[Compared], differences: str | None) -> int:
    """One line for each that isn't the same as soon as that is known, and the sums."""
    count: Counter[str] = Counter()
    seconds = [0.0, 0.0]
    for result in results:
        count[result.verdict] += 1
        seconds[0] += result.expected.seconds
        seconds[1] += result.given.seconds
        if result.verdict in ("differs", "messages"):
            print(f"{result.verdict:9} {result.playbook} {' '.join(result.question)}", flush=True)
            if differences:
                os.makedirs(differences, exist_ok=True)
                name = f"{count.total():04}-{Path(result.playbook).stem}.{result.verdict}"
                Path(differences, name).write_text(result.difference())
    print(", ".join(f"{number} {verdict}" for verdict, number in sorted(count.items())))
    times = seconds[0] / (seconds[1] or 1)
    print(f"ansible-playbook {seconds[0]:.1f} s, weft {seconds[1]:.1f} s: {times:.1f} times as long")
    return 1 if count["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
