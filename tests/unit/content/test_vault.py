"""Vault passwords and what they open."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from weft.content.vault import Vault, configured_ids
from weft.model.errors import VaultFailed
from weft.model.settings import Settings
from weft.model.values import Origin, VaultText

HERE = Origin("group_vars/all.yml", 3, 9)


@pytest.fixture(scope="session")
def sealed() -> Any:
    """Encrypts text with a password, under a label."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    def seal(text: str, password: str, label: str | None = None) -> str:
        secret = VaultSecret(password.encode())
        encrypted: bytes = VaultLib().encrypt(text, secret, vault_id=label)
        return encrypted.decode()

    return seal


def password_file(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text + "\n")
    return str(path)


def script(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_password_from_a_file(tmp_path: Path, sealed: Any) -> None:
    vault = Vault(Settings(), [f"dev@{password_file(tmp_path, 'pw', 'one')}"])
    assert vault.has_secrets
    assert vault.decrypt(sealed("hello", "one"), HERE) == "hello"
    assert vault.decrypt(sealed("bytes", "one").encode(), HERE) == b"bytes"
    assert vault.decrypt_value(VaultText(sealed("value", "one"), HERE)) == "value"


def test_a_password_without_a_label(tmp_path: Path, sealed: Any) -> None:
    vault = Vault(Settings(), [password_file(tmp_path, "pw", "one")])
    assert [secret.id for secret in vault.load()] == ["default"]
    assert vault.decrypt(sealed("hello", "one", "other"), HERE) == "hello"


def test_every_password_is_tried(tmp_path: Path, sealed: Any) -> None:
    ids = [f"{name}@{password_file(tmp_path, name, name)}" for name in ("one", "two", "three")]
    vault = Vault(Settings(), ids)
    assert vault.decrypt(sealed("hello", "three"), HERE) == "hello"
    assert vault.decrypt(sealed("hello", "two", "three"), HERE) == "hello"


def test_only_the_label_counts_if_the_settings_say_so(tmp_path: Path, sealed: Any) -> None:
    ids = [f"one@{password_file(tmp_path, 'one', 'one')}", f"two@{password_file(tmp_path, 'two', 'two')}"]
    vault = Vault(Settings(vault_id_match=True), ids)
    assert vault.decrypt(sealed("hello", "two", "two"), HERE) == "hello"
    with pytest.raises(VaultFailed, match="Decryption failed"):
        vault.decrypt(sealed("hello", "two", "one"), HERE)


def test_a_wrong_password(tmp_path: Path, sealed: Any) -> None:
    vault = Vault(Settings(), [password_file(tmp_path, "pw", "wrong")])
    message = r"Decryption failed \(no vault secrets were found that could decrypt\)"
    with pytest.raises(VaultFailed, match=message) as caught:
        vault.decrypt(sealed("hello", "right"), HERE)
    assert caught.value.origin == HERE


def test_no_password(sealed: Any) -> None:
    vault = Vault(Settings(), [])
    assert not vault.has_secrets
    with pytest.raises(VaultFailed, match="Attempting to decrypt but no vault secrets found") as caught:
        vault.decrypt(sealed("hello", "right"), HERE)
    assert caught.value.origin == HERE


@pytest.mark.parametrize(
    ("text", "message"),
    [("plain", "Input is not vault encrypted data"), ("$ANSIBLE_VAULT;1.1;AES256\nzz\n", "[Vv]ault"),
     ("$ANSIBLE_VAULT;1.1;ROT13\n61\n", "could not be found")],
)  # fmt: skip
def test_what_is_no_vault(tmp_path: Path, text: str, message: str) -> None:
    vault = Vault(Settings(), [password_file(tmp_path, "pw", "one")])
    with pytest.raises(VaultFailed, match=message):
        vault.decrypt(text, HERE)


def test_a_password_from_a_script(tmp_path: Path, sealed: Any) -> None:
    vault = Vault(Settings(), [f"dev@{script(tmp_path, 'ask.sh', 'echo one')}"])
    assert vault.decrypt(sealed("hello", "one"), HERE) == "hello"


def test_client_scripts_are_told_the_label(tmp_path: Path, sealed: Any) -> None:
    path = script(tmp_path, "ask-client.sh", 'echo "$1 $2"')
    vault = Vault(Settings(), [f"dev@{path}"])
    assert vault.decrypt(sealed("hello", "--vault-id dev"), HERE) == "hello"


SCRIPTS = [
    ("ask.sh", "exit 3", "returned non-zero (3)"),
    ("ask.sh", "true", "Invalid vault password was provided from script"),
    ("ask-client", "echo no such id >&2; exit 2", "did not find a secret for vault-id=dev: no such id"),
    ("ask-client", "exit 1", "returned non-zero (1) when getting secret for vault-id=dev"),
]


@pytest.mark.parametrize(("name", "body", "message"), SCRIPTS)
def test_scripts_that_fail(tmp_path: Path, name: str, body: str, message: str) -> None:
    vault = Vault(Settings(), [f"dev@{script(tmp_path, name, body)}"])
    with pytest.raises(VaultFailed) as caught:
        vault.load()
    assert message in caught.value.message


def test_a_password_that_is_asked_for(sealed: Any) -> None:
    asked: list[str] = []

    def prompt(label: str) -> str:
        asked.append(label)
        return {"dev": "one", "default": "two"}[label]

    vault = Vault(Settings(), ["dev@prompt", "prompt_ask_vault_pass"], prompt)
    assert vault.decrypt(sealed("hello", "two"), HERE) == "hello"
    assert vault.decrypt(sealed("again", "one"), HERE) == "again"
    assert asked == ["dev", "default"]


def test_nobody_to_ask() -> None:
    with pytest.raises(VaultFailed, match="nobody is there to answer"):
        Vault(Settings(), ["dev@prompt"]).load()


def test_a_password_file_may_be_encrypted_itself(tmp_path: Path, sealed: Any) -> None:
    inner = password_file(tmp_path, "inner", sealed("deep", "outer"))
    vault = Vault(Settings(), [f"a@{password_file(tmp_path, 'outer', 'outer')}", f"b@{inner}"])
    assert vault.decrypt(sealed("hello", "deep"), HERE) == "hello"


def test_one_missing_file_of_several_is_a_warning(tmp_path: Path) -> None:
    found: list[Any] = []
    nowhere = str(tmp_path / "nowhere")
    ids = [f"a@{nowhere}", f"b@{password_file(tmp_path, 'pw', 'one')}"]
    assert Vault(Settings(), ids, warn=found.append).has_secrets
    assert [event.message for event in found] == [
        f"Error getting vault password file (a): The vault password file {nowhere} was not found"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "was not found"), ("", "can not be a directory"), ("empty", "Invalid vault password")],
)
def test_files_without_a_password(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(VaultFailed, match=message):
        Vault(Settings(), [str(tmp_path / name)]).load()


def test_ids_of_the_settings() -> None:
    settings = Settings(
        vault_identity="main", vault_identity_list=("dev@/a",), vault_password_file="/b", ask_vault_pass=True
    )
    assert configured_ids(settings) == ("dev@/a", "main@/b", "main@prompt_ask_vault_pass")


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    (secret,) = Vault(Settings(), [password_file(tmp_path, "pw", "hush")]).load()
    assert "hush" not in repr(secret)


def test_ansible_is_not_imported_for_nothing() -> None:
    code = (
        "import sys; from weft.content.vault import Vault; from weft.model.settings import Settings;"
        "Vault(Settings(), []).has_secrets; sys.exit('ansible' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
