"""The OpenSSH client as a transport, for what asyncssh can't do: one ``ssh`` process a channel, no ControlMaster.

A password reaches it through SSH_ASKPASS: a small script in a private folder that reads it from a FIFO, so that it is
never in an argument, a variable or a file.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile

from weft.connection.api import Target
from weft.connection.argv import ArgvTransport
from weft.connection.channel import Ended

#: Says no to questions about host keys; hands out one line of the FIFO for a password or a passphrase.
_SCRIPT = """#!/bin/sh
case "$1" in
*"(yes/no"*) echo no ;;
*assphrase*) f=passphrase ;;
*) f=password ;;
esac
d="${0%/*}/$WEFT_ASKPASS"
[ -p "$d/$f" ] && IFS= read -r line <"$d/$f" && printf '%s\\n' "$line"
"""
_TIMES = 8  # lines waiting in a FIFO: each channel that is opened may ask, wrong ones are not repeated
_LOW = 4


class Askpass:
    """The folder with the script and the FIFOs of a run. Made at first need, gone after ``close``."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._fifos: list[_Fifo] = []
        self._count = 0

    def environment(self, target: Target) -> dict[str, str]:
        """Variables for ssh that lead it to the target's password and passphrase; none hold them."""
        secrets = {"password": target.password, "passphrase": target.private_key_passphrase}
        given = {name: secret for name, secret in secrets.items() if secret is not None}
        if not given:
            return {}
        folder = self._make_folder()
        self._count += 1
        own = str(self._count)
        os.mkdir(os.path.join(folder, own), 0o700)
        for name, secret in given.items():
            self._fifos.append(_Fifo(os.path.join(folder, own, name), secret))
        return {
            "SSH_ASKPASS": os.path.join(folder, "askpass"),
            "SSH_ASKPASS_REQUIRE": "force",
            "DISPLAY": os.environ.get("DISPLAY") or ":0",
            "WEFT_ASKPASS": own,
        }

    def fill(self) -> None:
        """Before another ssh is started: enough answers for it."""
        for fifo in self._fifos:
            fifo.fill()

    def close(self) -> None:
        for fifo in self._fifos:
            fifo.close()
        self._fifos.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _make_folder(self) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="weft-")
            path = os.path.join(self._folder, "askpass")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
            with os.fdopen(descriptor, "w") as file:
                file.write(_SCRIPT)
        return self._folder


class _Fifo:
    """A secret, waiting in the kernel for whoever reads it."""

    def __init__(self, path: str, secret: str) -> None:
        os.mkfifo(path, 0o600)
        # both ends: nothing blocks, and what is in it stays
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._line = secret.encode("utf-8", "surrogateescape") + b"\n"
        self.fill()

    def fill(self) -> None:
        import array
        import fcntl
        import termios

        held = array.array("i", [0])
        fcntl.ioctl(self._descriptor, termios.FIONREAD, held)
        waiting = held[0] // len(self._line)
        if waiting < _LOW:
            os.write(self._descriptor, self._line * (_TIMES - waiting))

    def close(self) -> None:
        os.close(self._descriptor)


def transport(target: Target, askpass: Askpass, keepalive: tuple[float, int]) -> ArgvTransport:
    """Channels to the target, each by an ssh of its own. Connecting happens with the first."""
    environment = askpass.environment(target)
    options = arguments(target, keepalive)

    def build(command: str, pty: bool) -> list[str]:
        askpass.fill()
        return [target.ssh_executable, *options, "-tt" if pty else "-T", "--", target.address or target.host, command]

    return ArgvTransport(build, explain=explain, env=environment, local_pty=False)


def arguments(target: Target, keepalive: tuple[float, int]) -> list[str]:
    """ssh's options, in the order in which ansible's ssh plugin writes them: the first obtained counts."""
    said = ["-o", "ControlMaster=no", *shlex.split(target.ssh_args or "")]

    def say(text: str) -> None:
        said.extend(("-o", text))

    if not target.host_key_checking:
        say("StrictHostKeyChecking=no")
    if target.port is not None:
        say(f"Port={target.port}")
    if target.private_key_file:
        say(f'IdentityFile="{os.path.expanduser(target.private_key_file)}"')
    if target.password is None:
        say("KbdInteractiveAuthentication=no")
        say("PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey")
        say("PasswordAuthentication=no")
    if target.user:
        say(f'User="{target.user}"')
    say(f"ConnectTimeout={max(1, round(target.timeout))}")
    pkcs11 = dict(target.extra).get("pkcs11_provider")
    if pkcs11:
        say(f"PKCS11Provider={pkcs11}")
    said += [*shlex.split(target.ssh_common_args), *shlex.split(target.ssh_extra_args)]
    say("NumberOfPasswordPrompts=1")
    say(f"ServerAliveInterval={round(keepalive[0])}")
    say(f"ServerAliveCountMax={keepalive[1]}")
    return said


def explain(ended: Ended, errors: str, output: bool) -> str:
    """ssh ends with 255 if it was itself that failed."""
    if ended.rc != 255:
        return ""
    return f"Failed to connect to the host via ssh: {errors}"
