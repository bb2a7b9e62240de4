"""Reads releases of ansible-core as they are published: wheels and source archives. Nothing of them is run.

Comes before ``releases``, which unpacks what is read here.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from weft.model.errors import WeftError

#: What weft uses of a release, below its ``ansible`` package.
_USED = re.compile(r"release\.py|config/ansible_builtin_runtime\.yml|(?:modules|module_utils)/(?:\w+/)*\w+\.py")
_IN_WHEEL = re.compile(r"ansible/(.+)")
_IN_SOURCES = re.compile(r"[^/]+/lib/ansible/(.+)")
_LARGEST = 8 * 1024 * 1024  # bytes of one file; the largest there is has 0.3 MB


def read_release(path: Path) -> dict[str, bytes]:
    """What weft uses of a wheel or source archive: paths below ``ansible`` to contents.

    A wheel's files are checked against its own list of hashes. Raises WeftError.
    """
    try:
        if zipfile.is_zipfile(path):
            return _read_wheel(path)
        if tarfile.is_tarfile(path):
            return dict(_read_sources(path))
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, ValueError) as error:
        raise WeftError(f"Could not read {path}: {error}") from error
    raise WeftError(f"{path} is neither a wheel nor a source archive")


def _read_wheel(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        hashes = _listed_hashes(archive)
        found = {}
        for entry in archive.infolist():
            used = _used(_IN_WHEEL, entry.filename, entry.file_size)
            if used is None:
                continue
            data = archive.read(entry)
            if hashes and hashes.get(entry.filename) != _wheel_hash(data):
                raise WeftError(f"{path} is damaged: {entry.filename} is not what its list of files says")
            found[used] = data
    return found


def _listed_hashes(archive: zipfile.ZipFile) -> Mapping[str, str]:
    """The hashes of a wheel's RECORD (PEP 376: path, ``sha256=`` and URL-safe base64, size)."""
    name = next((name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)), None)
    if name is None:
        return {}
    rows = csv.reader(io.StringIO(archive.read(name).decode("utf-8")))
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _wheel_hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return "sha256=" + digest.rstrip(b"=").decode("ascii")


def _read_sources(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for entry in archive:
            used = _used(_IN_SOURCES, entry.name, entry.size) if entry.isfile() else None
            file = archive.extractfile(entry) if used else None
            if used and file:
                yield used, file.read()


def _used(inside: re.Pattern[str], name: str, size: int) -> str | None:
    """The path below ``ansible`` of a file that weft uses. No part of such a path can lead elsewhere."""
    match = inside.fullmatch(name)
    if match is None or not _USED.fullmatch(match[1]):
        return None
    if size > _LARGEST:
        raise ValueError(f"{name} has {size} bytes")
    return match[1]
