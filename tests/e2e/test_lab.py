"""The lab itself: its hosts are machines of their own, trouble can be made, and nothing is left of them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from weft.lab import BackgroundProxy, HostOptions, Kind, Lab, LabError, LabHost
from weft.lab.cli import lab as lab_group
from weft.lab.launch import python_environment

pytestmark = pytest.mark.e2e

MakeHost = Callable[..., LabHost]
MakeProxy = Callable[..., BackgroundProxy]
SOON = 20.0  # seconds: longer than anything here takes


def ssh(
    host: LabHost, command: str, *, user: str | None = None, stdin: str = "", timeout: float = SOON
) -> subprocess.CompletedProcess[str]:
    """A command with OpenSSH's client."""
    return subprocess.run(
        host.ssh_argv(command, user=user), input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )


def said(host: LabHost, command: str, *, user: str | None = None) -> str:
    """What a command that must succeed prints."""
    done = ssh(host, command, user=user)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def wait_for_new_boot(lab: Lab, host: LabHost, boot_id: str | None) -> None:
    wait_for(lambda: lab.boot_id(host) != boot_id and lab.state(host) == "up")


def alive(pids: Iterable[int]) -> list[int]:
    """Those of the processes that still run; a zombie that this machine's init has not reaped yet does not."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(pid)
    return found


@contextlib.contextmanager
def running(host: LabHost, command: str) -> Iterator[subprocess.Popen[str]]:
    """A command that has said its first line and goes on."""
    with subprocess.Popen(
        host.ssh_argv(f"echo started; {command}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            yield process
        finally:
            process.kill()


# -------------------------------------------------------------------- machines of their own


def test_each_host_has_its_own_name_boot_id_and_processes(lab: Lab) -> None:
    hosts = [lab.host(name) for name in ("lab1", "lab2", "lab3")]
    assert [said(host, "hostname") for host in hosts] == ["lab1", "lab2", "lab3"]
    boot_ids = [said(host, "cat /proc/sys/kernel/random/boot_id") for host in hosts]
    assert boot_ids == [lab.boot_id(host) for host in hosts]
    assert len({*boot_ids, Path("/proc/sys/kernel/random/boot_id").read_text().strip()}) == 4
    assert len({said(host, "cat /etc/machine-id") for host in hosts}) == 3
    assert len(said(hosts[0], "ls -d /proc/[0-9]*").split()) < 20


def test_what_a_host_writes_only_it_sees(lab: Lab) -> None:
    name = f"weft-lab-test-{os.getpid()}"
    places = ["/etc", "/usr/bin", "/tmp", "/var/tmp", "/root", "/opt"]
    said(lab.host("lab1"), " && ".join(f"touch {place}/{name}" for place in places))
    try:
        for place in places:
            assert lab.path("lab1", f"{place}/{name}").exists()
            assert not lab.path("lab2", f"{place}/{name}").exists()
            assert not Path(place, name).exists()
    finally:
        said(lab.host("lab1"), " && ".join(f"rm {place}/{name}" for place in places))


def test_homes_are_fresh_and_the_machines_interpreters_are_there(lab_host: LabHost) -> None:
    assert "authorized_keys" not in said(lab_host, "ls -A /root/.ssh 2> /dev/null; true")
    assert said(lab_host, "python3 -c 'print(1 + 1)'") == "2"


def test_what_belongs_to_the_machine_cannot_be_changed(lab_host: LabHost) -> None:
    assert ssh(lab_host, "echo 1 > /proc/sys/vm/swappiness").returncode != 0
    assert ssh(lab_host, "date -s 2001-01-01").returncode != 0
    assert ssh(lab_host, "ip link set lo down").returncode != 0
    assert ssh(lab_host, "touch /sys/x").returncode != 0


def test_hosts_know_each_other_by_name(lab: Lab) -> None:
    assert f"{lab.host('lab2').address} lab2" in said(lab.host("lab3"), "cat /etc/hosts")


def test_a_terminal_and_file_transfer_work(lab_host: LabHost, tmp_path: Path) -> None:
    argv = lab_host.ssh_argv("tty")
    done = subprocess.run([*argv[:1], "-tt", *argv[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout.startswith("/dev/pts/")
    (tmp_path / "sent").write_text("content")
    options = lab_host.ssh_argv()[3:-5]
    target = f"root@{lab_host.address}:/tmp/sent"
    subprocess.run(
        ["sftp", "-F", "none", *options, "-b", "-", f"root@{lab_host.address}"],
        input=f"put {tmp_path}/sent /tmp/sent\nget /tmp/sent {tmp_path}/back\nrm /tmp/sent\n",
        text=True,
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "back").read_text() == "content", target


# -------------------------------------------------------------------- users


def test_users_differ_in_what_sudo_lets_them(lab_host: LabHost) -> None:
    if ssh(lab_host, "command -v sudo").returncode != 0:
        pytest.skip("sudo isn't installed on this machine")
    assert said(lab_host, "sudo -n id -u", user="deploy") == "0"
    assert ssh(lab_host, "sudo -n id -u", user="alice").returncode != 0
    assert ssh(lab_host, "sudo -S id -u", user="alice", stdin="wonderland\n").stdout.strip() == "0"
    assert ssh(lab_host, "sudo -n id -u", user="bob").returncode != 0
    assert said(lab_host, "echo $HOME; pwd; id -un", user="bob").split() == ["/home/bob", "/home/bob", "bob"]


def test_a_password_gets_nobody_in_unless_the_host_allows_it(
    lab_host: LabHost, make_host: MakeHost, tmp_path: Path
) -> None:
    askpass = tmp_path / "askpass"
    askpass.write_text("#!/bin/sh\necho wonderland\n")
    askpass.chmod(0o700)
    environment = {**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}

    def log_in(host: LabHost) -> subprocess.CompletedProcess[str]:
        options = ["-o", f"UserKnownHostsFile={host.known_hosts_file}", "-o", "PubkeyAuthentication=no"]
        argv = ["ssh", "-F", "none", *options, "-o", "NumberOfPasswordPrompts=1", f"alice@{host.address}", "id -un"]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=SOON, check=False)

    assert "Permission denied" in log_in(lab_host).stderr
    assert log_in(make_host(password_login=True)).stdout == "alice\n"


def test_root_can_become_any_of_them_with_su(lab_host: LabHost) -> None:
    assert said(lab_host, "su bob -c 'id -un'") == "bob"


# -------------------------------------------------------------------- reboots


@pytest.mark.parametrize("command", ["reboot", "shutdown -r now", 'shutdown -r 0 "by a test"', "systemctl reboot"])
def test_a_reboot_ends_everything_and_files_stay(lab: Lab, fresh_host: LabHost, command: str) -> None:
    boot_id = lab.boot_id(fresh_host)
    said(fresh_host, "echo kept > /root/kept; echo kept > /etc/kept; echo lost > /tmp/lost; echo lost > /run/lost")
    with running(fresh_host, "sleep 1000") as session:
        assert ssh(fresh_host, command).returncode == 0
        assert session.wait(SOON) == 255
    wait_for_new_boot(lab, fresh_host, boot_id)
    assert said(fresh_host, "cat /root/kept /etc/kept").split() == ["kept", "kept"]
    assert ssh(fresh_host, "ls /tmp/lost /run/lost").returncode != 0
    assert said(fresh_host, "cat /proc/sys/kernel/random/boot_id") == lab.boot_id(fresh_host)


def test_the_system_call_reboots_the_host_and_nothing_else(lab: Lab, fresh_host: LabHost) -> None:
    boot_id = lab.boot_id(fresh_host)
    program = (
        "import ctypes\n"
        "open('/run/weft-lab/control', 'wb')\n"  # on any other machine it must not be called
        "ctypes.CDLL(None).reboot(0x1234567)\n"
    )
    ssh(fresh_host, f'python3 -c "{program}"')
    wait_for_new_boot(lab, fresh_host, boot_id)


def test_a_planned_reboot_can_be_called_off(lab: Lab, fresh_host: LabHost) -> None:
    boot_id = lab.boot_id(fresh_host)
    assert "use 'shutdown -c'" in ssh(fresh_host, "shutdown -r 1").stderr
    said(fresh_host, "shutdown -c")
    assert lab.boot_id(fresh_host) == boot_id


def test_only_root_may_reboot(lab: Lab, fresh_host: LabHost) -> None:
    done = ssh(fresh_host, "/sbin/reboot", user="bob")
    assert (done.returncode, done.stderr) == (1, "reboot: only root can do that\n")


def test_the_boot_delay_is_kept(lab: Lab, make_host: MakeHost) -> None:
    host = make_host(boot_delay=0.5)
    start = time.monotonic()
    lab.reboot(host)
    assert 0.5 <= time.monotonic() - start < SOON
    assert said(host, "true") == ""


def test_a_host_that_was_powered_off_stays_off_until_it_is_started(lab: Lab, fresh_host: LabHost) -> None:
    ssh(fresh_host, "poweroff")
    wait_for(lambda: lab.state(fresh_host) == "off")
    assert ssh(fresh_host, "true").returncode == 255
    lab.start(fresh_host)
    assert said(fresh_host, "true") == ""


# -------------------------------------------------------------------- trouble


def test_a_killed_host_is_gone_and_can_be_restarted(lab: Lab, fresh_host: LabHost) -> None:
    boot_id = lab.boot_id(fresh_host)
    with running(fresh_host, "setsid sleep 1000 & sleep 1001") as session:
        pids = lab.pids(fresh_host)
        lab.kill(fresh_host)
        assert not alive(pids)
        assert session.wait(SOON) == 255
    assert lab.state(fresh_host) == "off"
    assert "Connection refused" in ssh(fresh_host, "true").stderr
    lab.restart(fresh_host)
    assert said(fresh_host, "cat /proc/sys/kernel/random/boot_id") == lab.boot_id(fresh_host) != boot_id


def test_a_frozen_host_holds_its_breath(lab: Lab, fresh_host: LabHost) -> None:
    with running(fresh_host, "sleep 1000") as session:
        lab.freeze(fresh_host)
        assert lab.state(fresh_host) == "frozen"
        with pytest.raises(subprocess.TimeoutExpired):
            ssh(fresh_host, "true", timeout=0.5)
        with pytest.raises(LabError, match="is frozen"):
            lab.reboot(fresh_host)
        lab.thaw(fresh_host)
        assert said(fresh_host, "echo back") == "back"
        assert session.poll() is None


def test_a_frozen_host_can_be_killed(lab: Lab, fresh_host: LabHost) -> None:
    lab.freeze(fresh_host)
    lab.kill(fresh_host)
    assert lab.state(fresh_host) == "off"


def test_sshd_comes_back_when_it_dies(lab: Lab, fresh_host: LabHost) -> None:
    ssh(fresh_host, "kill -9 $(cat /run/sshd.pid)")
    wait_for(lambda: ssh(fresh_host, "true").returncode == 0)
    assert lab.status()[-1].boots == 1


def test_a_full_disk_is_full_until_it_is_freed(lab: Lab, make_host: MakeHost) -> None:
    host = make_host(home_size=200_000)
    lab.fill_disk(host)
    for user in ("root", "bob"):
        assert "No space left on device" in ssh(host, "mkdir ~/new", user=user).stderr
    lab.free_disk(host)
    assert said(host, "mkdir ~/new; echo text > ~/new/file; cat ~/new/file") == "text"


def test_a_read_only_home(make_host: MakeHost) -> None:
    host = make_host(readonly_home=True)
    assert "Read-only file system" in ssh(host, "touch ~/x").stderr
    assert "Read-only file system" in ssh(host, "touch ~/x", user="bob").stderr


def test_a_noisy_host_prints_junk_before_any_command(make_host: MakeHost) -> None:
    done = ssh(make_host(banner=True), "echo answer")
    assert done.stdout.splitlines()[-1] == "answer"
    assert len(done.stdout.splitlines()) == 2
    assert "weft lab: this machine prints a banner" in done.stderr


def test_a_host_without_python(lab: Lab, make_host: MakeHost) -> None:
    host = make_host(no_python=True)
    assert ssh(host, "command -v python3 || command -v python").returncode != 0
    assert ssh(host, "ls /root/.pyenv").returncode != 0
    boot_id = lab.boot_id(host)
    said(host, "reboot")
    wait_for_new_boot(lab, host, boot_id)


def test_the_proxy_adds_latency(lab_host: LabHost, proxy: MakeProxy) -> None:
    slow = proxy(lab_host, delay=0.05)
    start = time.monotonic()
    assert said(lab_host.through(slow.address), "hostname") == lab_host.name
    assert time.monotonic() - start > 0.5  # an SSH connection and a command are at least five round trips
    assert slow.accepted == 1


def test_a_cut_ends_sessions_and_the_host_is_there_again(lab_host: LabHost, proxy: MakeProxy) -> None:
    line = proxy(lab_host)
    way = lab_host.through(line.address)
    with running(way, "sleep 1000") as session:
        line.cut()
        assert session.wait(SOON) == 255
    assert said(way, "echo back") == "back"


def test_a_stalled_line_goes_on_where_it_was(lab_host: LabHost, proxy: MakeProxy) -> None:
    line = proxy(lab_host)
    with running(lab_host.through(line.address), "sleep 0.1; echo done") as session:
        line.stall()
        with pytest.raises(subprocess.TimeoutExpired):
            session.wait(0.4)
        line.resume()
        assert session.wait(SOON) == 0


# -------------------------------------------------------------------- labs


def test_two_labs_do_not_collide(lab: Lab, tmp_path: Path) -> None:
    with Lab(base=tmp_path) as other:
        (host,) = other.up(1)
        assert host.address not in [mine.address for mine in lab.hosts]
        assert said(host, "hostname") == "lab1"


def test_a_lab_knows_only_its_own_hosts(lab: Lab) -> None:
    with pytest.raises(LabError, match="no host nobody in this lab; there are: lab1, lab2, lab3"):
        lab.kill("nobody")
    with pytest.raises(LabError, match="there is already a host lab1"):
        lab.add_host("lab1")


def test_ten_hosts_are_up_in_three_seconds(lab: Lab, tmp_path: Path) -> None:
    with Lab(base=tmp_path) as many:
        start = time.monotonic()
        many.up(10)
        assert time.monotonic() - start < 3.0


@pytest.mark.parametrize("kind", [Kind.NAMESPACES, Kind.PLAIN])
@pytest.mark.parametrize("victim", ["owner", "supervisor"])
def test_nothing_is_left_when_owner_or_supervisor_are_killed(lab: Lab, tmp_path: Path, kind: Kind, victim: str) -> None:
    program = (
        "import sys, pathlib, weft.lab as w\n"
        f"lab = w.Lab('doomed', base=pathlib.Path({str(tmp_path)!r}), kind=w.Kind({kind.value!r}))\n"
        "host, = lab.up(1)\n"
        "print(lab._process.pid, *lab.pids(host), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=python_environment(),
        text=True,
    ) as owner:
        assert owner.stdout is not None
        supervisor, *pids = (int(word) for word in owner.stdout.readline().split())
        os.kill(owner.pid if victim == "owner" else supervisor, signal.SIGKILL)
        wait_for(lambda: not alive(pids))
        owner.kill()
    wait_for(lambda: Lab.running(tmp_path) == ())
    if victim == "supervisor":  # its folder is swept by the next lab
        with Lab(base=tmp_path, kind=Kind.LOCAL) as following:
            following.up(1)
    wait_for(lambda: [entry.name for entry in tmp_path.iterdir()] == [".lock"])


def test_plain_hosts_share_the_machine_but_are_killed_frozen_and_restarted_alone(lab: Lab, tmp_path: Path) -> None:
    with Lab(base=tmp_path, kind=Kind.PLAIN) as plain:
        one, two = plain.up(2, options=HostOptions(boot_delay=0.0))
        assert said(one, "hostname") == socket.gethostname()
        plain.freeze(two)
        with pytest.raises(subprocess.TimeoutExpired):
            ssh(two, "true", timeout=0.5)
        with running(one, "setsid sleep 1000 & sleep 1001") as session:
            pids = plain.pids(one)
            plain.kill(one)
            assert session.wait(SOON) == 255
        wait_for(lambda: not alive(pids))
        plain.thaw(two)
        plain.restart(one)
        plain.reboot(two)
        assert [said(host, "echo up") for host in (one, two)] == ["up", "up"]
        with pytest.raises(LabError, match="banner: not with plain hosts"):
            plain.add_host("loud", options=HostOptions(banner=True))


def test_local_hosts_are_names_only(tmp_path: Path) -> None:
    with Lab(base=tmp_path, kind=Kind.LOCAL) as local:
        local.up(3)
        assert local.inventory_text().count("ansible_connection=local") == 3
        with pytest.raises(LabError, match="nothing to kill, freeze or boot"):
            local.kill("lab1")


def test_the_command_line_keeps_a_lab_until_it_is_taken_down(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(lab_group, list(arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    try:
        assert [line.split()[:2] for line in run("up", "2").splitlines()] == [["lab1", "up"], ["lab2", "up"]]
        assert run("inventory").startswith("[lab]\nlab1 ansible_host=127.77.")
        assert run("kill", "lab1").split()[:2] == ["lab1", "off"]
        assert run("freeze", "lab2").split()[:2] == ["lab2", "frozen"]
        assert run("thaw", "all").split()[1] == "off"
        hosts = Lab.attach().hosts
        assert said(hosts[1], "hostname") == "lab2"
    finally:
        run("down")
    assert not [entry for entry in (tmp_path / "weft" / "lab").iterdir() if entry.name != ".lock"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((hosts[1].address, hosts[1].port), 1.0)
