"""Which action a task calls, and with which arguments, out of the several ways to write that down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from weft.events.types import Deprecated
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import TaskKind
from weft.model.values import Origin, Trusted, Value, VaultText, origin_of
from weft.playbook.api import ActionNames, Publish
from weft.playbook.checks import is_template, only_template, type_name
from weft.playbook.hints import action_hint, misplaced
from weft.playbook.splitter import parse_kv, split_args

BUILTIN: Final = "ansible.builtin."
_PREFIXES = ("", BUILTIN, "ansible.legacy.")
FREE_FORM = frozenset(
    prefix + name for prefix in _PREFIXES for name in ("command", "raw", "script", "shell", "win_command", "win_shell")
) | {"ansible.windows.win_command", "ansible.windows.win_shell"}
#: What the loader itself understands; everything else is for ActionNames.
_OWN = {
    prefix + name: BUILTIN + name
    for prefix in _PREFIXES
    for name in ("meta", "include_tasks", "include_role", "import_tasks", "import_role")
}
_ADDED = {prefix + name: f"weft.builtin.{name}" for prefix in ("", "weft.builtin.") for name in ("await", "cancel")}
IMPORT_TASKS: Final = BUILTIN + "import_tasks"
IMPORT_ROLE: Final = BUILTIN + "import_role"
META: Final = BUILTIN + "meta"
KINDS: Mapping[str, TaskKind] = {
    META: TaskKind.META,
    BUILTIN + "include_tasks": TaskKind.INCLUDE_TASKS,
    BUILTIN + "include_role": TaskKind.INCLUDE_ROLE,
}


class Called(Struct, frozen=True):
    """The action of a task."""

    action: str  # as written
    fqcn: str
    args: Mapping[str, Value]
    args_template: Value = None
    local: bool = False  # `local_action`
    origin: Origin | None = None


class ActionParser:
    """Finds and reads the action of tasks. Remembers which names it has resolved."""

    def __init__(self, actions: ActionNames, publish: Publish, module_dirs: Callable[[], Sequence[str]]) -> None:
        self._actions = actions
        self._publish = publish
        self._module_dirs = module_dirs
        self._known: dict[tuple[str, Sequence[str], int], str | None] = {}

    def resolve(self, name: str, collections: Sequence[str] = ()) -> str | None:
        """The FQCN of an action; None where there is none. Raises WeftError where it was removed."""
        own = _OWN.get(name)
        if own is not None:
            return own
        folders = self._module_dirs()
        key = (name, collections, len(folders))  # folders are only ever added
        if key not in self._known:
            named = [known for known in collections if known.count(".") == 1]  # others exist for nobody
            self._known[key] = self._actions.resolve(str(name), named, folders) or _ADDED.get(name)
        return self._known[key]

    def check_group(self, name: str, origin: Origin | None) -> None:
        """Raises LoadError where there is no such group of actions."""
        try:
            self._actions.check_group(name)
        except LoadError as error:
            raise LoadError(error.message, origin) from None

    def parse(
        self,
        task: Mapping[Any, Value],
        keywords: Mapping[str, Value],
        others: Sequence[Any],
        collections: Sequence[str],
        node: str,
        allowed: Sequence[str],
    ) -> Called:
        """The action of ``task``, whose keys that aren't keywords are ``others``. Raises LoadError."""
        found = [(key, fqcn) for key in others if (fqcn := self._resolved(key, collections))]
        origin = origin_of(task)
        named = [key for key in ("action", "local_action") if key in keywords]
        if len(named) == 2:
            raise LoadError("action and local_action are mutually exclusive", origin)
        _check_single(task, found, named, others, node, allowed)
        extra = keywords.get("args", _ABSENT)
        if named:
            return self._old_style(keywords[named[0]], extra, named[0] == "local_action", collections, origin)
        key, fqcn = found[0]
        return self._new_style(key, fqcn, task[key], extra, origin)

    def _resolved(self, key: Any, collections: Sequence[str]) -> str | None:
        if not isinstance(key, str):
            return None
        try:
            return self.resolve(key, collections)
        except WeftError as error:
            if error.origin is None:
                error.origin = origin_of(key)
            raise

    def _new_style(self, action: str, fqcn: str, thing: Value, extra: Value, origin: Origin | None) -> Called:
        base, template = self._extra(extra, origin)
        args: Mapping[str, Value]
        if isinstance(thing, Mapping):
            args = thing
        elif isinstance(thing, str):
            args = parse_kv(thing, raw=action in FREE_FORM)
            merged = sorted(repr(str(arg)) for arg in args if arg != "_raw_params")
            if merged and extra is not _ABSENT:
                self._deprecated(
                    f"Merging legacy k=v args ({', '.join(merged)}) into task args.",
                    "Include all task args in the task `args` mapping.",
                    origin_of(thing),
                )
        elif isinstance(thing, VaultText):
            args = {"_raw_params": thing}
        elif thing is None:
            args = {}
        else:
            raise LoadError(f"unexpected parameter type in action: {type_name(thing)}", origin_of(action) or origin)
        _check_reserved(action, args)
        return Called(action, fqcn, {**base, **args} if base else args, template, origin=origin_of(action) or origin)

    def _old_style(
        self, thing: Value, extra: Value, local: bool, collections: Sequence[str], origin: Origin | None
    ) -> Called:
        base, template = self._extra(extra, origin)
        place = origin_of(thing) or origin
        if isinstance(thing, Mapping):
            self._deprecated("Using a mapping for `action` is deprecated.", "Use a string value for `action`.", place)
            action, args = _module_mapping(thing, origin)
        elif isinstance(thing, str):
            action, args = _module_text(thing)
        else:
            raise LoadError(f"unexpected parameter type in action: {type_name(thing)}", place)
        inner = args.pop("args", None)
        if inner is not None:
            args.update(parse_kv(inner) if isinstance(inner, str) else inner)
        _check_reserved(action, args)
        if not action:
            raise LoadError("no module/action detected in task.", place)
        fqcn: str | None = str(action)
        if not is_template(action):
            fqcn = self._resolved(action, collections)
            if fqcn is None:
                raise _unresolved(action, place)
        assert fqcn is not None
        return Called(action, fqcn, {**base, **args}, template, local, place)

    def _extra(self, extra: Value, origin: Origin | None) -> tuple[Mapping[str, Value], Value]:
        """The `args` keyword: arguments below those of the action itself, or the template of such."""
        if extra is _ABSENT:
            return {}, None
        if isinstance(extra, Mapping):
            return extra, None
        help_text = "A mapping or template which resolves to a mapping is required."
        if extra is None:
            self._deprecated("Ignoring empty task `args` keyword.", help_text, origin)
            return {}, None
        if isinstance(extra, str) and only_template(extra):
            return {}, extra
        raise LoadError("The value of the task `args` keyword is invalid.", origin_of(extra) or origin, help_text)

    def _deprecated(self, message: str, help_text: str, origin: Origin | None) -> None:
        notice = Deprecated(
            message=message, version="2.23", collection="ansible.builtin", origin=origin, help=help_text
        )
        self._publish(notice)


_ABSENT: Final = object()


def _check_single(
    task: Mapping[Any, Value],
    found: Sequence[tuple[str, str]],
    named: Sequence[str],
    others: Sequence[Any],
    node: str,
    allowed: Sequence[str],
) -> None:
    """Raises LoadError where a task has no action, or more than one, or keys that are neither."""
    actions = [*(_action_name(task[key]) for key in named), *(key for key, _ in found)]
    if len(actions) > 1:
        raise LoadError(
            f"conflicting action statements: {actions[0]}, {actions[1]}",
            origin_of(found[-1][0]) or origin_of(task),
            "A task calls one action; put the other one into a task of its own.",
        )
    known = {key for key, _ in found}
    strange = [key for key in others if key not in known]
    if not actions and strange:
        raise _unresolved(strange[0], origin_of(strange[0]) or origin_of(task), allowed)
    if not actions:
        raise LoadError("no module/action detected in task.", origin_of(task))
    if strange:
        raise unknown_key(strange[0], node, allowed, origin_of(task))


def unknown_key(key: Any, node: str, allowed: Sequence[str], origin: Origin | None) -> LoadError:
    """The error for a key that has no meaning on a node."""
    from weft.playbook.keywords import names

    hint = misplaced(str(key), allowed, names())
    return LoadError(f"'{key}' is not a valid attribute for a {node}", origin_of(key) or origin, hint)


def _unresolved(name: Any, origin: Origin | None, allowed: Sequence[str] = ()) -> LoadError:
    message = (
        f"couldn't resolve module/action '{name}'. This often indicates a "
        "misspelling, missing collection, or incorrect module path."
    )
    return LoadError(message, origin, action_hint(str(name)) or misplaced(str(name), allowed, ()))


def _action_name(thing: Value) -> str:
    if isinstance(thing, Mapping):
        thing = thing.get("module")
    return str(thing).split(" ", 1)[0]


def _module_text(text: str) -> tuple[str, dict[Any, Value]]:
    """``copy src=a`` -> action and arguments."""
    origin = origin_of(text)
    words = split_args(text, origin)
    action = Trusted(words[0].strip(), origin) if words else Trusted("", origin)
    rest = Trusted(" ".join(words[1:]), origin)
    return action, dict(parse_kv(rest, raw=action in FREE_FORM))


def _module_mapping(thing: Mapping[Any, Value], origin: Origin | None) -> tuple[str, dict[Any, Value]]:
    module = thing.get("module")
    if not isinstance(module, str):
        raise LoadError("no module/action detected in task.", origin)
    action, args = _module_text(module)
    return action, {key: value for key, value in thing.items() if key != "module"} | args


def _check_reserved(action: str, args: Mapping[Any, Value]) -> None:
    if action in FREE_FORM:
        return
    for arg in args:
        if isinstance(arg, str) and arg.startswith("_ansible_"):
            raise LoadError(
                f"Invalid parameter specified beginning with keyword '_ansible_' for action '{action}': '{arg}'. "
                "The prefix '_ansible_' is reserved for internal use only.",
                origin_of(arg),
            )
