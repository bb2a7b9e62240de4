"""Which tasks ``--tags`` and ``--skip-tags`` choose (Ansible's documentation, "Tags": special tags)."""

from __future__ import annotations

from collections.abc import Collection


def selected(tags: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Whether a task with these rendered tags (own and inherited) runs.

    ``only`` is what ``--tags`` says (nothing there: no restriction), ``skip`` what ``--skip-tags`` says. In both,
    ``all``, ``tagged`` and ``untagged`` stand for every task, those with tags and those without. A task tagged
    ``always`` runs unless ``always`` itself is skipped; one tagged ``never`` only where one of its tags is asked for.
    """
    return _wanted(tags, only) and not _skipped(tags, skip)


def _wanted(tags: Collection[str], only: Collection[str]) -> bool:
    if not only or "always" in tags:
        return True
    if _named(tags, only):
        return True
    if "never" in tags:
        return False
    return "all" in only or ("tagged" in only and _tagged(tags))


def _skipped(tags: Collection[str], skip: Collection[str]) -> bool:
    if not skip:
        return False
    if "all" in skip:
        return "always" not in tags or "always" in skip
    return _named(tags, skip) or ("tagged" in skip and _tagged(tags))


def _tagged(tags: Collection[str]) -> bool:
    return any(tag != "untagged" for tag in tags)


def _named(tags: Collection[str], choice: Collection[str]) -> bool:
    """Whether one of the tags is in ``choice``; a task without any is called ``untagged``."""
    return any(tag in choice for tag in tags or ("untagged",))
