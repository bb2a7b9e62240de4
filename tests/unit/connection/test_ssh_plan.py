"""What a connection will be, from a target and the user's ssh configuration."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from weft.connection.api import Target
from weft.connection.ssh.algorithms import HOST_KEYS, NoneLeft, choose, host_keys
from weft.connection.ssh.plan import Files, Plan, make
from weft.connection.ssh.syntax import BadConfig


def plan(
    config: str = "", *, tmp: Path, system: str = "", environment: dict[str, str] | None = None, **given: Any
) -> Plan:
    (tmp / "config").write_text(config)
    (tmp / "system").write_text(system)
    files = Files(str(tmp / "config"), str(tmp / "system"), environment or {})
    return make(Target(**{"host": "web1", **given}), files, "me")


def test_nothing_said(tmp_path: Path) -> None:
    made = plan(tmp=tmp_path)
    assert (made.host, made.port, made.user, made.methods) == ("web1", 22, "me", ("publickey",))
    assert made.host_keys.strict == "ask" and made.host_keys.name == "web1"
    assert made.unsupported == () and not made.compression and made.agent is None
    assert made.identities[-1].endswith("/.ssh/id_ed25519_sk") and not made.told_identities


def test_the_target_beats_the_files(tmp_path: Path) -> None:
    made = plan("User a\nPort 1\nHostName real", tmp=tmp_path, user="b", port=2, private_key_file="/k", timeout=3)
    assert (made.host, made.port, made.user, made.connect_timeout) == ("real", 2, "b", 3.0)
    assert made.identities == ("/k",) and made.told_identities


def test_a_port_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="Bad port '99999'"):
        plan(tmp=tmp_path, port=99999)


def test_ssh_args_beat_the_target_and_common_args_do_not(tmp_path: Path) -> None:
    made = plan(tmp=tmp_path, user="b", port=2, ssh_args="-o User=x", ssh_common_args="-p 3 -o BindAddress=::1")
    assert (made.user, made.port, made.bind_address) == ("x", 2, "::1")


def test_with_a_password(tmp_path: Path) -> None:
    assert plan(tmp=tmp_path, password="x").methods == ("publickey", "keyboard-interactive", "password")
    assert plan("PreferredAuthentications password", tmp=tmp_path, password="x").methods == ("password",)
    assert plan("PubkeyAuthentication no", tmp=tmp_path).methods == ()


def test_host_key_checking(tmp_path: Path) -> None:
    made = plan("UserKnownHostsFile /a /b", tmp=tmp_path, host_key_checking=False, port=2222)
    assert made.host_keys.strict == "no" and made.host_keys.user_files == ("/a", "/b")
    assert (made.host_keys.name, made.host_keys.plain_name) == ("[web1]:2222", "web1")
    alias = plan("HostKeyAlias x\nHashKnownHosts yes\nStrictHostKeyChecking accept-new", tmp=tmp_path, port=2222)
    assert (alias.host_keys.name, alias.host_keys.plain_name) == ("x", None)
    assert alias.host_keys.hash_new and alias.host_keys.strict == "accept-new"


def test_tokens_and_homes_in_paths(tmp_path: Path) -> None:
    made = plan("IdentityFile /keys/%n-%r-%p\nProxyCommand nc %h %p", tmp=tmp_path, user="u", port=9)
    assert made.identities == ("/keys/web1-u-9",)
    assert made.proxy_command == "nc web1 9"
    with pytest.raises(BadConfig, match="unknown token %z"):
        plan("IdentityFile %z", tmp=tmp_path)


def test_the_agent(tmp_path: Path) -> None:
    environment = {"SSH_AUTH_SOCK": "/agent", "OTHER": "/other"}
    assert plan(tmp=tmp_path, environment=environment).agent == "/agent"
    assert plan("IdentityAgent none", tmp=tmp_path, environment=environment).agent is None
    assert plan("IdentityAgent $OTHER", tmp=tmp_path, environment=environment).agent == "/other"
    forwarding = plan("ForwardAgent yes", tmp=tmp_path, environment=environment)
    assert (forwarding.forward_agent, plan(tmp=tmp_path, environment=environment).forward_agent) == ("/agent", None)


def test_environment(tmp_path: Path) -> None:
    environment = {"LANG": "C", "LC_ALL": "C", "HOME": "/h"}
    made = plan("SendEnv LANG LC_*\nSendEnv -LC_*\nSetEnv A=1 B=2", tmp=tmp_path, environment=environment)
    assert made.environment == (("LANG", "C"), ("A", "1"), ("B", "2"))


def test_signs_of_life(tmp_path: Path) -> None:
    assert plan(tmp=tmp_path).keepalive == (15.0, 4)
    assert plan("ServerAliveInterval 1m", tmp=tmp_path).keepalive == (60.0, 3)
    assert plan("ServerAliveInterval 0", tmp=tmp_path).keepalive[0] == 0


def test_jump_hosts_have_their_own_options(tmp_path: Path) -> None:
    made = plan(
        "Host gw\n  HostName gw.example\n  User hopper\n  ProxyJump outer:23\nHost web1\n  ProxyJump gw",
        tmp=tmp_path, user="me2", host_key_checking=False,
    )  # fmt: skip
    assert made.jump is not None and made.jump.jump is not None
    assert (made.jump.host, made.jump.user, made.jump.host_keys.strict) == ("gw.example", "hopper", "ask")
    assert (made.jump.jump.host, made.jump.jump.port, made.jump.jump.user) == ("outer", 23, "me")


def test_jumps_on_the_command_line(tmp_path: Path) -> None:
    made = plan(tmp=tmp_path, ssh_common_args="-J a@one:1,ssh://[::1]:2")
    assert made.jump is not None and made.jump.jump is not None
    assert (made.jump.host, made.jump.port) == ("::1", 2)
    assert (made.jump.jump.host, made.jump.jump.port, made.jump.jump.user) == ("one", 1, "a")


def test_jumps_in_a_circle_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="too many jump hosts"):
        plan("Host *\n  ProxyJump x", tmp=tmp_path)


def test_the_first_of_command_and_jump_counts(tmp_path: Path) -> None:
    made = plan("Host web1\n  ProxyCommand nc %h %p\n  ProxyJump gw", tmp=tmp_path)
    assert made.jump is None and made.proxy_command == "nc web1 22"
    made = plan("Host web1\n  ProxyJump gw\n  ProxyCommand nc %h %p", tmp=tmp_path)
    assert made.jump is not None and made.proxy_command is None


def test_address_family(tmp_path: Path) -> None:
    assert plan(tmp=tmp_path, ssh_extra_args="-6").family == socket.AF_INET6


@pytest.mark.parametrize(
    "config",
    [
        "VerifyHostKeyDNS yes", "PKCS11Provider /x.so", "HostbasedAuthentication yes", "KnownHostsCommand /x",
        "RevokedHostKeys /r", "GSSAPIAuthentication yes", "NoSuchOption 1", "CanonicalizeHostname always",
        "Match localnetwork 10.0.0.0/8\n  Port 1",
    ],
)  # fmt: skip
def test_what_only_openssh_can_do(tmp_path: Path, config: str) -> None:
    [why] = plan(config, tmp=tmp_path).unsupported
    assert why.split()[0].lower() in config.lower()


@pytest.mark.parametrize(
    "config",
    [
        "ControlMaster auto\nControlPath ~/x\nControlPersist 60", "VerifyHostKeyDNS no", "LocalForward 1 x:1",
        "ForwardX11 yes", "IgnoreUnknown My*\nMyOption 1", "LogLevel ERROR\nIPQoS throughput", "PKCS11Provider none",
    ],
)  # fmt: skip
def test_what_makes_no_difference(tmp_path: Path, config: str) -> None:
    assert plan(config, tmp=tmp_path).unsupported == ()


def test_a_distribution_s_kerberos_is_no_request_for_it(tmp_path: Path) -> None:
    files = Files(str(tmp_path / "none"), "/etc/ssh/ssh_config", {})
    files._read["/etc/ssh/ssh_config"] = ()
    assert make(Target(host="h"), files, "me").unsupported == ()


def test_forwarding_by_argument_is_meant(tmp_path: Path) -> None:
    assert plan(tmp=tmp_path, ssh_extra_args="-L 1:x:1").unsupported == ("localforward (<arguments>)",)
    assert plan(tmp=tmp_path, ssh_extra_args="-O check").unsupported == ("-O", "check")


def test_equal_targets_make_equal_plans(tmp_path: Path) -> None:
    made = plan("Port 3", tmp=tmp_path)
    assert made == replace(made) and hash(made) == hash(replace(made))


# algorithms


def test_lists_of_algorithms() -> None:
    supported = ["a", "b", "c", "x1", "x2"]
    assert choose(None, ["b", "z", "a"], supported, "O") == ["b", "a"]
    assert choose("+c,x*", ["a"], supported, "O") == ["a", "c", "x1", "x2"]
    assert choose("^c", ["a", "c"], supported, "O") == ["c", "a"]
    assert choose("-a", ["a", "b"], supported, "O") == ["b"]
    assert choose("c,zzz", ["a"], supported, "O") == ["c"]
    with pytest.raises(NoneLeft, match="O zzz"):
        choose("zzz", ["a"], supported, "O")


def test_known_types_of_host_keys_are_asked_for_first() -> None:
    assert host_keys(None, ["ssh-rsa"], False, HOST_KEYS)[:3] == ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]
    assert "ssh-rsa" not in host_keys(None, ["ssh-rsa"], False, [*HOST_KEYS, "ssh-rsa"])
    assert host_keys("ssh-rsa", [], False, [*HOST_KEYS, "ssh-rsa"]) == ["ssh-rsa"]
    with_ca = host_keys(None, [], True, [*HOST_KEYS, "ssh-ed25519-cert-v01@openssh.com"])
    assert with_ca[:2] == ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"]
