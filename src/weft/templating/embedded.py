"""String constants of a template that are templates themselves: evaluated, as they always were, with a warning.

What evaluates one knows neither which template it stands in nor where that was written; whoever evaluates that template
does, and says it when it is through.
"""

from __future__ import annotations

import threading

WARNING = (
    "Jinja constant strings should not contain embedded templates. This feature will be disabled by default in "
    "ansible-core 2.23."
)
IN_CONDITION = 'Use inline expressions, for example: `when: "{{ a_var }}" == 42` becomes `when: a_var == 42`'
IN_LOOKUP = (
    "Use inline expressions, for example: "
    "`msg: \"{{ lookup('env', '{{ a_var }}') }}\"` becomes `msg: \"{{ lookup('env', a_var) }}\"`"
)


class Embedded(threading.local):
    """What this thread has met in the template that it is evaluating."""

    def __init__(self) -> None:
        self.met: list[str] = []  # what to do about it, for each

    def take(self) -> dict[str, None]:
        """Each once, in order; they are forgotten."""
        taken, self.met = dict.fromkeys(self.met), []
        return taken
