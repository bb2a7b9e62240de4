"""Sections of handlers."""

from __future__ import annotations

from playbook_kit import Book

from weft.model.nodes import Handler, Play


def handlers(play: Play) -> list[str]:
    assert all(isinstance(handler, Handler) for handler in play.handlers)
    return [str(handler.name) for handler in play.handlers]


def test_order_of_handlers(book: Book) -> None:
    play = book.play(
        """
        - hosts: all
          roles: [a, b]
          tasks:
            - import_role: {name: c}
          handlers:
            - name: own
              ping:
            - import_tasks: more.yml
        """,
        more="- name: imported\n  ping:",
        roles__a__handlers__main="- name: of a\n  ping:",
        roles__b__meta__main="dependencies: [d]",
        roles__b__handlers__main="- name: of b\n  ping:",
        roles__c__handlers__main="- name: of c\n  ping:",
        roles__d__handlers__main="- name: of d\n  ping:",
    )
    assert handlers(play) == ["of a", "of d", "of b", "own", "imported", "of c"]


def test_a_block_lends_its_keywords(book: Book) -> None:
    play = book.play("""
        - hosts: all
          handlers:
            - name: group
              tags: t
              when: w
              block:
                - name: one
                  ping:
                - name: two
                  ping:
              rescue:
                - ping:
    """)
    assert handlers(play) == ["one", "two"]
    assert all((handler.common.tags, handler.common.when) == (("t",), ("w",)) for handler in play.handlers)
    assert book.warnings == ["'rescue' has no effect: a block among handlers is only a way to give them keywords."]


def test_topics(book: Book) -> None:
    play = book.play(
        "- hosts: all\n  roles: [a]\n  handlers:\n    - name: x\n      ping:\n      listen: one\n",
        roles__a__handlers__main="- name: h\n  ping:\n  listen: [one, two]",
    )
    of_role, own = play.handlers
    assert isinstance(of_role, Handler)
    assert isinstance(own, Handler)
    assert of_role.listen == ("one", "two", "a : one", "a : two")
    assert own.listen == ("one",)


def test_topics_of_a_collection_role_have_both_names(book: Book) -> None:
    book.write({"installed/ansible_collections/ns/coll/roles/a/handlers/main.yml": "- name: h\n  ping:\n  listen: t"})
    (handler,) = book.play("- hosts: all\n  roles: [ns.coll.a]\n").handlers
    assert isinstance(handler, Handler)
    assert handler.listen == ("t", "ns.coll.a : t", "a : t")


def test_of_two_with_one_name_the_first_in_a_list_counts(book: Book) -> None:
    play = book.play("""
        - hosts: all
          handlers:
            - name: same
              ping:
            - name: same
              debug:
            - name: same
              debug:
              listen: topic
            - ping:
            - ping:
    """)
    assert [(str(handler.name), handler.action) for handler in play.handlers] == [
        ("same", "ping"),
        ("same", "debug"),
        ("None", "ping"),
        ("None", "ping"),
    ]


def test_keywords_without_effect_on_groups_of_handlers(book: Book) -> None:
    book.play(
        "- hosts: all\n  handlers:\n    - {import_tasks: more.yml, lock: /x}\n    - {block: [{ping: }], serial: 2}\n",
        more="- name: imported\n  ping:",
    )
    assert book.warnings == [
        "'lock' has no effect on an import of handlers.",
        "'serial' has no effect: a block among handlers is only a way to give them keywords.",
    ]


def test_needs_on_a_handler(book: Book) -> None:
    error = book.fail("- hosts: all\n  handlers:\n    - {ping: , needs: [a]}\n")
    assert "'needs' has no meaning here" in error.message
