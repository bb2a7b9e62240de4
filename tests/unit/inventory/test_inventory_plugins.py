"""Inventory, vars and cache plugins of ansible-core, through ``content``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inventory_kit import Kit, own_vars
from msgspec.structs import replace

from weft.content.cache import PluginCache
from weft.content.inventory import InventoryPlugins, vars_plugins
from weft.inventory import Inventory, load
from weft.model.errors import OptionsError
from weft.model.settings import Settings
from weft.model.values import Origin, Trusted, VaultText

CONSTRUCTED = """
plugin: ansible.builtin.constructed
use_extra_vars: true
compose:
  total: a + 1
  greeting: "'hello ' ~ who"
groups:
  big: a > 1
keyed_groups:
  - {prefix: kind, key: kind, parent_group: kinds}
"""


def read(kit: Kit, *sources: str, extra: dict[str, Any] | None = None, **changes: Any) -> Inventory:
    settings = replace(Settings(), **changes)
    plugins = InventoryPlugins(settings, warn=kit.said.append, extra_vars=extra)
    return load(sources, settings, warn=kit.said.append, plugins=plugins, cwd=str(kit.folder))


def test_a_constructed_inventory(kit: Kit) -> None:
    first = kit.write("hosts", "[web]\nh1 a=1 kind=red t='{{ x }}'\nh2 a=2 kind=blue\n")
    second = kit.write("made.yml", CONSTRUCTED)
    found = read(kit, first, second, extra={"who": Trusted("you")}, inventory_enabled=("auto", "ini"))
    assert (own_vars(found, "h1")["total"], own_vars(found, "h2")["greeting"]) == (2, "hello you")
    assert type(own_vars(found, "h2")["greeting"]) is str
    assert found.hosts_of("big") == ("h2",)
    assert found.hosts_of("kinds") == ("h1", "h2")
    assert found.hosts["h1"].groups == ("kinds", "web", "kind_red")
    untouched = own_vars(found, "h1")["t"]
    assert type(untouched) is Trusted
    assert untouched.origin == Origin(first, 2)
    assert kit.said.warnings == []


def test_a_generated_inventory(kit: Kit) -> None:
    source = kit.write(
        "gen.yml",
        "plugin: generator\nhosts:\n  name: '{{ op }}_{{ env }}'\n  parents:\n"
        "    - {name: '{{ env }}', vars: {stage: '{{ env }}'}}\nlayers: {op: [build, run], env: [dev, prod]}\n",
    )
    found = read(kit, source, inventory_enabled=("generator",))
    assert found.hosts_of("dev") == ("build_dev", "run_dev")
    assert found.groups["prod"].vars == {"stage": "prod"}


def test_a_plugin_that_fails_names_itself(kit: Kit) -> None:
    source = kit.write("bad.yml", "plugin: ansible.builtin.constructed\nstrict: true\ncompose: {x: nope + 1}\n")
    hosts = kit.write("hosts", "h1\n")
    found = read(kit, hosts, source)
    assert list(found.hosts) == ["h1"]
    failed = next(said for said in kit.said.warnings if "'auto' plugin" in said)
    assert "Could not set x for host h1" in failed


def test_plugins_that_do_not_want_a_source_or_are_not_there(kit: Kit) -> None:
    source = kit.write("hosts.txt", "h1\n")
    found = read(kit, source, inventory_enabled=("generator", "no.such.plugin", "ini"))
    assert list(found.hosts) == ["h1"]
    assert kit.said.warnings[-1] == "Failed to load inventory plugin, skipping no.such.plugin"


def test_encrypted_values_pass_through(kit: Kit) -> None:
    hosts = kit.write("hosts.yml", "web: {hosts: {h1: {s: !vault cipher, d: {k: [1, '{{ x }}']}}}}\n")
    source = kit.write("made.yml", "plugin: constructed\ngroups: {all_of: true}\n")
    found = read(kit, hosts, source)
    values = own_vars(found, "h1")
    assert isinstance(values["s"], VaultText)
    assert values["d"] == {"k": [1, "{{ x }}"]}
    assert found.hosts_of("all_of") == ("h1",)


def test_other_vars_plugins(kit: Kit) -> None:
    assert vars_plugins(Settings(), warn=kit.said.append) is None
    kit.write(
        "plugins/shout.py",
        "from ansible.plugins.vars import BaseVarsPlugin\n"
        "class VarsModule(BaseVarsPlugin):\n"
        "    def get_vars(self, loader, path, entities):\n"
        "        return {'shouted': [entity.name.upper() for entity in entities]}\n",
    )
    from ansible.plugins.loader import vars_loader

    vars_loader.add_directory(str(kit.folder / "plugins"))
    settings = replace(Settings(), plugin_paths={"vars": (str(kit.folder / "plugins"),)})
    found = vars_plugins(settings, warn=kit.said.append)
    assert found is not None
    assert found(str(kit.folder), "host_vars", "h1", "task") == {"shouted": ["H1"]}
    assert found(str(kit.folder), "group_vars", "web", "task") == {"shouted": ["WEB"]}
    assert found(str(kit.folder), "group_vars", "web", "inventory") == {}


def test_a_vars_plugin_beside_the_playbook_says_when_it_is_asked(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.write(
        "collections/ansible_collections/weft_vars/coll/plugins/vars/staged.py",
        "DOCUMENTATION = '''\nname: staged\nshort_description: x\noptions:\n  stage:\n    type: str\n"
        "    env: [{name: WEFT_TEST_STAGE}]\n'''\n"
        "from ansible.plugins.vars import BaseVarsPlugin\n"
        "class VarsModule(BaseVarsPlugin):\n"
        "    def get_vars(self, loader, path, entities):\n"
        "        return {'staged': True}\n",
    )
    monkeypatch.setenv("WEFT_TEST_STAGE", "inventory")
    settings = replace(Settings(), vars_plugins_enabled=("weft_vars.coll.staged",))
    found = vars_plugins(settings, warn=kit.said.append, playbook_dirs=(str(kit.folder),))
    assert found is not None
    assert "staged" in found(str(kit.folder), "host_vars", "h1", "inventory")
    assert "staged" not in found(str(kit.folder), "host_vars", "h1", "task")


def test_a_cache_plugin() -> None:
    cache = PluginCache("ansible.builtin.memory", Settings())
    assert cache.load("h") is None
    cache.store("h", {"a": [1]})
    assert cache.load("h") == {"a": [1]}
    cache.delete("h")
    cache.delete("h")
    assert cache.load("h") is None
    cache.close()
    with pytest.raises(OptionsError, match=r"no\.such\.cache"):
        PluginCache("no.such.cache", Settings())


def test_a_cache_plugin_beside_the_playbook(tmp_path: Path) -> None:
    (tmp_path / "cache_plugins").mkdir()
    (tmp_path / "cache_plugins" / "beside_it.py").write_text(
        "DOCUMENTATION = 'name: beside_it\\nshort_description: x\\noptions: {}'\n"
        "from ansible.plugins.cache import BaseCacheModule\n\n"
        "class CacheModule(BaseCacheModule):\n"
        "    _kept = {}\n\n"
        "    def get(self, key): return self._kept[key]\n\n"
        "    def set(self, key, value): self._kept[key] = value\n\n"
        "    def keys(self): return list(self._kept)\n\n"
        "    def contains(self, key): return key in self._kept\n\n"
        "    def delete(self, key): del self._kept[key]\n\n"
        "    def flush(self): self._kept.clear()\n"
    )
    cache = PluginCache("beside_it", Settings(), [str(tmp_path)])
    cache.store("h", {"a": [1]})
    assert cache.load("h") == {"a": [1]}
