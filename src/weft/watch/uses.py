"""What a task's module writes, and which package manager it uses, told from its arguments.

The knowledge is a table: module -> how to read its arguments. It serves ``weft check`` (arguments as written) and runs
(evaluated arguments) alike. A module that isn't in the table counts as one that writes nothing that is known.

Sources: the modules' documentation (which argument is the file); the manuals of package managers (which of them lock).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

Args = Mapping[str, Any]

PATH: Final = "path"
PACKAGES: Final = "packages"
#: The machine on which ``fetch`` writes.
CONTROLLER: Final = "localhost"
#: A package manager that can be any of the system's: `package` uses what it finds.
ANY_MANAGER: Final = "package"
_SYSTEM: Final = "the system"


class Use(Struct, frozen=True):
    """Something on a machine that bears one writer at a time. Equal ``kind`` and ``key`` meet each other."""

    kind: str  # PATH | PACKAGES
    key: str  # a path, or whose packages
    manager: str = ""  # PACKAGES: the program
    keeps: bool = False  # it only sees to it that something is there: two of these don't disturb each other
    controller: bool = False  # on the controller, wherever the task runs
    shown: str = ""  # the path as it is to be told, where that isn't the key

    def meets(self, other: Use) -> bool:
        """Whether the two get in each other's way, on one machine."""
        if self.key != other.key or self.kind != other.kind or (self.keeps and other.keeps):
            return False
        return self.manager == other.manager or ANY_MANAGER in (self.manager, other.manager)

    def __str__(self) -> str:
        if self.kind is PACKAGES:
            return "the package manager" if self.manager == ANY_MANAGER else self.manager
        return self.shown or self.key


Reader = Callable[[Args, str], Sequence[Use]]


def uses_of(fqcn: str, args: Args, user: str = "") -> Sequence[Use]:
    """What a module with these arguments uses. ``user`` is whose home `~` is, if that is known."""
    reader = READERS.get(fqcn)
    return () if reader is None else reader(args, user)


# -- paths -----------------------------------------------------------------------------------------------------------


def _path(value: Any, user: str) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    path = posixpath.normpath(value.strip())
    return f"~{user}{path[1:]}" if path == "~" or path.startswith("~/") else path


def _first(args: Args, names: Sequence[str]) -> Any:
    for name in names:
        value = args.get(name)
        if value:
            return value
    return None


def _one(value: Any, user: str, *, keeps: bool = False) -> Sequence[Use]:
    return _use_of(value, user, keeps) if isinstance(value, str) else ()


@lru_cache(maxsize=4096)
def _use_of(value: str, user: str, keeps: bool) -> Sequence[Use]:
    """Every host of a play comes with the same text."""
    path = _path(value, user)
    return () if path is None else (Use(PATH, path, keeps=keeps),)


def _written(*names: str, default: str | None = None) -> Reader:
    """The file named by the first of these arguments that is given."""

    def read(args: Args, user: str) -> Sequence[Use]:
        return _one(_first(args, names) or default, user)

    return read


def _always(*paths: str) -> Reader:
    found = tuple(Use(PATH, path) for path in paths)
    return lambda args, user: found


def _copied(args: Args, user: str) -> Sequence[Use]:
    """`dest`, or the file in it where it is, or seems to be, a folder."""
    dest, source = args.get("dest") or args.get("path"), args.get("src")
    if not isinstance(dest, str):
        return ()
    return _into(dest, posixpath.basename(source.rstrip("/")) if isinstance(source, str) else "", user)


def _into(dest: str, name: str, user: str) -> Sequence[Use]:
    last = posixpath.basename(dest)
    # a last part with a suffix is a file's; without one it may be a folder that is there
    if not name or (last and (last in (name, name.removesuffix(".j2")) or _has_suffix(last))):
        return _one(dest, user)
    path = _path(posixpath.join(dest, name), user)
    return () if path is None else (Use(PATH, path, shown=dest if last else ""),)


def _has_suffix(name: str) -> bool:
    return bool(posixpath.splitext(name)[1]) and not name.endswith(".d")


def _unpacked(args: Args, user: str) -> Sequence[Use]:
    """Several archives may be unpacked into one folder; not one archive twice."""
    dest, source = args.get("dest"), args.get("src")
    if not isinstance(dest, str) or not isinstance(source, str):
        return ()
    path = _path(posixpath.join(dest, posixpath.basename(source)), user)
    return () if path is None else (Use(PATH, path, shown=dest),)


def _file(args: Args, user: str) -> Sequence[Use]:
    value, state = _first(args, ("path", "dest", "name")), args.get("state")
    return _one(value, user, keeps=state in (None, "directory", "file") and not args.get("recurse"))


def _fetched(args: Args, user: str) -> Sequence[Use]:
    """Without `flat` each host has a folder of its own."""
    dest, source, flat = args.get("dest"), args.get("src"), args.get("flat")
    if not isinstance(dest, str) or str(flat).lower() not in ("true", "yes", "1", "on"):
        return ()
    path = posixpath.join(dest, posixpath.basename(str(source))) if dest.endswith("/") else dest
    return [Use(PATH, posixpath.normpath(path), controller=True)]


def _cron(args: Args, user: str) -> Sequence[Use]:
    file = args.get("cron_file")
    if isinstance(file, str) and file:
        return _one(posixpath.join("/etc/cron.d", file), user)
    return (Use(PATH, f"crontab of {args.get('user') or user or 'the user'}"),)


def _authorized_key(args: Args, user: str) -> Sequence[Use]:
    return _one(args.get("path") or f"~{args.get('user') or user}/.ssh/authorized_keys", user)


def _named_in(folder: str, suffix: str, *names: str) -> Reader:
    def read(args: Args, user: str) -> Sequence[Use]:
        name = _first(args, names)
        return _one(f"{folder}/{name}{suffix}", user) if isinstance(name, str) else ()

    return read


# -- packages --------------------------------------------------------------------------------------------------------

#: Program -> the manager whose lock, or database, it takes.
_PROGRAMS: Mapping[str, str] = {
    "apt": "apt", "apt-get": "apt", "aptitude": "apt", "dpkg": "apt", "dpkg-reconfigure": "apt",
    "dnf": "dnf", "dnf5": "dnf", "microdnf": "dnf", "yum": "dnf", "rpm": "dnf",
    "zypper": "zypper", "apk": "apk", "pacman": "pacman", "emerge": "portage", "pkg": "pkg", "snap": "snap",
}  # fmt: skip
_BEFORE: Final = frozenset(("sudo", "env", "doas", "nice", "ionice"))
_READ_ONLY: Final = frozenset((
    "list", "search", "show", "info", "policy", "query", "repolist", "provides", "changelog", "-l", "-L", "-s", "-S",
    "-q", "-qa", "-qi", "-ql", "-qf", "-Q", "--version", "--get-selections", "--print-architecture", "-W",
))  # fmt: skip


def _manager(name: str) -> Reader:
    found = (Use(PACKAGES, _SYSTEM, name),)
    return lambda args, user: found


def _of_own(name: str, *places: str) -> Reader:
    """A manager with a folder of its own for each project or environment."""

    def read(args: Args, user: str) -> Sequence[Use]:
        place = _first(args, places)
        where = _path(place, user) if isinstance(place, str) else ""
        return (Use(PACKAGES, f"{name} {where}".strip(), name),)

    return read


def _command(args: Args, user: str) -> Sequence[Use]:
    """The file that it `creates`, and the package manager that it calls."""
    created = _one(args.get("creates"), user)
    manager = _called(args.get("_raw_params") or args.get("cmd") or args.get("argv"))
    return created if manager is None else (*created, Use(PACKAGES, _SYSTEM, manager))


def _called(command: Any) -> str | None:
    """The package manager that a command line begins with; None: no such one, or it only asks."""
    words = command.split(None, 6) if isinstance(command, str) else command if isinstance(command, list) else ()
    for number, word in enumerate(words):
        if not isinstance(word, str):
            return None
        if "=" in word or word in _BEFORE:
            continue
        manager = _PROGRAMS.get(posixpath.basename(word))
        if manager is None or any(str(later) in _READ_ONLY for later in words[number + 1 : number + 2]):
            return None
        return manager
    return None


# -- the table -------------------------------------------------------------------------------------------------------

_BUILTIN: Mapping[str, Reader] = {
    "apt": _manager("apt"),
    "apt_key": _manager("apt"),
    "apt_repository": _manager("apt"),
    "assemble": _written("dest"),
    "blockinfile": _written("path", "dest", "destfile", "name"),
    "command": _command,
    "copy": _copied,
    "cron": _cron,
    "deb822_repository": _named_in("/etc/apt/sources.list.d", ".sources", "name"),
    "debconf": _manager("apt"),
    "dnf": _manager("dnf"),
    "dnf5": _manager("dnf"),
    "dpkg_selections": _manager("apt"),
    "expect": _command,
    "fetch": _fetched,
    "file": _file,
    "get_url": _copied,
    "git": _written("dest"),
    "group": _always("/etc/group"),
    "hostname": _always("/etc/hostname"),
    "known_hosts": _written("path", default="~/.ssh/known_hosts"),
    "lineinfile": _written("path", "dest", "destfile", "name"),
    "package": _manager(ANY_MANAGER),
    "pip": _of_own("pip", "virtualenv", "executable"),
    "raw": _command,
    "replace": _written("path", "dest", "destfile", "name"),
    "rpm_key": _manager("dnf"),
    "script": _command,
    "shell": _command,
    "subversion": _written("dest"),
    "template": _copied,
    "unarchive": _unpacked,
    "uri": _written("dest"),
    "user": _always("/etc/group", "/etc/passwd"),
    "yum": _manager("dnf"),
    "yum_repository": _named_in("/etc/yum.repos.d", ".repo", "file", "name"),
}

_OTHERS: Mapping[str, Reader] = {
    "ansible.posix.authorized_key": _authorized_key,
    "ansible.posix.mount": _written("fstab", default="/etc/fstab"),
    "ansible.posix.patch": _written("dest", "basedir"),
    "ansible.posix.synchronize": _written("dest"),
    "ansible.posix.sysctl": _written("sysctl_file", default="/etc/sysctl.conf"),
    "ansible.windows.win_copy": _copied,
    "ansible.windows.win_template": _copied,
    "community.crypto.openssl_csr": _written("path"),
    "community.crypto.openssl_privatekey": _written("path"),
    "community.crypto.x509_certificate": _written("path"),
    "community.general.apk": _manager("apk"),
    "community.general.archive": _written("dest"),
    "community.general.bundler": _of_own("bundler", "chdir", "gemfile"),
    "community.general.composer": _of_own("composer", "working_dir"),
    "community.general.gem": _of_own("gem", "install_dir"),
    "community.general.hg": _written("dest"),
    "community.general.htpasswd": _written("path", "dest", "destfile", "name"),
    "community.general.ini_file": _written("path", "dest"),
    "community.general.npm": _of_own("npm", "path"),
    "community.general.openssh_keypair": _written("path"),
    "community.general.opkg": _manager("opkg"),
    "community.general.pacman": _manager("pacman"),
    "community.general.pamd": _named_in("/etc/pam.d", "", "name"),
    "community.general.pkgng": _manager("pkg"),
    "community.general.portage": _manager("portage"),
    "community.general.snap": _manager("snap"),
    "community.general.xml": _written("path", "dest", "file"),
    "community.general.yarn": _of_own("yarn", "path"),
    "community.general.zypper": _manager("zypper"),
}

#: By full name. Modules found without a collection's name are `ansible.legacy`'s or `ansible.builtin`'s.
READERS: Mapping[str, Reader] = {
    **{f"ansible.builtin.{name}": read for name, read in _BUILTIN.items()},
    **{f"ansible.legacy.{name}": read for name, read in _BUILTIN.items()},
    **_OTHERS,
}
