"""The file of a playbook's hosts that failed or were out of reach, for `--limit @FILE` (RETRY_FILES_ENABLED)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from weft.engine.state import RunState
from weft.events import Message, Warned
from weft.model.nodes import Playbook


async def keep_for_retry(run: RunState, book: Playbook) -> None:
    """Write the file, if there is a host for it, and say where it is. That it can't be written is a warning."""
    hosts = sorted(run.failed | run.unreachable)
    if not hosts or run.options.adhoc is not None:
        return
    folder = run.settings.retry_files_save_path or os.path.dirname(os.path.abspath(book.path))
    path = os.path.join(folder, os.path.splitext(os.path.basename(book.path))[0] + ".retry")
    try:
        await asyncio.to_thread(_write, path, hosts)
    except OSError as error:
        run.bus.publish(Warned(message=f"Could not create retry file {path!r}: {error}"))
    else:
        run.bus.publish(Message(text=f"\tto retry, use: --limit @{path}"))


def _write(path: str, hosts: Iterable[str]) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{host}\n" for host in hosts)
