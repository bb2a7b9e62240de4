"""A Kubernetes API server for tests: as much of it as ``kubectl exec`` needs, with folders on this machine as pods.

It speaks what a real one speaks (TLS, bearer tokens and passwords, discovery, pods, and ``exec`` over the websocket
subprotocol ``v5.channel.k8s.io``). A command in a pod is a child process of ours with the pod's folder as its home. As
under a container runtime, it goes on when the connection is lost, and only its stdin ends.
Sources: Kubernetes' API concepts, and its enhancement proposal 4006 for the channels of the websocket.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import json
import os
import signal
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
PATIENCE = 20.0  # seconds
_CHUNK = 32 * 1024
_MARK = "WEFT_TEST_POD"
#: A session leader that opens a terminal gets it as its controlling one.
_ON_TERMINAL = ("/bin/sh", "-c", 'exec 0<>"$0" 1>&0 2>&0; exec "$@"')
T = TypeVar("T")


@dataclass(frozen=True)
class Pod:
    """One that runs (or ran), in a namespace."""

    name: str
    home: Path
    namespace: str = "default"
    containers: tuple[str, ...] = ("main",)
    phase: str = "Running"

    @property
    def document(self) -> dict[str, Any]:
        return {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {"containers": [{"name": name} for name in self.containers]},
            "status": {"phase": self.phase},
        }


@dataclass(frozen=True)
class Exec:
    """A command that somebody wanted to have run in a pod."""

    pod: Pod
    container: str
    argv: tuple[str, ...]
    tty: bool
    who: str


@dataclass
class KubeApi:
    """The server, in a thread with an event loop of its own. Use it as a context manager.

    ``users``: those who may come in, by the ``Authorization`` header that each sends.
    """

    folder: Path
    users: Mapping[str, str]
    execs: list[Exec] = field(default_factory=list)
    _pods: dict[tuple[str, str], Pod] = field(default_factory=dict)
    _connections: dict[ServerConnection, Pod] = field(default_factory=dict)
    _commands: set[asyncio.Task[None]] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: Server | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, name="kube-api", daemon=True)
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *error: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def authority(self) -> Path:
        """The certificate of who vouches for the server: its own."""
        return self.folder / "server.crt"

    def add(self, name: str, **options: Any) -> Pod:
        home = self.folder / "pods" / name
        home.mkdir(parents=True)
        pod = Pod(name, home, **options)
        self._pods[pod.namespace, name] = pod
        return pod

    def cut(self, pod: Pod) -> None:
        """Everything that runs in a pod for somebody loses its connection, without a word."""

        def abort() -> None:
            for connection, known in self._connections.items():
                if known == pod:
                    connection.transport.abort()

        self._loop.call_soon_threadsafe(abort)

    def processes(self) -> list[int]:
        """What runs in the pods, whoever started it."""
        mark = f"{_MARK}={self.folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    # the thread's side

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _start(self) -> None:
        certificate, key = _self_signed()
        self.authority.write_bytes(certificate)
        (self.folder / "server.key").write_bytes(key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.authority, self.folder / "server.key")
        self._server = await serve(
            self._exec, "127.0.0.1", 0, ssl=context, process_request=self._answer, compression=None, max_size=None,
            subprotocols=[Subprotocol("v5.channel.k8s.io")],
        )  # fmt: skip

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._server.wait_closed()
        await asyncio.gather(*self._commands)

    # plain requests

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a GET; None: let it become a websocket."""
        if request.headers.get("Authorization", "") not in self.users:
            return _response(_failure(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized"))
        path = urlsplit(request.path).path
        if path in _DISCOVERY:
            return _response(_DISCOVERY[path])
        match path.split("/")[1:]:
            case ["api", "v1", "namespaces", namespace]:
                return _response({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": namespace}})
            case ["api", "v1", "namespaces", namespace, "pods", name] if (namespace, name) in self._pods:
                return _response(self._pods[namespace, name].document)
            case ["api", "v1", "namespaces", namespace, "pods", name, "exec"] if (namespace, name) in self._pods:
                [container] = parse_qs(urlsplit(request.path).query)["container"]
                if container in self._pods[namespace, name].containers:
                    return None
                message = f"container {container} is not valid for pod {name}"
                return _response(_failure(HTTPStatus.BAD_REQUEST, "BadRequest", message))
            case ["api", "v1", "namespaces", _, "pods", name]:
                return _response(_failure(HTTPStatus.NOT_FOUND, "NotFound", f'pods "{name}" not found'))
        return _response(_failure(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource"))

    # commands

    async def _exec(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        url = urlsplit(connection.request.path)
        query = parse_qs(url.query)
        *_, namespace, _, name, _ = url.path.split("/")
        wanted = Exec(
            self._pods[namespace, name],
            query["container"][0],
            tuple(query["command"]),
            query.get("tty") == ["true"],
            self.users[connection.request.headers.get("Authorization", "")],
        )
        self.execs.append(wanted)
        self._connections[connection] = wanted.pod
        task = asyncio.ensure_future(self._command(connection, wanted))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        try:
            await asyncio.wait([task, asyncio.ensure_future(connection.wait_closed())], return_when="FIRST_COMPLETED")
        finally:
            del self._connections[connection]

    async def _command(self, connection: ServerConnection, wanted: Exec) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(wanted.pod.home),
            "HOSTNAME": wanted.pod.name,
            "CONTAINER": wanted.container,
            _MARK: str(self.folder),
        }
        start = _on_terminal if wanted.tty else _on_pipes
        try:
            running = await start(wanted.argv, wanted.pod.home, environment)
        except OSError as error:
            message = f'error executing command in container: exec: "{wanted.argv[0]}": {error.strerror}'
            status = _failure(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", f"Internal error occurred: {message}")
        else:
            feeding = asyncio.ensure_future(_feed(connection, running.stdin))
            await asyncio.gather(*(_tell(connection, channel, reader) for channel, reader in running.outputs.items()))
            status = _status(await running.wait())
            feeding.cancel()
            running.stdin.close()
        with suppress(ConnectionClosed):
            await connection.send(bytes([ERROR]) + json.dumps(status).encode())
            await connection.close()


@dataclass(frozen=True)
class _Running:
    stdin: asyncio.StreamWriter
    outputs: Mapping[int, asyncio.StreamReader]
    wait: Callable[[], Awaitable[int]]


async def _on_pipes(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> _Running:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    assert process.stdin and process.stdout and process.stderr
    return _Running(process.stdin, {STDOUT: process.stdout, STDERR: process.stderr}, process.wait)


async def _on_terminal(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> _Running:
    ours, theirs = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *_ON_TERMINAL, os.ttyname(theirs), *argv, cwd=folder, env=environment, stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(theirs)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: protocol, os.fdopen(ours, "rb", buffering=0))
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(os.dup(ours), "wb", buffering=0))
    return _Running(asyncio.StreamWriter(transport, protocol, None, loop), {STDOUT: reader}, process.wait)


async def _feed(connection: ServerConnection, stdin: asyncio.StreamWriter) -> None:
    """What comes for stdin, until that is closed or the connection is lost."""
    try:
        async for message in connection:
            assert isinstance(message, bytes)
            if message == bytes([CLOSE, STDIN]):
                break
            if message[0] == STDIN:
                stdin.write(message[1:])
                await stdin.drain()
    except (ConnectionClosed, ConnectionError):
        pass
    stdin.close()


async def _tell(connection: ServerConnection, channel: int, reader: asyncio.StreamReader) -> None:
    """Output on its way; what nobody hears any more is lost."""
    with suppress(OSError):  # the end of a terminal
        while data := await reader.read(_CHUNK):
            with suppress(ConnectionClosed):
                await connection.send(bytes([channel]) + data)


# documents

_DISCOVERY: Mapping[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.4"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get"]},
            {"name": "pods/exec", "singularName": "", "namespaced": True, "kind": "PodExecOptions", "verbs": ["get"]},
        ],
    },
}


def basic(user: str, password: str) -> str:
    """The ``Authorization`` header of a user with a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _failure(code: HTTPStatus, reason: str, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code.value,
    }


def _status(code: int) -> dict[str, Any]:
    """How a command ended: its exit code, or 128 and the number of the signal that ended it."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    code = code if code > 0 else 128 - code
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _response(document: Mapping[str, Any]) -> Response:
    status = HTTPStatus(document.get("code", 200))
    body = json.dumps(document).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    return Response(status.value, status.phrase, Headers(headers), body)


def _self_signed() -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1 and its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kube-api")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), key.private_bytes(pem, *plain)
