"""What users are told about the interpreter that runs on a host (ansible-core's interpreter discovery)."""

from __future__ import annotations

from weft.connection.api import Session, Target
from weft.connection.bootstrap import FALLBACK_INTERPRETER, candidates, is_discovered, is_usable
from weft.connection.errors import InterpreterMissing

HELP = (
    "See https://docs.ansible.com/ansible-core/2.19/reference_appendices/interpreter_discovery.html"
    " for more information."
)


def warnings(session: Session) -> list[str]:
    """What a first use of this session should warn of, once a host."""
    target, info = session.target, session.info
    if not is_discovered(target) or target.interpreter.endswith("_silent"):
        return []
    tried = list(target.interpreter_fallback)
    broken = [candidate for candidate in tried if not is_usable(candidate)]
    if info is None or (info.python == FALLBACK_INTERPRETER and FALLBACK_INTERPRETER not in tried and not broken):
        return [f"No python interpreters found for host {target.host!r} (tried {tried!r})."]
    errors = [
        f"Unhandled error in Python interpreter discovery for host {target.host!r}: {candidate!r} is no command."
        for candidate in broken
    ]
    return [
        *errors,
        f"Host {target.host!r} is using the discovered Python interpreter at {info.python!r}, "
        f"but future installation of another Python interpreter could cause a different interpreter to be discovered. "
        f"{HELP}",
    ]


def deprecations(target: Target) -> list[str]:
    """Old values of INTERPRETER_PYTHON."""
    if target.interpreter.startswith("auto_legacy"):
        return [f"The {target.interpreter!r} option for 'INTERPRETER_PYTHON' now has the same effect as 'auto'."]
    return []


def missing(target: Target, others: tuple[str, ...] = ()) -> InterpreterMissing:
    """What an operation that needs Python fails with; ``others`` are interpreters that the host does have."""
    name = FALLBACK_INTERPRETER if is_discovered(target) else target.interpreter
    return InterpreterMissing(name, candidates(target), others)
