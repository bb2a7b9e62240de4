"""`make conformance`: what is played, what is left out, what is said of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conformance import keeper, listing, report
from conformance.listing import Cut, StaleCut
from conformance.report import Result
from conformance.suite import Suite, Target


@pytest.fixture
def known():
    return listing.read()


def test_every_target_is_in_one_group(known):
    names = [name for members in known.groups.values() for name in members]
    assert len(names) == len(set(names))


def test_what_is_said_of_targets_is_said_of_listed_ones(known):
    names = {name for members in known.groups.values() for name in members}
    assert set(known.gate) <= names
    assert {cut.target for cut in known.cuts} <= names
    assert set(known.reasons) <= names
    assert not set(known.gate) & set(known.reasons)


TEXT = "one\ntwo three\nfour\n"


@pytest.mark.parametrize(
    ("cut", "rest"),
    [
        ({"lines": "three"}, "one\nfour\n"),
        ({"start": "two"}, "one\n"),
        ({"start": "one", "until": "four"}, "four\n"),
        ({"text": "two", "by": "2"}, "one\n2 three\nfour\n"),
    ],
)
def test_parts_of_files_are_left_out(cut, rest):
    assert Cut("t", "f", "w", **cut).applied(TEXT) == rest


@pytest.mark.parametrize("cut", [{"lines": "five"}, {"start": "five"}, {"text": "five"}])
def test_a_cut_for_another_release_is_an_error(cut):
    with pytest.raises(StaleCut, match="t/f"):
        Cut("t", "f", "w", **cut).applied(TEXT)


def target(root, name, aliases="", **files):
    folder = root / "test/integration/targets" / name
    (folder / "meta").mkdir(parents=True)
    (folder / "aliases").write_text(aliases)
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def test_targets_lie_beside_what_they_name(tmp_path):
    target(tmp_path, "setup_one")
    target(tmp_path, "two", "needs/target/three\n# needs/target/four\n")
    target(tmp_path, "three")
    target(tmp_path, "four")
    one = target(tmp_path, "one", "context/controller\nsetup/always/two\nenv/set/NAME/a value\n")
    (one / "meta" / "main.yml").write_text("dependencies:\n  - setup_one\n")
    (one / "linked").symlink_to("../four/aliases")
    suite = Suite(tmp_path)
    assert [other.name for other in suite.needed_by("one")] == ["four", "setup_one", "three", "two"]
    assert suite.targets["one"].environment == {"NAME": "a value"}
    assert suite.targets["setup_one"].is_helper


def test_a_script_makes_a_target_a_program(tmp_path):
    folder = target(tmp_path, "setup_it", **{"runme.sh": "#!/bin/sh\n"})
    assert Target(folder).has_script
    assert not Target(folder).is_helper


def kept(tmp_path, command, limit="60"):
    log = tmp_path / "log"
    done = subprocess.run([sys.executable, keeper.__file__, limit, str(log), "sh", "-c", command], check=False)
    return done.returncode, log.read_text()


def test_a_target_has_its_exit_status_and_its_output_in_a_log(tmp_path):
    assert kept(tmp_path, "echo out; echo err >&2; exit 3") == (3, "out\nerr\n")


def test_nothing_that_a_target_starts_outlives_it(tmp_path):
    code, printed = kept(tmp_path, "setsid sleep 300 >/dev/null 2>&1 & echo $!")
    assert code == 0
    assert int(printed) not in keeper.descendants(1)


def test_a_target_that_takes_too_long_is_ended(tmp_path):
    assert kept(tmp_path, "sleep 300", "0.2") == (keeper.TIMED_OUT, "")


def test_the_page_says_what_passes_and_why_the_rest_does_not(known):
    groups = {"async": ("one", "two", "three")}
    few = listing.Listing(groups, {"async": "jobs"}, ("one",), (Cut("one", "f", "downloads"),), {"two": "private"})
    weft = {"one": Result("one", True, 1.0), "two": Result("two", False, 2.0), "three": Result("three", False, 3.0)}
    text = report.page(few, weft, {"one": Result("one", True, 10.0), "two": Result("two", False, 9.0)})
    assert "| one | yes |  | 1.0 | 10.0 |" in text
    assert "| two | **no** | private | 2.0 | fails |" in text
    assert f"| three | **no** | {report.UNEXPLAINED} | 3.0 |  |" in text
    assert "- one: a part that downloads" in text
