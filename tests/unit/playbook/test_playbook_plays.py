"""Keywords of plays, lists of plays that run side by side, playbooks of collections."""

from __future__ import annotations

from pathlib import Path

import pytest
from playbook_kit import Book, flat

from weft.model.nodes import VarsPrompt
from weft.model.values import MapNode, Origin, SeqNode, Trusted


def test_keywords_of_a_play(book: Book) -> None:
    play = book.play("""
        - name: all of it
          hosts: [web, "{{ more }}"]
          gather_facts: false
          gather_subset: [min]
          gather_timeout: 5
          fact_path: /f
          force_handlers: true
          max_fail_percentage: 30
          order: sorted
          serial: [1, "50%"]
          strategy: free
          user: joe
          become: true
          lock: /run/lock/x
          vars_files: one.yml
          vars: {a: 1}
          collections: [ns.coll]
          roles:
          handlers:
          tasks:
    """)
    assert (play.name, play.hosts) == ("all of it", ["web", "{{ more }}"])
    assert (play.gather_facts, play.gather_subset, play.gather_timeout, play.fact_path) == (False, ["min"], 5, "/f")
    assert (play.force_handlers, play.max_fail_percentage, play.order) == (True, 30, "sorted")
    assert (play.serial, play.strategy, play.lock) == ([1, "50%"], "free", "/run/lock/x")
    assert (play.common.remote_user, play.common.become) == ("joe", True)
    assert play.common.collections == ("ns.coll", "ansible.legacy")
    assert (play.vars_files, play.vars) == (("one.yml",), {"a": 1})
    assert play.origin == Origin(str(book.root / "site.yml"), 1, 3)
    assert (play.tasks, play.handlers, play.roles) == ((), (), ())


def test_sections(book: Book) -> None:
    play = book.play("- hosts: all\n  pre_tasks: [{ping: }]\n  tasks: [{debug: }]\n  post_tasks: [{fail: }]\n")
    assert [next(flat(nodes)).action for nodes in (play.pre_tasks, play.tasks, play.post_tasks)] == [
        "ping",
        "debug",
        "fail",
    ]


def test_prompts(book: Book) -> None:
    play = book.play("""
        - hosts: all
          vars: {hidden: false}
          vars_prompt:
            - name: plain
            - name: full
              prompt: "What, {{ x }}?"
              default: d
              private: "{{ hidden }}"
              confirm: yes
              encrypt: sha512_crypt
              salt: s
              salt_size: 7
              unsafe: true
    """)
    plain, full = play.vars_prompt
    path = str(book.root / "site.yml")
    assert plain == VarsPrompt(name="plain", origin=Origin(path, 4, 7))
    assert full == VarsPrompt(
        name="full", prompt="What, {{ x }}?", default="d", private=False, confirm=True, encrypt="sha512_crypt",
        salt="s", salt_size=7, unsafe=True, origin=Origin(path, 5, 7),
    )  # fmt: skip


def test_plays_side_by_side(book: Book) -> None:
    playbook = book.load(
        """
        - hosts: before
        - parallel:
            - hosts: one
            - import_playbook: two.yml
            - hosts: three
        - hosts: after
        """,
        two="- hosts: two a\n- hosts: two b\n",
    )
    marks = [(play.hosts, play.parallel_with, play.parallel_lane) for play in playbook.plays]
    (before, one, two_a, two_b, three, after) = marks
    assert before[1:] == after[1:] == (None, None)
    assert one[1] == two_a[1] == two_b[1] == three[1] is not None
    assert two_a[2] == two_b[2]
    assert len({one[2], two_a[2], three[2]}) == 3


def test_a_playbook_of_a_collection(book: Book) -> None:
    base = "installed/ansible_collections/ns/coll"
    book.names.extra = {"ns.coll.own"}
    book.write({f"{base}/playbooks/go.yml": "- hosts: all\n  tasks:\n    - own:\n"})
    for name in ("ns.coll.go", "ns.coll.go.yml", str(book.root / base / "playbooks/go.yml")):
        playbook = book.loader.load(name)
        assert playbook.collection == "ns.coll"
        (play,) = playbook.plays
        assert play.collection == "ns.coll"
        assert play.common.collections == ("ns.coll", "ansible.legacy")
        assert [task.fqcn for task in flat(play.tasks)] == ["ns.coll.own"]


def test_a_task_without_a_playbook_finds_what_is_in_the_collection_of_its_folder(book: Book) -> None:
    book.names.extra = {"ns.coll.own"}
    book.write({"installed/ansible_collections/ns/coll/meta/runtime.yml": ""})
    path = str(book.root / "installed/ansible_collections/ns/coll/<command line>")
    (play,) = book.loader.load_data(one_task("own"), path, beside=True).plays
    assert [task.fqcn for task in flat(play.tasks)] == ["ns.coll.own"]
    assert book.warnings == ["running with default collection ns.coll"]


def test_importing_a_playbook_of_a_collection(book: Book) -> None:
    book.write({"installed/ansible_collections/ns/coll/playbooks/go.yml": "- hosts: theirs\n"})
    playbook = book.load("- import_playbook: ns.coll.go\n- hosts: ours\n")
    assert [(play.hosts, play.collection) for play in playbook.plays] == [("theirs", "ns.coll"), ("ours", None)]


def test_collections_beside_the_playbook(book: Book) -> None:
    book.write({"collections/ansible_collections/ns/coll/roles/a/tasks/main.yml": "- ping:"})
    assert book.play("- hosts: all\n  roles: [ns.coll.a]\n").roles[0].name == "ns.coll.a"


def one_task(action: str) -> SeqNode:
    """A playbook with one task, of no file."""
    here = Origin("<command line>")

    def text(value: str) -> Trusted:
        return Trusted(value, here)

    task = MapNode({text(action): None}, here)
    return SeqNode([MapNode({text("hosts"): text("all"), text("tasks"): SeqNode([task], here)}, here)], here)


def test_a_playbook_that_is_no_file(book: Book, tmp_path: Path) -> None:
    (loaded,) = book.loader.load_data(one_task("ping"), str(tmp_path / "<command line>")).plays
    assert [found.fqcn for found in flat(loaded.tasks)] == ["ansible.builtin.ping"]
    assert next(flat(loaded.tasks)).path_parents[-1] == str(tmp_path)


@pytest.mark.parametrize(
    ("value", "files"), [("", ()), ("a.yml", ("a.yml",)), ("[a.yml, [b.yml, c.yml]]", ("a.yml", ["b.yml", "c.yml"]))]
)
def test_vars_files(book: Book, value: str, files: tuple[object, ...]) -> None:
    assert book.play(f"- hosts: all\n  vars_files: {value}\n").vars_files == files
