"""Files on the controller: where a task's relative paths lead, and what is in them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence

from weft.model.errors import TaskFailed, VaultFailed, WeftError

_VAULT_HEADER = b"$ANSIBLE_VAULT;"
_IN_TASKS = re.compile(r"(?:^|/)+tasks/?$")
_ROLE_MARKS = ("tasks/main.yml", "tasks/main.yaml", "tasks/main", "meta/main.yml", "meta/main.yaml", "meta/main")


class FileMissing(WeftError):
    """A file that a task names is nowhere to be found."""

    def told(self) -> TaskFailed:
        """As those actions tell of it that look for the file themselves: their message is the task's."""
        failed = TaskFailed(self.message)
        failed.apart = True
        return failed


def find_file(parents: Sequence[str], basedir: str, subdir: str, name: str) -> str:
    """The absolute path of a file or folder, looked up as Ansible looks up ``src`` of copy, template and others.

    ``parents`` are the task's folders (role, role that brought it in, task file), nearest first; in each, ``subdir`` is
    tried before the folder itself; ``basedir`` (the playbook's) comes last. Raises FileMissing.
    """
    if not name:
        raise FileMissing(missing_message(name, ()))
    if name.startswith(("~", "/")):
        path = os.path.normpath(os.path.expanduser(name))
        if os.path.exists(path):
            return path
        raise FileMissing(missing_message(name, ()))
    searched = list(candidates(parents, basedir, subdir, name))
    for path in searched:
        if os.path.exists(path):
            return path
    raise FileMissing(missing_message(name, searched))


def candidates(parents: Sequence[str], basedir: str, subdir: str, name: str) -> Iterator[str]:
    """Every path that a relative name may mean, in order."""
    nested = name.split("/", 1)[0] == subdir  # the user wrote the subfolder already
    for parent in parents:
        folder = os.path.abspath(os.path.expanduser(parent))
        above = os.path.dirname(folder)
        if above.endswith("/tasks") and _is_role(parent, folder):
            yield os.path.join(os.path.dirname(above), subdir, name)
            yield os.path.join(above, name)
        if not nested:
            yield os.path.join(folder, subdir, name)
        yield os.path.join(folder, name)
    if not nested:
        yield os.path.join(basedir, subdir, name)
    yield os.path.join(basedir, name)


def missing_message(name: str, searched: Sequence[str]) -> str:
    """What ansible-core says of a file that isn't there."""
    text = f"Could not find or access '{name}'" if name else "Could not find file"
    if searched:
        text += "\nSearched in:\n\t" + "\n\t".join(searched)
    return (
        f"{text} on the Ansible Controller.\n"
        "If you are using a module and expect the file to exist on the remote, see the remote_src option"
    )


def _is_role(path: str, folder: str) -> bool:
    """Whether a folder is a role's, or its tasks folder, or lies directly below one."""
    if _IN_TASKS.search(path) and any(
        os.path.exists(os.path.join(path, f"main{end}")) for end in (".yml", ".yaml", "")
    ):
        return True
    return any(
        os.path.exists(os.path.join(base, mark)) for mark in _ROLE_MARKS for base in (folder, os.path.dirname(path))
    )


def read_file(path: str, decrypt: Callable[[bytes, str], bytes] | None) -> bytes:
    """A file's contents, decrypted where it is a vault and ``decrypt`` is given.

    Raises FileMissing, TaskFailed, VaultFailed.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise FileMissing(missing_message(path, ())) from None
    except OSError as error:
        raise TaskFailed(f"Could not read {path}: {error.strerror}") from error
    return decrypted(data, path, decrypt) if decrypt is not None and data.startswith(_VAULT_HEADER) else data


def decrypted(data: bytes, path: str, decrypt: Callable[[bytes, str], bytes]) -> bytes:
    """A vault's plain contents. Raises VaultFailed."""
    try:
        return decrypt(data, path)
    except VaultFailed as error:
        if "no vault secrets" not in error.message:
            raise
        message = f"A vault password or secret must be specified to decrypt {path}"
        raise VaultFailed(message, hint=error.hint) from None


def sha1(data: bytes) -> str:
    """The checksum that copy, template and fetch compare and report."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def md5(data: bytes) -> str | None:
    """None on systems that forbid it (FIPS)."""
    try:
        return hashlib.md5(data).hexdigest()
    except ValueError:
        return None
