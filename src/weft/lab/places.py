"""Where labs keep their folders, who holds them, and which addresses are taken.

A lab's folder is held by an flock on the file ``lock`` in it, for as long as its supervisor lives: a folder that is not
locked belongs to a dead lab and is swept. Addresses and ports are reserved by abstract Unix sockets: like the addresses
themselves they belong to the network namespace, and the kernel frees them when their holder dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from weft.lab.errors import LabError

DEFAULT_NAME = "default"
SLICES = 256
HOSTS_IN_SLICE = 250
PORTS = range(22001, 30000)  # below the kernel's range for outgoing connections


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one lab: paths only."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def socket(self) -> Path:
        return self.path / "socket"

    @property
    def settings(self) -> Path:
        return self.path / "lab.json"

    @property
    def log(self) -> Path:
        return self.path / "supervisor.log"

    @property
    def private_key(self) -> Path:
        return self.path / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.path / "known_hosts"

    @property
    def hosts(self) -> Path:
        return self.path / "hosts"


def base_folder() -> Path:
    """``$XDG_RUNTIME_DIR/weft/lab``, or ``~/.cache/weft/lab`` where that is not set."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(runtime) if runtime else Path.home() / ".cache") / "weft" / "lab"


def create(base: Path, name: str) -> tuple[Folder, int]:
    """A new lab's folder (0700), and the descriptor that holds its lock. Sweeps dead labs first.

    Raises LabError if a lab of that name is up, or if the base folder is somebody else's.
    """
    make_private(base)
    with _locked(base / ".lock"):
        _sweep(base)
        folder = Folder(base / name)
        try:
            folder.path.mkdir(mode=0o700)
        except FileExistsError:
            raise LabError(
                f"a lab named {name} is up already", hint=f"`weft lab down --lab {name}` ends it; --lab names another"
            ) from None
        fd = os.open(folder.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)  # may wait a moment for somebody who looks whether it is held
        return folder, fd


def sweep(base: Path) -> None:
    """Remove the folders of labs whose supervisor is dead."""
    if base.is_dir():
        with _locked(base / ".lock"):
            _sweep(base)


def running(base: Path) -> list[str]:
    """The names of the labs whose supervisor lives."""
    return sorted(entry.name for entry in _entries(base) if _is_held(Folder(entry)))


def make_private(path: Path) -> None:
    """The folder with mode 0700 and its parents. Raises LabError if another user owns it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise LabError(f"{path} belongs to another user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def open_socket(folder: Folder, *, listen: bool) -> socket.socket:
    """The supervisor's socket, at either end. The folder's path may be longer than a socket's address."""
    directory = os.open(folder.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    result = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        address = f"/proc/self/fd/{directory}/{folder.socket.name}"
        if listen:
            result.bind(address)
            result.listen(64)
        else:
            result.connect(address)
    except BaseException:
        result.close()
        raise
    finally:
        os.close(directory)
    return result


class Addresses:
    """Loopback addresses of one lab, out of slices 127.77.N.0/24 which no other lab has.

    An address that was given back is used again only when no fresh one is left in the lab's slices.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []
        self._free: deque[str] = deque()

    def take(self) -> str:
        """Raises LabError when other labs hold every slice."""
        if not self._free:
            number = self._take_slice()
            self._free.extend(f"127.77.{number}.{last}" for last in range(1, HOSTS_IN_SLICE + 1))
        return self._free.popleft()

    def give_back(self, address: str) -> None:
        self._free.append(address)

    def close(self) -> None:
        for held in self._held:
            held.close()

    def _take_slice(self) -> int:
        for number in range(SLICES):
            held = reserve(f"127.77.{number}")
            if held is not None:
                self._held.append(held)
                return number
        raise LabError("all addresses for lab hosts (127.77.0.0/16) are held by other labs")


def proxy_address(address: str) -> str:
    """The address beside a lab host's where its proxies listen: 127.77.x.y -> 127.78.x.y; others stay as they are."""
    return address.replace("127.77.", "127.78.", 1) if address.startswith("127.77.") else address


def reserve(what: str) -> socket.socket | None:
    """Holds a name of this network namespace for as long as the socket lives; None if another process holds it."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(f"\0weft-lab/{what}")
    except OSError:
        held.close()
        return None
    return held


def can_bind(address: str, port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _entries(base: Path) -> list[Path]:
    try:
        return [entry for entry in base.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []


def _sweep(base: Path) -> None:
    for entry in _entries(base):
        if not _is_held(Folder(entry)):
            shutil.rmtree(entry, ignore_errors=True)


def _is_held(folder: Folder) -> bool:
    try:
        fd = os.open(folder.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
