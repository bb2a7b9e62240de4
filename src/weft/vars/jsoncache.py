"""Facts in JSON files, a file for each host, in the format of ansible-core 2.19: each reads what the other wrote."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from weft.events.types import Event, Warned
from weft.model.errors import OptionsError, WeftError

Warn = Callable[[Event], None]

_SCHEMA = "s1_"  # ansible-core 2.19 prefixes keys with the version of its format
_PAYLOAD = "__payload__"
_TYPE = "__ansible_type"


class JsonFileCache:
    """A file (0600) for each host, written by one thread, each in one go."""

    def __init__(self, folder: str, *, prefix: str, timeout: float, warn: Warn) -> None:
        """``timeout`` is in seconds, 0: facts never expire. Raises OptionsError where the folder can't be used."""
        self._folder = folder
        self._prefix = prefix
        self._timeout = timeout
        self._warn = warn
        self._writer: ThreadPoolExecutor | None = None
        self._problems: list[str] = []  # of the writer's thread, told by the caller's
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise OptionsError(
                f"Error in 'jsonfile' cache plugin while trying to create cache dir {folder!r}: {error}"
            ) from error
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise OptionsError(
                f"error in 'jsonfile' cache, configured path ({folder}) does not have necessary permissions (rwx), "
                "disabling plugin"
            )

    def _path(self, host: str) -> str:
        return os.path.join(self._folder, f"{self._prefix}{_SCHEMA}{host.replace('/', '_')}")

    def load(self, host: str) -> dict[str, Any] | None:
        path = self._path(host)
        try:
            if self._timeout and time.time() - os.stat(path).st_mtime > self._timeout:
                return None
            with open(path, encoding="utf-8") as file:
                facts = _untag(json.loads(json.load(file)[_PAYLOAD]))
            if not isinstance(facts, dict):
                raise ValueError("no mapping")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            os.unlink(path)
            raise WeftError(
                f"The cache file {path} was corrupt, or did not otherwise contain valid data. "
                "It has been removed, so you can re-run your command now."
            ) from error
        except OSError as error:
            raise WeftError(f"Error while accessing the cache file {path!r}: {error}") from error
        return facts

    def store(self, host: str, facts: Mapping[str, Any]) -> None:
        self._submit(lambda: self._write(host, facts))

    def delete(self, host: str) -> None:
        self._submit(lambda: self._delete(host))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.shutdown(wait=True)
            self._writer = None
        self._tell()

    def _tell(self) -> None:
        while self._problems:
            self._warn(Warned(message=self._problems.pop(0)))

    def _submit(self, work: Callable[[], None]) -> None:
        self._tell()
        if self._writer is None:
            self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="facts")
        self._writer.submit(work)

    def _delete(self, host: str) -> None:
        try:
            os.unlink(self._path(host))
        except OSError:
            pass  # what is not there needs no deleting

    def _write(self, host: str, facts: Mapping[str, Any]) -> None:
        path = self._path(host)
        temporary = None
        try:
            # mkstemp makes it 0600
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".facts-")
            with open(handle, "w", encoding="utf-8") as file:
                json.dump({_PAYLOAD: json.dumps(facts, default=str)}, file)
            os.replace(temporary, path)
        except OSError as error:
            self._problems.append(f"Error in 'jsonfile' cache plugin while trying to write to {path!r}: {error}")
            if temporary is not None and os.path.exists(temporary):
                os.unlink(temporary)


def _untag(value: Any) -> Any:
    """Plain data of what ansible-core writes: it keeps where values came from beside them."""
    if isinstance(value, dict):
        if _TYPE in value:
            if "value" in value:
                return _untag(value["value"])
            return value.get("iso8601", value.get("ciphertext"))
        return {key: _untag(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_untag(item) for item in value]
    return value
