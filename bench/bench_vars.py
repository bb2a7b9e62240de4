"""How long scopes take, and how much memory hosts do: ``python bench/bench_vars.py [HOSTS]``.

Prints microseconds for making a scope and reading five variables (plain and templated), milliseconds for loading the
inventory, and KiB for each host.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from weft.config.yaml import load_file
from weft.content.plugins import PluginSource
from weft.inventory import load
from weft.model.nodes import Common, Play, Role, Task
from weft.model.settings import Settings
from weft.model.values import Origin, Trusted
from weft.templating.templar import Templar
from weft.vars import PlayVars, Variables

_HERE = Origin("bench.yml", 1)


def timed(name: str, work: Callable[[], Any], times: int) -> None:
    """Print the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, time.perf_counter() - start)
    print(f"{name:50} {best / times * 1e6:8.2f} us")


def _memory() -> float:
    """KiB of this process, now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1024


def _inventory_file(folder: str, hosts: int) -> str:
    path = os.path.join(folder, "hosts")
    with open(path, "w", encoding="utf-8") as file:
        for group in range(20):
            file.write(f"[dc{group}]\n")
            for number in range(group, hosts, 20):
                file.write(
                    f"web{number:05d}.example.com ansible_host=10.0.{number // 256}.{number % 256} rack={number % 40}\n"
                )
        file.write("[web:children]\n" + "".join(f"dc{group}\n" for group in range(20)))
        file.write('[web:vars]\nhttp_port=80\nurl="http://{{ ansible_host }}:{{ http_port }}/"\n')
    os.mkdir(os.path.join(folder, "group_vars"))
    with open(os.path.join(folder, "group_vars", "all.yml"), "w", encoding="utf-8") as file:
        file.writelines(f"setting_{number}: value {number}\n" for number in range(200))
    return path


def main(hosts: int) -> None:
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder:
        path = _inventory_file(folder, hosts)
        gc.collect()
        before = _memory()
        start = time.perf_counter()
        inventory = load([path], settings, warn=lambda event: None)
        print(f"{hosts} hosts loaded in {(time.perf_counter() - start) * 1e3:.0f} ms")
        names = list(inventory.hosts)
        variables = Variables(
            inventory,
            Templar(PluginSource(settings)),
            extra_vars={"release": Trusted("7")},
            settings=settings,
            loader=load_file,
            warn=lambda event: None,
        )
        role = Role(
            name="web", path="/roles/web", origin=_HERE,
            defaults={f"web_default_{n}": n for n in range(20)}, vars={"web_user": Trusted("www")},
        )  # fmt: skip
        task = Task(
            id="t", origin=_HERE, action="debug", fqcn="ansible.builtin.debug", role=role,
            common=Common(vars=({"target": Trusted("{{ url }}{{ release }}")},)),
        )  # fmt: skip
        play = Play(
            id="p", origin=_HERE, path=os.path.join(folder, "site.yml"), hosts="all", common=Common(),
            vars={"app": Trusted("shop")}, roles=(role,),
        )  # fmt: skip
        play_vars = PlayVars(play=play, all_hosts=names)
        start = time.perf_counter()
        variables.prepare(play_vars, names)
        print(f"all hosts made ready in {(time.perf_counter() - start) * 1e3:.0f} ms")
        for name in names:
            variables.register(name, "result", {"rc": 0, "stdout": "fine", "changed": False})
        gc.collect()
        print(f"{(_memory() - before) / hosts:.1f} KiB a host, inventory and a small result among it")
        _time_scopes(variables, play_vars, task, names)


def _time_scopes(variables: Variables, play: PlayVars, task: Task, names: list[str]) -> None:
    facts = {f"ansible_fact_{number}": {"nested": [number]} for number in range(150)}
    host = names[0]
    variables.set_facts(host, facts)

    def scope(*read: str) -> Callable[[], Any]:
        def work() -> None:
            made = variables.scope(host, play=play, task=task)
            for name in read:
                made[name]

        return work

    timed("scope", scope(), 20_000)
    plain = ("rack", "app", "setting_7", "web_default_3", "result")
    timed("scope + 5 plain variables", scope(*plain), 20_000)
    timed("scope + 5, one of them facts", scope("rack", "app", "ansible_facts", "web_default_3", "result"), 20_000)
    timed("scope + 5, one of them a nested template", scope("rack", "app", "target", "web_default_3", "result"), 5_000)
    timed("scope + 5, one of them undefined", _forgiving(scope("rack", "app", "setting_7", "result", "nope")), 20_000)
    made = variables.scope(host, play=play, task=task)
    timed("child for a loop item + item + 1 variable", lambda: _item(made), 20_000)
    timed("hostvars[h].ansible_host", lambda: _hostvars(variables, play, task, names[-1]), 10_000)


def _forgiving(work: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> None:
        try:
            work()
        except KeyError:
            pass

    return run


def _item(scope: Any) -> None:
    child = scope.child({"item": 1, "ansible_loop_var": "item"})
    child["item"]
    child["rack"]


def _hostvars(variables: Variables, play: PlayVars, task: Task, other: str) -> None:
    variables.scope(other, play=play, task=task)["hostvars"][other]["ansible_host"]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
