"""Which of several places a variable's value comes from. The order is Ansible's, row by row."""

from __future__ import annotations

import pytest
from vars_kit import Run, role, task

from weft.vars.layers import PRECEDENCE

ROWS = [
    "play role defaults", "task role defaults", "all in inventory", "group in inventory", "group_vars/all by inventory",
    "group_vars/all by playbook", "group_vars/web by inventory", "group_vars/web by playbook", "host in inventory",
    "host_vars by inventory", "host_vars by playbook", "fact", "play vars", "prompt", "vars_files",
    "exported role vars", "role vars", "role use vars", "block vars", "task vars", "include_vars", "set_fact",
    "role params", "include params", "extra",
]  # fmt: skip


def fill(run: Run, rows: list[str]) -> tuple:
    """Set ``x`` in each of these rows to the row's name; the task to look from."""
    chosen = set(rows)

    def value(row: str) -> dict[str, str]:
        return {"x": row} if row in chosen else {}

    def ini(row: str) -> str:
        return f"x='{row}'" if row in chosen else ""

    run.inventory_text = (
        f"[web]\nh1 {ini('host in inventory')}\n[web:vars]\n{ini('group in inventory')}\n"
        f"[all:vars]\n{ini('all in inventory')}\n"
    )
    for row, path in {
        "group_vars/all by inventory": "inv/group_vars/all.yml",
        "group_vars/all by playbook": "play/group_vars/all.yml",
        "group_vars/web by inventory": "inv/group_vars/web.yml",
        "group_vars/web by playbook": "play/group_vars/web.yml",
        "host_vars by inventory": "inv/host_vars/h1.yml",
        "host_vars by playbook": "play/host_vars/h1.yml",
        "vars_files": "play/more.yml",
    }.items():
        run.write(path, f"x: {row}\n" if row in chosen else "{}\n")
    other = role("other", defaults=value("play role defaults"), vars=value("exported role vars"))
    own = role(
        "own",
        public=False,
        defaults=value("task role defaults"),
        vars=value("role vars"),
        use_vars=value("role use vars"),
        params=value("role params"),
    )
    run.play = {
        "vars": value("play vars"),
        "vars_files": ["more.yml"],
        "vars_prompt": ["x"] if "prompt" in chosen else [],
        "roles": (other, own),
    }
    run.extra = value("extra")
    run.play_vars.prompted.update(value("prompt"))
    if "fact" in chosen:
        run.variables.set_facts("h1", {"x": "fact"})
    if "include_vars" in chosen:
        run.variables.include_vars("h1", {"x": "include_vars"})
    if "set_fact" in chosen:
        run.variables.set_fact("h1", {"x": "set_fact"})
    return task(role=own, vars=[value("block vars"), value("task vars")], params=[value("include params")])


@pytest.mark.parametrize("number", range(1, len(ROWS)))
def test_each_row_beats_all_weaker_ones(run: Run, number: int) -> None:
    one = fill(run, ROWS[: number + 1])
    assert run.scope("h1", one)["x"] == ROWS[number]


@pytest.mark.parametrize("row", ROWS)
def test_each_row_counts_alone(run: Run, row: str) -> None:
    one = fill(run, [row])
    scope = run.scope("h1", one)
    assert scope["x"] == row
    assert scope.raw("x") == row
    assert "x" in scope
    assert "x" in scope.names()


def test_loop_variables_and_magic_ones_beat_extra_vars(run: Run) -> None:
    run.extra = {"item": "extra", "groups": "extra", "inventory_hostname": "extra"}
    scope = run.scope().child({"item": 1})
    assert scope["item"] == 1
    assert scope["groups"]["web"] == ["h1", "h2"]
    assert scope["inventory_hostname"] == "extra"  # as Ansible has it: that one comes with the host


def test_variables_of_a_dynamic_include_are_weaker_than_extra_vars(run: Run) -> None:
    run.extra = {"x": "extra"}
    run.variables.set_fact("h1", {"y": "set"})
    scope = run.scope("h1", task(params=[{"y": "param"}])).within({"x": "include", "y": "include"})
    assert (scope["x"], scope["y"]) == ("extra", "include")
    assert scope.within({}) is scope


def test_deeper_groups_win_then_priority_then_name(run: Run) -> None:
    run.inventory_text = (
        "[top:children]\nlow\n[low]\nh1\n[aa]\nh1\n[zz]\nh1\n"
        "[top:vars]\na=top\n[low:vars]\na=low\nb=low\n[aa:vars]\nb=aa\nc=aa\nd=aa\nansible_group_priority=9\n"
        "[zz:vars]\nc=zz\nd=zz\ne=zz\n[all:vars]\ne=all\n"
    )
    assert [run.scope()[name] for name in "abcde"] == ["low", "low", "aa", "aa", "zz"]


def test_the_setting_precedence(run: Run) -> None:
    run.settings = {"variable_precedence": ("groups_inventory", "all_inventory")}
    run.inventory_text = "[web]\nh1\n[web:vars]\na=web\nb=web\n[all:vars]\na=all\n"
    run.write("inv/group_vars/web.yml", "b: file\n")
    assert (run.scope()["a"], run.scope()["b"]) == ("all", "web")


def test_a_later_inventory_folder_beats_a_deeper_group_of_an_earlier_one(run: Run) -> None:
    run.inventory_text = "[top:children]\nlow\n[low]\nh1\n"
    run.write("inv/group_vars/low.yml", "x: inventory low\n")
    run.write("play/group_vars/top.yml", "x: playbook top\n")
    assert run.scope()["x"] == "playbook top"


def test_role_defaults_of_dependencies_and_parents(run: Run) -> None:
    base = role("base", defaults={"a": "base", "b": "base"}, vars={"v": "base", "w": "base"})
    top = role("top", defaults={"b": "top", "c": "top"}, vars={"w": "top"}, dependencies=(base,))
    inner = role("inner", defaults={"c": "inner"}, vars={"v": "inner"}, parents=(top,), public=False)
    run.play = {"roles": (top, inner)}
    at_top = run.scope("h1", task(role=top))
    assert [at_top[name] for name in "abcvw"] == ["base", "top", "top", "base", "top"]
    at_inner = run.scope("h1", task(role=inner))
    assert [at_inner[name] for name in "bcvw"] == ["top", "inner", "inner", "top"]
    at_base = run.scope("h1", task(role=top.dependencies[0]))
    assert (at_base["b"], at_base["w"]) == ("base", "base")
    outside = run.scope("h1", task())
    assert (outside["c"], outside["v"]) == ("top", "base")


def test_private_roles_show_nothing_outside(run: Run) -> None:
    hidden = role("hidden", defaults={"a": 1}, vars={"b": 2}, public=False)
    run.play = {"roles": (hidden,)}
    assert "a" not in run.scope()
    assert (run.scope("h1", task(role=hidden))["a"], run.scope("h1", task(role=hidden))["b"]) == (1, 2)


def test_an_included_role_is_seen_from_then_on(run: Run) -> None:
    assert "d" not in run.scope()
    late = role("late", defaults={"d": 1}, vars={"e": 2})
    run.play_vars.add_role(late)
    run.play_vars.add_role(late)
    assert (run.scope("h2")["d"], run.scope("h2")["e"]) == (1, 2)
    assert run.scope()["ansible_play_role_names"] == ["late", "late"], "once for each time"


def test_tags_and_when_among_vars_are_no_variables(run: Run) -> None:
    scope = run.scope("h1", task(vars=[{"tags": ["a"], "when": "x", "kept": 1}]))
    assert "tags" not in scope
    assert "when" not in scope
    assert scope["kept"] == 1


def test_playbook_vars_root(run: Run, tmp_path) -> None:
    run.write("play/group_vars/all.yml", "x: top\n")
    run.write("roles/r/group_vars/all.yml", "x: role\n")
    one = task(paths=(str(tmp_path / "roles/r"), str(tmp_path / "play")))
    assert run.scope("h1", one)["x"] == "top"
    other = Run(tmp_path)
    other.settings = {"playbook_vars_root": "bottom"}
    assert other.scope("h1", one)["x"] == "role"
    every = Run(tmp_path)
    every.settings = {"playbook_vars_root": "all"}
    assert every.scope("h1", one)["x"] == "top"


def test_files_beside_the_playbook_are_not_read_at_the_start_stage(run: Run) -> None:
    run.settings = {"run_vars_plugins": "start"}
    run.write("play/group_vars/all.yml", "a: 1\n")
    run.write("inv/group_vars/all.yml", "b: 1\n")
    assert "a" not in run.scope()
    assert run.scope()["b"] == 1


def test_hosts_without_a_listing_get_the_variables_of_all(run: Run) -> None:
    run.inventory_text = "[all:vars]\nx=all\nansible_connection=ssh\n"
    scope = run.scope("localhost")
    assert (scope["x"], scope["ansible_connection"], scope["group_names"]) == ("all", "local", [])
    assert run.scope("other.example")["inventory_hostname_short"] == "other"


def test_the_table_names_every_row() -> None:
    assert [row for row, _ in PRECEDENCE[:5]] == ["locals", "magic", "extra vars", "params", "set_fact"]


def test_merged_hashes(run: Run) -> None:
    run.settings = {"hash_behaviour": "merge"}
    run.write("inv/group_vars/all.yml", "m: {a: 1, n: {x: 1}, l: [1]}\ns: {a: 1}\n")
    run.write("inv/group_vars/web.yml", 'm: {b: "{{ a }}", n: {y: 2}, l: [2]}\ns: text\n')
    run.play = {"vars": {"m": {"c": 3}, "a": "A", "s": {"b": 2}}}
    run.variables.set_fact("h1", {"m": {"d": 4}})
    assert run.read("m") == {"a": 1, "b": "A", "c": 3, "d": 4, "n": {"x": 1, "y": 2}, "l": [2]}
    assert run.read("s") == {"b": 2}
    assert run.scope().raw("m")["b"] == "{{ a }}"
    assert run.scope()["a"] == "A"
    assert run.read("nope is defined") is False
    assert run.scope().child({"m": 1})["m"] == 1


def test_reserved_names_are_warned_about_once_each(run: Run) -> None:
    run.play = {"vars": {"port": 1, "fine": 2}}
    run.extra = {"become": True}
    run.scope()
    run.scope("h2")
    run.variables.set_fact("h1", {"tags": 1})
    run.variables.set_fact("h1", {"tags": 2})
    assert sorted(run.warnings) == [
        "Found variable using reserved name 'become'.",
        "Found variable using reserved name 'port'.",
        "Found variable using reserved name 'tags'.",
    ]
