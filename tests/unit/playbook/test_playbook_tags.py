"""--tags and --skip-tags."""

from __future__ import annotations

import pytest

from weft.model.tags import selected

CASES = [
    # tags of the task, --tags, --skip-tags, does it run
    ((), ("all",), (), True),
    ((), (), (), True),
    (("a",), ("all",), (), True),
    (("a",), ("a",), (), True),
    (("a", "b"), ("b", "c"), (), True),
    (("a",), ("b",), (), False),
    ((), ("a",), (), False),
    (("always",), ("b",), (), True),
    (("always",), ("b",), ("always",), False),
    (("always", "a"), ("b",), ("a",), False),
    (("never",), ("all",), (), False),
    (("never", "a"), ("all",), (), False),
    (("never", "a"), ("a",), (), True),
    (("never",), ("never",), (), True),
    (("never", "a"), ("tagged",), (), False),
    (("never", "always"), ("all",), (), True),
    (("a",), ("tagged",), (), True),
    ((), ("tagged",), (), False),
    ((), ("untagged",), (), True),
    (("a",), ("untagged",), (), False),
    (("always",), ("untagged",), (), True),
    (("a",), ("all",), ("a",), False),
    (("b",), ("all",), ("a",), True),
    (("a",), ("all",), ("tagged",), False),
    ((), ("all",), ("tagged",), True),
    ((), ("all",), ("untagged",), False),
    (("a",), ("all",), ("untagged",), True),
    (("a",), ("all",), ("all",), False),
    (("always",), ("all",), ("all",), True),
    (("always",), ("all",), ("all", "always"), False),
]


@pytest.mark.parametrize(("tags", "only", "skip", "runs"), CASES)
def test_which_tasks_run(tags: tuple[str, ...], only: tuple[str, ...], skip: tuple[str, ...], runs: bool) -> None:
    assert selected(tags, only, skip) is runs
