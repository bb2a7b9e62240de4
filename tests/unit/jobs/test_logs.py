"""What jobs print: whole, in pieces, of several at once."""

from __future__ import annotations

from typing import Any

from jobs_kit import Fleet, ended, listed

from tests.support.fake_session import Call
from weft.connection.api import Reply


class Log:
    """A log file that grows while it is read: each piece is there after so many reads."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.reads: list[float] = []

    def __call__(self, call: Call) -> Reply:
        self.reads.append(call.at)
        grown = b"".join(self._pieces[: len(self.reads)])
        data = grown[call.arguments["offset"] :][: call.arguments["length"]]
        end = call.arguments["offset"] + len(data)
        return Reply({"offset": end, "eof": end >= len(grown), "finished": False}, data)


def fleet_with(host: str, logs: dict[str, Any], **more: Any) -> Fleet:
    fleet = Fleet(host)
    fleet.has(host, *(listed(jid, **more) for jid in logs))
    for jid, log in logs.items():
        fleet.sessions.host(host).answers("job.log", log, when=lambda call, jid=jid: call.arguments["jid"] == jid)
    return fleet


def test_one_log_is_printed_as_it_is():
    assert fleet_with("web", {"j1.1": Log(b"a\r\nb\xff\nrest")}).run("logs").out == "a\r\nb�\nrest"


def test_lines_of_several_say_whose_they_are():
    fleet = fleet_with("web", {"j1.1": Log(b"a\nb"), "j2.2": Log(b"c\n")})
    assert fleet.run("logs").out == "web/j1.1: a\nweb/j1.1: b\nweb/j2.2: c\n"


def test_following_prints_pieces_as_they_come_and_ends_with_the_job():
    log = Log(b"a", b"b\xc3", b"\xbc\n", b"", b"", b"last")
    fleet = fleet_with("web", {"j1.1": log})
    fleet.ends("web", 20, ended("j1.1"))
    shown = fleet.run("logs", follow=True)
    assert shown.out == "abü\nlast"
    assert shown.seconds == 20
    assert log.reads[-1] == 20, "it is read once more when the job has ended"


def test_a_quiet_log_is_looked_at_less_and_less_often():
    log = Log()
    fleet = fleet_with("web", {"j1.1": log})
    fleet.ends("web", 3600, ended("j1.1"))
    fleet.run("logs", follow=True)
    assert len(log.reads) < 3620


def test_following_several_prints_whole_lines():
    fleet = fleet_with("web", {"j1.1": Log(b"a1\na", b"2\n"), "j2.2": Log(b"b", b"1")})
    fleet.ends("web", 5, ended("j1.1"))
    fleet.ends("web", 5, ended("j2.2"))
    lines = fleet.run("logs", follow=True).out.splitlines()
    assert sorted(lines) == ["web/j1.1: a1", "web/j1.1: a2", "web/j2.2: b1"]


def test_a_job_of_ansible_has_its_output_in_its_result():
    fleet = fleet_with("web", {"j1.1": Log()}, foreign=True, finished=1)
    fleet.ends("web", 0, ended("j1.1", stdout="said", stderr="and warned"))
    assert fleet.run("logs").out == "said\nand warned\n"


def test_a_job_under_no_log_keeps_none():
    shown = fleet_with("web", {"j1.1": Log()}, no_log=True).run("logs")
    assert (shown.out, shown.code) == ("", 0)
    assert shown.err == "web: j1.1 keeps no log: 'no_log: true'\n"


def test_logs_in_one_document():
    document = fleet_with("web", {"j1.1": Log(b"a\nb"), "j2.2": Log(b"c")}).run("logs", json=True).document
    assert document["jobs"] == [
        {"host": "web", "jid": "j1.1", "log": "a\nb"},
        {"host": "web", "jid": "j2.2", "log": "c"},
    ]
