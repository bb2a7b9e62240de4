"""Older releases of ansible-core's modules, for hosts with old Pythons: fetched, kept, listed, removed.

They lie in the content folder, one folder a release, with a note of what it was unpacked from; ``core`` chooses among
them. Nothing of them is ever imported on the controller: they are files that are sent to hosts.
"""

from __future__ import annotations

import fnmatch
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.content.archives import read_release
from weft.content.core import Core, content_dir, installed_core, older_cores, read_core, version_key
from weft.model.errors import OptionsError, WeftError

_NOTE = "source.json"
_NAMES = ("ansible-core", "ansible-base", "ansible")
_REQUIREMENT = re.compile(rf"(?:{'|'.join(_NAMES)})(?:[=<>~!,\s].*)?")
_VERSION = re.compile(r"\d+(?:\.\w+)*")
_ARCHIVE = re.compile(r".*\.(?:whl|zip|tar|tar\.gz|tgz)")


class Release(Struct, frozen=True):
    """One that was added. ``sha256`` is of the archive ``source``, empty where it was put there by hand."""

    core: Core
    folder: Path
    source: str = ""
    sha256: str = ""
    changed: bool = False  # its files are not those that were unpacked


class Added(Struct, frozen=True):
    release: Release
    new: bool  # False: it was there already


def releases() -> tuple[Release, ...]:
    """What was added, newest first."""
    return tuple(_known(core) for core in older_cores())


def add(wanted: str, *, sha256: str | None = None) -> Added:
    """Fetch a release and unpack it.

    ``wanted`` is a version (``2.16``: its newest patch release), a requirement as pip takes it, or the path of a wheel
    or source archive. ``sha256`` (hex) is what the archive must have. Raises WeftError, OptionsError.
    """
    if _ARCHIVE.fullmatch(wanted.lower()) or os.sep in wanted:
        return _add_archive(Path(wanted).expanduser(), sha256)
    with tempfile.TemporaryDirectory(prefix="weft-content-") as folder:
        return _add_archive(_download(_requirement(wanted), Path(folder)), sha256)


def remove(wanted: str) -> tuple[Release, ...]:
    """Remove the releases that a version, a pattern (``2.16.*``) or a requirement with ``==`` names.

    Raises OptionsError where there is none.
    """
    pattern = re.sub(rf"^(?:{'|'.join(_NAMES)})[ =]*", "", wanted.strip()) or "*"
    found = [known for known in releases() if _matches(known.core.version, pattern)]
    if not found:
        here = ", ".join(known.core.version for known in releases())
        raise OptionsError(f"There is no release {wanted!r} here: {here or 'none was added'}")
    for known in found:
        # first out of the way, at once: a run that starts now must not find half of it
        aside = known.folder.with_name(f".old-{known.folder.name}-{os.getpid()}")
        try:
            known.folder.rename(aside)
            shutil.rmtree(aside)
        except OSError as error:
            raise WeftError(f"Could not remove {known.folder}: {error.strerror}") from error
    older_cores.cache_clear()
    return tuple(found)


def _matches(version: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(version, pattern) or (
        _VERSION.fullmatch(pattern) is not None and version.startswith(pattern + ".")
    )


def _requirement(wanted: str) -> str:
    """As pip takes it; a version alone is of ansible-core, and means its newest patch release."""
    wanted = wanted.strip()
    if _VERSION.fullmatch(wanted):
        return f"ansible-core=={wanted}.*" if wanted.count(".") < 2 else f"ansible-core=={wanted}"
    if not _REQUIREMENT.fullmatch(wanted):
        raise OptionsError(
            f"{wanted!r} is neither a version of ansible-core, nor a requirement such as 'ansible-core==2.16.*', "
            "nor a wheel or source archive of it"
        )
    return wanted


def _download(requirement: str, folder: Path) -> Path:
    """The wheel, by pip and from where pip is set up to look. Raises WeftError."""
    # a wheel needs only to be unpacked; a source archive would be run to find out what it is
    options = ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--quiet", "--no-input"]
    command = [*_pip(), "download", *options, "--disable-pip-version-check", "--dest", str(folder), "--", requirement]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = list(folder.iterdir())
    if done.returncode or len(found) != 1:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")] or done.stderr.splitlines()
        reason = said[-1].removeprefix("ERROR: ") if said else f"it ended with status {done.returncode}"
        raise WeftError(
            f"pip could not download a wheel of {requirement}: {reason.rstrip('.')}.",
            hint="`weft content add` takes also the path of a wheel or source archive that was fetched elsewhere.",
        )
    return found[0]


def _pip() -> Sequence[str]:
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise WeftError(
            "There is no pip to download releases with.",
            hint="Install it, or fetch a wheel of ansible-core elsewhere and give its path.",
        )
    return (found,)


def _add_archive(path: Path, sha256: str | None) -> Added:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeftError(f"Could not read {path}: {error.strerror}") from error
    if sha256 is not None and digest != sha256.lower():
        raise WeftError(f"{path.name} has the SHA-256 {digest}, not {sha256}: it was not added")
    files = read_release(path)
    if not {"release.py", "module_utils/basic.py"} <= files.keys():
        raise WeftError(
            f"There are no modules of ansible-core in {path.name}.",
            hint="The package ansible has only collections since its version 2.10; its modules are in ansible-core.",
        )
    try:
        return _unpack(files, path.name, digest)
    except OSError as error:
        raise WeftError(f"Could not write to {content_dir()}: {error.strerror}") from error


def _unpack(files: Mapping[str, bytes], source: str, digest: str) -> Added:
    """Write everything into a folder that gets its name once it is whole. Raises OSError, WeftError."""
    os.makedirs(content_dir(), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=content_dir(), ignore_cleanup_errors=True) as name:
        draft = Path(name, "release")
        for path, data in files.items():
            target = draft / "ansible" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        core = read_core(str(draft / "ansible"))
        _refuse_newer(core)
        note = {"source": source, "sha256": digest, "files": _files_hash(files.items())}
        (draft / _NOTE).write_text(json.dumps(note) + "\n", encoding="utf-8")
        folder = Path(content_dir()) / core.title.replace(" ", "-")
        new = not folder.exists()
        if new:
            draft.rename(folder)
    older_cores.cache_clear()
    return Added(_known(read_core(str(folder / "ansible"))), new)


def _refuse_newer(core: Core) -> None:
    installed = installed_core()
    if version_key(core.version) >= version_key(installed.version):
        raise WeftError(
            f"{core.title} is not older than the installed {installed.title}, which serves every host that it would.",
            hint="Only releases for Pythons that the installed one has dropped are added.",
        )


def _known(core: Core) -> Release:
    folder = Path(core.path).parent
    try:
        note: Any = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
        source, digest, files = str(note["source"]), str(note["sha256"]), str(note["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return Release(core, folder)
    return Release(core, folder, source, digest, files != _files_hash(_files_in(folder / "ansible")))


def _files_in(folder: Path) -> Iterable[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _files_hash(files: Iterable[tuple[str, bytes]]) -> str:
    """One SHA-256 for all paths and contents."""
    lines = sorted(f"{hashlib.sha256(data).hexdigest()} {path}\n" for path, data in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
