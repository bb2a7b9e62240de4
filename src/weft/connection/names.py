"""Names of connections, short or in full, and the native transport that each means."""

from __future__ import annotations

from weft.connection.api import Target
from weft.connection.errors import NoTransport

SSH = "ssh"
LOCAL = "local"
PODS = ("kubectl", "oc")
_SHORT = {
    "smart": SSH, "ssh": SSH, "paramiko": SSH, "paramiko_ssh": SSH, "local": LOCAL,
    "docker": "docker", "podman": "podman", "kubectl": "kubectl", "oc": "oc",
}  # fmt: skip
NATIVE = {
    **_SHORT,
    **{f"ansible.builtin.{name}": meaning for name, meaning in _SHORT.items() if meaning in (SSH, LOCAL)},
    "ansible.legacy.ssh": SSH,
    "ansible.legacy.local": LOCAL,
    "community.docker.docker": "docker",
    "containers.podman.podman": "podman",
    "kubernetes.core.kubectl": "kubectl",
    "community.kubernetes.kubectl": "kubectl",
    "community.okd.oc": "oc",
}
_WINDOWS_SHELLS = ("powershell", "cmd")


def transport_name(target: Target) -> str:
    """ssh, local, docker, podman, kubectl or oc. Raises NoTransport."""
    name = NATIVE.get(target.connection)
    if name is None:
        raise NoTransport("connection", target.connection)
    shell = dict(target.extra).get("shell_type", "").rpartition(".")[2]
    if shell in _WINDOWS_SHELLS:
        raise NoTransport("shell", shell)
    return name
