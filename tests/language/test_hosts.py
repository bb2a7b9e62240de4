"""Which hosts a play is for: patterns, `--limit`, `order`."""

from __future__ import annotations

import pytest

from tests.support.builder import Project

SITE = """
    [web]
    w1
    w2
    w3
    [db]
    d1
    [east]
    w1
    w3
    d1
"""


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", ["w1", "w2", "w3", "d1"]),
        ("web", ["w1", "w2", "w3"]),
        ("web:db", ["w1", "w2", "w3", "d1"]),
        ("web:&east", ["w1", "w3"]),
        ("web:!east", ["w2"]),
        ("all:!web:!d1", []),
        ("web[0]", ["w1"]),
        ("web[-1]", ["w3"]),
        ("web[1:]", ["w2", "w3"]),
        ("~w[12]", ["w1", "w2"]),
        ('"*3"', ["w3"]),
        ("[w3, d1]", ["w3", "d1"]),
        ("\"{{ target | default('d1') }}\"", ["d1"]),
        ("localhost", ["localhost"]),
    ],
)
def test_pattern(project: Project, pattern: str, hosts: list[str]) -> None:
    ran = project.play(
        f"""
        - hosts: {pattern}
          gather_facts: no
          tasks:
            - debug: msg="{{{{ ansible_play_hosts }}}}"
        """,
        hosts=SITE,
    )
    assert ran.messages(hosts[0] if hosts else "-") == [hosts][: len(hosts)]


def test_a_play_for_nobody_is_skipped(project: Project) -> None:
    ran = project.play(
        """
        - hosts: nobody
          gather_facts: no
          tasks: [debug: ]
        - name: somebody
          hosts: a
          gather_facts: no
          tasks: [debug: ]
        """
    )
    ran.prints("""
        PLAY [nobody]
        skipping: no hosts matched
        PLAY [somebody]
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)
    ran.complains("""
        [WARNING]: Could not match supplied host pattern, ignoring: nobody
    """)


def test_limit_leaves_some_hosts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          tasks:
            - debug: msg="{{ ansible_play_hosts }}"
        """,
        "--limit 'web:!w2'",
        hosts=SITE,
    )
    assert ran.messages("w1") == [["w1", "w3"]]
    assert ran.recap == {"w1": "ok=1", "w3": "ok=1"}


def test_limit_from_a_file(project: Project) -> None:
    project.file("some.retry", "d1\nw2\n")
    ran = project.play("- {hosts: all, gather_facts: no, tasks: [debug: ]}", "--limit @some.retry", hosts=SITE)
    assert ran.recap == {"w2": "ok=1", "d1": "ok=1"}


def test_limit_that_leaves_nobody_is_an_error(project: Project) -> None:
    ran = project.play("- {hosts: all, gather_facts: no, tasks: [debug: ]}", "--limit nobody")
    ran.prints("", code=1)
    ran.complains("""
        [WARNING]: Could not match supplied host pattern, ignoring: nobody
        [ERROR]: Specified inventory, host pattern and/or --limit leaves us with no hosts to target.
    """)


@pytest.mark.parametrize(
    ("order", "hosts"),
    [
        ("inventory", ["c", "a", "b"]),
        ("reverse_inventory", ["b", "a", "c"]),
        ("sorted", ["a", "b", "c"]),
        ("reverse_sorted", ["c", "b", "a"]),
    ],
)
def test_order(project: Project, order: str, hosts: list[str]) -> None:
    ran = project.play(f"- {{hosts: all, gather_facts: no, order: {order}, tasks: [debug: ]}}", hosts="c\na\nb\n")
    assert ran.tasks == [f"{host}: debug (ok)" for host in hosts]


def test_shuffled_order_keeps_every_host(project: Project) -> None:
    ran = project.play("- {hosts: all, gather_facts: no, order: shuffle, tasks: [debug: ]}", hosts="h[1:9]")
    assert ran.recap == {f"h{n}": "ok=1" for n in range(1, 10)}


def test_unknown_order_is_an_error(project: Project) -> None:
    ran = project.play("- {hosts: all, gather_facts: no, order: alphabetical, tasks: [debug: ]}")
    assert ran.code != 0
    assert "order" in ran.err


def test_hosts_are_missing(project: Project) -> None:
    ran = project.play("- {gather_facts: no, tasks: [debug: ]}")
    ran.prints("", code=4)
    ran.complains("""
        [ERROR]: The field 'hosts' is required but was not set.
        Origin: play.yml:1:3
        1 - {gather_facts: no, tasks: [debug: ]}
            ^ column 3
    """)


EMPTY = {
    "an empty text": ("'{{ \"\" }}'", "Keyword 'hosts' is required, and cannot have empty values."),
    "a blank": ("' '", "Keyword 'hosts' is required, and cannot have empty values."),
    "an empty entry": ("[a, '']", "Keyword 'hosts' is required, and cannot have empty values."),
    "a number": ("'{{ 1 }}'", "Keyword 'hosts' items must be of type 'str', not 'int'."),
    "a list in a list": ("[a, '{{ [\"b\"] }}']", "Keyword 'hosts' items must be of type 'str', not 'list'."),
    "a mapping": ("'{{ {} }}'", "Keyword 'hosts' items must be of type 'str', not 'dict'."),
}


@pytest.mark.parametrize("option", ["", "--list-tasks", "--syntax-check"])
@pytest.mark.parametrize("case", EMPTY)
def test_hosts_that_are_none_are_never_all(project: Project, case: str, option: str) -> None:
    hosts, message = EMPTY[case]
    ran = project.play(f"- {{hosts: {hosts}, gather_facts: no, tasks: [{{debug: }}]}}", option)
    assert ran.code == 4
    assert ran.problems[0] == f"[ERROR]: Error processing keyword 'hosts': {message}"


@pytest.mark.parametrize(
    ("hosts", "title"), [("'{{ [] }}'", "PLAY [[]]"), ("'{{ none }}'", "PLAY"), ("'{# #}'", "PLAY")]
)
def test_a_template_that_selects_nothing(project: Project, hosts: str, title: str) -> None:
    ran = project.play(f"- {{hosts: {hosts}, gather_facts: no, tasks: [{{debug: }}]}}")
    ran.prints(f"{title}\nskipping: no hosts matched\nPLAY RECAP")


def test_a_play_without_a_name_is_called_as_its_hosts_are_written(project: Project) -> None:
    play = "- {hosts: HOSTS, gather_facts: no, tasks: [{debug: {msg: '{{ ansible_play_name }}'}}]}"
    for hosts, name in (
        ("'{{ groups.all }}'", "['a', 'b']"),
        ("['{{ \"a\" }}', b]", '{{ "a" }},b'),
        ("'{{ \"a\" }}'", "a"),
        ("[a, b]", "a,b"),
    ):
        ran = project.play(play.replace("HOSTS", hosts))
        assert (ran.lines[0], ran.messages()) == (f"PLAY [{name}]", [name])
        listed = project.play(None, "--list-hosts")
        assert f": {name}\tTAGS" in listed.out


def test_order_is_that_of_the_tasks_and_not_of_the_list_of_all_hosts(project: Project) -> None:
    ran = project.play(
        """
        - hosts: all
          gather_facts: no
          order: reverse_inventory
          tasks:
            - debug: {msg: "{{ [ansible_play_hosts_all, ansible_play_hosts, ansible_play_batch] }}"}
        """
    )
    assert ran.messages() == [[["a", "b"], ["a", "b"], ["b", "a"]]]
    assert [line for line in ran.lines if line.startswith("ok")] == ["ok: [b] => {", "ok: [a] => {"]
