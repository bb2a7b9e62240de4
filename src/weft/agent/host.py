"""What the agent says of the machine and the process it is in."""

from __future__ import absolute_import, division, print_function

import os
import sys

from . import compat


def describe():
    """The facts of the hello."""
    uid = os.geteuid()
    return {
        "python": sys.executable or "",
        "version": list(sys.version_info[:3]),
        "pid": os.getpid(),
        "uid": uid,
        "user": user_name(uid),
        "home": compat.to_text(compat.expand_user(b"~", compat.environ())),
        "boot_id": boot_id(),
        "hostname": compat.to_text(os.uname()[1]),
        "platform": compat.to_text(sys.platform),
        "cwd": compat.to_text(os.getcwd()),
    }


def user_name(uid):
    """A user's name, or the number as text where it has none."""
    import pwd

    try:
        return compat.to_text(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return compat.to_text(str(uid))


def boot_id():
    """What differs after each boot of the machine; "" where that can't be known."""
    if not _boot_id:
        try:
            _boot_id.append(compat.to_text(compat.read_file(b"/proc/sys/kernel/random/boot_id").strip()))
        except OSError:
            _boot_id.append("")
    return _boot_id[0]


_boot_id = []
