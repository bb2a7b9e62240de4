"""The real ``kubectl`` for tests: whether there is one, what a kubeconfig says, which of them run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.kube_api import KubeApi

NEEDED = 30  # 1.30 is the first that speaks to an API server over a websocket unasked


@cache
def missing() -> str:
    """Why there can be no tests with kubectl; empty: there can."""
    if shutil.which("kubectl") is None:
        return "kubectl is not installed"
    version = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, check=True).stdout
    minor = int(json.loads(version)["clientVersion"]["minor"].rstrip("+"))
    return "" if minor >= NEEDED else f"kubectl 1.{minor} is too old, it has to be 1.{NEEDED}"


def kubeconfig(api: KubeApi, user: dict[str, Any]) -> dict[str, Any]:
    """The context ``test``: namespace ``shop`` of the cluster, as that user. Another one, ``nobody``, has no user."""
    cluster = {"server": api.url, "certificate-authority": str(api.authority)}
    contexts = {"test": {"cluster": "c", "user": "u", "namespace": "shop"}, "nobody": {"cluster": "c"}}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": name, "context": context} for name, context in contexts.items()],
    }


def running(api: KubeApi) -> dict[int, bytes]:
    """The kubectls that speak to the server: what everybody on this machine may see of each, and its environment."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "exe").rpartition("/")[2].startswith("kubectl"):
                seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if str(api.folder).encode() in seen:
                    found[int(entry.name)] = seen
    return found
