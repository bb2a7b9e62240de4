"""The files that a lab host has of its own, laid over this machine's root before it boots for the first time."""

from __future__ import annotations

import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

#: The folder inside a host where the lab keeps what it needs there.
LIBRARY = "/usr/lib/weft-lab"
CONTROL = "/run/weft-lab/control"
BANNER_FILE = "/etc/ssh/banner"

_POWER_COMMANDS = ("/sbin/shutdown", "/sbin/reboot", "/sbin/halt", "/sbin/poweroff", "/bin/systemctl")
_INTERPRETER = re.compile(r"(python|pypy)(\d[\d.]*)?|platform-python(\d[\d.]*)?")
_BINARY_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec")

BANNER = "*** weft lab: this machine prints a banner ***\nUnauthorized use is a matter of opinion.\n"
NOISE = (
    "echo 'Welcome! This start-up file prints to stdout, {with braces} and [brackets].'\n"
    "echo 'It also complains on stderr.' >&2\n"
)
QUIET = "# nothing here\n"

SUDOERS = """\
Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
deploy ALL=(ALL:ALL) NOPASSWD: ALL
alice ALL=(ALL:ALL) ALL
"""


@dataclass(frozen=True, slots=True)
class LabUser:
    """A user of every host. ``password_hash`` as in shadow(5); ``*``: no password, keys only."""

    name: str
    uid: int
    password_hash: str = "*"

    @property
    def home(self) -> str:
        return f"/home/{self.name}"


#: deploy: sudo without a password; alice: sudo with the password `wonderland`; bob: no sudo.
USERS = (
    LabUser("deploy", 2001),
    LabUser(
        "alice",
        2002,
        "$6$weftlab$aQ9hPgPa0GBRwcvwz342zoKTvY2q4K3ASCiiPpZSNrkONqdYKYR3h29.EpuU6Asz.LL1/emVIWd1/QzplbgDU/",
    ),
    LabUser("bob", 2003),
)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a host; ``mode`` in octal as usual."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Accounts:
    """The texts of passwd(5), group(5) and shadow(5)."""

    passwd: str
    group: str
    shadow: str

    @classmethod
    def of_this_machine(cls) -> Accounts:
        return cls(*(Path(path).read_text(errors="surrogateescape") for path in _ACCOUNT_FILES))

    def with_users(self, users: Sequence[LabUser]) -> Accounts:
        """With these users instead of any of their names; root can log in with a key only."""
        names = {user.name for user in users}
        return Accounts(
            passwd=_without(self.passwd, names)
            + _lines(f"{user.name}:x:{user.uid}:{user.uid}::{user.home}:/bin/bash" for user in users),
            group=_without(self.group, names) + _lines(f"{user.name}:x:{user.uid}:" for user in users),
            shadow=_without(self.shadow, {*names, "root"})
            + "root:*:19000:0:99999:7:::\n"
            + _lines(f"{user.name}:{user.password_hash}:19000:0:99999:7:::" for user in users),
        )

    def free_ids(self, users: Sequence[LabUser]) -> tuple[LabUser, ...]:
        """The users, each with the first id from its own on that no other user or group has."""
        names = {user.name for user in users}
        taken = {int(line.split(":")[2]) for line in _rows(_without(self.passwd, names) + _without(self.group, names))}
        chosen: list[LabUser] = []
        for user in users:
            uid = next(number for number in range(user.uid, user.uid + 60000) if number not in taken)
            taken.add(uid)
            chosen.append(replace(user, uid=uid))
        return tuple(chosen)


_ACCOUNT_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow")


def host_files(name: str, accounts: Accounts, neighbours: Iterable[tuple[str, str]]) -> list[File]:
    """A host's own files outside of home and /etc/ssh. ``neighbours``: name and address of the lab's hosts."""
    machine_id = f"{uuid.uuid4().hex}\n"
    files = [
        File("/etc/hostname", f"{name}\n"),
        File("/etc/hosts", hosts_text(neighbours)),
        File("/etc/machine-id", machine_id, 0o444),
        File("/etc/passwd", accounts.passwd),
        File("/etc/group", accounts.group),
        File("/etc/shadow", accounts.shadow, 0o600),
        File("/etc/sudoers", SUDOERS, 0o440),
        *power_commands(),
    ]
    if os.path.isdir("/var/lib/dbus"):
        files.append(File("/var/lib/dbus/machine-id", machine_id))
    if os.path.islink("/etc/resolv.conf") and os.path.exists("/etc/resolv.conf"):
        # it usually points into /run, which the host has for itself
        files.append(File("/etc/resolv.conf", Path("/etc/resolv.conf").read_text(errors="replace")))
    return files


def hosts_text(neighbours: Iterable[tuple[str, str]]) -> str:
    """hosts(5)."""
    return "127.0.0.1 localhost\n::1 localhost ip6-localhost\n" + _lines(f"{ip} {name}" for name, ip in neighbours)


def power_commands() -> list[File]:
    """reboot(8), shutdown(8) and systemctl(1) as asked to do the same: one script, which goes by its own name."""
    text = Path(__file__).with_name("power.sh").read_text(encoding="utf-8")
    return [File(path, text, 0o755) for path in _POWER_COMMANDS]


def write_files(layer: Path, files: Iterable[File]) -> None:
    """The files in an overlay's upper folder; folders above them are made as this machine has them."""
    for file in files:
        path = resolved(file.path)
        below = layer / path.lstrip("/")
        _folder(layer, os.path.dirname(path))
        below.write_text(file.text, encoding="utf-8", errors="surrogateescape")
        below.chmod(file.mode)


def hide_interpreters(layer: Path) -> None:
    """Whiteouts in an overlay's upper folder for every Python that a host would find in its PATH."""
    for folder in {os.path.realpath(path) for path in _BINARY_FOLDERS}:
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in filter(_INTERPRETER.fullmatch, names):
            _folder(layer, folder)
            os.mknod(layer / folder.lstrip("/") / name, stat.S_IFCHR, os.makedev(0, 0))


def write_homes(home: Path, users: Sequence[LabUser], *, noisy: bool) -> None:
    """``home/root`` and ``home/users/NAME``, each with a shell's start-up files."""
    startup = NOISE if noisy else QUIET
    # root's is 0711, so that interpreters in it can be run by other users
    _home(home / "root", startup, 0o711)
    users_folder = home / "users"
    users_folder.mkdir()
    for user in users:
        _home(users_folder / user.name, startup, 0o755, user.uid)


def resolved(path: str) -> str:
    """The path with the links of this machine's folders followed: /sbin/x is /usr/sbin/x where /sbin is a link."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _home(path: Path, startup: str, mode: int, uid: int = 0) -> None:
    path.mkdir()
    for name in (".bashrc", ".profile"):
        (path / name).write_text(startup)
        os.chown(path / name, uid, uid)
    path.chmod(mode)
    os.chown(path, uid, uid)


def _folder(layer: Path, path: str) -> None:
    """The folder in the layer; what the machine has by that path gives owner and mode (a merged folder shows these)."""
    below = layer / path.lstrip("/")
    if below.exists():
        return
    _folder(layer, os.path.dirname(path))
    below.mkdir()
    if os.path.isdir(path):
        found = os.stat(path)
        os.chown(below, found.st_uid, found.st_gid)
        shutil.copymode(path, below)


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.count(":") >= 2]


def _without(text: str, names: Iterable[str]) -> str:
    gone = set(names)
    return _lines(line for line in text.splitlines() if line.split(":")[0] not in gone)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
