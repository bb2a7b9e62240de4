"""SSH connections by asyncssh, carried out as a ``Plan`` says. Import it lazily: asyncssh takes 0.15 s to import.

Comes after ``plan``, ``keys``, ``known_hosts``, ``dial``; before ``transport``, which decides between this and the
OpenSSH client.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncssh
from asyncssh import encryption, kex, mac, public_key
from msgspec import Struct, field

from weft.connection.api import Target
from weft.connection.ssh.algorithms import CIPHERS, HOST_KEYS, KEX, MACS, NoneLeft, choose, host_keys
from weft.connection.ssh.dial import CantDial, Dialer, JumpDialer
from weft.connection.ssh.keys import Keys, Offer
from weft.connection.ssh.known_hosts import Judgement, KnownHosts, Verdict, judge
from weft.connection.ssh.plan import Plan
from weft.model.errors import Unreachable

LOGIN_TIMEOUT = 120.0  # seconds for key exchange and authentication, as sshd's LoginGraceTime
_WINDOW = 4 * 1024 * 1024
_ALL_METHODS = ("gssapi-with-mic", "publickey", "keyboard-interactive", "password")

Confirm = Callable[[str], Awaitable[bool]]


class TurnedAway(Unreachable):
    """The server closed before its version line: it has too many connections in the making (MaxStartups)."""


class OnlyOpenSSH(Exception):
    """asyncssh can't do it and the OpenSSH client may."""


class Shared(Struct):
    """What all connections of a run share."""

    known_hosts: KnownHosts = field(default_factory=KnownHosts)
    keys: Keys = field(default_factory=Keys)
    confirm: Confirm | None = None  # asks the user about a new host key
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Connected(Struct):
    """A live connection and what to close with it."""

    connection: asyncssh.SSHClientConnection
    dialer: Dialer | JumpDialer
    banner: str = ""

    async def close(self) -> None:
        self.connection.close()
        try:
            async with asyncio.timeout(2):
                await self.connection.wait_closed()
        except TimeoutError:
            self.connection.abort()
            await self.connection.wait_closed()
        await self.dialer.wait_closed()


async def connect(target: Target, plan: Plan, shared: Shared, dialer: Callable[[], Dialer | JumpDialer]) -> Connected:
    """One connection; ``dialer`` gives each attempt its own. Raises Unreachable (TurnedAway, CantDial), OnlyOpenSSH."""
    if not shared.known_hosts.loaded(plan.host_keys):
        await asyncio.to_thread(shared.known_hosts.load, plan.host_keys)
    offer = await shared.keys.offer(target, plan)
    try:
        accepted: set[tuple[str, str]] = set()
        while True:
            attempt = _Attempt(target, plan, shared, offer, accepted)
            try:
                return await attempt.run(dialer())
            except _Asked as asked:
                if not await _confirmed(shared, asked.judgement):
                    raise Unreachable(f"{asked.judgement.message} Host key verification failed.") from None
                accepted.add(asked.key)
                offer.close()
                offer = await shared.keys.offer(target, plan)
    finally:
        offer.close()


async def _confirmed(shared: Shared, judgement: Judgement) -> bool:
    if shared.confirm is None:
        return False
    async with shared.asking:
        return await shared.confirm(f"{judgement.message}\nAre you sure you want to continue connecting?")


class _Asked(Exception):
    """The user has to say whether a new host key is right."""

    def __init__(self, key: tuple[str, str], judgement: Judgement) -> None:
        self.key = key
        self.judgement = judgement


class _Attempt:
    """One try at a connection."""

    def __init__(
        self, target: Target, plan: Plan, shared: Shared, offer: Offer, accepted: set[tuple[str, str]]
    ) -> None:
        self._plan = plan
        self._shared = shared
        self._offer = offer
        self._client = _Client(target, plan, shared.known_hosts, accepted)

    async def run(self, dialer: Dialer | JumpDialer) -> Connected:
        plan = self._plan
        connection: asyncssh.SSHClientConnection | None = None
        try:
            connection = await asyncssh.connect(plan.host, plan.port, tunnel=dialer, config=None, **self._options())
        except (asyncssh.Error, OSError, ValueError, NoneLeft) as error:
            raise self._failure(error, dialer) from error
        finally:
            if connection is None:
                await dialer.wait_closed()
        if connection.is_closed():  # we gave up before it was through
            raise self._failure(asyncssh.ConnectionLost("Connection lost"), dialer)
        if self._client.learn is not None:
            await asyncio.to_thread(self._shared.known_hosts.learn, plan.host_keys, self._client.learn)
        return Connected(connection, dialer, self._client.banner)

    def _options(self) -> dict[str, Any]:
        plan, known = self._plan, self._client.known
        hosts = [name.decode() for name in (*public_key.get_public_key_algs(), *public_key.get_certificate_algs())]
        options: dict[str, Any] = {
            "client_factory": lambda: self._client,
            "username": plan.user,
            "client_keys": self._offer.pairs or None,
            "agent_path": None,
            "agent_forwarding": plan.forward_agent or False,
            "preferred_auth": (*plan.methods, *(name for name in _ALL_METHODS if name not in plan.methods)),
            "host_based_auth": False,
            "gss_host": () if plan.gssapi else None,
            "gss_kex": False,
            "gss_auth": plan.gssapi,
            "gss_delegate_creds": plan.gssapi_delegate,
            "known_hosts": ([], _publics(known.authorities), _publics(known.revoked)),
            "host_key_alias": None if plan.host_keys.name.startswith("[") else plan.host_keys.name,
            "server_host_key_algs": host_keys(plan.host_key_algorithms, known.types, bool(known.authorities), hosts),
            "kex_algs": choose(plan.kex, KEX, _names(kex.get_kex_algs()), "KexAlgorithms"),
            "encryption_algs": choose(plan.ciphers, CIPHERS, _names(encryption.get_encryption_algs()), "Ciphers"),
            "mac_algs": choose(plan.macs, MACS, _names(mac.get_mac_algs()), "MACs"),
            "signature_algs": choose(plan.pubkey_algorithms, HOST_KEYS, hosts, "PubkeyAcceptedAlgorithms"),
            "compression_algs": ["zlib@openssh.com", "none"] if plan.compression else ["none"],
            "x509_trusted_certs": None,
            "tcp_keepalive": plan.tcp_keepalive,
            "keepalive_interval": plan.keepalive[0],
            "keepalive_count_max": plan.keepalive[1],
            "connect_timeout": None,  # dial and the client take care of it
            "login_timeout": LOGIN_TIMEOUT,
            "request_pty": False,
            "env": None,
            "send_env": None,
            "command": None,
        }
        options.update(_rekey(plan.rekey))
        return options

    def _failure(self, error: Exception, dialer: Dialer | JumpDialer) -> Exception:
        """What an exception of asyncssh's means."""
        plan, client = self._plan, self._client
        if client.asked is not None:
            return _Asked(*client.asked)
        if isinstance(error, CantDial):
            return error
        if isinstance(error, NoneLeft):
            return OnlyOpenSSH(str(error))
        if isinstance(error, asyncssh.KeyExchangeFailed):
            return OnlyOpenSSH(f"key exchange: {error.reason}")
        if client.refused:
            return Unreachable(f"{client.refused} Host key verification failed.")
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return Unreachable(f"{error.reason}. Host key verification failed.")
        if isinstance(error, asyncssh.PermissionDenied):
            return self._denied()
        if client.timed_out:
            return CantDial(f"Connection timed out during banner exchange with {plan.where}")
        said = f" {dialer.proxy_errors}" if dialer.proxy_errors else ""
        if isinstance(error, asyncssh.ConnectionLost | OSError) and not client.greeted:
            if plan.proxy_command is not None:
                return CantDial(f"ssh: ProxyCommand to {plan.where} closed the connection.{said}")
            return TurnedAway(f"kex_exchange_identification: Connection closed by remote host {plan.where}{said}")
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        return Unreachable(f"{reason} ({plan.where}){said}")

    def _denied(self) -> Exception:
        plan, client = self._plan, self._client
        if self._offer.elsewhere:
            return OnlyOpenSSH(self._offer.elsewhere)
        offered = ",".join(client.offered) or ",".join(plan.methods)
        tried = [f"{len(self._offer.pairs)} key{'s' * (len(self._offer.pairs) != 1)}"] if self._offer.pairs else []
        tried += ["a password"] if client.used_password else []
        notes = "".join(f"; {note}" for note in self._offer.notes)
        shown = f" (tried {' and '.join(tried) or 'no key, no password'}{notes})"
        banner = f"{client.banner.strip()}\n" if client.banner.strip() else ""
        return Unreachable(f"{banner}{plan.user}@{plan.host}: Permission denied ({offered}).{shown}")


class _Client(asyncssh.SSHClient):
    """Answers asyncssh's questions during one try."""

    def __init__(self, target: Target, plan: Plan, known_hosts: KnownHosts, accepted: set[tuple[str, str]]) -> None:
        policy = plan.host_keys
        self.known = known_hosts.lookup(policy.name, policy)
        self._without_port = known_hosts.lookup(policy.plain_name, policy) if policy.plain_name else None
        self._plan = plan
        self._accepted = accepted
        self._password = target.password
        self._connection: asyncssh.SSHClientConnection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._given: set[str] = set()
        self.asked: tuple[tuple[str, str], Judgement] | None = None
        self.learn: tuple[str, str] | None = None
        self.refused = ""
        self.offered: list[str] = []
        self.used_password = False
        self.timed_out = False
        self.banner = ""

    @property
    def greeted(self) -> bool:
        """Whether the server said which SSH it speaks."""
        return self._connection is not None and self._connection.get_extra_info("server_version") is not None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
        if self._plan.connect_timeout:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._plan.connect_timeout, self._check_greeted)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()

    def begin_auth(self, username: str) -> None:
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_greeted(self) -> None:
        if not self.greeted and self._connection is not None:
            self.timed_out = True
            self._connection.abort()

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self.banner += msg

    # the host's key

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        kind, data = key.export_public_key().decode("ascii").split()[:2]
        shown = (kind, data)
        judgement = judge(self._plan.host_keys, self.known, self._without_port or type(self.known)(), shown)
        if judgement.verdict is Verdict.ASK and shown in self._accepted:
            judgement = Judgement(Verdict.LEARN)
        match judgement.verdict:
            case Verdict.TRUSTED:
                return True
            case Verdict.LEARN:
                self.learn = shown
                return True
            case Verdict.DISTRUST:
                self._password = None
                return True
            case Verdict.ASK:
                self.asked = (shown, judgement)
        self.refused = judgement.message
        return False

    # authentication: each is asked only if the server offers it

    def public_key_auth_requested(self) -> None:
        self._note("publickey")

    def password_auth_requested(self) -> str | None:
        return self._give("password")

    def kbdint_auth_requested(self) -> str | None:
        return None if self._give("keyboard-interactive") is None else ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        hidden = [prompt for prompt, echo in prompts if not echo]
        if len(hidden) != len(prompts) or len(prompts) > 1 or self._password is None:
            return None  # it asks for more than a password
        return [self._password for _ in prompts]

    def _note(self, method: str) -> None:
        if method not in self.offered:
            self.offered.append(method)

    def _give(self, method: str) -> str | None:
        """The password, once for each method: again would only lock the account."""
        self._note(method)
        if method not in self._plan.methods or method in self._given or self._password is None:
            return None
        self._given.add(method)
        self.used_password = True
        return self._password


def _publics(keys: Sequence[tuple[str, str]]) -> list[Any]:
    """Those that are keys at all."""
    found = []
    for kind, data in keys:
        with contextlib.suppress(asyncssh.KeyImportError, ValueError):
            found.append(asyncssh.import_public_key(f"{kind} {data}"))
    return found


def _names(algorithms: list[bytes]) -> list[str]:
    return [name.decode("ascii") for name in algorithms]


def _rekey(limits: tuple[str, ...]) -> dict[str, Any]:
    names = ("rekey_bytes", "rekey_seconds")
    return {
        name: value if name == "rekey_bytes" or value != "none" else None
        for name, value in zip(names, limits, strict=False)
        if value not in ("default",)
    }
