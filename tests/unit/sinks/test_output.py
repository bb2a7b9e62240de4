"""Text leaves in order, without holding up the run, and to the last line."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time

import weft
from weft.sinks.output import Output

SOURCES = os.path.dirname(os.path.dirname(os.path.abspath(weft.__file__)))


class Recorder(io.StringIO):
    """Notes in ``log`` which stream was written."""

    def __init__(self, name, log):
        super().__init__()
        self.name, self.log = name, log

    def write(self, text):
        self.log.append((self.name, text))
        return len(text)


class Gate(io.StringIO):
    """A terminal that somebody stopped with Ctrl-S, until ``opened``."""

    def __init__(self):
        super().__init__()
        self.opened = threading.Event()

    def write(self, text):
        self.opened.wait()
        return super().write(text)


def test_order_is_kept_over_both_streams():
    log = []
    first, second = Recorder("out", log), Recorder("err", log)
    output = Output()
    for number in range(3):
        output.write(first, f"{number}\n")
        output.write(second, f"!{number}\n")
    output.close()
    assert "".join(text for _, text in log) == "0\n!0\n1\n!1\n2\n!2\n"


def test_a_line_leaves_though_nothing_follows():
    out = threading.Event()

    class Told(io.StringIO):
        def write(self, text):
            out.set()
            return len(text)

    output = Output()
    output.write(Told(), "one\n")
    assert out.wait(60)
    output.close()


def test_a_stopped_terminal_does_not_hold_up_the_writer():
    gate = Gate()
    output = Output()
    began = time.monotonic()
    for number in range(1000):
        output.write(gate, f"{number}\n")
    assert time.monotonic() - began < 1
    gate.opened.set()
    output.close()
    assert gate.getvalue().count("\n") == 1000


def test_the_queue_is_bounded_and_loses_nothing():
    gate = Gate()
    output = Output(capacity=10)

    def fill():
        for _ in range(10):
            output.write(gate, "12345\n")

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    gate.opened.set()
    thread.join()
    output.close()
    assert gate.getvalue() == "12345\n" * 10


def test_flush_waits_until_all_is_out():
    stream = io.StringIO()
    output = Output()
    output.write(stream, "a")
    output.flush()
    assert stream.getvalue() == "a"
    output.close()


def test_what_is_written_after_the_end_still_comes_out():
    stream = io.StringIO()
    output = Output()
    output.write(stream, "a")
    output.close()
    output.write(stream, "b")
    output.close()
    assert stream.getvalue() == "ab"


def test_a_stream_that_breaks_is_left_out_and_the_others_go_on():
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    good = io.StringIO()
    output = Output()
    output.write(Broken(), "a")
    output.write(good, "b")
    output.close()
    assert good.getvalue() == "b"


SCRIPT = """
import sys
from weft.sinks.output import Output, Streams
streams, output = Streams.standard(), Output()
for number in range(20000):
    output.write(streams.stdout, f"{number} \\udc80\\n")
if "close" in sys.argv:
    output.close()
"""


def run(shell):
    command = ["bash", "-c", f"set -o pipefail; {shell}", "-", sys.executable, SCRIPT]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=20, env={**os.environ, "PYTHONPATH": SOURCES}
    )


def test_a_reader_that_goes_away_is_no_error():
    ended = run('"$1" -c "$2" close | head -n 1')
    assert ended.stdout == "0 ?\n"
    assert ended.stderr == ""


def test_nothing_is_lost_where_nobody_closed():
    ended = run('"$1" -c "$2" | tail -n 1')
    assert (ended.stdout, ended.stderr, ended.returncode) == ("19999 ?\n", "", 0)
