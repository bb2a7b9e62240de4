"""Vault: passwords from files, scripts and prompts, and decryption with them.

ansible-core's VaultLib does the decryption and is imported when the first encrypted thing is met: most runs never do.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, overload

from weft.content.display import load_display
from weft.events.types import Warned
from weft.model.errors import VaultFailed
from weft.model.record import Discreet
from weft.model.settings import Settings
from weft.model.values import Origin, VaultText

_PROMPTS: Final = ("prompt", "prompt_ask_vault_pass")
_HEADER: Final = b"$ANSIBLE_VAULT"
_UNKNOWN_ID: Final = 2  # exit status of a client script that has no password for the id


class Secret(Discreet, frozen=True):
    """One password, in the shape that VaultLib reads."""

    unshown: ClassVar[frozenset[str]] = frozenset({"bytes"})

    id: str
    bytes: bytes


class Vault:
    """The passwords of a run. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings,
        ids: Sequence[str] | None,
        prompt: Callable[[str], str] | None = None,
        *,
        warn: Callable[[Warned], None] | None = None,
    ) -> None:
        """``ids`` are ``label@source`` or ``source``, in the order in which they are tried (None: as the settings say).

        A source is a file with the password, a program that prints it (one whose name ends in ``-client`` is told the
        label), or ``prompt``: then ``prompt`` is called with the label and returns the password.
        """
        self._settings = settings
        self._ids = tuple(ids) if ids is not None else configured_ids(settings)
        self._prompt = prompt
        self._warn = warn
        self._secrets: list[Secret] | None = None
        self._known: dict[bytes, bytes] = {}
        self._lock = threading.RLock()

    @property
    def has_secrets(self) -> bool:
        """Whether there is any password to try. Raises VaultFailed where one was asked for and none can be had."""
        return bool(self.load())

    def load(self) -> Sequence[Secret]:
        """Read and ask for all passwords, once; else that happens when the first is needed. Raises VaultFailed."""
        with self._lock:
            if self._secrets is None:
                self._secrets = []
                try:
                    self._collect(self._secrets)
                except BaseException:
                    self._secrets = None
                    raise
            return self._secrets

    @overload
    def decrypt(self, data: str, origin: Origin | None = None) -> str: ...
    @overload
    def decrypt(self, data: bytes, origin: Origin | None = None) -> bytes: ...
    def decrypt(self, data: str | bytes, origin: Origin | None = None) -> str | bytes:
        """What is encrypted in ``data``, as text for text and as bytes for bytes. Raises VaultFailed."""
        plain = self._decrypted(data.encode() if isinstance(data, str) else data, origin)
        if isinstance(data, bytes):
            return plain
        try:
            return plain.decode()
        except UnicodeDecodeError as error:
            raise VaultFailed("What was decrypted is not UTF-8 text.", origin) from error

    def decrypt_value(self, value: VaultText) -> str:
        """The text behind a ``!vault`` value. Raises VaultFailed."""
        return self.decrypt(value.ciphertext, value.origin)

    def _decrypted(self, data: bytes, origin: Origin | None) -> bytes:
        with self._lock:
            known = self._known.get(data)
            if known is None:
                known = self._known[data] = self._try(data, self.load(), origin)
            return known

    def _try(self, data: bytes, secrets: Sequence[Secret], origin: Origin | None) -> bytes:
        if not secrets:
            raise VaultFailed("Attempting to decrypt but no vault secrets found.", origin, _NO_SECRETS)
        load_display()
        from ansible.errors import AnsibleError
        from ansible.parsing.vault import VaultLib

        chosen = self._for_label(data, secrets)
        try:
            plain: bytes = VaultLib([(secret.id, secret) for secret in chosen]).decrypt(data)
        except AnsibleError as error:
            # messages end in the origin that ansible-core's own tagging knows; here the error has its own
            raise VaultFailed(str(getattr(error, "message", error)), origin) from error
        return bytes(plain)

    def _for_label(self, data: bytes, secrets: Sequence[Secret]) -> Sequence[Secret]:
        """The secrets to try: those of the label in the header first, or alone, as the settings say."""
        fields = data.split(b"\n", 1)[0].strip().split(b";")
        if len(fields) < 4:
            return secrets
        label = fields[3].strip().decode(errors="replace")
        own = [secret for secret in secrets if secret.id == label]
        if self._settings.vault_id_match:
            return own or [Secret(label, b"no secret of this label")]
        return [*own, *(secret for secret in secrets if secret.id != label)]

    # where passwords come from

    def _collect(self, secrets: list[Secret]) -> None:
        failed: VaultFailed | None = None
        for entry in self._ids:
            label, at, source = entry.partition("@")
            if not at:
                label, source = "", entry
            own = label or self._settings.vault_identity
            if source in _PROMPTS:
                secrets.append(Secret(own, self._ask(own)))
                continue
            try:
                secrets.append(Secret(own, self._read(source, label, secrets)))
            except VaultFailed as error:
                failed = error
                if self._warn is not None:
                    self._warn(Warned(message=f"Error getting vault password file ({label or None}): {error}"))
        if failed is not None and not secrets:
            raise failed

    def _ask(self, label: str) -> bytes:
        if self._prompt is None:
            raise VaultFailed(f"The password of vault id '{label}' is to be asked for, but nobody is there to answer.")
        password = self._prompt(label).strip().encode()
        if not password:
            raise VaultFailed("Invalid vault password was provided")
        return password

    def _read(self, source: str, label: str, secrets: Sequence[Secret]) -> bytes:
        path = os.path.abspath(os.path.expanduser(os.path.expandvars(source)))
        if not os.path.exists(path):
            raise VaultFailed(f"The vault password file {path} was not found")
        if os.path.isdir(path):
            raise VaultFailed(f"The vault password file provided '{path}' can not be a directory")
        if os.stat(path).st_mode & 0o111:
            password = _printed(path, label)
            kind = "script"
        else:
            password = self._in_file(path, secrets)
            kind = "file"
        if not password:
            raise VaultFailed(f"Invalid vault password was provided from {kind} ({path})")
        return password

    def _in_file(self, path: str, secrets: Sequence[Secret]) -> bytes:
        try:
            with open(path, "rb") as file:
                password = file.read().strip()
        except OSError as error:
            raise VaultFailed(f"Could not read vault password file '{path}': {error.strerror}.") from error
        if password.startswith(_HEADER):  # encrypted with a password that was given before it
            password = self._try(password, secrets, Origin(path))
        return password.strip(b"\r\n")


_NO_SECRETS = "Give the password with --vault-id, --vault-password-file or --ask-vault-password."


def configured_ids(settings: Settings) -> tuple[str, ...]:
    """The vault ids that the settings name, in the order in which they are tried."""
    ids = list(settings.vault_identity_list)
    if settings.vault_password_file:
        ids.append(f"{settings.vault_identity}@{settings.vault_password_file}")
    if settings.ask_vault_pass:
        ids.append(f"{settings.vault_identity}@{_PROMPTS[1]}")
    return tuple(ids)


def _printed(path: str, label: str) -> bytes:
    """What a password script prints. Its stderr stays the user's: it may ask there, unless it is a client script."""
    client = os.path.splitext(path)[0].endswith("-client")
    command = [path, "--vault-id", label] if client and label else [path]
    what = "client script" if client else "script"
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE if client else None, check=False)
    except OSError as error:
        raise VaultFailed(
            f"Problem running vault password {what} {path} ({error}). "
            "If this is not a script, remove the executable bit from the file."
        ) from error
    said = (ended.stderr or b"").decode(errors="replace").strip()
    if client and ended.returncode == _UNKNOWN_ID:
        message = f"Vault password client script {path} did not find a secret for vault-id={label}: {said}"
        raise VaultFailed(message)
    if ended.returncode:
        wanted = f" when getting secret for vault-id={label}" if client else ""
        message = f"Vault password {what} {path} returned non-zero ({ended.returncode}){wanted}: {said}"
        raise VaultFailed(message)
    return ended.stdout.strip(b"\r\n")
