"""Strands: what one of them sets is its own until it is joined. And what a run does to its inventory."""

from __future__ import annotations

from vars_kit import Run, raw

from weft.inventory import load


def test_a_branch_sees_what_it_sets_and_others_do_not(run: Run) -> None:
    variables = run.variables
    variables.set_fact("h1", {"x": "host", "y": "host"})
    branch = variables.branch("h1")
    variables.set_fact("h1", {"x": "branch"}, branch=branch)
    variables.register("h1", "r", {"rc": 0}, branch=branch)
    variables.include_vars("h1", raw({"i": "{{ x }}"}), branch=branch)
    inside = run.scope(branch=branch)
    assert [inside[name] for name in "xyi"] == ["branch", "host", "branch"]
    assert inside["r"] == {"rc": 0}
    assert inside["hostvars"]["h1"]["x"] == "branch"
    outside = run.scope()
    assert outside["x"] == "host"
    assert "r" not in outside
    assert "i" not in outside
    branch.merge()
    assert (run.scope()["x"], run.scope()["i"], run.scope()["r"]) == ("branch", "branch", {"rc": 0})
    branch.merge()  # nothing left


def test_branches_within_branches(run: Run) -> None:
    variables = run.variables
    outer = variables.branch("h1")
    outer.set_fact({"a": "outer", "b": "outer"})
    inner = variables.branch("h1", parent=outer)
    inner.set_fact({"b": "inner"})
    inner.include_vars({"c": "inner"})
    assert [run.scope(branch=inner)[name] for name in "abc"] == ["outer", "inner", "inner"]
    assert run.scope(branch=outer)["b"] == "outer"
    inner.merge()
    assert [run.scope(branch=outer)[name] for name in "bc"] == ["inner", "inner"]
    assert "a" not in run.scope()


def test_a_branch_sees_the_ones_it_needs(run: Run) -> None:
    variables = run.variables
    outer = variables.branch("h1")
    outer.set_fact({"a": "outer", "z": "outer"})
    first, second = variables.branch("h1", parent=outer), variables.branch("h1", parent=outer)
    first.set_fact({"a": "first", "b": "first"})
    second.set_fact({"b": "second"})
    third = variables.branch("h1", parent=outer, after=[first, second])
    assert [run.scope(branch=third)[name] for name in "abz"] == ["first", "second", "outer"]
    assert "b" not in run.scope(branch=outer)
    third.set_fact({"b": "third"})
    assert run.scope(branch=third)["b"] == "third"
    assert run.scope(branch=second)["b"] == "second"


def test_another_hosts_branch_does_not_matter(run: Run) -> None:
    branch = run.variables.branch("h1")
    run.variables.set_fact("h2", {"x": 1}, branch=branch)
    assert run.scope("h2")["x"] == 1
    assert "x" not in run.scope("h1", branch=branch)


def test_scopes_made_after_a_change_of_the_inventory_see_it(run: Run) -> None:
    variables = run.variables
    before = run.scope()
    variables.set_inventory(variables.inventory.add_host("n1", ["web", "fresh"], {"x": 1}))
    assert run.scope("n1")["x"] == 1
    assert run.read("groups.fresh") == ["n1"]
    assert run.read("hostvars.n1.group_names") == ["fresh", "web"]
    assert before["group_names"] == ["web"]
    variables.set_inventory(variables.inventory.add_group("by", "h1"))
    assert run.read("group_names") == ["by", "web"]
    variables.set_inventory(variables.inventory)


def test_group_vars_of_a_group_that_was_made_at_run_time(run: Run) -> None:
    run.write("play/group_vars/os_debian.yml", "pkg: apt\n")
    assert "pkg" not in run.scope()
    run.variables.set_inventory(run.variables.inventory.add_group("os_debian", "h1"))
    assert run.scope()["pkg"] == "apt"
    assert "pkg" not in run.scope("h2")


def test_the_unlisted_controller_in_a_group(run: Run) -> None:
    run.write("play/group_vars/here.yml", "x: 1\n")
    assert "x" not in run.scope("localhost")
    run.variables.set_inventory(run.variables.inventory.add_group("here", "localhost"))
    assert run.scope("localhost")["x"] == 1


def test_a_refreshed_inventory_replaces_group_and_host_variables(run: Run) -> None:
    run.inventory_text = "[web]\nh1 a=1\n[web:vars]\nb=1\n"
    variables = run.variables
    variables.set_fact("h1", {"kept": 1})
    assert run.read("[a, b]") == [1, 1]
    source = run.write("inv/hosts", "[web]\nh1 a=2\n[web:vars]\nb=2\n")
    variables.set_inventory(load([source], variables.settings, warn=run.said.append))
    assert run.read("[a, b, kept]") == [2, 2, 1]


def test_variables_for_the_inventory_dump(run: Run) -> None:
    run.inventory_text = "[web]\nh1 a='{{ b }}'\n[web:vars]\nc=web\n"
    run.extra = {"e": 1}
    run.write("inv/host_vars/h1.yml", "d: 4\n")
    run.write("inv/group_vars/web.yml", "f: 5\n")
    shown = run.variables.inventory_vars("h1")
    assert {name: shown[name] for name in "acdef"} == {"a": "{{ b }}", "c": "web", "d": 4, "e": 1, "f": 5}
    own = run.variables.inventory_vars("h1", own=True)
    assert {name for name in own if len(name) == 1} == {"a", "d"}
    assert run.variables.group_vars("web") == {"c": "web", "f": 5}
