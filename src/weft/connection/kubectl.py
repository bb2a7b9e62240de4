"""Pods of Kubernetes and OpenShift, by kubectl and oc: their options, their secrets, what their failures mean.

``target`` reads the options from a host's variables, ``pool`` asks for the transport. A token or a password is never
in an argument or a variable of the program: it reads them in a kubeconfig of ours.
Source: the documentation of the connection plugins kubernetes.core.kubectl and community.okd.oc.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from weft.connection.api import Target
from weft.connection.argv import ArgvTransport, shell, words
from weft.connection.channel import Ended
from weft.connection.process import Explain
from weft.model.convert import to_bool
from weft.model.errors import WeftError
from weft.model.values import origin_of

# options


class Option(Struct, frozen=True):
    """Where a value is given: the ends of ``ansible_kubectl_END`` and of ``K8S_AUTH_END``, the weakest first."""

    variables: tuple[str, ...]
    environment: tuple[str, ...] = ()
    flag: str = ""  # the program's, for values that go there as they are


OPTIONS: Mapping[str, Option] = {
    "pod": Option(("pod",), ("POD",)),
    "container": Option(("container",), ("CONTAINER",)),
    "namespace": Option(("namespace",), ("NAMESPACE",), "-n"),
    "extra_args": Option(("extra_args",), ("EXTRA_ARGS",)),
    "local_env_vars": Option(("local_env_vars",)),
    "kubeconfig": Option(("kubeconfig", "config"), ("KUBECONFIG",)),
    "context": Option(("context",), ("CONTEXT",), "--context"),
    "host": Option(("host", "server"), ("HOST", "SERVER"), "--server"),
    "username": Option(("username", "user"), ("USERNAME",)),
    "password": Option(("password",), ("PASSWORD",)),
    "token": Option(("token", "api_key"), ("TOKEN", "API_KEY")),
    "client_cert": Option(("cert_file", "client_cert"), ("CERT_FILE",), "--client-certificate"),
    "client_key": Option(("key_file", "client_key"), ("KEY_FILE",), "--client-key"),
    "ca_cert": Option(("ssl_ca_cert", "ca_cert"), ("SSL_CA_CERT",), "--certificate-authority"),
    "verify_ssl": Option(("verify_ssl", "validate_certs"), ("VERIFY_SSL",)),
}
_USER = "weft"  # in a kubeconfig of ours
_DOCUMENT = "kubeconfig_document"  # a kubeconfig that was given as a dictionary


def read_options(program: str, value: Callable[..., Any]) -> dict[str, str]:
    """What is given, by option; ``value`` is the strongest of some variables, or None. Raises WeftError."""
    found: dict[str, str] = {}
    for name, option in OPTIONS.items():
        given = value(*(f"ansible_{program}_{end}" for end in option.variables))
        if given is None or given == "":
            given = next((os.environ[key] for key in _environment(option) if os.environ.get(key)), "")
        if name == "kubeconfig" and isinstance(given, Mapping):
            found[_DOCUMENT] = json.dumps(given, default=str)
        elif given != "":
            found[name] = _PARSERS.get(name, _as_text)(given, f"ansible_{program}_{option.variables[0]}")
    return {name: text for name, text in found.items() if text}


def _environment(option: Option) -> list[str]:
    return [f"K8S_AUTH_{end}" for end in reversed(option.environment)]


def _as_text(given: Any, name: str) -> str:
    return str(given)


def _as_flag(given: Any, name: str) -> str:
    try:
        return str(to_bool(given)).lower()
    except ValueError:
        raise WeftError(f"{name} is not true or false: {given!r}", origin_of(given)) from None


def _as_dictionary(given: Any, name: str) -> str:
    """A dictionary of texts, or JSON of one."""
    found = given
    if isinstance(given, str):
        with contextlib.suppress(ValueError):
            found = json.loads(given)
    if not isinstance(found, Mapping):
        raise WeftError(f"{name} is no dictionary.", origin_of(given))
    return json.dumps({str(key): str(text) for key, text in found.items()}) if found else ""


_PARSERS: Mapping[str, Callable[[Any, str], str]] = {"verify_ssl": _as_flag, "local_env_vars": _as_dictionary}

# the program


def transport(target: Target) -> ArgvTransport:
    """Runs one kubectl or oc (``target.connection``) per channel. Raises WeftError for arguments that can't be read."""
    options = dict(target.extra)
    pod = options.get("pod") or target.address or target.host
    more = words(options.get("extra_args", ""), "extra_args")
    environment: dict[str, str] = json.loads(options.get("local_env_vars", "{}"))
    private = PrivateFiles()
    before = [target.connection, *_access(options, environment, private), *_flags(options), *more, "exec"]
    after = [*(["-c", options["container"]] if "container" in options else []), pod, "--"]

    def argv(command: str, pty: bool) -> list[str]:
        return [*before, "-it" if pty else "-i", *after, *shell(command)]

    return ArgvTransport(argv, explain=_explain(target.connection, pod), env=environment, on_close=private.close)


def _flags(options: Mapping[str, str]) -> list[str]:
    given = [(option.flag, options[name]) for name, option in OPTIONS.items() if option.flag and name in options]
    flags = [part for pair in given for part in pair]
    if "verify_ssl" in options:
        flags.append(f"--insecure-skip-tls-verify={'false' if options['verify_ssl'] == 'true' else 'true'}")
    return flags


def _access(options: Mapping[str, str], environment: dict[str, str], private: PrivateFiles) -> list[str]:
    """Flags that say who one is and which kubeconfig counts; secrets go to a kubeconfig of ours, before the user's."""
    path = private.file(options[_DOCUMENT]) if _DOCUMENT in options else options.get("kubeconfig", "")
    secrets = {name: options[name] for name in ("token", "password") if name in options}
    if secrets and "username" in options:
        secrets["username"] = options["username"]
    if not secrets:
        user = ["--username", options["username"]] if "username" in options else []
        return [*(["--kubeconfig", path] if path else []), *user]
    if path and not os.path.exists(path):
        return ["--kubeconfig", path]  # of a list, it would pass over those that are not there, and not say so
    ours = {"apiVersion": "v1", "kind": "Config", "users": [{"name": _USER, "user": secrets}]}
    theirs = path or environment.get("KUBECONFIG") or os.environ.get("KUBECONFIG") or _default_kubeconfig(environment)
    environment["KUBECONFIG"] = os.pathsep.join((private.file(json.dumps(ours)), theirs))
    return ["--user", _USER]


def _default_kubeconfig(environment: Mapping[str, str]) -> str:
    home = environment.get("HOME") or os.path.expanduser("~")
    return os.path.join(home, ".kube", "config")


class PrivateFiles:
    """Texts for a child process of ours to read by their paths: in memory alone, where the system has that."""

    def __init__(self) -> None:
        self._descriptors: list[int] = []
        self._paths: list[str] = []

    def file(self, text: str) -> str:
        """The path of a new one. Only this user can open it."""
        try:
            descriptor = os.memfd_create("weft")
            path = f"/proc/{os.getpid()}/fd/{descriptor}"
        except (AttributeError, OSError):
            import tempfile

            descriptor, path = tempfile.mkstemp(prefix="weft-")
            self._paths.append(path)
        self._descriptors.append(descriptor)
        with open(descriptor, "w", closefd=False) as file:
            file.write(text)
        return path

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        for path in self._paths:
            os.unlink(path)
        self._descriptors.clear()
        self._paths.clear()


# its failures

#: The last line of its stderr when it was the program in the pod that failed.
_PROGRAM_FAILED = re.compile(r"^command terminated with exit code \d+\s*\Z", re.MULTILINE)
_ASKED = "error reading input for "
_LOG_LINE = re.compile(r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ .*(?:\n|\Z)", re.MULTILINE)


def _explain(program: str, pod: str) -> Explain:
    def explain(ended: Ended, errors: str, output: bool) -> str:
        if not ended.signal and (not ended.rc or not errors or _PROGRAM_FAILED.search(errors)):
            return ""
        said = _LOG_LINE.sub("", errors).strip() or errors or str(ended)
        if _ASKED in said:
            said += f" ({program} has no credentials for this cluster, and asks for them)"
        return f"{program}: {said}" if output else f"Failed to connect to {pod} via {program}: {said}"

    return explain
