"""`weft content`: older releases are fetched, checked, unpacked, listed and removed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from weft.cli.main import main
from weft.content import releases
from weft.content.core import core_for, installed_core, older_cores
from weft.model.errors import OptionsError, WeftError

MINIMUM = "_PY3_MIN = sys.version_info >= (3, 6)\n_PY2_MIN = (2, 7) <= sys.version_info < (3,)\n"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing was added yet, and pip has only what lies in ``shelf``."""
    monkeypatch.setenv("WEFT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "shelf").mkdir()
    older_cores.cache_clear()
    yield tmp_path / "data"
    older_cores.cache_clear()


def files_of(version: str) -> dict[str, str]:
    return {
        "ansible/release.py": f"__version__ = '{version}'\n",
        "ansible/module_utils/basic.py": MINIMUM,
        "ansible/module_utils/common/__init__.py": "",
        "ansible/modules/ping.py": "import os\n",
        "ansible/config/ansible_builtin_runtime.yml": "plugin_routing: {}\n",
        "ansible/cli/__init__.py": "raise SystemExit('nobody runs this')\n",
        "ansible_test/__init__.py": "",
    }


def wheel(folder: Path, version: str, *, files: Mapping[str, str] | None = None, spoilt: str = "") -> Path:
    contents = files_of(version) if files is None else files
    info = f"ansible_core-{version}.dist-info"
    meta = {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: ansible-core\nVersion: {version}\nRequires-Python: <3\n"}
    meta[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = []
    for name, text in {**contents, **meta}.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text)}\n")
    path = folder / f"ansible_core-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**contents, **meta, f"{info}/RECORD": "".join(lines)}.items():
            archive.writestr(name, text + ("#" if name == spoilt else ""))
    return path


def sources(folder: Path, version: str) -> Path:
    path = folder / f"ansible-core-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files_of(version).items():
            entry = tarfile.TarInfo(f"ansible-core-{version}/lib/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
        link = tarfile.TarInfo(f"ansible-core-{version}/lib/ansible/modules/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        up = tarfile.TarInfo(f"ansible-core-{version}/lib/ansible/modules/../../up.py")
        archive.addfile(up)
    return path


def kept(data: Path) -> list[str]:
    return sorted(str(path.relative_to(data / "content")) for path in data.rglob("*") if path.is_file())


@pytest.mark.parametrize("archive", [wheel, sources])
def test_a_local_archive_is_unpacked_as_far_as_it_is_used(data: Path, tmp_path: Path, archive: object) -> None:
    path = archive(tmp_path, "2.16.3")  # type: ignore[operator]
    added = releases.add(str(path))
    assert added.new
    assert added.release.core.version == "2.16.3"
    assert added.release.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    used = (
        "config/ansible_builtin_runtime.yml", "module_utils/basic.py", "module_utils/common/__init__.py",
        "modules/ping.py", "release.py",
    )  # fmt: skip
    assert kept(data) == [*(f"ansible-core-2.16.3/ansible/{name}" for name in used), "ansible-core-2.16.3/source.json"]
    assert core_for((2, 7, 18)).version == "2.16.3"
    assert core_for((3, 12, 0)) == installed_core()
    assert not releases.add(str(path)).new


def test_pip_fetches_the_newest_that_fits(tmp_path: Path) -> None:
    for version in ("2.16.3", "2.16.19", "2.17.1"):
        wheel(tmp_path / "shelf", version)
    assert releases.add("ansible-core==2.16.*").release.core.version == "2.16.19"
    assert releases.add("2.16.3").release.core.version == "2.16.3"
    with pytest.raises(WeftError, match=r"pip could not download a wheel of ansible-core==2\.11\.\*: No matching"):
        releases.add("2.11")


def test_what_is_no_release_is_refused_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="neither a version of ansible-core"):
        releases.add("requests==2.0")
    with pytest.raises(WeftError, match="No such file"):
        releases.add(str(tmp_path / "nosuch.whl"))
    text = tmp_path / "text.whl"
    text.write_text("no archive")
    with pytest.raises(WeftError, match="neither a wheel nor a source archive"):
        releases.add(str(text))
    with pytest.raises(WeftError, match=r"There are no modules of ansible-core in ansible_core-9\.1\.0"):
        releases.add(str(wheel(tmp_path, "9.1.0", files={"ansible_collections/x.py": ""})))
    with pytest.raises(WeftError, match=r"is damaged: ansible/modules/ping\.py is not what"):
        releases.add(str(wheel(tmp_path, "2.16.4", spoilt="ansible/modules/ping.py")))
    with pytest.raises(WeftError, match=r"2\.99\.1 is not older than the installed ansible-core"):
        releases.add(str(wheel(tmp_path, "2.99.1")))
    good = str(wheel(tmp_path, "2.16.5"))
    with pytest.raises(WeftError, match=r"has the SHA-256 [0-9a-f]{64}, not 00: it was not added"):
        releases.add(good, sha256="00")
    assert kept(data) == []
    assert not list((data / "content").glob(".*"))


def test_a_folder_that_cannot_be_written_is_told(data: Path, tmp_path: Path) -> None:
    data.write_text("a file")
    with pytest.raises(WeftError, match=r"Could not write to .*content"):
        releases.add(str(wheel(tmp_path, "2.16.3")))


def test_releases_are_listed_newest_first_with_what_was_changed(data: Path, tmp_path: Path) -> None:
    for version in ("2.16.3", "2.17.2"):
        releases.add(str(wheel(tmp_path, version)))
    (data / "content/ansible-core-2.16.3/ansible/modules/ping.py").write_text("changed\n")
    by_hand = data / "content/mine/ansible"
    (by_hand / "module_utils").mkdir(parents=True)
    (by_hand / "release.py").write_text("__version__ = '2.9.27'\n")
    (by_hand / "module_utils/basic.py").write_text("")
    older_cores.cache_clear()
    listed = releases.releases()
    assert [(one.core.version, one.changed, one.source[:12]) for one in listed] == [
        ("2.17.2", False, "ansible_core"),
        ("2.16.3", True, "ansible_core"),
        ("2.9.27", False, ""),
    ]


def test_removing_by_version_and_pattern(data: Path, tmp_path: Path) -> None:
    for version in ("2.16.3", "2.16.19", "2.17.2"):
        releases.add(str(wheel(tmp_path, version)))
    with pytest.raises(OptionsError, match=r"There is no release '2\.1' here: 2\.17\.2, 2\.16\.19, 2\.16\.3"):
        releases.remove("2.1")
    assert [one.core.version for one in releases.remove("ansible-core==2.16.*")] == ["2.16.19", "2.16.3"]
    assert [one.core.version for one in releases.remove("2.17")] == ["2.17.2"]
    assert list((data / "content").iterdir()) == []
    with pytest.raises(OptionsError, match="none was added"):
        releases.remove("2.17")


def test_the_command_says_what_it_did(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = wheel(tmp_path, "2.16.3")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert main(["content", "add", str(path), "--sha256", digest]) == 0
    assert main(["content", "add", str(path)]) == 0
    assert main(["content", "list"]) == 0
    installed = installed_core().title
    assert capfd.readouterr().out.splitlines() == [
        "ansible-core 2.16.3 added: hosts with Python 2.7 and 3.6+",
        "ansible-core 2.16.3 is here already: hosts with Python 2.7 and 3.6+",
        f"{'RELEASE':<{len(installed)}}  PYTHON OF HOSTS  SHA-256       FROM",
        f"{installed}  3.8+             -             installed",
        f"{'ansible-core 2.16.3':<{len(installed)}}  2.7 and 3.6+     {digest[:12]}  {path.name}",
    ]
    assert main(["content", "list", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["installed"]["pythons"] == ["3.8"]
    assert [(one["version"], one["sha256"], one["pythons"]) for one in document["added"]] == [
        ("2.16.3", digest, ["2.7", "3.6"])
    ]
    assert main(["content", "remove", "2.16"]) == 0
    assert capfd.readouterr().out == "ansible-core 2.16.3 removed\n"
    assert main(["content", "remove", "2.16"]) == 5
    assert main(["content", "add", str(path), str(path), "--sha256", digest]) == 5
    assert main(["content", "add"]) != 0
