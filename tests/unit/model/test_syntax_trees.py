"""Syntax trees of Python sources, made in several threads at once."""

from __future__ import annotations

import ast
import gc
import threading
import time
from collections.abc import Iterator

import pytest

from weft.model.syntax import literal, parse

SOURCE = "\n".join(f"def f{n}(a, b):\n    return [a, {{'b': (b, [a, (b, {n})])}}]" for n in range(60))


@pytest.fixture
def busy_collector() -> Iterator[None]:
    """Garbage is collected all the time, and other threads get their turn meanwhile."""

    def pause(*about: object) -> None:
        time.sleep(0)

    thresholds = gc.get_threshold()
    gc.set_threshold(50)
    gc.callbacks.append(pause)
    yield
    gc.callbacks.remove(pause)
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("busy_collector")
def test_threads_don_t_disturb_each_other() -> None:
    failures: list[BaseException] = []
    trees: list[ast.Module] = []

    def work() -> None:
        try:
            trees.extend(parse(SOURCE) for _ in range(6))
            assert literal("[{'a': (1, 2)}]") == [{"a": (1, 2)}]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and {len(tree.body) for tree in trees} == {60}
