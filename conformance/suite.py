"""ansible-core's source distribution: fetched once, checked, unpacked; and what its targets say of themselves."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VERSION = "2.19.14"
SHA256 = "1e7612788eaa6b3c87a3670ce86c64b830eba0ae2b3fcb25a772f276704163b4"
TARGETS = "test/integration/targets"


def fetch(cache: Path) -> Path:
    """The folder of the unpacked source distribution. Raises CalledProcessError if pip fails, SystemExit if the file is
    another one than expected."""
    root = cache / f"ansible_core-{VERSION}"
    if root.is_dir():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        source_only = ["--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, *source_only, "--dest", folder, f"ansible-core=={VERSION}"], check=True)
        archive = next(Path(folder).glob("ansible_core-*.tar.gz"))
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise SystemExit(f"{archive.name} is not the file that was published as ansible-core {VERSION}")
        with tarfile.open(archive) as packed:
            if hasattr(tarfile, "tar_filter"):  # not in every 3.11
                packed.extraction_filter = tarfile.tar_filter
            packed.extractall(folder)
        os.rename(Path(folder) / root.name, root)  # only a whole one gets the name
    return root


@dataclass(frozen=True)
class Target:
    """A folder of tests. Its ``aliases`` file holds one remark a line; ansible-test's documentation says what they
    mean."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def has_script(self) -> bool:
        return (self.path / "runme.sh").exists()

    @functools.cached_property
    def aliases(self) -> tuple[str, ...]:
        try:
            lines = (self.path / "aliases").read_text().splitlines()
        except FileNotFoundError:
            return ()
        return tuple(text for line in lines if (text := line.partition("#")[0].strip()))

    def told(self, *prefixes: str) -> list[str]:
        """What follows one of the prefixes in its aliases."""
        return [alias[len(prefix) :] for prefix in prefixes for alias in self.aliases if alias.startswith(prefix)]

    @property
    def environment(self) -> dict[str, str]:
        pairs = (text.partition("/") for text in self.told("env/set/"))
        return {name: value for name, _, value in pairs}

    @property
    def is_helper(self) -> bool:
        """Whether it is a role that other targets take in by naming it in their meta."""
        hidden = "hidden" in self.aliases or self.name.startswith(("setup_", "prepare_"))
        return hidden and not self.has_script


class Suite:
    """All targets of one source distribution."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.targets = {path.name: Target(path) for path in sorted((root / TARGETS).iterdir()) if path.is_dir()}
        self._helpers = [target.name for target in self.targets.values() if target.is_helper]

    def needed_by(self, name: str) -> list[Target]:
        """The targets that have to lie beside this one, by every way in which targets name each other."""
        found: dict[str, None] = {}
        ahead = [name]
        while ahead:
            fresh = [other for other in self._named_by(self.targets[ahead.pop()]) if other not in found]
            found.update(dict.fromkeys(fresh))
            ahead += fresh
        return [self.targets[other] for other in sorted(found) if other != name and other in self.targets]

    @functools.cache  # noqa: B019 - one suite lives as long as the process
    def _named_by(self, target: Target) -> tuple[str, ...]:
        named = target.told("setup/once/", "setup/always/", "needs/target/")
        return tuple(dict.fromkeys([*named, *self._linked(target), *self._in_meta(target)]))

    def _linked(self, target: Target) -> list[str]:
        """Symbolic links into other targets."""
        home = Path(os.path.realpath(self.root / TARGETS))
        ends = [Path(os.path.realpath(path)) for path in target.path.rglob("*") if path.is_symlink()]
        return [end.relative_to(home).parts[0] for end in ends if end.is_relative_to(home) and end != home]

    def _in_meta(self, target: Target) -> list[str]:
        text = "".join(path.read_text(errors="ignore") for path in (target.path / "meta").glob("*") if path.is_file())
        spoken = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        return [name for name in self._helpers if any(name in line for line in spoken)]
