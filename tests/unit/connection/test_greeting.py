"""The first output of a start line, and what is made of it."""

from __future__ import annotations

import pytest
from connection_kit import MemoryChannel, MemoryTransport, become

from weft.connection import bootstrap
from weft.connection.become import wrap
from weft.connection.bootstrap import MAX_JUNK, Failed, Greeting, Launch, NeedsTerminal, NoPython, Ready, Send, start
from weft.connection.channel import Ended
from weft.connection.errors import AgentFailed, AgentGone, BecomeFailed
from weft.model.errors import Unreachable, WeftError

PYTHON = b"WEFT-PYTHON /usr/bin/python3\n"
UP = b"WEFT-AGENT 1\n"
PROMPT = b"[sudo via weft, key=k] password:"


def plain() -> Greeting:
    return Greeting(None, b"program")


def becoming(**given: object) -> Greeting:
    return Greeting(wrap(become(**given), "/bin/sh -c :", key="k"), b"program")


def error(steps: list[bootstrap.Step]) -> WeftError:
    [step] = steps
    assert isinstance(step, Failed)
    return step.error


def test_the_program_goes_with_the_start_line() -> None:
    assert plain().opened() == [Send(b"program")]


def test_junk_before_it_is_passed_over_and_kept() -> None:
    greeting = plain()
    greeting.opened()
    steps = greeting.out(b"Welcome!\r\nno newline at the end" + PYTHON + b"more junk\n" + UP + b"\0\0frames")
    assert steps == [Ready("/usr/bin/python3", b"\0\0frames")]
    assert greeting.junk == "Welcome!\r\nno newline at the endmore junk"


def test_it_may_come_in_pieces() -> None:
    greeting = plain()
    greeting.opened()
    whole = b"hi\n" + PYTHON + UP + b"rest"
    steps = [step for index in range(len(whole)) for step in greeting.out(whole[index : index + 1])]
    assert steps == [Ready("/usr/bin/python3", b"")]


def test_a_quoted_command_line_is_not_taken_for_the_interpreter() -> None:
    greeting = plain()
    assert greeting.out(b'not allowed to execute \'/bin/sh -c echo "WEFT-PYTHON $q"; exec "$q"\'\n') == []


def test_a_host_without_python() -> None:
    greeting = plain()
    greeting.opened()
    assert greeting.out(b"hello\nWEFT-NO-PYTHON\n") == [NoPython()]


def test_too_much_junk_is_an_error_that_shows_its_beginning() -> None:
    assert "More than 65536 bytes came before the agent's: 'spamspam" in str(error(plain().out(b"spam" * MAX_JUNK)))


def test_sudo_without_a_password_costs_no_round_trip() -> None:
    assert becoming().opened() == [Send(b"program")]


def test_the_program_waits_for_the_prompt() -> None:
    greeting = becoming(password="geheim")
    assert greeting.opened() == []
    assert greeting.error(PROMPT) == [Send(b"geheim\n", secret=True)]
    assert greeting.out(PYTHON) == [Send(b"program")]
    assert greeting.out(UP) == [Ready("/usr/bin/python3", b"")]


def test_a_password_that_is_not_asked_for_is_not_sent() -> None:
    greeting = becoming(password="geheim")
    assert greeting.out(PYTHON + UP) == [Send(b"program"), Ready("/usr/bin/python3", b"")]


def test_a_secret_does_not_show() -> None:
    assert "geheim" not in repr(becoming(password="geheim").error(PROMPT)) + repr(becoming(password="geheim"))


def test_a_wrong_password() -> None:
    greeting = becoming(password="x")
    greeting.error(PROMPT)
    failed = error(greeting.error(b"Sorry, try again.\n"))
    assert isinstance(failed, BecomeFailed) and failed.message == "Incorrect sudo password"


def test_a_missing_password() -> None:
    failed = error(becoming().error(b"sudo: a password is required\n"))
    assert isinstance(failed, BecomeFailed) and failed.message == "Missing sudo password"


def test_any_other_refusal_is_quoted() -> None:
    greeting = becoming()
    greeting.error(b"me is not in the sudoers file.\n")
    failed = error(greeting.ended(Ended(rc=1)))
    assert isinstance(failed, BecomeFailed)
    assert failed.message == "Failed to become 'app' with sudo: me is not in the sudoers file."
    assert failed.result["rc"] == 1


def test_requiretty_asks_for_a_terminal() -> None:
    assert becoming().error(b"sudo: sorry, you must have a tty to run sudo\n") == [NeedsTerminal()]


def test_python_that_can_not_run_the_agent() -> None:
    greeting = plain()
    greeting.out(PYTHON)
    greeting.error(b"SyntaxError: invalid syntax\n")
    failed = error(greeting.ended(Ended(rc=1)))
    assert isinstance(failed, AgentFailed)
    assert failed.message == "The agent could not start under /usr/bin/python3: SyntaxError: invalid syntax"


def test_a_link_that_goes_is_unreachable() -> None:
    failed = error(plain().ended(Ended(reason="Failed to connect to the host via ssh: no route")))
    assert isinstance(failed, Unreachable) and failed.message == "Failed to connect to the host via ssh: no route"


def test_an_agent_that_nobody_waits_in() -> None:
    greeting = plain()
    assert isinstance(error(greeting.out(PYTHON + b"WEFT-GONE [Errno 2] No such file\n")), AgentGone)


# over a channel


async def test_requiretty_is_tried_again_on_a_terminal() -> None:
    def host(command: str, channel: MemoryChannel) -> None:
        if "stty raw -echo" in command:
            channel.say(PYTHON + UP)
        else:
            channel.complain(b"sudo: sorry, you must have a tty to run sudo\n")

    transport = MemoryTransport(host)
    started = await start(transport, Launch(command="/bin/sh -c :", become=become()))
    assert started is not None and transport.ptys == [False, True]
    await transport.close()


async def test_no_prompt_in_time_is_unreachable() -> None:
    transport = MemoryTransport(lambda command, channel: channel.complain(b"Your card, please\n"))
    with pytest.raises(Unreachable, match=r"Timeout \(0s\) waiting for privilege escalation prompt: Your card"):
        await start(transport, Launch(command="/bin/sh -c :", become=become(password="x"), timeout=0.01))
    assert transport.channels[0].ended


async def test_no_prompt_in_time_on_this_machine() -> None:
    transport = MemoryTransport(lambda command, channel: channel.complain(b"Your card, please\n"))
    words = (
        r"^Timed out waiting for become success or become password prompt\.\n>>> Standard Output\nYour card, please$"
    )
    with pytest.raises(Unreachable, match=words):
        await start(transport, Launch(command="/bin/sh -c :", become=become(password="x"), timeout=0.01, local=True))
    with pytest.raises(Unreachable, match=r"^Timed out waiting for become success\."):
        await start(transport, Launch(command="/bin/sh -c :", become=become(), timeout=0.01, local=True))


async def test_no_agent_in_time_is_unreachable() -> None:
    transport = MemoryTransport(lambda command, channel: channel.say(b"still booting\n"))
    with pytest.raises(Unreachable, match=r"did not start within 0 seconds\. still booting"):
        await start(transport, Launch(command="/bin/sh -c :", patience=0.01))
    assert transport.channels[0].ended
