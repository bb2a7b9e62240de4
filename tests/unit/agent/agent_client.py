"""A small synchronous controller, to drive a real agent over pipes."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.connection import pack

PATIENCE = 20.0  # seconds after which a test gives up on an event


@functools.cache
def interpreters() -> tuple[str, ...]:
    """Every Python this machine has: pyenv's, and those on PATH; one of each version."""
    found: dict[str, str] = {}
    names = [f"python{v}" for v in ("2.7", *(f"3.{n}" for n in range(6, 15)))]
    pyenv = sorted(Path.home().joinpath(".pyenv", "versions").glob("*/bin/python"))
    for path in [*map(str, pyenv), *filter(None, map(shutil.which, names)), sys.executable]:
        said = subprocess.run(
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True
        )
        version = tuple(map(int, said.stdout.split("."))) if said.returncode == 0 else ()
        if version == (2, 7) or version >= (3, 6):
            found.setdefault(said.stdout.strip(), path)
    return tuple(found.values())


class Failed(Exception):
    """The agent answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['kind']}: {error['message']} {error.get('traceback', '')}")
        self.error = error
        self.kind = error["kind"]


class Client:
    """One connection: the process that carries it, and the frames over it."""

    socket = ""  # where a relay finds the agent, once a test has asked

    def __init__(
        self, command: str, program: bytes, *, env: Mapping[str, str] | None = None, cwd: str | None = None
    ) -> None:
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", command],  # which, like most login shells, replaces itself
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=dict(os.environ, **env) if env else None,
            cwd=cwd,
            start_new_session=True,
        )
        assert self.process.stdin and self.process.stdout
        self.junk = b""
        self.last = 0
        self.frames: list[tuple[dict[str, Any], bytes]] = []
        self.send_raw(program)
        self._buffer = b""
        while b"WEFT-AGENT 1\n" not in self._buffer:
            self._more()
        self.junk, _, self._buffer = self._buffer.partition(b"WEFT-AGENT 1\n")
        self.hello = self.wait(lambda header: header.get("push") == "hello")[0]

    @classmethod
    def start(cls, python: str | None = None, **options: Any) -> Client:
        packed = pack.pack()
        return cls(pack.start_command([python or sys.executable], packed), packed.program, **options)

    @classmethod
    def rejoin(cls, socket: str, token: str, python: str | None = None) -> Client:
        command = pack.relay_command([python or sys.executable], socket, token)
        return cls(command, pack.pack_relay().program)

    def _more(self, deadline: float | None = None) -> None:
        assert self.process.stdout
        left = (deadline or time.monotonic() + PATIENCE) - time.monotonic()
        ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, left))
        if not ready:
            raise TimeoutError("the agent says nothing")
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        if not data:
            raise EOFError(f"the agent ended: {self._buffer!r}")
        self._buffer += data

    def send_raw(self, data: bytes) -> None:
        assert self.process.stdin
        view = memoryview(data)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view) :]

    def send(self, op: str, payload: bytes = b"", number: int | None = None, **arguments: Any) -> int:
        """Send a request; returns its id."""
        if number is None:
            self.last += 1
            number = self.last
        head = json.dumps({"id": number, "op": op, **arguments}).encode()
        self.send_raw(struct.pack(">II", len(head), len(payload)) + head + payload)
        return number

    def ack(self, **content: Any) -> None:
        head = json.dumps({"op": "ack", **content}).encode()
        self.send_raw(struct.pack(">II", len(head), 0) + head)

    def _take(self) -> bool:
        if len(self._buffer) < 8:
            return False
        first, second = struct.unpack(">II", self._buffer[:8])
        if len(self._buffer) < 8 + first + second:
            return False
        header = json.loads(self._buffer[8 : 8 + first])
        self.frames.append((header, self._buffer[8 + first : 8 + first + second]))
        self._buffer = self._buffer[8 + first + second :]
        return True

    def wait(self, wanted: Any, patience: float = PATIENCE) -> tuple[dict[str, Any], bytes]:
        """The first frame for which ``wanted(header)`` holds; others stay for later."""
        deadline = time.monotonic() + patience
        seen = 0
        while True:
            for index in range(seen, len(self.frames)):
                if wanted(self.frames[index][0]):
                    return self.frames.pop(index)
            seen = len(self.frames)
            while not self._take():
                self._more(deadline)

    def answer(self, number: int, patience: float = PATIENCE) -> tuple[dict[str, Any], bytes]:
        """The end of a request: result and payload. Raises Failed."""
        parts = []
        while True:
            header, payload = self.wait(lambda h: h.get("id") == number and "stream" not in h, patience)
            parts.append(payload)
            if "part" not in header:
                break
        if "error" in header:
            raise Failed(header["error"])
        payload = b"".join(parts)
        if header.get("result_in_payload"):
            return json.loads(payload), b""
        return header["result"], payload

    def call(self, op: str, payload: bytes = b"", **arguments: Any) -> dict[str, Any]:
        """A request and its result."""
        return self.answer(self.send(op, payload, **arguments))[0]

    def call_payload(self, op: str, payload: bytes = b"", **arguments: Any) -> tuple[dict[str, Any], bytes]:
        return self.answer(self.send(op, payload, **arguments))

    def pushed(self, name: str, **content: Any) -> dict[str, Any]:
        return self.wait(lambda h: h.get("push") == name and all(h.get(k) == v for k, v in content.items()))[0]

    def close(self) -> int:
        """Say goodbye; returns the agent's exit code."""
        if self.process.poll() is None:
            try:
                self.call("bye")
            except (BrokenPipeError, EOFError):
                pass
        return self.hang_up()

    def hang_up(self) -> int:
        """Drop the connection without a word, and wait for the process that carried it."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code


@functools.cache
def blob(path: str) -> tuple[str, bytes]:
    data = Path(path).read_bytes()
    return hashlib.sha256(data).hexdigest(), data


@functools.cache
def ansible_root() -> str:
    import importlib.util

    spec = importlib.util.find_spec("ansible")
    assert spec and spec.origin
    return str(Path(spec.origin).parent)


@functools.cache
def manifest() -> tuple[dict[str, tuple[str, bool]], dict[str, bytes]]:
    """All of ansible-core's module_utils: the manifest, and the blobs by hash."""
    utils: dict[str, tuple[str, bool]] = {}
    blobs: dict[str, bytes] = {}
    root = Path(ansible_root(), "module_utils")
    for path in sorted(root.rglob("*.py")):
        parts = ["ansible", "module_utils", *path.relative_to(root).with_suffix("").parts]
        package = parts[-1] == "__init__"
        digest, data = blob(str(path))
        utils[".".join(parts[:-1] if package else parts)] = (digest, package)
        blobs[digest] = data
    return utils, blobs


def send_blobs(client: Client, blobs: Mapping[str, bytes]) -> None:
    known = set(client.hello["blobs"])
    missing = {name: data for name, data in blobs.items() if name not in known}
    listed = [[name, len(data)] for name, data in missing.items()]
    client.call("put_blobs", b"".join(missing.values()), blobs=listed)


def module_request(name: str, args: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The arguments of ``module`` for one of ansible-core's modules."""
    path = Path(ansible_root(), "modules", name + ".py")
    utils, _ = manifest()
    known = {"_ansible_version": "2.19.0", "_ansible_no_log": False, "_ansible_check_mode": False}
    request = {
        "module": blob(str(path))[0],
        "kind": "new",
        "name": name,
        "fqcn": "ansible.builtin." + name,
        "utils": utils,
    }
    return dict(request, args={**known, **(args or {})}, **more)


def send_module(client: Client, *names: str) -> None:
    """Put what these modules need into the agent's cache."""
    blobs = dict(manifest()[1])
    for name in names:
        digest, data = blob(str(Path(ansible_root(), "modules", name + ".py")))
        blobs[digest] = data
    send_blobs(client, blobs)


def run_module(
    client: Client, name: str, args: Mapping[str, Any] | None = None, **more: Any
) -> tuple[dict[str, Any], str, str]:
    """Run one of ansible-core's modules; its answer, stdout and stderr."""
    result, payload = client.call_payload("module", **module_request(name, args, **more))
    out, err = payload[: result["stdout_len"]], payload[result["stdout_len"] :]
    return result, out.decode(), err.decode()


def environment(home: Path) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "", "WEFT_AGENT_TEST": str(os.getpid())}


def make(home: Path, python: str | None = None, **options: Any) -> Client:
    client = Client.start(python, env=environment(home), cwd=str(home), **options)
    client.call("configure", async_dir=str(home / "async"), remote_tmp=str(home / "tmp"))
    return client


def wait_gone(pid: int) -> None:
    """Wait until a process has ended. It need not be a child of this one."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], PATIENCE)[0], f"process {pid} goes on"
    finally:
        os.close(fd)


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


#: Of this test process alone: others run tests of their own beside it.
_MARK = f"WEFT_AGENT_TEST={os.getpid()}\0".encode()


def marked() -> set[int]:
    """Processes with the tests' mark in their environment."""
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if _MARK in Path("/proc", entry, "environ").read_bytes() and alive(int(entry)):
                    found.add(int(entry))
            except OSError:
                continue
    return found
