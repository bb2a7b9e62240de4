"""The first process of a lab host: builds its root, runs its sshd, reaps, and ends the host when it is told to.

Started by the supervisor, for a host with namespaces as process 1 of a new process namespace, for a plain one as a
sub-reaper. ``argv``: the file with its specification; descriptor 3: a socket to the supervisor, on which one JSON line
goes up, ``{"ready": true}`` or ``{"error": "..."}``, and orders such as ``reboot 0`` come down. The host's own commands
send the same orders through a FIFO. When the supervisor dies, so does the host. The exit code says what comes next.

It never calls reboot(2) itself. Whoever does so in the host ends its process namespace: the kernel then lets this
process die of SIGHUP (restart) or SIGINT (halt, power off), which the supervisor takes for the same orders.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import socket
import sys
import time

from weft.lab import processes, syscalls

LINK_FD = 3
EXIT_REBOOT = 10
EXIT_POWER_OFF = 11
EXIT_FAILED = 12

#: From here on nothing of the machine's environment is left.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

_GRACE = 0.1  # seconds from an order to the first signal, so that the command which gave it can end well
_TERM_SECONDS = 2.0  # from SIGTERM to SIGKILL
_START_SECONDS = 15.0  # for sshd to listen
_RESTART_SECONDS = 0.5  # from sshd's death to its next start
_SILENT = "it wrote nothing to its log"
_ENDS = {"reboot": EXIT_REBOOT, "poweroff": EXIT_POWER_OFF}
_DROPPED = (syscalls.CAP_NET_ADMIN, syscalls.CAP_SYS_MODULE, syscalls.CAP_SYS_RAWIO, syscalls.CAP_SYS_TIME)


class Failed(Exception):
    """The host can't come up."""


class HostInit:
    """One boot of one host."""

    def __init__(self, spec: dict[str, object], link: socket.socket) -> None:
        self._spec = spec
        self._link = link
        self._contained = spec["kind"] == "namespaces"
        self._sshd = 0
        self._sshd_due: float | None = None  # when to start it again
        self._order: tuple[float, str] | None = None  # when to carry out which
        self._selector = selectors.DefaultSelector()
        self._received = b""

    def run(self) -> int:
        """From power on to the end of the host; returns the exit code."""
        self._tie_to_supervisor()
        if self._contained:
            build_root(self._spec)
        # by this name tools tell what manages services: with `init` they would look further and take it for systemd
        syscalls.prctl(syscalls.PR_SET_NAME, b"weft-lab-init")
        self._watch()
        self._start_sshd()
        self._wait_for_sshd()
        self._say({"ready": True})
        return self._serve()

    # ---------------------------------------------------------------- start

    def _tie_to_supervisor(self) -> None:
        if self._contained:
            # even a supervisor that is killed takes the whole namespace with it
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            return
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        signal.signal(signal.SIGTERM, lambda *_: self._abandon())
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGTERM)

    def _watch(self) -> None:
        wakeup, wake = socket.socketpair()
        for end in (wakeup, wake, self._link):
            end.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wake = wake  # held open: the signal handler writes to it
        self._selector.register(wakeup, selectors.EVENT_READ, lambda: wakeup.recv(4096))
        self._selector.register(self._link, selectors.EVENT_READ, self._read_link)
        control = self._spec.get("control")
        if control:
            os.mkfifo(str(control), 0o600)
            # opened for both, so that it never reports an end
            fifo = os.open(str(control), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._selector.register(fifo, selectors.EVENT_READ, lambda: self._take_orders(os.read(fifo, 4096)))

    def _start_sshd(self) -> None:
        pid_file, log = str(self._spec["pid_file"]), str(self._spec["sshd_log"])
        if os.path.exists(pid_file):
            os.unlink(pid_file)
        self._sshd_due = None
        program = str(self._spec["sshd"])
        self._sshd = os.posix_spawn(
            program,
            [program, "-D", "-f", str(self._spec["sshd_config"]), "-E", log],
            ENVIRONMENT if self._contained else dict(os.environ),
            setsid=True,
            setsigdef=[signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE],
        )

    def _wait_for_sshd(self) -> None:
        """Until it has written its pid file, which it does once it listens."""
        end = time.monotonic() + _START_SECONDS
        while not os.path.exists(str(self._spec["pid_file"])):
            self._reap()
            if self._sshd_due is not None:
                raise Failed(f"sshd ended: {_tail(str(self._spec['sshd_log']))}")
            if time.monotonic() > end:
                raise Failed(f"sshd does not listen after {_START_SECONDS:.0f} s")
            time.sleep(0.002)

    # ---------------------------------------------------------------- life

    def _serve(self) -> int:
        while True:
            for key, _ in self._selector.select(self._patience()):
                key.data()
            self._reap()
            now = time.monotonic()
            if self._sshd_due is not None and now >= self._sshd_due:
                self._start_sshd()
            if self._order is not None and now >= self._order[0]:
                self._stop_everything()
                return _ENDS[self._order[1]]

    def _patience(self) -> float | None:
        """Seconds until something is due; None if nothing is."""
        due = [when for when in (self._sshd_due, self._order[0] if self._order else None) if when is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._sshd:
                self._sshd = 0
                self._sshd_due = time.monotonic() + _RESTART_SECONDS

    def _read_link(self) -> None:
        received = self._link.recv(4096)
        if not received:
            self._abandon()
        self._take_orders(received)

    def _take_orders(self, received: bytes) -> None:
        *lines, self._received = (self._received + received).split(b"\n")
        for line in lines:
            order = parse_order(line.decode("utf-8", "replace"))
            if order is None:
                continue
            name, delay = order
            self._order = None if name == "cancel" else (time.monotonic() + max(_GRACE, delay), name)

    # ---------------------------------------------------------------- end

    def _stop_everything(self) -> None:
        self._signal_all(signal.SIGTERM)
        end = time.monotonic() + _TERM_SECONDS
        while not self._all_gone() and time.monotonic() < end:
            time.sleep(0.005)
        self._kill_all()

    def _signal_all(self, number: int) -> None:
        if self._contained:
            assert os.getpid() == 1
            try:
                os.kill(-1, number)  # in a process namespace: all of it, and nothing else
            except ProcessLookupError:
                pass
        else:
            processes.send(processes.descendants(os.getpid()), number)

    def _kill_all(self) -> None:
        if self._contained:
            self._signal_all(signal.SIGKILL)
        else:
            processes.kill_below(os.getpid())

    def _all_gone(self) -> bool:
        """Every process of the host is a descendant, since orphans come to this one."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        return False

    def _abandon(self) -> None:
        """The supervisor is gone or wants an end without ceremony."""
        self._kill_all()
        os._exit(EXIT_POWER_OFF)

    def _say(self, message: dict[str, object]) -> None:
        self._link.sendall(json.dumps(message).encode() + b"\n")


def parse_order(line: str) -> tuple[str, float] | None:
    """``reboot SECONDS``, ``poweroff SECONDS`` or ``cancel SECONDS``; None for anything else."""
    name, _, delay = line.strip().partition(" ")
    if name not in {*_ENDS, "cancel"}:
        return None
    try:
        seconds = float(delay or 0)
    except ValueError:
        return None
    return (name, seconds) if 0 <= seconds < 10**9 else None


def build_root(spec: dict[str, object]) -> None:
    """Namespaces, mounts and the host name; afterwards ``/`` is the host's. Runs in the host's folder."""
    if os.readlink("/proc/self/ns/pid") == spec["outer_pid_namespace"]:
        raise Failed("not in a process namespace of its own")
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    os.umask(0)
    steps = spec["steps"]
    assert isinstance(steps, list)
    for step in steps:
        take_step(step)
    os.umask(0o022)
    socket.sethostname(str(spec["name"]))
    os.chdir("root")
    syscalls.pivot_root(".", ".")  # puts the old root over the new one ...
    syscalls.umount(".")  # ... from where it is taken away
    os.chdir("/")
    for capability in _DROPPED:
        syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)


def take_step(step: list[str | int]) -> None:
    """One step of ``mounts.steps``."""
    name, *arguments = step
    if name == "mount":
        source, target, kind, flags, data = arguments
        _mount_patiently(str(source), str(target), str(kind), int(flags), str(data))
    elif name == "dir":
        path, mode = arguments
        if not os.path.isdir(str(path)):
            os.makedirs(str(path), 0o755)
            os.chmod(str(path), int(mode))
    elif name == "file":
        os.close(os.open(str(arguments[0]), os.O_CREAT | os.O_WRONLY, 0o666))
    elif name == "link":
        to, path = arguments
        os.symlink(str(to), str(path))
    else:
        raise Failed(f"unknown step {name}")


def _mount_patiently(source: str, target: str, kind: str, flags: int, data: str) -> None:
    """An overlay's folders may still be in use for a moment after the end of the boot before."""
    end = time.monotonic() + 2.0
    while True:
        try:
            return syscalls.mount(source, target, kind, flags, data)
        except OSError as error:
            if error.errno != errno.EBUSY or kind != "overlay" or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _tail(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return " / ".join(log.read().splitlines()[-3:]) or _SILENT
    except OSError:
        return _SILENT


def main(argv: list[str]) -> int:
    """``argv``: the file with the specification, in the host's folder."""
    link = socket.socket(fileno=LINK_FD)
    link.set_inheritable(False)
    os.chdir(os.path.dirname(argv[1]))
    with open(argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    try:
        return HostInit(spec, link).run()
    except (Failed, OSError) as error:
        link.setblocking(True)
        link.sendall(json.dumps({"error": str(error)}).encode() + b"\n")
        return EXIT_FAILED


if __name__ == "__main__":
    # no clean-up that Python may want to do: the end of this process is the end of the host
    os._exit(main(sys.argv))
