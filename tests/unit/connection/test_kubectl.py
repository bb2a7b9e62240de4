"""kubectl and oc: their options, what they are run with, how secrets reach them, what their failures mean."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from weft.connection import kubectl
from weft.connection.api import Target
from weft.connection.argv import ArgvTransport
from weft.connection.channel import Ended
from weft.model.errors import WeftError


def read(names: dict[str, Any], program: str = "kubectl") -> dict[str, str]:
    def value(*wanted: str) -> Any:
        return next((names[name] for name in reversed(wanted) if name in names), None)

    return kubectl.read_options(program, value)


def made(connection: str = "kubectl", address: str = "", **extra: str) -> ArgvTransport:
    return kubectl.transport(Target(host="box", connection=connection, address=address, extra=tuple(extra.items())))


def words(transport: ArgvTransport, *, pty: bool = False) -> list[str]:
    found = list(transport._build("do it", pty))
    assert found[-3:] == ["/bin/sh", "-c", "do it"]
    return found[:-3]


# options


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"ansible_kubectl_pod": "p", "ansible_kubectl_container": "c"}, {"pod": "p", "container": "c"}),
        ({"ansible_kubectl_kubeconfig": "/a", "ansible_kubectl_config": "/b"}, {"kubeconfig": "/b"}),
        ({"ansible_kubectl_host": "x", "ansible_kubectl_server": "y"}, {"host": "y"}),
        ({"ansible_kubectl_cert_file": "x", "ansible_kubectl_client_cert": "y"}, {"client_cert": "y"}),
        ({"ansible_kubectl_token": "x", "ansible_kubectl_api_key": "y"}, {"token": "y"}),
        ({"ansible_kubectl_validate_certs": "off"}, {"verify_ssl": "false"}),
        ({"ansible_kubectl_validate_certs": True}, {"verify_ssl": "true"}),
        ({"ansible_kubectl_local_env_vars": {"A": 1}}, {"local_env_vars": '{"A": "1"}'}),
        ({"ansible_kubectl_local_env_vars": '{"A": "b"}'}, {"local_env_vars": '{"A": "b"}'}),
        ({"ansible_kubectl_local_env_vars": {}}, {}),
        ({"ansible_kubectl_kubeconfig": {"kind": "Config"}}, {"kubeconfig_document": '{"kind": "Config"}'}),
        ({"ansible_oc_pod": "p"}, {}),
    ],
)
def test_variables_as_documented(names: dict[str, Any], expected: dict[str, str]) -> None:
    assert read(names) == expected


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("POD", "pod"),
        ("CONTEXT", "context"),
        ("HOST", "host"),
        ("SERVER", "host"),
        ("API_KEY", "token"),
        ("CERT_FILE", "client_cert"),
        ("KEY_FILE", "client_key"),
        ("SSL_CA_CERT", "ca_cert"),
    ],
)
def test_the_environment(variable: str, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"K8S_AUTH_{variable}", "x")
    assert read({}) == {option: "x"}
    strongest = kubectl.OPTIONS[option].variables[-1]
    assert read({f"ansible_oc_{strongest}": "y"}, "oc") == {option: "y"}


@pytest.mark.parametrize(
    "names", [{"ansible_kubectl_verify_ssl": "perhaps"}, {"ansible_kubectl_local_env_vars": "A=b"}]
)
def test_values_without_sense(names: dict[str, Any]) -> None:
    with pytest.raises(WeftError, match=next(iter(names))):
        read(names)


# the program


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "kubectl exec -i box --"),
        ({"address": "web-0"}, "kubectl exec -i web-0 --"),
        ({"pod": "deploy/web", "address": "web-0"}, "kubectl exec -i deploy/web --"),
        ({"namespace": "n", "context": "c", "container": "k"}, "kubectl -n n --context c exec -i -c k box --"),
        ({"kubeconfig": "/k", "username": "u"}, "kubectl --kubeconfig /k --username u exec -i box --"),
        ({"extra_args": "--as 'me'  --v 3"}, "kubectl --as me --v 3 exec -i box --"),
        ({"connection": "oc", "verify_ssl": "false"}, "oc --insecure-skip-tls-verify=true exec -i box --"),
        ({"verify_ssl": "true"}, "kubectl --insecure-skip-tls-verify=false exec -i box --"),
    ],
)
def test_command_lines(given: dict[str, str], expected: str) -> None:
    assert words(made(**given)) == expected.split()
    assert words(made(**given), pty=True) == expected.replace(" -i ", " -it ").split()


def test_arguments_that_no_shell_could_read() -> None:
    with pytest.raises(WeftError, match="extra_args can't be split"):
        made(extra_args="--as 'x", token="geheim")


# secrets


@pytest.fixture(params=["in memory", "in files"])
def private(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both kinds of private files, and a user without kubeconfig."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if request.param == "in files":
        monkeypatch.delattr("os.memfd_create", raising=False)


def configuration(transport: ArgvTransport) -> list[str]:
    environment = transport._env
    assert environment is not None
    return environment["KUBECONFIG"].split(os.pathsep)


@pytest.mark.usefixtures("private")
async def test_a_secret_is_in_a_kubeconfig_of_ours_alone(tmp_path: Path) -> None:
    transport = made(token="geheim", username="me", password="auch")
    assert words(transport) == ["kubectl", "--user", "weft", "exec", "-i", "box", "--"]
    ours, theirs = configuration(transport)
    [user] = json.loads(Path(ours).read_text())["users"]
    assert user == {"name": "weft", "user": {"token": "geheim", "username": "me", "password": "auch"}}
    assert theirs == "/home/me/.kube/config"
    assert "geheim" not in repr(transport)
    files = list(tmp_path.iterdir())
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    await transport.close()
    await transport.close()
    assert not os.path.exists(ours) and list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("private")
async def test_the_rest_comes_from_the_user_s_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "config"
    given.touch()
    monkeypatch.setenv("KUBECONFIG", "/a:/b")
    for options, theirs in (
        ({}, ["/a", "/b"]),
        ({"local_env_vars": '{"KUBECONFIG": "/c"}'}, ["/c"]),
        ({"kubeconfig": str(given)}, [str(given)]),
    ):
        transport = made(token="geheim", **options)
        assert configuration(transport)[1:] == theirs
        await transport.close()
    missing = made(token="geheim", kubeconfig="/nosuch")
    assert words(missing) == ["kubectl", "--kubeconfig", "/nosuch", "exec", "-i", "box", "--"]  # it says so itself


@pytest.mark.usefixtures("private")
async def test_a_kubeconfig_that_is_a_dictionary() -> None:
    transport = made(kubeconfig_document='{"users": "geheim"}')
    _, flag, path, *_ = words(transport)
    assert (flag, Path(path).read_text()) == ("--kubeconfig", '{"users": "geheim"}')
    await transport.close()
    assert not os.path.exists(path)


# failures

NOT_FOUND = 'Error from server (NotFound): pods "box" not found'
LOST = "error: error reading from error stream: next reader: websocket: close 1006 (abnormal closure): unexpected EOF"
NOISE = 'E1122 08:45:03.080435    4133 memcache.go:265] "Unhandled Error" err="the server could not find it"'


@pytest.mark.parametrize(
    ("ended", "errors", "output", "why"),
    [
        (Ended(rc=0), "anything", True, ""),
        (Ended(rc=3), "oops\ncommand terminated with exit code 3", False, ""),
        (Ended(rc=3), "oops\r\ncommand terminated with exit code 3\r", True, ""),
        (Ended(rc=1), "", False, ""),
        (Ended(rc=1), NOT_FOUND, False, f"Failed to connect to box via kubectl: {NOT_FOUND}"),
        (Ended(rc=1), f"{NOISE}\n{NOISE}\n{NOT_FOUND}", False, f"Failed to connect to box via kubectl: {NOT_FOUND}"),
        (Ended(rc=1), NOISE, False, f"Failed to connect to box via kubectl: {NOISE}"),
        (Ended(rc=1), LOST, True, f"kubectl: {LOST}"),
        (Ended(rc=137, signal="SIGKILL"), "", True, "kubectl: it was killed by signal SIGKILL"),
    ],
)
def test_its_own_failure_is_told_from_the_program_s(ended: Ended, errors: str, output: bool, why: str) -> None:
    explain = made()._explain
    assert explain is not None
    assert explain(ended, errors, output) == why


def test_it_is_said_why_it_asks() -> None:
    explain = made()._explain
    assert explain is not None
    asked = explain(Ended(rc=1), "error: error reading input for Password", True)
    assert asked.endswith("(kubectl has no credentials for this cluster, and asks for them)")
