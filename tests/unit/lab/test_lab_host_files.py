"""What a lab host gets to see: accounts, sshd's configuration, mounts, the commands that end it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from weft.lab import host_init, layer, mounts, sshd
from weft.lab.hosts import Kind, LabHost
from weft.lab.syscalls import MS_RDONLY

MACHINE = layer.Accounts(
    passwd="root:x:0:0:root:/root:/bin/bash\ndeploy:x:1000:1000::/srv/deploy:/bin/sh\nbin:x:2001:2001::/:/bin/false\n",
    group="root:x:0:\nstaff:x:2002:deploy\ndeploy:x:1000:\n",
    shadow="root:!locked:1:0:99999:7:::\ndeploy:!:1:0:99999:7:::\nbin:*:1:0:99999:7:::\n",
)


def test_the_machines_users_stay_and_the_labs_replace_their_namesakes() -> None:
    accounts = MACHINE.with_users(layer.USERS)
    names = [line.split(":")[0] for line in accounts.passwd.splitlines()]
    assert names == ["root", "bin", "deploy", "alice", "bob"]
    assert "deploy:x:2001:2001::/home/deploy:/bin/bash" in accounts.passwd


def test_no_account_is_locked_since_sshd_would_refuse_it() -> None:
    hashes = {line.split(":")[0]: line.split(":")[1] for line in MACHINE.with_users(layer.USERS).shadow.splitlines()}
    assert hashes["root"] == hashes["deploy"] == hashes["bob"] == "*"
    assert hashes["alice"].startswith("$6$")


def test_users_get_ids_that_nobody_has() -> None:
    assert [user.uid for user in MACHINE.free_ids(layer.USERS)] == [2003, 2004, 2005]


def test_sshd_listens_at_the_hosts_own_address_only() -> None:
    config = sshd.SshdConfig(address="127.77.0.1", port=22, host_key="/k", authorized_keys="/a", pid_file="/p")
    text = config.text()
    assert "ListenAddress 127.77.0.1\nPort 22\n" in text
    assert "Banner" not in text
    assert "PerSourcePenalties" not in text


def test_a_new_sshd_is_told_not_to_shut_out_loopback() -> None:
    config = sshd.SshdConfig(
        address="127.77.0.1", port=22, host_key="/k", authorized_keys="/a", pid_file="/p", banner="/b", penalties=True
    )
    assert config.text().endswith("Banner /b\nPerSourcePenalties no\n")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026", (9, 2)),
        ("OpenSSH_for_Windows_8.1p1, LibreSSL 3.0.2", (8, 1)),
        ("Sun_SSH_1.1", (0, 0)),
    ],
)
def test_the_version_of_openssh_is_read(said: str, version: tuple[int, int]) -> None:
    assert sshd.version_of(said) == version


def test_known_hosts_hold_for_address_name_and_proxies() -> None:
    host = LabHost(name="web1", group="web", kind=Kind.NAMESPACES, address="127.77.3.1", port=22)
    assert sshd.known_hosts_text([(host, "ssh-ed25519 AAAA comment\n")]) == (
        "web1,[web1]:*,127.77.3.1,127.78.3.1,[127.78.3.1]:* ssh-ed25519 AAAA\n"
    )


def test_known_hosts_name_a_port_that_is_not_22() -> None:
    host = LabHost(name="web1", group="web", kind=Kind.PLAIN, port=22001)
    assert "[127.0.0.1]:22001 " in sshd.known_hosts_text([(host, "ssh-ed25519 AAAA\n")])


def test_what_belongs_to_the_whole_machine_is_read_only() -> None:
    made = mounts.steps([], readonly_home=False, systemctl=None)
    read_only = [step[2] for step in made if step[0] == "mount" and int(step[4]) & MS_RDONLY]
    assert "root/proc/sys" in read_only
    assert "root/sys" in read_only
    assert "root/root" not in read_only


def test_the_boot_id_lies_over_the_kernels() -> None:
    made = mounts.steps([], readonly_home=False, systemctl=None)
    targets = [step[2] for step in made if step[0] == "mount"]
    assert targets.index("root/proc/sys") < targets.index("root/proc/sys/kernel/random/boot_id")


def test_a_read_only_home_keeps_its_interpreters() -> None:
    extra = mounts.Extra("/root/.pyenv", "/root/.pyenv", "extra/0")
    made = mounts.steps([extra], readonly_home=True, systemctl=None)
    targets = [str(step[2]) for step in made if step[0] == "mount"]
    assert targets.index("root/root/.pyenv") < len(targets) - 1 - targets[::-1].index("root/root")


def test_files_lie_in_the_layer_as_the_machine_has_their_folders(tmp_path: Path) -> None:
    layer.write_files(tmp_path, [layer.File("/etc/hostname", "web1\n", 0o600)])
    assert (tmp_path / "etc/hostname").read_text() == "web1\n"
    assert (tmp_path / "etc/hostname").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc").stat().st_mode == os.stat("/etc").st_mode


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("reboot 0", ("reboot", 0.0)),
        ("poweroff 60", ("poweroff", 60.0)),
        ("cancel 0", ("cancel", 0.0)),
        ("reboot", ("reboot", 0.0)),
        ("reboot soon", None),
        ("reboot -1", None),
        ("rm -rf /", None),
        ("", None),
    ],
)
def test_orders_to_the_init(line: str, order: tuple[str, float] | None) -> None:
    assert host_init.parse_order(line) == order


class PowerCommands:
    """The script under one of its names, with a FIFO that this test reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        control = folder / "control"
        os.mkfifo(control)
        self._fifo = os.open(control, os.O_RDWR | os.O_NONBLOCK)
        text = Path(layer.__file__).with_name("power.sh").read_text()
        self._text = text.replace("control=/run/weft-lab/control", f"control={control}").replace("$(id -u)", "0")

    def run(self, name: str, *arguments: str) -> tuple[int, str, str]:
        """Exit code, the order that was given, stderr."""
        script = self._folder / name
        script.write_text(self._text)
        done = subprocess.run(["sh", script, *arguments], capture_output=True, text=True, check=False)
        try:
            order = os.read(self._fifo, 100).decode().strip()
        except BlockingIOError:
            order = ""
        return done.returncode, order, done.stderr

    def close(self) -> None:
        os.close(self._fifo)


@pytest.mark.parametrize(
    ("command", "order"),
    [
        ("reboot", "reboot 0"),
        ("reboot -f", "reboot 0"),
        ("poweroff", "poweroff 0"),
        ("halt", "poweroff 0"),
        ("shutdown -r now", "reboot 0"),
        ("shutdown -r 0 message", "reboot 0"),
        ("shutdown -r 2 message 3", "reboot 120"),
        ("shutdown -r +1", "reboot 60"),
        ("shutdown --reboot --no-wall now", "reboot 0"),
        ("shutdown -h now", "poweroff 0"),
        ("shutdown -P +3", "poweroff 180"),
        ("shutdown", "poweroff 60"),
        ("shutdown -c", "cancel 0"),
        ("shutdown -k now", ""),
        ("systemctl reboot", "reboot 0"),
        ("systemctl --force --force reboot", "reboot 0"),
        ("systemctl poweroff", "poweroff 0"),
    ],
)
def test_commands_that_end_a_host(tmp_path: Path, command: str, order: str) -> None:
    commands = PowerCommands(tmp_path)
    try:
        assert commands.run(*command.split())[:2] == (0, order)
    finally:
        commands.close()


def test_a_delayed_shutdown_says_so_and_a_wrong_time_is_an_error(tmp_path: Path) -> None:
    commands = PowerCommands(tmp_path)
    try:
        assert "scheduled in 60 seconds" in commands.run("shutdown", "-r", "1")[2]
        assert commands.run("shutdown", "-r", "soon") == (
            1,
            "",
            "shutdown: Failed to parse time specification: soon\n",
        )
    finally:
        commands.close()


def test_systemctl_without_a_systemd_says_what_the_real_one_says(tmp_path: Path) -> None:
    commands = PowerCommands(tmp_path)
    try:
        code, order, said = commands.run("systemctl", "status", "reboot")
        assert (code, order) == (1, "")
        assert said.startswith("System has not been booted with systemd")
    finally:
        commands.close()
