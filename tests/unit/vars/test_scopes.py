"""What reading a variable gives: evaluated, lazily, once; magic variables; other hosts."""

from __future__ import annotations

import copy
import sys
import threading

import pytest
from msgspec.structs import replace
from vars_kit import HERE, Run, raw, role, task

from weft.model.errors import TemplateFailed, UndefinedName, WeftError
from weft.model.values import OMIT, Origin, Trusted, VaultText
from weft.vars import PlayVars, check_name


def test_templates_are_evaluated_when_they_are_read(run: Run) -> None:
    run.play = {"vars": {"a": "{{ b }}!", "b": "{{ c + 1 }}", "bad": "{{ nope }}"}}
    run.variables.set_fact("h1", {"c": 1})
    run.variables.set_fact("h2", {"c": 2})
    assert (run.scope("h1")["a"], run.scope("h2")["a"], run.scope("h2")["b"]) == ("2!", "3!", 3)
    with pytest.raises(UndefinedName, match="'nope' is undefined"):
        run.scope()["bad"]
    assert "bad" in run.scope()


def test_containers_are_evaluated_item_by_item(run: Run) -> None:
    run.play = {
        "vars": {"conf": {"base": "/opt", "sub": "{{ conf.base }}/x", "bad": "{{ nope }}"}, "plain": {"a": [1]}}
    }
    assert run.read("conf.sub") == "/opt/x"
    assert run.read("conf | length") == 3
    with pytest.raises(UndefinedName, match="'nope' is undefined"):
        run.read("conf")
    assert run.read("plain.a[0]") == 1


def test_set_values_are_never_templates(run: Run) -> None:
    run.variables.set_fact("h1", {"a": "{{ 1 + 1 }}"})
    run.variables.register("h1", "r", {"stdout": "{{ 1 + 1 }}"})
    run.variables.set_facts("h1", {"ansible_x": "{{ 1 + 1 }}"})
    for expression in ("a", "r.stdout", "ansible_x", "ansible_facts.x"):
        assert run.read(expression) == "{{ 1 + 1 }}"


def test_included_vars_may_be_templates(run: Run) -> None:
    run.variables.include_vars("h1", raw({"a": "{{ inventory_hostname }}"}))
    run.variables.include_vars("h1", raw({"b": 2}))
    assert (run.scope()["a"], run.scope()["b"]) == ("h1", 2)


def test_a_loop_of_variables(run: Run) -> None:
    run.play = {"vars": {"a": "{{ b }}", "b": "{{ a }}", "c": "{{ c }}"}}
    with pytest.raises(TemplateFailed, match="Recursive loop detected in template") as caught:
        run.scope()["a"]
    assert caught.value.origin == HERE
    with pytest.raises(TemplateFailed, match="Recursive loop"):
        run.read("c | default('x')")


def test_a_scope_evaluates_once_and_keeps_what_it_saw(run: Run) -> None:
    run.play = {"vars": {"stamp": "{{ now().timestamp() }}", "copy": "{{ x }}"}}
    run.variables.set_fact("h1", {"x": 1})
    scope = run.scope()
    first = scope["stamp"]
    assert scope["stamp"] == first
    run.variables.set_fact("h1", {"x": 2, "y": 1})
    assert scope["copy"] == 1
    assert "y" not in scope
    assert run.scope()["copy"] == 2


def test_children_put_loop_variables_on_top(run: Run) -> None:
    run.play = {"vars": {"shown": "{{ item }}"}}
    scope = run.scope()
    one = scope.child({"item": 1})
    two = one.child({"other": 2})
    assert (one["shown"], two["item"], two["other"]) == (1, 1, 2)
    assert "item" not in scope
    assert one.raw("item") == 1
    assert "item" in one.names()


def test_changing_what_was_read_does_not_change_the_variable(run: Run) -> None:
    run.play = {"vars": {"names": ["a"], "conf": {"x": 1}}}
    run.variables.set_fact("h1", {"made": [1]})
    scope = run.scope()
    scope["names"].append("b")
    scope["conf"]["y"] = 2
    scope["made"].append(2)
    again = run.scope()
    assert (again["names"], again["conf"], again["made"]) == (["a"], {"x": 1}, [1])


def test_text_keeps_its_mark_where_it_is_no_template(run: Run) -> None:
    run.play = {"vars": {"condition": "x == 1", "conditions": ["a", "b"]}}
    assert type(run.scope()["condition"]) is Trusted
    assert type(run.scope()["conditions"][0]) is Trusted
    assert type(run.scope()["conditions"]) is list


def test_plain_values_for_code_that_hands_them_on(run: Run) -> None:
    run.play = {"vars": {"text": "x", "conf": {"a": "{{ text }}", "b": "y"}}}
    assert type(run.scope().plain("text")) is str
    conf = run.scope().plain("conf")
    assert conf == {"a": "x", "b": "y"}
    assert {type(value) for value in (conf, *conf.values(), *conf)} == {dict, str}


def test_the_name_of_a_play(run: Run) -> None:
    run.play = {"vars": {"what": "things"}, "name": raw("all {{ what }}")}
    assert run.scope()["ansible_play_name"] == "all things"
    unnamed = Run(run.folder)
    unnamed.play = {"name": None}
    assert unnamed.scope()["ansible_play_name"] == "all"


def test_encrypted_variables(run: Run) -> None:
    run.play = {"vars": {}}
    run.variables.include_vars("h1", {"secret": VaultText("cipher", HERE), "deep": {"s": VaultText("c2", HERE)}})
    assert run.scope()["secret"] == "plain cipher"
    assert run.scope()["secret"] == "plain cipher"
    assert run.read("deep.s ~ '!'") == "plain c2!"


def test_raw_and_missing_names(run: Run) -> None:
    run.play = {"vars": {"a": "{{ b }}"}}
    scope = run.scope()
    assert scope.raw("a") == "{{ b }}"
    for read in (scope.raw, scope.own, scope.__getitem__):
        with pytest.raises(KeyError):
            read("nothing")
    assert scope["omit"] is OMIT
    assert "omit" in scope


def test_flatten(run: Run) -> None:
    run.play = {"vars": {"a": "{{ b }}", "b": ["{{ inventory_hostname }}"], "bad": "{{ nope }}"}}
    flat = run.scope().flatten()
    assert (flat["a"], flat["b"], flat["bad"]) == (["h1"], ["h1"], "{{ nope }}")
    assert type(flat["bad"]) is str
    assert "hostvars" not in flat
    assert flat["groups"]["web"] == ["h1", "h2"]
    with pytest.raises(UndefinedName):
        run.scope().flatten(lenient=False)


def test_scopes_may_be_read_in_other_threads(run: Run) -> None:
    run.play = {"vars": {"a": "{{ b }}", "b": "{{ inventory_hostname ~ '-' ~ (range(50) | join) }}"}}
    scope = run.scope()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(scope["a"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 8


# -- magic variables ---------------------------------------------------------------------------------------------------


def test_where_a_host_stands(run: Run) -> None:
    run.inventory_text = "[web]\nw1.example.org\n10.0.0.1\n[eu]\nw1.example.org\n"
    assert run.read("[inventory_hostname, inventory_hostname_short, group_names]", "w1.example.org") == [
        "w1.example.org", "w1", ["eu", "web"],
    ]  # fmt: skip
    assert run.scope("10.0.0.1")["inventory_hostname_short"] == "10.0.0.1"
    assert run.scope("10.0.0.1")["inventory_dir"] == str(run.folder / "inv")


def test_play_hosts_follow_the_play(run: Run) -> None:
    play = run.play_vars
    play.batch = ["h1"]
    names = "[ansible_play_hosts_all, ansible_play_hosts, ansible_play_batch, play_hosts, ansible_failed_hosts]"
    assert run.read(names) == [["h1", "h2"], ["h1", "h2"], ["h1"], ["h1"], []]
    play.removed.add("h1")
    play.failed.add("h1")
    assert run.read(names) == [["h1", "h2"], ["h2"], [], [], ["h1"]]
    play.removed = set()
    assert run.read(names)[1] == ["h1", "h2"]
    play.removed.update(["h1", "h2"])
    play.removed.discard("h2")
    assert run.read("ansible_play_hosts") == ["h2"]
    play.all_hosts = ["h2"]
    assert run.read("ansible_play_hosts_all") == ["h2"]
    assert [said for said in run.warnings if "play_hosts" in said] == ["The `play_hosts` magic variable is deprecated."]


def test_without_a_batch_all_hosts_are_it(run: Run) -> None:
    assert run.play_vars.batch == ("h1", "h2")
    assert repr(run.play_vars.removed) == "set()"


def test_options(run: Run) -> None:
    run.settings = {"check": True, "forks": 7, "verbosity": 2, "skip_tags": ("slow",), "diff_always": True}
    run.limit = "web"
    expected = {
        "ansible_check_mode": True,
        "ansible_diff_mode": True,
        "ansible_forks": 7,
        "ansible_verbosity": 2,
        "ansible_run_tags": ["all"],
        "ansible_skip_tags": ["slow"],
        "ansible_limit": "web",
        "ansible_inventory_sources": [str(run.folder / "inv" / "hosts")],
        "ansible_config_file": None,
        "ansible_playbook_python": sys.executable,
        "playbook_dir": str(run.folder / "play"),
        "ansible_play_name": "the play",
    }
    scope = run.scope()
    assert {name: scope[name] for name in expected} == expected
    assert scope["ansible_version"]["full"].startswith("2.")
    assert scope["ansible_version"]["major"] == 2


def test_no_limit_no_variable(run: Run) -> None:
    assert "ansible_limit" not in run.scope()


def test_roles(run: Run) -> None:
    base = role("base")
    one = role("ns.coll.one", collection="ns.coll", dependencies=(base,))
    inner = role("inner", parents=(one,))
    run.play = {"roles": (one,)}
    scope = run.scope("h1", task(role=one, paths=("/roles/one", "/elsewhere")))
    assert (scope["role_name"], scope["ansible_role_name"], scope["role_path"]) == (
        "one", "ns.coll.one", "/roles/ns.coll.one",
    )  # fmt: skip
    assert scope["ansible_collection_name"] == "ns.coll"
    assert scope["ansible_play_role_names"] == scope["role_names"] == ["ns.coll.one"]
    assert scope["ansible_dependent_role_names"] == ["base"]
    assert sorted(scope["ansible_role_names"]) == ["base", "ns.coll.one"]
    assert "ansible_parent_role_names" not in scope
    assert run.scope("h1", task(role=inner))["ansible_parent_role_names"] == ["ns.coll.one"]
    assert run.scope("h1", task(role=inner))["ansible_parent_role_paths"] == ["/roles/ns.coll.one"]
    assert "ansible_parent_role_names" not in run.scope("h1", task(role=one.dependencies[0]))
    assert "role_name" not in run.scope()


def test_search_paths(run: Run) -> None:
    play = str(run.folder / "play")
    scope = run.scope("h1", task(paths=("/roles/one", "/tasks")))
    assert scope["ansible_search_path"] == ["/roles/one", "/tasks", play]
    assert scope.search_paths == ("/roles/one", "/tasks", play)
    assert (scope.basedir, scope.host) == (play, "h1")
    assert run.scope("h1", task(paths=(play,)))["ansible_search_path"] == [play]


def test_environment(run: Run) -> None:
    run.play = {"vars": {"proxy": "p:80"}}
    one = task(environment=(raw({"HTTP": "{{ proxy }}"}), raw({"B": 1})))
    assert run.read("environment", one=one) == [{"HTTP": "p:80"}, {"B": 1}]


def test_vars(run: Run) -> None:
    run.play = {"vars": {"a": "{{ inventory_hostname }}", "bad": "{{ nope }}"}}
    assert run.read("vars.a ~ vars['a'] ~ vars.get('zz', '!')") == "h1h1!"
    assert run.read("'a' in vars and 'vars' not in vars and vars is mapping") is True
    with pytest.raises(UndefinedName, match="object of type 'dict' has no attribute 'nope'"):
        run.read("vars.nope")
    assert "a" in run.read("vars.keys() | list")
    assert len(run.scope()["vars"]) == len(list(run.scope()["vars"]))


# -- other hosts -------------------------------------------------------------------------------------------------------


def test_hostvars_are_those_outside_of_the_play(run: Run) -> None:
    run.inventory_text = "[web]\nh1 ip=1\nh2 ip='{{ base }}.2' base=10\n"
    run.write("play/group_vars/all.yml", "g: '{{ inventory_hostname }}'\n")
    run.extra = {"e": "{{ inventory_hostname }}"}
    run.play = {"vars": {"p": 1}}
    run.variables.set_fact("h2", {"s": 5})
    assert run.read("[hostvars.h2.ip, hostvars['h2'].g, hostvars.h2.e, hostvars.h2.s]") == ["10.2", "h2", "h2", 5]
    for name in ("p", "hostvars", "vars", "environment", "ansible_play_hosts", "ansible_user"):
        assert run.read(f"hostvars.h2.{name} is defined") is False, name
    assert run.read("'p' in hostvars.h2") is False
    assert run.read("hostvars.h2.groups.web") == ["h1", "h2"]
    assert run.read("hostvars.h2.inventory_hostname in hostvars") is True
    assert run.read("hostvars | list") == ["h1", "h2"]
    assert run.read("hostvars | length") == 2


def test_plugins_may_copy_what_reads_other_hosts_variables(run: Run) -> None:
    run.inventory_text = "h1\nh2 ip='{{ base }}.2' base=10\n"
    scope = run.scope("h1")
    copied = copy.deepcopy({"all": scope["hostvars"], "one": scope["hostvars"]["h2"]})
    assert (copied["all"]["h2"]["ip"], copied["one"]["ip"]) == ("10.2", "10.2")
    assert scope["hostvars"].raw_get("h2")["ip"] == "{{ base }}.2"


def test_hosts_that_are_not_there(run: Run) -> None:
    with pytest.raises(UndefinedName, match=r"hostvars\['nope'\]"):
        run.read("hostvars['nope']")
    with pytest.raises(UndefinedName, match="object of type 'HostVarsVars' has no attribute 'nope'"):
        run.read("hostvars.h1.nope")
    assert run.read("hostvars['nope'] is defined") is False
    assert run.read("hostvars.h1.nope | default('x')") == "x"
    assert run.read("'nope' in hostvars") is False


def test_the_controller_has_hostvars_too(run: Run) -> None:
    assert run.read("hostvars.localhost.ansible_connection") == "local"
    assert run.read("hostvars['127.0.0.1'].inventory_hostname") == "127.0.0.1"


def test_other_names_of_a_listed_controller_are_the_same_host(run: Run) -> None:
    run.inventory_text = "localhost\n"
    run.variables.set_fact("127.0.0.1", {"x": 1})
    assert run.scope("localhost")["x"] == 1
    assert run.scope("127.0.0.1")["inventory_hostname"] == "localhost"


def test_delegation(run: Run) -> None:
    run.inventory_text = "h1 ansible_host=1.1.1.1\nh2 ansible_host='{{ inventory_hostname }}.x' ansible_user=carl\n"
    scope = run.scope("h1", task(vars=[{"t": "{{ inventory_hostname }}"}])).delegated("h2")
    assert (
        run.render("{{ ansible_delegated_vars.h2.ansible_host }} {{ ansible_delegated_vars.h2.t }}", scope) == "h1.x h1"
    )
    assert scope["inventory_hostname"] == "h1"
    assert scope["ansible_host"] == "1.1.1.1"
    assert scope["ansible_user"] == "carl"  # what the connection brings is the delegate's
    assert list(scope["ansible_delegated_vars"]) == ["h2"]
    unlisted = run.scope("h1").delegated("10.9.9.9")
    assert run.render("{{ ansible_delegated_vars['10.9.9.9'].inventory_hostname }}", unlisted) == "h1"


# -- what the connection brings ----------------------------------------------------------------------------------------


def test_a_task_can_read_how_its_host_is_reached(run: Run) -> None:
    run.settings = {"remote_user": "settings", "private_key_file": "/k"}
    one = task(remote_user=raw("{{ who }}"), port=2200, vars=[{"who": "bob"}])
    read = "[ansible_host, ansible_ssh_host, ansible_user, ansible_port, ansible_connection, ansible_timeout]"
    assert run.read(read, one=one) == ["h1", "h1", "bob", 2200, "ssh", 10]
    assert run.read("[ansible_user, ansible_private_key_file]") == ["settings", "/k"]
    assert run.read("ansible_port is defined or ansible_password is defined") is False
    assert run.read("[ansible_pipelining, ansible_shell_executable, ansible_module_compression]") == [
        False, "/bin/sh", "ZIP_DEFLATED",
    ]  # fmt: skip
    assert "ansible_host" in run.scope().names()
    assert "ansible_host" not in run.scope().own_names()


def test_one_name_for_the_address_does_for_the_other(run: Run) -> None:
    run.inventory_text = "h1 ansible_ssh_host=1.2.3.4 ansible_ssh_port=22\n"
    assert run.read("[ansible_host, ansible_port]") == ["1.2.3.4", 22]


def test_bad_connection_variables_are_defined_and_fail(run: Run) -> None:
    one = task(remote_user=raw("{{ nope }}"))
    assert "ansible_user" in run.scope("h1", one)
    with pytest.raises(UndefinedName):
        run.read("ansible_user", one=one)


# -- without a host ----------------------------------------------------------------------------------------------------


def test_the_play_itself_has_variables(run: Run) -> None:
    run.play = {"vars": {"a": "{{ b }}", "b": 1}, "roles": (role("r", defaults={"d": 2}),)}
    scope = run.variables.scope(None, play=run.play_vars)
    assert (scope["a"], scope["d"], scope["groups"]["web"]) == (1, 2, ["h1", "h2"])
    assert "inventory_hostname" not in scope
    assert "environment" not in scope


def test_ad_hoc_tasks_have_no_playbook(run: Run) -> None:
    run.write("play/group_vars/all.yml", "x: 1\n")
    play = PlayVars(play=replace(run.play_vars.play), basedir="", all_hosts=["h1"], name="ad hoc")
    scope = run.variables.scope("h1", play=play, task=task())
    assert "x" not in scope
    assert scope["ansible_play_name"] == "ad hoc"
    assert scope.search_paths == ()


@pytest.mark.parametrize("name", ["a b", "1a", "", "é", "true", "a-b"])
def test_names_that_templates_can_not_say(name: str) -> None:
    with pytest.raises(WeftError, match=f"Invalid variable name '{name}'.") as caught:
        check_name(name, Origin("x", 1))
    assert "letters, numbers and underscores" in str(caught.value.hint)


def test_names_that_are_no_text() -> None:
    check_name("fine_1")
    with pytest.raises(WeftError, match="Invalid variable name '1' of type 'int'"):
        check_name(1)
    with pytest.raises(WeftError, match="Invalid variable name of type 'list'"):
        check_name([])
