"""SSH for real: logging in, host keys, jump hosts, and the agent over it."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio
from connection_kit import until
from msgspec.structs import replace
from ssh_server import Door, Lab, serve

from weft.connection.api import Session, Target
from weft.connection.pool import SessionPool
from weft.model.errors import Unreachable


@pytest.fixture
def key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
def key_file(key: asyncssh.SSHKey, tmp_path: Path) -> str:
    key.write_private_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    return str(tmp_path / "key")


@pytest.fixture
def door(key: asyncssh.SSHKey) -> Door:
    return Door(keys=[key])


@pytest_asyncio.fixture
async def lab(door: Door, tmp_path: Path) -> AsyncIterator[Lab]:
    async with serve(door, tmp_path) as lab:
        lab.know()
        yield lab


@pytest_asyncio.fixture
async def notices() -> list[str]:
    return []


@pytest_asyncio.fixture
async def pool(notices: list[str], lab: Lab) -> AsyncIterator[SessionPool]:
    pool = SessionPool(notice=notices.append)
    yield pool
    await pool.close()


async def shell(session: Session, text: str) -> str:
    reply = await session.request("command", {"shell": text})
    return str(reply.result["stdout"])


async def refused(pool: SessionPool, target: Target) -> str:
    with pytest.raises(Unreachable) as caught:
        await pool.open(target)
    assert caught.value.message.startswith("Failed to connect to the host via ssh: ")
    return caught.value.message.removeprefix("Failed to connect to the host via ssh: ")


# logging in


async def test_a_key_file(pool: SessionPool, lab: Lab, key_file: str) -> None:
    session = await pool.open(lab.target(private_key_file=key_file))
    assert session.info is not None and session.info.python
    assert await shell(session, "echo hi") == "hi"


async def test_a_key_with_a_passphrase(pool: SessionPool, lab: Lab, key: asyncssh.SSHKey, tmp_path: Path) -> None:
    key.write_private_key(tmp_path / "locked", "pkcs8-pem", passphrase="secret")
    (tmp_path / "locked").chmod(0o600)
    locked = lab.target(private_key_file=str(tmp_path / "locked"))
    assert "locked: Passphrase must be specified" in await refused(pool, locked)
    await pool.open(replace(locked, private_key_passphrase="secret"))


async def test_a_key_that_others_may_read_is_not_used(pool: SessionPool, lab: Lab, key_file: str) -> None:
    Path(key_file).chmod(0o640)
    assert "bad permissions" in await refused(pool, lab.target(private_key_file=key_file))


async def test_a_key_that_is_no_file(pool: SessionPool, lab: Lab, key: asyncssh.SSHKey) -> None:
    await pool.open(lab.target(private_key=key.export_private_key().decode()))


@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="needs ssh-agent")
async def test_the_agent_s_key_that_is_named_comes_first(
    pool: SessionPool, lab: Lab, door: Door, key: asyncssh.SSHKey, tmp_path: Path
) -> None:
    key.write_public_key(tmp_path / "key.pub")
    path = str(tmp_path / "agent")
    process = await asyncio.create_subprocess_exec("ssh-agent", "-D", "-a", path, stdout=asyncio.subprocess.DEVNULL)
    try:
        await until(Path(path).is_socket)
        async with asyncssh.SSHAgentClient(path) as agent:
            others = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
            await agent.add_keys([*others, key])
        target = lab.target(private_key_file=str(tmp_path / "key.pub"))
        target = replace(
            target, ssh_common_args=target.ssh_common_args.replace("IdentityAgent=none", f"IdentityAgent={path}")
        )
        await pool.open(target)
        assert door.tried == ["key", "key"]  # offered, then proven: the first that was tried
    finally:
        process.terminate()
        await process.wait()


async def test_a_certificate_beside_the_key(tmp_path: Path, key: asyncssh.SSHKey, key_file: str) -> None:
    authority = asyncssh.generate_private_key("ssh-ed25519")
    authority.generate_user_certificate(key, "me", principals=["me"]).write_certificate(tmp_path / "key-cert.pub")
    trusted = f"cert-authority {authority.export_public_key().decode()}"
    (tmp_path / "authorized").write_text(trusted)
    door = Door(keys=[asyncssh.generate_private_key("ssh-ed25519")])
    async with serve(door, tmp_path, authorized_client_keys=str(tmp_path / "authorized")) as lab:
        lab.know()
        pool = SessionPool()
        await pool.open(lab.target(private_key_file=key_file))
        await pool.close()


async def test_a_password(pool: SessionPool, lab: Lab, door: Door) -> None:
    door.keys, door.password = [], "geheim"
    await pool.open(lab.target(password="geheim"))
    assert door.tried == ["password geheim"]


async def test_a_wrong_password_is_tried_once(pool: SessionPool, lab: Lab, door: Door) -> None:
    door.keys, door.password = [], "geheim"
    message = await refused(pool, lab.target(password="x", retries=3))
    assert message == "me@127.0.0.1: Permission denied (password). (tried a password; /nonexistent/key: no such file)"
    assert door.tried == ["password x"]


async def test_a_password_by_keyboard_interactive(pool: SessionPool, lab: Lab, door: Door) -> None:
    door.keys, door.password, door.keyboard = [], "geheim", [("Password: ", False)]
    await pool.open(lab.target(password="geheim"))
    assert door.tried == ["keyboard geheim"]


async def test_questions_beyond_a_password_are_not_answered(pool: SessionPool, lab: Lab, door: Door) -> None:
    door.keys, door.password, door.keyboard = [], "geheim", [("Password: ", False), ("Code: ", True)]
    assert "Permission denied (keyboard-interactive)" in await refused(pool, lab.target(password="geheim"))


async def test_no_way_in(pool: SessionPool, lab: Lab) -> None:
    assert await refused(pool, lab.target()) == (
        "me@127.0.0.1: Permission denied (publickey). (tried no key, no password; /nonexistent/key: no such file)"
    )


# host keys


async def test_an_unknown_key_is_refused_when_nobody_can_be_asked(pool: SessionPool, lab: Lab, key_file: str) -> None:
    lab.know("")
    message = await refused(pool, lab.target(private_key_file=key_file))
    assert message.startswith(f"The authenticity of host '[127.0.0.1]:{lab.port}' can't be established. ED25519 key")
    assert message.endswith("Host key verification failed.")


async def test_strict_checking_asks_nobody(lab: Lab, key_file: str) -> None:
    async def confirm(question: str) -> bool:
        raise AssertionError(question)

    lab.know("")
    pool = SessionPool(confirm=confirm)
    message = await refused(pool, lab.target(private_key_file=key_file, options="-o StrictHostKeyChecking=yes"))
    assert "you have requested strict checking" in message
    await pool.close()


@pytest.mark.parametrize("answer", [True, False])
async def test_the_user_is_asked_about_a_new_key(lab: Lab, key_file: str, answer: bool) -> None:
    asked: list[str] = []

    async def confirm(question: str) -> bool:
        asked.append(question)
        return answer

    known = lab.know("")
    pool = SessionPool(confirm=confirm)
    target = lab.target(private_key_file=key_file)
    if answer:
        await pool.open(target)
        assert lab.public in known.read_text()
    else:
        await refused(pool, target)
    await pool.close()
    assert len(asked) == 1 and "SHA256:" in asked[0]


@pytest.mark.parametrize("given", [{"host_key_checking": False}, {"options": "-o StrictHostKeyChecking=accept-new"}])
async def test_a_new_key_is_learnt(pool: SessionPool, lab: Lab, key_file: str, given: dict[str, object]) -> None:
    known = lab.know("")
    await pool.open(lab.target(private_key_file=key_file, **given))
    assert f"[127.0.0.1]:{lab.port} {lab.public}" in known.read_text()


async def test_a_changed_key_is_refused(pool: SessionPool, lab: Lab, key_file: str) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    lab.know(f"[127.0.0.1]:{lab.port} {other}")
    target = lab.target(private_key_file=key_file, options="-o StrictHostKeyChecking=accept-new")
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in await refused(pool, target)


async def test_no_password_for_a_host_whose_key_changed(pool: SessionPool, lab: Lab, door: Door) -> None:
    door.keys, door.password = [], "geheim"
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    lab.know(f"[127.0.0.1]:{lab.port} {other}")
    assert "Permission denied" in await refused(pool, lab.target(password="geheim", host_key_checking=False))
    assert door.tried == []


async def test_a_revoked_key_is_refused_even_unchecked(pool: SessionPool, lab: Lab, key_file: str) -> None:
    lab.know(f"@revoked * {lab.public}")
    assert "evoked" in await refused(pool, lab.target(private_key_file=key_file, host_key_checking=False))


async def test_a_host_with_a_certificate(tmp_path: Path, key_file: str, door: Door) -> None:
    authority, host_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    certificate = authority.generate_host_certificate(host_key, "web", principals=["127.0.0.1"])
    async with serve(door, tmp_path, server_host_keys=[(host_key, certificate)]) as lab:
        lab.know(f"@cert-authority *127.0.0.1* {authority.export_public_key().decode()}")
        pool = SessionPool()
        await pool.open(lab.target(private_key_file=key_file, options="-o StrictHostKeyChecking=yes"))
        await pool.close()


# getting there


async def test_nobody_listens(pool: SessionPool, lab: Lab) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        message = await refused(pool, lab.target(port=port))
    assert message == f"ssh: connect to host 127.0.0.1 port {port}: Connection refused"


async def test_a_name_without_an_address(pool: SessionPool, lab: Lab) -> None:
    message = await refused(pool, lab.target(address="no-such-host.invalid"))
    assert message.startswith("ssh: Could not resolve hostname no-such-host.invalid: ")


async def test_a_host_that_says_nothing(pool: SessionPool, lab: Lab) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        message = await refused(pool, lab.target(port=silent.getsockname()[1], timeout=0.05))
    assert "Connection timed out during banner exchange" in message


async def test_a_server_that_turns_us_away_is_tried_again(pool: SessionPool, lab: Lab, key_file: str) -> None:
    turned_away = 0

    async def overloaded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turned_away
        if turned_away < 2:
            turned_away += 1
            writer.write(b"Exceeded MaxStartups\r\n")
            writer.close()
            return
        back, forth = await asyncio.open_connection("127.0.0.1", lab.port)
        await asyncio.gather(_copy(reader, forth), _copy(back, writer))

    server = await asyncio.start_server(overloaded, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lab.know(f"[127.0.0.1]:{port} {lab.public}")
    own = SessionPool()
    session = await own.open(lab.target(port=port, private_key_file=key_file))
    assert await shell(session, "echo hi") == "hi" and turned_away == 2
    await own.close()
    server.close()
    await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()


async def test_a_proxy_command(pool: SessionPool, lab: Lab, key_file: str) -> None:
    relay = Path(__file__).with_name("tcp_relay.py")
    target = lab.target(private_key_file=key_file, options=f"-o 'ProxyCommand=python3 {relay} %h %p'")
    assert await shell(await pool.open(target), "echo hi") == "hi"


async def test_a_proxy_command_that_fails(pool: SessionPool, lab: Lab) -> None:
    message = await refused(pool, lab.target(options="-o 'ProxyCommand=sh -c \"echo no way >&2; exit 1\"'"))
    assert "closed the connection" in message and message.endswith("no way")


async def test_a_jump_host_carries_all(pool: SessionPool, lab: Lab, key_file: str, tmp_path: Path) -> None:
    gate = Door(keys=lab_keys(key_file))
    async with serve(gate, tmp_path) as jump:
        lab.know(f"[127.0.0.1]:{lab.port} {lab.public}", f"[127.0.0.1]:{jump.port} {jump.public}")
        config = tmp_path / "config"
        config.write_text(
            f"Host *\n  UserKnownHostsFile {tmp_path}/known_hosts\n  IdentityAgent none\n  IdentityFile {key_file}\n"
            f"Host web*\n  ProxyJump hopper@127.0.0.1:{jump.port}\n"
        )
        own = SessionPool()
        target = lab.target(private_key_file=None, ssh_common_args=f"-F {config} -o HostName=127.0.0.1")
        sessions = await asyncio.gather(
            *(own.open(replace(target, host=f"web{n}", address=f"web{n}")) for n in range(3))
        )
        assert [await shell(session, "echo hi") for session in sessions] == ["hi"] * 3
        assert gate.jumped == [("127.0.0.1", lab.port)] * 3
        assert len(gate.connections) == 1
        await own.close()


def lab_keys(key_file: str) -> list[asyncssh.SSHKey]:
    return [asyncssh.read_private_key(key_file)]


async def test_a_jump_host_that_is_not_there(pool: SessionPool, lab: Lab) -> None:
    message = await refused(pool, lab.target(options="-J 127.0.0.1:1"))
    assert message == "jump host 127.0.0.1: ssh: connect to host 127.0.0.1 port 1: Connection refused"


# one connection


async def test_several_users_share_one_connection(pool: SessionPool, lab: Lab, door: Door, key_file: str) -> None:
    target = lab.target(private_key_file=key_file)
    await asyncio.gather(*(pool.open(replace(target, remote_tmp=f"/tmp/{n}")) for n in range(3)))
    assert len(door.connections) == 1 and len(door.commands) == 3


async def test_a_server_with_few_sessions_gets_more_connections(
    pool: SessionPool, lab: Lab, door: Door, key_file: str
) -> None:
    door.sessions = 1
    target = lab.target(private_key_file=key_file)
    first = await pool.open(target)
    second = await pool.open(replace(target, remote_tmp="/tmp/x"))
    assert (await shell(first, "echo 1"), await shell(second, "echo 2")) == ("1", "2")
    assert len(door.connections) == 2


async def test_environment_is_sent(pool: SessionPool, lab: Lab, door: Door, key_file: str) -> None:
    await pool.open(lab.target(private_key_file=key_file, options="-o SetEnv=COLOUR=blue"))
    assert door.environment == [{"COLOUR": "blue"}]


async def test_a_connection_that_breaks_is_mended(pool: SessionPool, lab: Lab, door: Door, key_file: str) -> None:
    session = await pool.open(lab.target(private_key_file=key_file))
    fifo = lab.folder / "fifo"
    await shell(session, f"mkfifo {fifo}")
    running = asyncio.create_task(shell(session, f"echo started >> {lab.folder}/log; cat {fifo}"))
    await until((lab.folder / "log").exists)
    door.connections[0].abort()
    await asyncio.to_thread(fifo.write_text, "done")
    assert await running == "done"
    assert len(door.connections) == 2
    assert (lab.folder / "log").read_text() == "started\n"


async def test_an_idle_connection_that_died_unnoticed_is_no_error(
    pool: SessionPool, lab: Lab, door: Door, key_file: str
) -> None:
    target = lab.target(private_key_file=key_file)
    await shell(await pool.open(target), "true")
    door.connections[0].abort()
    session = await pool.open(replace(target, remote_tmp="/tmp/x"))
    assert await shell(session, "echo hi") == "hi"


async def test_what_asyncssh_can_not_do_the_openssh_client_does(
    pool: SessionPool, lab: Lab, key_file: str, notices: list[str]
) -> None:
    target = lab.target(private_key_file=key_file, options="-o VerifyHostKeyDNS=ask")
    session = await pool.open(target)
    assert await shell(session, "echo hi") == "hi"
    await pool.open(replace(target, remote_tmp="/tmp/x"))
    assert notices == ["web1 is reached with the OpenSSH client, one process a session: verifyhostkeydns (<arguments>)"]
