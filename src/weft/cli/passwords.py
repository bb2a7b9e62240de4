"""Asks for passwords, or reads them from files, before a run begins. Prompts are ansible-playbook's to the letter:
programs wait for them.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from weft.model.errors import VaultFailed, WeftError
from weft.model.run_options import Passwords
from weft.model.settings import Settings

DEFAULT_PROMPT = "prompt_ask_vault_pass"  # the source of a vault id that asks without naming the id
_PROMPTS = ("prompt", DEFAULT_PROMPT)


def ask(settings: Settings, vault_ids: Sequence[str]) -> Passwords:
    """Every password that settings ask for. Raises WeftError where one can't be had."""
    connection, become = None, None
    method = "BECOME" if settings.agnostic_become_prompt else settings.become_method.upper()
    prompt = f"{method} password: "
    try:
        if settings.ask_pass:
            connection = getpass.getpass("SSH password: ")
            prompt = f"{method} password[defaults to SSH password]: "
        elif settings.connection_password_file:
            connection = from_file(settings.connection_password_file)
        if settings.become_ask_pass:
            become = getpass.getpass(prompt)
            if settings.ask_pass and not become:
                become = connection
        elif settings.become_password_file:
            become = from_file(settings.become_password_file)
    except EOFError:  # nobody there to answer: connections say what is missing
        pass
    return Passwords(connection=connection, become=become, vault=ask_vault(vault_ids))


def ask_vault(ids: Sequence[str], default: str = "default") -> Mapping[str, str]:
    """The passwords of those vault ids that are to be asked for, by label."""
    asked: dict[str, str] = {}
    for entry in ids:
        label, source = split_id(entry)
        if source not in _PROMPTS:
            continue
        label = label or default
        text = "Vault password: " if source == DEFAULT_PROMPT else f"Vault password ({label}): "
        try:
            password = getpass.getpass(text)
        except EOFError:
            raise VaultFailed(f"EOFError (ctrl-d) on prompt for ({label})") from None
        if not password:
            raise VaultFailed("Invalid vault password was provided from prompt")
        asked[label] = password
    return asked


def split_id(entry: str) -> tuple[str, str]:
    """`label@source` as label and source; the label is empty where there is none."""
    label, at, source = entry.partition("@")
    return (label, source) if at else ("", entry)


def from_file(path: str) -> str:
    """The password in a file, printed by it if it is executable, or on stdin (`-`). Raises WeftError."""
    if path == "-":
        secret = sys.stdin.buffer.read()
    elif not os.path.exists(path):
        raise WeftError(f"The password file {path} was not found")
    elif os.access(path, os.X_OK):
        secret = _printed(path)
    else:
        try:
            with open(path, "rb") as file:
                secret = file.read().strip()
        except OSError as error:
            raise WeftError(f"Could not read password file {path!r}: {error.strerror}") from error
    secret = secret.strip(b"\r\n")
    if not secret:
        raise WeftError(f"Empty password was provided from file ({path})")
    return secret.decode("utf-8", "surrogateescape")


def _printed(path: str) -> bytes:
    try:
        ended = subprocess.run([path], capture_output=True, check=False)
    except OSError as error:
        raise WeftError(
            f"Problem occurred when trying to run the password script {path} ({error}). "
            "If this is not a script, remove the executable bit from the file."
        ) from error
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace")
        raise WeftError(f"The password script {path} returned an error (rc={ended.returncode}): {said}")
    return ended.stdout
