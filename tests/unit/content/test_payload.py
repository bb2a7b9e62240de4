"""What goes over the wire with a module: everything it imports of Ansible's shared code, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from weft.content import imports
from weft.content.imports import Import, absolute, digest_of, scan_source
from weft.content.kinds import Kind
from weft.content.modules import ModuleStore
from weft.content.payload import Payload, PayloadStore
from weft.model.errors import WeftError
from weft.model.settings import Settings

Place = Callable[..., str]
ALWAYS = {
    "ansible",
    "ansible.module_utils",
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    def place(path: str, text: str = "") -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    return place


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Payload]:
    """A payload with fresh stores, as a new run would build it."""

    def build(name: str, utils_dirs: tuple[str, ...] = ()) -> Payload:
        settings = Settings(
            library=(), module_utils=(str(tmp_path / "utils"),), collections_path=(str(tmp_path / "collections"),)
        )
        store = ModuleStore(settings, system=False)
        module = store.resolve(name, (), (str(tmp_path / "library"),))
        assert module is not None
        return PayloadStore(settings, store.collections).build(module, utils_dirs)

    return build


def code(payload: Payload, name: str) -> str:
    return payload.blobs[payload.utils[name][0]].decode()


def test_a_module_of_ansible_core(build: Callable[..., Payload]) -> None:
    payload = build("ping")
    assert payload.kind is Kind.NEW and payload.fqcn == "ansible.builtin.ping"
    assert set(payload.utils) >= ALWAYS | {"ansible.modules"}
    assert "ansible.module_utils.urls" not in payload.utils
    assert b"AnsibleModule" in payload.blobs[payload.main]
    assert payload.version == "2.19.14" or payload.version.startswith("2.19")
    assert payload.utils["ansible.module_utils.basic"][1] is False
    assert payload.utils["ansible.module_utils.common"][1] is True


def test_every_blob_has_the_hash_it_is_called_by(build: Callable[..., Payload]) -> None:
    payload = build("setup")
    assert len(payload.wanted) > 100
    for digest in payload.wanted:
        assert digest_of(payload.blobs[digest]) == digest


def test_the_manifest_is_the_list_of_utils(build: Callable[..., Payload]) -> None:
    payload = build("ping")
    assert payload.manifest is not None
    listed = json.loads(payload.blobs[payload.manifest])
    assert {name: tuple(entry) for name, entry in listed.items()} == payload.utils


def test_ones_own_module_utils(build: Callable[..., Payload], place: Place, tmp_path: Path) -> None:
    place(
        "library/mine.py", "from ansible.module_utils.shared.helper import thing\nimport ansible.module_utils.plain\n"
    )
    place("utils/shared/__init__.py")
    place("utils/shared/helper.py", "from . import other\n")
    place("utils/shared/other.py")
    place("utils/plain.py", "configured = 1\n")
    place("role/module_utils/plain.py", "of_the_role = 1\n")
    payload = build("mine", (str(tmp_path / "role/module_utils"),))
    assert code(payload, "ansible.module_utils.plain") == "of_the_role = 1\n"
    assert payload.utils["ansible.module_utils.shared"][1]
    assert "ansible.module_utils.shared.other" in payload.utils
    assert "ansible.module_utils.shared.helper.thing" not in payload.utils


def test_a_collections_module_utils(build: Callable[..., Payload], place: Place) -> None:
    base = "collections/ansible_collections/ns/coll"
    place(
        f"{base}/plugins/modules/m.py",
        "from ansible.module_utils.basic import AnsibleModule\n"
        "from ..module_utils.a import x\n"
        "from ansible_collections.ns.other.plugins.module_utils import b\n",
    )
    place(f"{base}/plugins/module_utils/a.py", "from .pkg import y\n")
    place(f"{base}/plugins/module_utils/pkg/__init__.py", "from .deep import y\n")
    place(f"{base}/plugins/module_utils/pkg/deep.py")
    place("collections/ansible_collections/ns/other/plugins/module_utils/b.py")
    payload = build("ns.coll.m")
    prefix = "ansible_collections.ns.coll.plugins"
    for name in ("module_utils.a", "module_utils.pkg", "module_utils.pkg.deep", "modules"):
        assert f"{prefix}.{name}" in payload.utils
    assert "ansible_collections.ns.other.plugins.module_utils.b" in payload.utils
    assert payload.utils["ansible_collections.ns"][1] and code(payload, "ansible_collections.ns") == ""
    assert payload.utils[f"{prefix}.module_utils.pkg"][1]


def test_folders_of_a_collection_are_packages_without_being_marked_as_such(
    build: Callable[..., Payload], place: Place
) -> None:
    base = "collections/ansible_collections/ns/coll/plugins"
    prefix = "ansible_collections.ns.coll.plugins.module_utils"
    place(
        f"{base}/modules/m.py",
        "from ansible.module_utils.basic import AnsibleModule\n"
        f"from {prefix}.deep.er import one\nimport {prefix}.deep.two\n",
    )
    place(f"{base}/module_utils/deep/er/one.py")
    place(f"{base}/module_utils/deep/two.py")
    payload = build("ns.coll.m")
    assert {name.removeprefix(prefix) for name in payload.utils if name.startswith(prefix)} == {
        "", ".deep", ".deep.er", ".deep.er.one", ".deep.two",
    }  # fmt: skip
    assert code(payload, f"{prefix}.deep") == ""


def test_redirected_module_utils(build: Callable[..., Payload], place: Place) -> None:
    base = "collections/ansible_collections"
    place(f"{base}/ns/coll/plugins/modules/m.py", "from ..module_utils.old.name import x\n")
    place(f"{base}/ns/coll/meta/runtime.yml", "plugin_routing: {module_utils: {old.name: {redirect: ns.other.new}}}")
    place(f"{base}/ns/other/plugins/module_utils/new.py", "x = 1\n")
    payload = build("ns.coll.m")
    shim = code(payload, "ansible_collections.ns.coll.plugins.module_utils.old.name")
    assert "import ansible_collections.ns.other.plugins.module_utils.new" in shim
    assert "ansible_collections.ns.other.plugins.module_utils.new" in payload.utils
    assert payload.utils["ansible_collections.ns.coll.plugins.module_utils.old"][1]


def test_six_is_one_file(build: Callable[..., Payload], place: Place) -> None:
    place("library/m.py", "from ansible.module_utils.six.moves.urllib.parse import quote\n")
    payload = build("m")
    assert [name for name in payload.utils if "six" in name] == ["ansible.module_utils.six"]


def test_what_may_be_missing(build: Callable[..., Payload], place: Place) -> None:
    place(
        "library/m.py",
        "from ansible.module_utils.basic import AnsibleModule\n"
        "try:\n    from ansible.module_utils.nosuch import x\nexcept ImportError:\n    pass\n"
        "def f():\n    from ansible_collections.no.such.plugins.module_utils.thing import y\n",
    )
    assert "ansible.module_utils.nosuch" not in build("m").utils


def test_what_must_not_be_missing(build: Callable[..., Payload], place: Place) -> None:
    place("library/m.py", "from ansible.module_utils.nosuch import x\n")
    with pytest.raises(WeftError) as caught:
        build("m")
    assert str(caught.value) == (
        "Could not find imported module support code for ansible.legacy.m. "
        "Looked for (['ansible.module_utils.nosuch.x', 'ansible.module_utils.nosuch'])"
    )


def test_a_collection_that_is_missing_is_named(build: Callable[..., Payload], place: Place) -> None:
    place("library/m.py", "from ansible_collections.no.such.plugins.module_utils.thing import y\n")
    with pytest.raises(
        WeftError, match=r"loading redirected collection no\.such: unable to locate collection no\.such$"
    ):
        build("m")


def test_a_module_with_a_mistake(build: Callable[..., Payload], place: Place) -> None:
    path = place("library/m.py", "from ansible.module_utils.basic import x\nif\n")
    with pytest.raises(WeftError, match="Unable to compile 'm'") as caught:
        build("m")
    assert str(caught.value).endswith("(m.py, line 2)") and caught.value.__cause__ is None
    assert caught.value.origin is not None and (caught.value.origin.path, caught.value.origin.line) == (path, 2)


def test_other_languages_take_nothing_along(build: Callable[..., Payload], place: Place) -> None:
    place("library/m.pl", "#!/usr/bin/perl -w\n# WANT_JSON\n")
    payload = build("m")
    assert (payload.kind, payload.utils, payload.manifest) == (Kind.WANT_JSON, {}, None)
    assert payload.interpreter == ("/usr/bin/perl", ("-w",))
    assert payload.wanted == {payload.main}


def test_powershell_is_refused(build: Callable[..., Payload], place: Place) -> None:
    place("library/win.ps1", "#!powershell\n#Requires -Module Ansible.ModuleUtils.Legacy\n")
    with pytest.raises(WeftError, match="is written in PowerShell"):
        build("win")


def test_the_old_mark_for_shared_code(build: Callable[..., Payload], place: Place) -> None:
    place("library/m.py", "#!/usr/bin/python\n#<<INCLUDE_ANSIBLE_MODULE_COMMON>>\nmain()\n")
    payload = build("m")
    assert payload.blobs[payload.main].splitlines()[1] == b"from ansible.module_utils.basic import *"


def test_a_second_run_parses_nothing(
    build: Callable[..., Payload], monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    first = build("ping")
    assert {path.stat().st_mode & 0o777 for path in own_cache.iterdir()} == {0o600}
    parsed: list[str] = []
    monkeypatch.setattr(imports, "scan_source", lambda source, path: parsed.append(path) or ())
    second = build("ping")
    assert not parsed
    assert second.utils == first.utils


def test_a_file_that_changed_is_parsed_again(build: Callable[..., Payload], place: Place) -> None:
    place("library/m.py", "from ansible.module_utils.helper import x\n")
    place("utils/helper.py", "x = 1\n")
    before = build("m")
    place("utils/helper.py", "from ansible.module_utils.more import x\n")
    place("utils/more.py", "x = 22\n")
    after = build("m")
    assert "ansible.module_utils.more" in after.utils
    assert after.utils["ansible.module_utils.helper"] != before.utils["ansible.module_utils.helper"]


def test_a_module_that_changed_is_parsed_again_whatever_its_time_says(
    build: Callable[..., Payload], place: Place
) -> None:
    place("utils/one.py", "x = 1\n")
    place("utils/two.py", "x = 2\n")
    path = place("library/m.py", "from ansible.module_utils.one import x\n")
    before = os.stat(path)
    assert "ansible.module_utils.one" in build("m").utils
    place("library/m.py", "from ansible.module_utils.two import x\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(path).st_size == before.st_size
    assert "ansible.module_utils.two" in build("m").utils


def test_what_is_gone_is_not_kept(build: Callable[..., Payload], place: Place, own_cache: Path) -> None:
    place("library/m.py", "from ansible.module_utils.helper import x\n")
    helper = place("utils/helper.py", "x = 1\n")
    build("m")
    assert helper in json.loads((own_cache / "imports-1.json").read_text())
    place("library/m.py", "from ansible.module_utils.basic import AnsibleModule\n")
    os.unlink(helper)
    build("m")
    assert helper not in json.loads((own_cache / "imports-1.json").read_text())


@pytest.mark.parametrize("junk", ["", "[1]", '{"%s": 1}', '{"%s": [0, 0, 7, []]}'])
def test_junk_among_what_is_kept_is_as_good_as_nothing(
    build: Callable[..., Payload], place: Place, own_cache: Path, junk: str
) -> None:
    path = place("library/m.py", "from ansible.module_utils.helper import x\n")
    place("utils/helper.py", "x = 1\n")
    own_cache.mkdir(exist_ok=True)
    (own_cache / "imports-1.json").write_text(junk.replace("%s", path))
    assert "ansible.module_utils.helper" in build("m").utils


def test_a_file_that_changes_before_it_is_sent(build: Callable[..., Payload], place: Place) -> None:
    place("library/m.py", "from ansible.module_utils.helper import x\n")
    path = place("utils/helper.py", "x = 1\n")
    payload = build("m")
    Path(path).write_text("x = 2\n")
    with pytest.raises(WeftError, match="was changed while it was being sent"):
        code(payload, "ansible.module_utils.helper")


@pytest.mark.parametrize(
    ("text", "importer", "is_package", "expected"),
    [
        ("from ansible.module_utils.a import b", "m", False, {("ansible", "module_utils", "a", "b")}),
        ("import ansible.module_utils.a.b", "m", False, {("ansible", "module_utils", "a", "b")}),
        ("from . import b", "ansible.module_utils.p.q", False, {("ansible", "module_utils", "p", "b")}),
        ("from . import b", "ansible.module_utils.p", True, {("ansible", "module_utils", "p", "b")}),
        ("from ..x import b", "ansible.module_utils.p.q", False, {("ansible", "module_utils", "x", "b")}),
        ("import os\nfrom ansible.errors import X", "m", False, set()),
        ("from ansible_collections.a.b.plugins.lookup import x", "m", False, set()),
        ("from ....... import x", "a.b", False, set()),
    ],
)
def test_imports(text: str, importer: str, is_package: bool, expected: set[tuple[str, ...]]) -> None:
    found = {absolute(one, importer, is_package) for one in scan_source(text.encode(), "m.py")}
    assert found - {None} == expected


def test_imports_below_the_top_are_optional() -> None:
    found = scan_source(b"import ansible.module_utils.a\nif x:\n    import ansible.module_utils.b\n", "m.py")
    assert found == (Import(0, "ansible.module_utils.a", None, False), Import(0, "ansible.module_utils.b", None, True))
