"""ssh_config(5), read as OpenSSH reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from weft.connection.ssh.arguments import parse_arguments
from weft.connection.ssh.resolve import Question, Values, matches, resolve
from weft.connection.ssh.syntax import BadConfig, Section, Setting, parse, parse_line, read, split


def sections(text: str) -> tuple[Section, ...]:
    return parse(text, "config", lambda pattern: ())


def values(text: str, host: str = "web1", *, arguments: str = "", system: str = "", user: str = "me") -> Values:
    question = Question(host, parse_arguments(arguments).settings, user)
    return resolve(question, [sections(text), sections(system)])


def test_the_first_value_counts() -> None:
    found = values(
        "Port 1\nHost web*\n  Port 2\n  User a\nHost *\n  User b\n", system="User c\nPort 3\nCompression yes"
    )
    assert (found.get("port"), found.get("user"), found.get("compression")) == ("1", "a", "yes")


def test_arguments_come_before_files() -> None:
    assert values("Port 1", arguments="-p 5 -o User=x").get("port") == "5"


def test_identity_files_add_up() -> None:
    found = values("Host web1\nIdentityFile a\nHost *\nIdentityFile b", arguments="-i c")
    assert found.each("identityfile") == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("patterns", "host", "expected"),
    [
        (["web?"], "web1", True),
        (["*", "!web1"], "web1", False),
        (["!web1", "*"], "web2", True),
        (["!web1"], "web2", False),
        (["[ab]"], "a", False),
        (["10.0.0.*"], "10.0.0.7", True),
    ],
)
def test_patterns(patterns: list[str], host: str, expected: bool) -> None:
    assert matches(patterns, host) is expected


def test_match_blocks() -> None:
    text = """
Match host web* user me
  Port 1
Match originalhost db1 all
  Port 2
Match localuser me !host web*
  Port 3
Match exec "true"
  Compression yes
Match exec "false"
  Compression no
"""
    assert values(text).get("port") == "1"
    assert values(text, "db1").get("port") == "2"
    assert values(text, "x").get("port") == "3"
    assert values(text, "x").get("compression") == "yes"


def test_match_sees_the_real_name() -> None:
    text = "Host alias\n  HostName real.example\nMatch host real.example\n  Port 7\n"
    assert values(text, "alias").get("port") == "7"


def test_match_final_is_a_second_look() -> None:
    text = "Match final host real.example\n  Port 7\nHost alias\n  HostName real.example\n  IdentityFile k\n"
    found = values(text, "alias")
    assert found.get("port") == "7"
    assert found.each("identityfile") == ["k"]


def test_a_criterion_that_is_not_known_is_remembered() -> None:
    assert values("Match localnetwork 10.0.0.0/8\n Port 1").unknown_criteria == ["localnetwork"]


def test_included_files_are_under_the_block_they_stand_in(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("Port 1\nHost other\n  User o\n")
    (tmp_path / "config").write_text(f"Host web*\n  Include {tmp_path}/*.conf\n  Compression yes\n")
    files = [read(str(tmp_path / "config"), user=True)]
    assert resolve(Question("web1"), files).get("port") == "1"
    assert resolve(Question("web1"), files).get("compression") == "yes"
    assert resolve(Question("db"), files).get("port") is None
    assert resolve(Question("other"), files).get("user") is None


def test_a_file_that_includes_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"Include {tmp_path}/config\n")
    with pytest.raises(BadConfig, match="Too many recursive"):
        read(str(tmp_path / "config"), user=True)


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    assert read(str(tmp_path / "none"), user=True) == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Port=22", ("port", ("22",))),
        ("Port = 22", ("port", ("22",))),
        ("  port   22  ", ("port", ("22",))),
        ('IdentityFile "a b" # c', ("identityfile", ("a b",))),
        ("SendEnv A B", ("sendenv", ("A", "B"))),
        ("ProxyCommand ssh -W '[%h]:%p' gw # x", ("proxycommand", ("ssh -W '[%h]:%p' gw # x",))),
        ("ChallengeResponseAuthentication no", ("kbdinteractiveauthentication", ("no",))),
    ],
)
def test_lines(line: str, expected: tuple[str, tuple[str, ...]]) -> None:
    assert parse_line(line, "w") == Setting(*expected, "w")


@pytest.mark.parametrize("line", ["", "   ", "# Port 22", "  # x"])
def test_comments(line: str) -> None:
    assert parse_line(line, "w") is None


def test_words() -> None:
    assert split(r'a "b c" d\"e \\ "x\"y"', "w") == ["a", "b c", 'd"e', "\\", 'x"y']
    with pytest.raises(BadConfig, match="invalid quotes"):
        split('"a', "w")


def test_a_keyword_alone_is_an_error() -> None:
    with pytest.raises(BadConfig, match="line 2"):
        sections("Port 1\nUser\n")


@pytest.mark.parametrize(
    ("arguments", "settings", "file", "unknown"),
    [
        ("-o Port=1 -oUser=a", [("port", "1"), ("user", "a")], None, ()),
        ("-4Cp 22", [("addressfamily", "inet"), ("compression", "yes"), ("port", "22")], None, ()),
        ("-p22 -l me -J gw", [("port", "22"), ("user", "me"), ("proxyjump", "gw")], None, ()),
        ("-F none -tt -vvv", [], "none", ()),
        ("-o 'ProxyCommand=nc %h %p'", [("proxycommand", "nc %h %p")], None, ()),
        ("-W x:1", [], None, ("-W", "x:1")),
        ('-o "StrictHostKeyChecking no"', [("stricthostkeychecking", "no")], None, ()),
    ],
)
def test_arguments(arguments: str, settings: list[tuple[str, str]], file: str | None, unknown: tuple[str, ...]) -> None:
    line = parse_arguments(arguments)
    assert [(setting.keyword, setting.args[0]) for setting in line.settings] == settings
    assert (line.file, line.unknown) == (file, unknown)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH here to compare with")
@pytest.mark.parametrize("host", ["web1", "alias", "db.example", "deep"])
def test_as_openssh_itself_resolves_it(tmp_path: Path, host: str) -> None:
    (tmp_path / "more").write_text("Host deep\n  Port 99\nHost *\n  TCPKeepAlive no\n")
    config = tmp_path / "config"
    config.write_text(f"""
Host alias
  HostName real.%h.example
  User "a b"
Match host real.* user "a b"
  Port 2201
Host web*,!web2 *.example
  Port 2202
  ServerAliveInterval 7
Include {tmp_path}/more
Host !alias *
  HostKeyAlias=k
  StrictHostKeyChecking accept-new
""")
    done = subprocess.run(
        ["ssh", "-G", "-F", str(config), "-o", "Compression=yes", host], capture_output=True, text=True, check=True
    )
    theirs = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    ours = resolve(
        Question(host, parse_arguments("-o Compression=yes").settings, theirs["user"]), [read(str(config), user=True)]
    )
    for keyword in ("user", "port", "compression", "serveraliveinterval", "tcpkeepalive", "hostkeyalias"):
        if ours.get(keyword) is not None:
            assert ours.get(keyword) == theirs[keyword], keyword
    assert (theirs["port"] == "22") == (ours.get("port") is None)
