"""What a target runs with: a fresh copy of it beside what it depends on, commands on PATH, variables, an inventory.

The layout and the variables are ansible-test's, for a host reached over the local connection. Otherwise than there,
modules run on the system's Python where it has one (tests run them as users who may not read a Python below /root),
what pip would install is there already, and colours, tracebacks and the junit view are off.
"""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.listing import Listing
from conformance.suite import TARGETS, VERSION, Suite, Target

#: What setup targets would fetch with pip: it is there from the start.
LIBRARIES = ("passlib==1.7.4", "bcrypt==4.0.1", "pexpect==4.9.0", "ptyprocess==0.7.0", "tomli==2.0.1", "tomli-w==1.0.0")
INSTALLERS = frozenset({"setup_passlib", "setup_passlib_controller", "setup_pexpect"})
#: ansible-test plays below such a folder: nothing may stumble over the path of its playbook.
UNICODE = "-ÅÑŚÌβŁÈ"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SUPPORT = "test/support/integration/plugins/modules"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command line, its working directory and its whole environment."""

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]


class Workplace:
    """Makes places for targets to run in. ``commands`` is a folder of executables named as ansible's are."""

    def __init__(self, suite: Suite, listing: Listing, commands: Path, cache: Path, scratch: Path) -> None:
        self._suite = suite
        self._listing = listing
        self._commands = commands
        self._libraries = _libraries(cache)
        self._locales = _locales(cache)
        self._scratch = scratch
        self._helpers = _helper_commands(scratch / "bin", suite)
        system = Path("/usr/bin/python3")
        self._interpreter = str(system) if system.exists() else sys.executable

    @contextmanager
    def prepared(self, name: str) -> Iterator[Prepared]:
        """A copy of a target that is gone afterwards. Raises StaleCut."""
        target = self._suite.targets[name]
        work = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._scratch))
        work.chmod(0o755)
        try:
            root = work / (f"{name}-plain" if "no/temp_unicode" in target.aliases else f"{name}{UNICODE}")
            root.mkdir(0o700)  # tests count on it that other users can't look into it
            for each in (target, *self._suite.needed_by(name)):
                self._copy(each, root)
            yield self._completed(target, work, root)
        finally:
            _remove(work)

    def _copy(self, target: Target, root: Path) -> None:
        place = root / TARGETS / target.name
        shutil.copytree(target.path, place, symlinks=True)
        if target.name in INSTALLERS and not target.has_script:
            (place / "tasks" / "main.yml").write_text("[]\n")
        for cut in self._listing.cuts_of(target.name):
            file = place / cut.file
            file.write_text(cut.applied(file.read_text()))
        for name in target.told("needs/file/"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._suite.root / name, root / name)

    def _completed(self, target: Target, work: Path, root: Path) -> Prepared:
        integration = root / "test" / "integration"
        inventory = integration / "inventory"
        inventory.write_text(
            "[testgroup]\ntesthost ansible_connection=local ansible_pipelining=yes "
            f"ansible_python_interpreter={self._interpreter}\n"
        )
        (integration / "integration.cfg").touch()
        output = work / "output"
        output.mkdir()
        (work / "junit").mkdir()
        environment = self._environment(target, work, root, output)
        if target.has_script:
            folder = root / TARGETS / target.name
            return Prepared(("./runme.sh",), folder, {**environment, "ANSIBLE_PLAYBOOK_DIR": str(folder)})
        playbook = integration / "target.yml"
        playbook.write_text(json.dumps([_role_play(target, output)], indent=1))
        command = (str(self._commands / "ansible-playbook"), "-i", inventory.name, playbook.name)
        more = {"ANSIBLE_ROLES_PATH": str(root / TARGETS), "ANSIBLE_PLAYBOOK_DIR": str(integration)}
        return Prepared(command, integration, {**environment, **more})

    def _environment(self, target: Target, work: Path, root: Path, output: Path) -> dict[str, str]:
        integration = root / "test" / "integration"
        settings = {
            "CONFIG": integration / "integration.cfg",
            "DEPRECATION_WARNINGS": "false",
            "DEVEL_WARNING": "false",
            "FORCE_COLOR": "false",
            "FORCE_HANDLERS": "true",
            "HOST_KEY_CHECKING": "false",
            "HOST_PATTERN_MISMATCH": "error",
            "INVENTORY": "/dev/null",
            "LIBRARY": self._suite.root / _SUPPORT,
            "PYTHON_INTERPRETER": "/set/ansible_python_interpreter/in/inventory",
            "PYTHON_MODULE_RLIMIT_NOFILE": "1024",
            "RETRY_FILES_ENABLED": "false",
            "TEST_ANSIBLE_VERSION": VERSION,
            "TEST_CI": "",
            "TEST_COVERAGE": "",
            "TEST_PYTHON_INTERPRETER": sys.executable,
            "TEST_PYTHON_VERSION": f"{sys.version_info.major}.{sys.version_info.minor}",
        }
        path = (self._helpers, self._commands, SYSTEM_PATH)
        return {
            "HOME": pwd.getpwuid(os.getuid()).pw_dir,
            "LC_ALL": "C.UTF-8",
            "PAGER": "/bin/cat",
            "PATH": os.pathsep.join(map(str, path)),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INDEX": "1",
            "PYTHONPATH": str(self._libraries),
            "INVENTORY_PATH": str(integration / "inventory"),
            "JUNIT_OUTPUT_DIR": str(work / "junit"),
            "JUNIT_TASK_RELATIVE_PATH": str(root),  # tests of output make paths relative by it
            "OUTPUT_DIR": str(output),
            **({"LOCPATH": str(self._locales)} if self._locales else {}),
            **{f"ANSIBLE_{name}": str(value) for name, value in settings.items()},
            **target.environment,
        }


def _role_play(target: Target, output: Path) -> dict[str, object]:
    return {
        "hosts": "testhost",
        "gather_facts": "gather_facts/no" not in target.aliases,
        "vars": {"output_dir": str(output)},
        "roles": [target.name],
    }


def _libraries(cache: Path) -> Path:
    """A folder with LIBRARIES for this Python. Raises CalledProcessError if pip fails."""
    place = cache / f"libraries-{sys.implementation.cache_tag}"
    stamp, wanted = place / "installed.txt", "\n".join(LIBRARIES)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--root-user-action=ignore", "--target", str(place), *LIBRARIES], check=True)
        stamp.write_text(wanted)
    return place


def _locales(cache: Path) -> Path | None:
    """A LOCPATH with en_US.UTF-8, where the system lacks it and can make it."""
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.lower()
    if "en_us.utf8" in known or not shutil.which("localedef"):
        return None
    place = cache / "locales"
    made = place / "en_US.UTF-8"
    if not made.exists():
        place.mkdir(parents=True, exist_ok=True)
        command = ["localedef", "--force", "-i", "en_US", "-f", "UTF-8", str(made)]
        subprocess.run(command, capture_output=True, check=False)
    return place if made.exists() else None


def _helper_commands(folder: Path, suite: Suite) -> Path:
    """`python` and `pip` as tests call them, and the script with which they make virtual environments."""
    folder.mkdir(parents=True, exist_ok=True)
    python = shlex.quote(sys.executable)
    for name, command in (("python", python), ("pip", f"{python} -m pip"), ("pip3", f"{python} -m pip")):
        file = folder / name
        file.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        file.chmod(0o755)
    shutil.copy(suite.root / "test/lib/ansible_test/_util/target/injector/virtualenv.sh", folder)
    return folder


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # files that a test made immutable
        subprocess.run(["chattr", "-R", "-ia", str(folder)], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
