"""The user's keys, in the order OpenSSH tries them: files are read and decrypted once a run, agents asked each time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import asyncssh
from msgspec import Struct, field

from weft.connection.api import Target
from weft.connection.ssh.plan import Plan
from weft.model.record import Discreet


class LoadedKey(Discreet, frozen=True):
    """One private key file. Without ``key`` it could not be read; ``why`` says so. ``public`` is its public part."""

    unshown: ClassVar[frozenset[str]] = frozenset({"key"})

    path: str
    key: asyncssh.SSHKey | None = None
    certificates: tuple[Any, ...] = ()
    public: bytes = b""
    why: str = ""
    elsewhere: str = ""  # what only OpenSSH can do with it


class Offer(Struct):
    """What a connection tries, best first, and what to close when it is done."""

    pairs: list[Any]
    agent: asyncssh.SSHAgentClient | None = None
    notes: list[str] = field(default_factory=list)  # for the message if nothing worked
    elsewhere: str = ""  # why OpenSSH may have a key where we have none

    def close(self) -> None:
        if self.agent is not None:
            self.agent.close()
            self.agent = None


class Keys:
    """The keys of a run."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str | None, tuple[str, ...]], asyncio.Task[LoadedKey]] = {}

    async def offer(self, target: Target, plan: Plan) -> Offer:
        """The key pairs for one connection."""
        if "publickey" not in plan.methods:
            return Offer([])
        if target.private_key is not None:
            loaded = [await asyncio.to_thread(_import, target.private_key, target.private_key_passphrase)]
        else:
            loaded = [await self._load(path, target.private_key_passphrase, plan) for path in plan.identities]
        offer = Offer([])
        offer.notes = [f"{key.path}: {key.why}" for key in loaded if key.why and (plan.told_identities or key.public)]
        offer.elsewhere = next((key.elsewhere for key in loaded if key.elsewhere), "")
        from_agent = await _ask_agent(plan, offer)
        wanted = [key.public for key in loaded if key.public]
        first = [pair for public in wanted for pair in from_agent if _same(pair, public)]
        rest = [] if plan.identities_only else [pair for pair in from_agent if pair not in first]
        held = {bytes(pair.public_data) for pair in first}
        own = [pair for key in loaded if key.key is not None and key.public not in held for pair in _pairs(key)]
        offer.pairs = [*first, *rest, *own]
        return offer

    def _load(self, path: str, passphrase: str | None, plan: Plan) -> asyncio.Task[LoadedKey]:
        identity = (path, passphrase, plan.certificates)
        task = self._loaded.get(identity)
        if task is None or task.cancelled():
            task = asyncio.create_task(asyncio.to_thread(_read, path, passphrase, plan.certificates))
            self._loaded[identity] = task
        return task


async def _ask_agent(plan: Plan, offer: Offer) -> list[Any]:
    if plan.agent is None:
        return []
    offer.agent = asyncssh.SSHAgentClient(plan.agent)
    try:
        return list(await offer.agent.get_keys())
    except (OSError, ValueError, asyncssh.Error) as error:
        offer.notes.append(f"agent {plan.agent}: {error}")
        return []


def _read(path: str, passphrase: str | None, certificates: Sequence[str]) -> LoadedKey:
    """One file, its certificate beside it or among those named. Blocks: decrypting takes a while."""
    public = _public_of(path)  # of the private one too, as long as OpenSSH wrote it
    if public and not _is_private(path):  # the private one may be in the agent
        return LoadedKey(path, public=public, why="only the public key is there")
    public = public or _public_of(f"{path}.pub")
    try:
        if too_open(os.stat(path)):
            return LoadedKey(path, public=public, why="bad permissions: others may read it")
        key = asyncssh.read_private_key(path, passphrase)
    except FileNotFoundError:
        return LoadedKey(path, public=public, why="" if public else "no such file")
    except OSError as error:
        return LoadedKey(path, public=public, why=error.strerror or str(error))
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        return LoadedKey(path, public=public, why=str(error), elsewhere=_elsewhere(path, str(error), passphrase))
    return LoadedKey(path, key, tuple(_certificates(path, key, certificates)), key.public_data)


def too_open(status: os.stat_result) -> bool:
    """OpenSSH passes over a private key of one's own that others may read."""
    return status.st_uid == os.getuid() and bool(status.st_mode & 0o077)


def _elsewhere(path: str, why: str, passphrase: str | None) -> str:
    if passphrase is not None and "bcrypt" in why:
        return "an encrypted key (python's bcrypt is not installed)"
    try:
        with open(f"{path}.pub", encoding="utf-8") as file:
            kind = file.read().split()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        return ""
    return "a key on a hardware token" if kind.startswith("sk-") else ""


def _import(text: str, passphrase: str | None) -> LoadedKey:
    try:
        key = asyncssh.import_private_key(text, passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        return LoadedKey("private_key", why=str(error), public=b"?")
    return LoadedKey("private_key", key, (), key.public_data)


def _public_of(path: str) -> bytes:
    """The public key in a file, if there is one."""
    try:
        return bytes(asyncssh.read_public_key(path).public_data)
    except (OSError, asyncssh.KeyImportError, ValueError):
        return b""


def _is_private(path: str) -> bool:
    with open(path, "rb") as file:
        return b"PRIVATE KEY" in file.read(200)


def _certificates(path: str, key: asyncssh.SSHKey, named: Sequence[str]) -> list[Any]:
    found = []
    for name in (f"{path}-cert.pub", *named):
        if os.path.exists(name):
            try:
                certificate = asyncssh.read_certificate(name)
            except (OSError, asyncssh.KeyImportError, ValueError):
                continue
            if certificate.key.public_data == key.public_data:
                found.append(certificate)
    return found


def _pairs(key: LoadedKey) -> list[Any]:
    """Fresh pairs for one connection: they keep state while they sign."""
    assert key.key is not None
    pairs: list[Any] = []
    for certificate in key.certificates:
        pairs += asyncssh.load_keypairs([(key.key, certificate)])[:1]  # the second is the key by itself
    pairs += asyncssh.load_keypairs([key.key])
    return pairs


def _same(pair: Any, public: bytes) -> bool:
    return bytes(pair.public_data) == public or bytes(getattr(pair, "key_public_data", b"")) == public
