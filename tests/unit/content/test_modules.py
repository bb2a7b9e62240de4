"""Names to modules and actions: library folders, ansible-core, collections and their routing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from weft.content.actionnames import ActionNames
from weft.content.core import Core, core_for, installed_core, older_cores, read_core, too_old, version_key
from weft.content.kinds import Kind, detect_kind, interpreter_for, shebang
from weft.content.modules import ModuleGone, ModuleStore
from weft.model.errors import LoadError
from weft.model.settings import Settings

RUNTIME = """
plugin_routing:
  modules:
    gone:
      tombstone: {removal_version: 2.0.0, warning_text: Use new.}
    old:
      deprecation: {removal_version: 9.0.0, warning_text: Use new.}
    moved: {redirect: ns.other.target}
    short: {redirect: target}
    lost: {redirect: ns.other.nosuch}
    round: {redirect: ns.coll.round}
    acts: {action_plugin: ns.coll.helper}
  action:
    moved_action: {redirect: ns.other.act}
action_groups:
  mine:
    - new
    - ns.other.target
    - metadata: {extend_group: [ns.other.theirs]}
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WEFT_DATA", str(tmp_path / "data"))
    older_cores.cache_clear()
    yield
    older_cores.cache_clear()


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str, str], str]:
    def place(path: str, text: str = "") -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    base = "collections/ansible_collections/ns"
    place(f"{base}/coll/meta/runtime.yml", RUNTIME)
    for name in ("new", "old", "acts"):
        place(f"{base}/coll/plugins/modules/{name}.py")
    place(f"{base}/coll/plugins/modules/sub/deep.py")
    place(f"{base}/coll/plugins/action/helper.py")
    place(f"{base}/coll/plugins/action/only_action.py")
    place(f"{base}/other/plugins/modules/target.py")
    place(f"{base}/other/plugins/action/act.py")
    place(f"{base}/other/meta/runtime.yml", "action_groups: {theirs: [more]}")
    place(f"{base}/other/plugins/modules/more.py")
    return place


@pytest.fixture
def heard() -> list[Any]:
    return []


@pytest.fixture
def store(tmp_path: Path, place: Callable[..., str], heard: list[Any]) -> ModuleStore:
    settings = Settings(library=(str(tmp_path / "configured"),), collections_path=(str(tmp_path / "collections"),))
    return ModuleStore(settings, publish=heard.append, system=False)


def test_ansible_cores_modules_by_all_their_names(store: ModuleStore) -> None:
    for name in ("ping", "ansible.builtin.ping", "ansible.legacy.ping"):
        module = store.resolve(name)
        assert module is not None
        assert (module.fqcn, module.name, module.python_name) == (
            "ansible.builtin.ping",
            "ping",
            "ansible.modules.ping",
        )
        assert module.path.endswith("/ansible/modules/ping.py")


def test_a_library_folder_beats_ansible_core_but_not_under_its_full_name(
    store: ModuleStore, place: Callable[..., str], tmp_path: Path
) -> None:
    path = place("play/library/ping.py")
    dirs = (str(tmp_path / "play/library"),)
    found = store.resolve("ping", (), dirs)
    assert found is not None and (found.fqcn, found.path) == ("ansible.legacy.ping", path)
    builtin = store.resolve("ansible.builtin.ping", (), dirs)
    assert builtin is not None and builtin.path != path


def test_configured_folders_are_searched_two_levels_deep(store: ModuleStore, place: Callable[..., str]) -> None:
    path = place("configured/a/b/thing.sh")
    fresh = ModuleStore(Settings(library=(str(Path(path).parents[2]),)), system=False)
    found = fresh.resolve("thing")
    assert found is not None and found.path == path


def test_a_library_that_is_no_folder_holds_nothing() -> None:
    found = ModuleStore(Settings(library=(os.devnull,)), system=False).resolve("ping")
    assert found is not None and found.fqcn == "ansible.builtin.ping"


def test_python_beats_other_files_of_the_same_name(
    store: ModuleStore, place: Callable[..., str], tmp_path: Path
) -> None:
    for ending in (".ps1", ".py", ".yml", ".pyc", ""):
        place(f"lib/thing{ending}")
    found = store.resolve("thing", (), (str(tmp_path / "lib"),))
    assert found is not None and found.path.endswith("thing.py")


def test_a_module_added_while_playing_is_found(store: ModuleStore, place: Callable[..., str], tmp_path: Path) -> None:
    dirs = (str(tmp_path / "lib"),)
    fresh = ModuleStore(Settings(library=()), system=False)
    assert fresh.resolve("thing", (), dirs) is None
    place("lib/thing.py")
    assert ModuleStore(Settings(library=()), system=False).resolve("thing", (), dirs) is not None


def test_collections(store: ModuleStore) -> None:
    found = store.resolve("ns.coll.new")
    assert found is not None
    assert (found.collection, found.python_name) == ("ns.coll", "ansible_collections.ns.coll.plugins.modules.new")
    deep = store.resolve("ns.coll.sub.deep")
    assert deep is not None and deep.path.endswith("modules/sub/deep.py")
    assert store.resolve("ns.coll.nosuch") is None
    assert store.resolve("ns.nosuch.new") is None


def test_the_collections_keyword(store: ModuleStore) -> None:
    found = store.resolve("new", ["ns.other", "ns.coll"])
    assert found is not None and found.fqcn == "ns.coll.new"
    builtin = store.resolve("ping", ["ns.coll"])
    assert builtin is not None and builtin.fqcn == "ansible.builtin.ping"
    assert store.resolve("ping", ["ns.coll", "ansible.builtin"]) is not None


def test_collections_beside_the_playbook_come_first(
    store: ModuleStore, place: Callable[..., str], tmp_path: Path
) -> None:
    path = place("play/collections/ansible_collections/ns/coll/plugins/modules/new.py")
    store.add_playbook_dir(str(tmp_path / "play"))
    found = store.resolve("ns.coll.new")
    assert found is not None and found.path == path


def test_redirects(store: ModuleStore, heard: list[Any]) -> None:
    found = store.resolve("ns.coll.moved")
    assert found is not None and (found.fqcn, found.redirects) == ("ns.other.target", ("ns.coll.moved",))
    assert [(said.text, said.verbosity) for said in heard] == [
        ("redirecting (type: modules) ns.coll.moved to ns.other.target", 2)
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ns.coll.gone", "The 'ns.coll.gone' module has been removed. Use new. This feature was removed from "
                         "collection 'ns.coll' version 2.0.0."),
        ("ns.coll.lost", "The module ns.coll.lost was redirected to ns.other.nosuch, which could not be loaded."),
        ("ns.coll.round", "plugin redirect loop resolving ns.coll.round (path: ['ns.coll.round'])"),
        ("docker_container", "The module docker_container was redirected to community.docker.docker_container, which "
                             "could not be loaded."),
    ],
)  # fmt: skip
def test_what_is_gone(store: ModuleStore, name: str, message: str) -> None:
    with pytest.raises(ModuleGone) as caught:
        store.resolve(name)
    assert str(caught.value) == message


def test_a_redirect_must_be_a_full_name(store: ModuleStore) -> None:
    with pytest.raises(LoadError, match=r"contains invalid redirect for ns\.coll\.short: target"):
        store.resolve("ns.coll.short")


def test_deprecations_are_announced_once(store: ModuleStore, heard: list[Any]) -> None:
    store.resolve("ns.coll.old")
    store.resolve("ns.coll.old", (), ("/elsewhere",))
    assert [(event.message, event.version, event.collection) for event in heard] == [
        ("ns.coll.old has been deprecated. Use new.", "9.0.0", "ns.coll")
    ]


def test_names_that_are_nothing(store: ModuleStore) -> None:
    assert store.resolve("nosuch") is None
    assert store.resolve("a.b") is None


class TestActionNames:
    @pytest.fixture
    def names(self, store: ModuleStore, tmp_path: Path, place: Callable[..., str]) -> ActionNames:
        place("plugins/configured.py")
        settings = Settings(plugin_paths={"action": (str(tmp_path / "plugins"),)})
        actions = {f"ansible.builtin.{name}" for name in ("copy", "dnf", "meta", "debug")} | {"weft.builtin.await"}
        return ActionNames(store, settings, actions)

    @pytest.mark.parametrize(
        ("name", "fqcn"),
        [
            ("copy", "ansible.builtin.copy"),
            ("ansible.builtin.copy", "ansible.builtin.copy"),
            ("ansible.legacy.copy", "ansible.builtin.copy"),
            ("meta", "ansible.builtin.meta"),
            ("ping", "ansible.builtin.ping"),
            ("yum", "ansible.builtin.dnf"),
            ("ansible.builtin.yum", "ansible.builtin.dnf"),
            ("weft.builtin.await", "weft.builtin.await"),
            ("ns.coll.new", "ns.coll.new"),
            ("ns.coll.moved", "ns.other.target"),
            ("ns.coll.moved_action", "ns.other.act"),
            ("ns.coll.only_action", "ns.coll.only_action"),
            ("configured", "ansible.legacy.configured"),
            ("nosuch", None),
            ("ns.coll.nosuch", None),
        ],
    )
    def test_names(self, names: ActionNames, name: str, fqcn: str | None) -> None:
        assert names.resolve(name) == fqcn

    def test_the_collections_keyword(self, names: ActionNames) -> None:
        assert names.resolve("new", ["ns.coll"]) == "ns.coll.new"
        assert names.resolve("copy", ["ns.coll"]) == "ansible.builtin.copy"

    def test_what_was_removed(self, names: ActionNames) -> None:
        with pytest.raises(ModuleGone, match=r"'ansible\.builtin\.include' action plugin has been removed\. Use"):
            names.resolve("include")

    def test_modules_and_actions_beside_the_playbook(
        self, names: ActionNames, place: Callable[..., str], tmp_path: Path
    ) -> None:
        place("play/library/mine.py")
        action = place("play/action_plugins/copy.py")
        dirs = (str(tmp_path / "play/library"),)
        assert names.resolve("mine", (), dirs) == "ansible.legacy.mine"
        assert names.resolve("copy", (), dirs) == "ansible.legacy.copy"
        assert names.plugin("ansible.legacy.copy", dirs) == action
        assert names.plugin("ansible.legacy.mine", dirs) is None

    def test_who_runs_a_task(self, names: ActionNames) -> None:
        assert names.plugin("ansible.builtin.copy") is None
        assert (names.plugin("ns.coll.acts") or "").endswith("plugins/action/helper.py")
        assert (names.plugin("ns.coll.only_action") or "").endswith("plugins/action/only_action.py")
        assert names.plugin("ns.coll.new") is None


class TestModuleDefaults:
    def test_of_an_action_by_any_of_its_names(self, store: ModuleStore) -> None:
        for name in ("ping", "ansible.builtin.ping", "ansible.legacy.ping"):
            assert store.with_defaults("ansible.builtin.ping", {"b": 2}, [{name: {"a": 1, "b": 1}}]) == {"a": 1, "b": 2}

    def test_inner_ones_replace_outer_ones(self, store: ModuleStore) -> None:
        defaults = [{"ping": {"a": 1, "b": 1}}, {"ping": {"a": 2}}]
        assert store.with_defaults("ansible.builtin.ping", {}, defaults) == {"a": 2}

    def test_of_a_group_and_those_it_extends(self, store: ModuleStore) -> None:
        defaults = [{"group/ns.coll.mine": {"a": 1, "b": 1}, "ns.coll.new": {"b": 2}}]
        assert store.with_defaults("ns.coll.new", {}, defaults) == {"a": 1, "b": 2}
        assert store.with_defaults("ns.other.target", {}, defaults) == {"a": 1, "b": 1}
        assert store.with_defaults("ns.other.more", {}, defaults) == {"a": 1, "b": 1}
        assert store.with_defaults("ansible.builtin.ping", {}, defaults) == {}

    @pytest.mark.parametrize(
        ("metadata", "wrong"),
        [
            ("metadata: {}", ""),
            ("metadata: {extend_group: mine}", ""),
            ("{metadata: {}, more: 1}", "The only expected key is metadata, but got keys: metadata, more"),
            ("metadata: [a]", "The metadata is not a dictionary. Got ['a']"),
            ("metadata: {more: 1}", "The metadata contains unexpected keys: more"),
            (
                "metadata: {extend_group: {a: b}}",
                "The metadata contains unexpected key types: extend_group is {'a': 'b'} (expected type list)",
            ),
            ("metadata: {}\n    - metadata: {}", "The group contains multiple metadata entries."),
        ],
    )
    def test_what_is_wrong_with_a_groups_metadata_is_said_once(
        self, store: ModuleStore, place: Callable[..., str], heard: list[Any], metadata: str, wrong: str
    ) -> None:
        group = f"action_groups:\n  odd:\n    - {metadata}\n    - target\n"
        place("collections/ansible_collections/ns/other/meta/runtime.yml", group)
        for _ in range(2):
            assert store.with_defaults("ns.other.target", {}, [{"group/ns.other.odd": {"a": 1}}]) == {"a": 1}
        intro = "Invalid metadata was found for action_group ns.other.odd while loading module_defaults."
        assert [warning.message for warning in heard] == ([f"{intro} {wrong}"] if wrong else [])

    def test_a_group_that_isnt_there(self, store: ModuleStore) -> None:
        with pytest.raises(LoadError, match=r"could not resolve the module_defaults group ansible\.builtin\.nosuch"):
            store.with_defaults("ansible.builtin.ping", {}, [{"group/nosuch": {}}])


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (b"from ansible.module_utils.basic import AnsibleModule\n", Kind.NEW),
        (b"import ansible.module_utils.basic\n", Kind.NEW),
        (b"#!/usr/bin/python\n#<<INCLUDE_ANSIBLE_MODULE_COMMON>>\n", Kind.NEW),
        (b"from ..module_utils.x import y\n", Kind.NEW),
        (b"from ansible_collections.a.b.plugins.module_utils import x\n", Kind.NEW),
        (b"#!/bin/sh\nARGS='<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'\n", Kind.JSON_ARGS),
        (b"#!/bin/sh\n# WANT_JSON\n", Kind.WANT_JSON),
        (b"#!/bin/sh\necho\n", Kind.OLD),
        (b"\x7fELF\x02\x01\x01\x00", Kind.BINARY),
        (b"#!powershell\n#Requires -Module Ansible.ModuleUtils.Legacy\n", Kind.POWERSHELL),
        (b"#AnsibleRequires -CSharpUtil Ansible.Basic\n", Kind.POWERSHELL),
        ("# größer\nfrom ansible.module_utils.basic import x\n".encode(), Kind.NEW),
    ],
)
def test_kinds(source: bytes, kind: Kind) -> None:
    assert detect_kind(source) is kind


def test_shebangs() -> None:
    assert shebang(b"#!/usr/bin/env perl -w\nx") == ("/usr/bin/env", ("perl", "-w"))
    assert shebang(b"import x") is None
    assert interpreter_for("/usr/bin/perl", ("-w",), {"perl": "/opt/perl"}) == "/opt/perl -w"
    assert interpreter_for("/usr/bin/perl", (), {"ruby": "/opt/ruby"}) == "/usr/bin/perl"


def test_the_installed_ansible_core() -> None:
    core = installed_core()
    assert core.version.startswith("2.19")
    assert core.runs_on((3, 8, 0)) and core.runs_on((3, 13, 1))
    assert not core.runs_on((3, 7, 9)) and not core.runs_on((2, 7, 18))


@pytest.fixture
def older(place: Callable[..., str], tmp_path: Path) -> str:
    """2.9.27 and 2.16.3 were added; the path of the modules of the newer."""
    minimum = "_PY3_MIN = sys.version_info >= (3, 6)\n_PY2_MIN = (2, 7) <= sys.version_info < (3,)\n"
    for version in ("2.9.27", "2.16.3"):
        base = f"data/content/ansible-core-{version}/ansible"
        place(f"{base}/release.py", f"__version__ = '{version}'\n")
        place(f"{base}/module_utils/basic.py", minimum)
        place(f"{base}/modules/ping.py")
        place(f"{base}/modules/yum.py")
    return str(tmp_path / "data/content/ansible-core-2.16.3/ansible/modules")


OLD = (2, 7, 5)
NEW = (3, 12, 1)


def test_older_releases_serve_older_hosts_which_is_said_once(older: str, store: ModuleStore, heard: list[Any]) -> None:
    assert core_for(NEW).version == installed_core().version
    assert core_for(OLD).version == "2.16.3"
    for _ in range(2):
        old = store.resolve("ping", python=OLD)
        assert old is not None and old.path == f"{older}/ping.py"
        assert old.fqcn == "ansible.builtin.ping" and old.core.version == "2.16.3"
    new = store.resolve("ping", python=NEW)
    assert new is not None and new.core == installed_core()
    of_collection = store.resolve("ns.coll.new", python=(3, 6, 8))
    assert of_collection is not None and of_collection.core.version == "2.16.3"
    assert [event.message for event in heard] == [
        f"Hosts with Python {version} get the modules of ansible-core 2.16.3, the newest here that run there."
        for version in ("2.7", "3.6")
    ]


def test_a_module_that_only_older_releases_have_runs_on_older_hosts_only(older: str, store: ModuleStore) -> None:
    assert store.resolve("yum") is not None
    for name in ("yum", "ansible.legacy.yum", "ansible.builtin.yum"):
        old = store.resolve(name, python=OLD)
        assert old is not None and old.path == f"{older}/yum.py"
        assert store.resolve(name, python=NEW) is None
    names = ActionNames(store, Settings(), {"ansible.builtin.dnf"})
    assert names.resolve("yum") == names.resolve("ansible.builtin.yum") == "ansible.builtin.dnf"


def test_a_module_that_older_releases_lack_is_no_module_there(older: str, store: ModuleStore) -> None:
    with pytest.raises(ModuleGone, match=r"ansible-core 2\.16\.3, whose modules run on Python 2\.7, has no copy"):
        store.resolve("copy", python=OLD)


def test_without_older_releases_an_older_host_is_told_what_to_do(store: ModuleStore) -> None:
    module = store.resolve("ping", python=OLD)
    assert module is not None and module.core == installed_core()
    said = too_old("web1", OLD, "/usr/bin/python").message
    assert "need Python 3.8 or later, web1 has 2.7.5 (/usr/bin/python)" in said
    assert said.endswith("weft content add 'ansible-core==2.16.*'")
    assert "weft content add 'ansible-core==2.17.*'" in too_old("web1", (3, 7, 1), "/usr/bin/python3").message
    assert "weft content" not in too_old("web1", (3, 5, 1), "/usr/bin/python3").message


def test_how_old_releases_say_what_they_need(place: Callable[..., str], tmp_path: Path) -> None:
    place("a/release.py", "__version__ = '2.5.0'\n")
    place("a/module_utils/basic.py", "import os\n")
    core = read_core(str(tmp_path / "a"))
    assert core == Core(str(tmp_path / "a"), "2.5.0", ((2, 6), (3, 5)))
    assert sorted(["2.16.3", "2.9.27", "2.19.0rc1"], key=version_key) == ["2.9.27", "2.16.3", "2.19.0rc1"]
