"""Host keys: what is known, and what OpenSSH would do."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from weft.connection.ssh.known_hosts import Known, KnownHosts, Verdict, fingerprint, judge, key_kind
from weft.connection.ssh.plan import HostKeys

A = ("ssh-ed25519", base64.b64encode(b"key a").decode())
B = ("ssh-ed25519", base64.b64encode(b"key b").decode())
RSA = ("ssh-rsa", base64.b64encode(b"key rsa").decode())


@pytest.fixture
def policy(tmp_path: Path) -> HostKeys:
    return HostKeys(name="web1", user_files=(str(tmp_path / "known"),), global_files=(str(tmp_path / "global"),))


def write(policy: HostKeys, *lines: str) -> KnownHosts:
    Path(policy.user_files[0]).write_text("\n".join(lines) + "\n")
    return KnownHosts()


def text(names: str, key: tuple[str, str]) -> str:
    return f"{names} {key[0]} {key[1]} a comment"


@pytest.mark.parametrize(
    ("line", "name", "found"),
    [
        ("web1", "web1", True),
        ("WEB1,10.0.0.1", "10.0.0.1", True),
        ("web*", "web1", True),
        ("web*,!web1", "web1", False),
        ("[web1]:2222", "[web1]:2222", True),
        ("[web1]:2222", "web1", False),
        ("web", "web1", False),
    ],
)
def test_names_of_a_line(policy: HostKeys, line: str, name: str, found: bool) -> None:
    assert write(policy, "# comment", "", text(line, A)).lookup(name, policy).keys == ((A,) if found else ())


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_hashed_names_as_ssh_keygen_makes_them(tmp_path: Path, policy: HostKeys) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    kind, data = (tmp_path / "key.pub").read_text().split()[:2]
    write(policy, f"web1 {kind} {data}", f"[web1]:22 {kind} {data}")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", policy.user_files[0]], check=True, capture_output=True)
    assert "web1" not in Path(policy.user_files[0]).read_text()
    assert KnownHosts().lookup("web1", policy).keys == ((kind, data),)
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], check=True, capture_output=True, text=True)
    assert fingerprint((kind, data)) in shown.stdout


def test_authorities_and_revoked_keys(policy: HostKeys) -> None:
    known = write(
        policy, f"@cert-authority *.example {A[0]} {A[1]}", f"@revoked * {B[0]} {B[1]}", text("a.example", RSA)
    ).lookup("a.example", policy)
    assert (known.keys, known.authorities, known.revoked) == ((RSA,), (A,), (B,))


def test_files_that_are_not_there(policy: HostKeys) -> None:
    assert KnownHosts().lookup("web1", policy) == Known()


# learning


def test_a_new_key_is_remembered(policy: HostKeys) -> None:
    known_hosts = write(policy, text("other", B))
    known_hosts.learn(replace(policy, name="[web1]:2222"), A)
    assert known_hosts.lookup("[web1]:2222", policy).keys == (A,)
    assert KnownHosts().lookup("[web1]:2222", policy).keys == (A,)


def test_the_last_line_of_a_file_may_lack_its_end(policy: HostKeys) -> None:
    Path(policy.user_files[0]).write_text(text("other", B))
    KnownHosts().learn(policy, A)
    assert KnownHosts().lookup("web1", policy).keys == (A,)
    assert KnownHosts().lookup("other", policy).keys == (B,)


def test_a_new_key_is_remembered_hashed(policy: HostKeys) -> None:
    KnownHosts().learn(replace(policy, hash_new=True), A)
    content = Path(policy.user_files[0]).read_text()
    assert content.startswith("|1|") and "web1" not in content
    assert KnownHosts().lookup("web1", policy).keys == (A,)
    assert Path(policy.user_files[0]).stat().st_mode & 0o777 == 0o600


def test_a_file_that_can_not_be_written_is_no_error(policy: HostKeys) -> None:
    KnownHosts().learn(replace(policy, user_files=("/proc/none/known",)), A)


# the decision

NEW, SAME, CHANGED, OTHER_TYPE = Known(), Known(keys=(A,)), Known(keys=(B,), where="f:1"), Known(keys=(RSA,))


@pytest.mark.parametrize(
    ("strict", "known", "verdict"),
    [
        ("yes", SAME, Verdict.TRUSTED),
        ("yes", NEW, Verdict.REFUSE),
        ("yes", OTHER_TYPE, Verdict.REFUSE),
        ("yes", CHANGED, Verdict.REFUSE),
        ("ask", NEW, Verdict.ASK),
        ("ask", CHANGED, Verdict.REFUSE),
        ("accept-new", NEW, Verdict.LEARN),
        ("accept-new", OTHER_TYPE, Verdict.LEARN),
        ("accept-new", CHANGED, Verdict.REFUSE),
        ("no", NEW, Verdict.LEARN),
        ("no", SAME, Verdict.TRUSTED),
        ("no", CHANGED, Verdict.DISTRUST),
        ("no", Known(keys=(A,), revoked=(A,)), Verdict.REFUSE),
    ],
)
def test_the_verdict(strict: str, known: Known, verdict: Verdict) -> None:
    assert judge(HostKeys(strict=strict, name="web1"), known, Known(), A).verdict is verdict


def test_a_key_known_without_the_port_will_do() -> None:
    assert judge(HostKeys(strict="yes", name="[web1]:2222"), NEW, SAME, A).verdict is Verdict.TRUSTED


def test_messages_name_the_key() -> None:
    message = judge(HostKeys(strict="yes", name="web1"), NEW, NEW, A).message
    assert message.startswith("No ED25519 host key is known for web1 and you have requested strict checking.")
    assert "SHA256:" in message
    changed = judge(HostKeys(strict="ask", name="web1"), CHANGED, NEW, A).message
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in changed and "f:1" in changed


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ssh-ed25519", "ED25519"), ("ecdsa-sha2-nistp256", "ECDSA"), ("ssh-rsa", "RSA"), ("sk-ssh-ed25519@x", "ED25519")],
)
def test_kinds(name: str, kind: str) -> None:
    assert key_kind(name) == kind
