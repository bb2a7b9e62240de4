"""Loads playbook files: plays, `import_playbook`, and lists of plays that run side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Common, Handler, Node, Play
from weft.model.values import Origin, Value, VaultText, origin_of
from weft.playbook.builder import NodeBuilder
from weft.playbook.checks import conditions, type_name, variables
from weft.playbook.collections import search_list
from weft.playbook.entries import EntryReader
from weft.playbook.keywords import On
from weft.playbook.own import Own, read_node, spelled
from weft.playbook.parallel import check_lock
from weft.playbook.place import Place, PlayState, merged_tags, tags, with_collections
from weft.playbook.prompts import read_prompts
from weft.playbook.roles import RoleBuilder
from weft.playbook.shop import Shop

_IMPORTS = ("import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook")
_MEANT = frozenset(("name", "vars", "tags", "when", "import_playbook"))  # what counts on an import_playbook


class LaneMark(Struct, frozen=True):
    """The entry of a parallel list to which plays belong."""

    list: str
    lane: str
    name: str | None = None  # of an import: its own, or its file's


class Around(Struct, frozen=True):
    """What the imports round a playbook say of its plays."""

    vars: Mapping[str, Value]
    tags: tuple[str, ...] = ()
    when: tuple[Value, ...] = ()
    lane: LaneMark | None = None  # of a parallel list
    files: tuple[str, ...] = ()  # the playbooks round this one


class PlayLoader:
    """Makes plays."""

    def __init__(self, shop: Shop, builder: NodeBuilder, roles: RoleBuilder, entries: EntryReader) -> None:
        self._shop = shop
        self._builder = builder
        self._roles = roles
        self._entries = entries

    def load_file(self, path: str, collection: str | None, around: Around | None = None) -> list[Play]:
        """The plays of a playbook file, those of imported ones among them. Raises LoadError."""
        around = around or Around({})
        around = replace(around, files=(*around.files, path))
        folder = os.path.dirname(path)
        if collection is None:
            self._shop.add_playbook_folder(folder)
        data = self._shop.files.load(path)
        if data is None:
            raise LoadError(f"Empty playbook, nothing to do: {path}", Origin(path))
        if not isinstance(data, list):
            message = f"A playbook must be a list of plays, got a {type_name(data)} instead: {path}"
            raise LoadError(message, origin_of(data) or Origin(path))
        if not data:
            raise LoadError(f"A playbook must contain at least one play: {path}", Origin(path))
        plays: list[Play] = []
        for entry in data:
            with self._shop.one_of_many():
                plays.extend(self._entry(entry, path, collection, around, origin_of(data)))
        return plays

    def _entry(
        self, entry: Value, path: str, collection: str | None, around: Around, origin: Origin | None
    ) -> Sequence[Play]:
        if not isinstance(entry, Mapping):
            message = "playbook entries must be either valid plays or 'import_playbook' statements"
            raise LoadError(message, origin_of(entry) or origin)
        imports = [key for key in entry if key in _IMPORTS]
        if len(imports) > 1:
            names = ", ".join(sorted(imports))
            raise LoadError(f"Found conflicting import_playbook actions: {names}", origin_of(imports[1]))
        if imports:
            return self._import(entry, imports[0], path, around)
        if "parallel" in entry and "hosts" not in entry:
            return self._parallel(entry, path, collection, around)
        return (self.play(entry, path, collection, around),)

    # import_playbook

    def _import(self, entry: Mapping[Any, Value], key: str, path: str, around: Around) -> Sequence[Play]:
        own = read_node({("import_playbook" if k == key else k): v for k, v in entry.items()}, On.IMPORT_PLAYBOOK)
        own.origin = origin_of(entry)
        for name in own.keywords.keys() - _MEANT:
            self._shop.warn(f"'{name}' has no effect on '{key}'.", _key_place(entry, name))
        given = dict(variables(own.get("vars"), "PlaybookInclude", own.origin))
        old_tags = given.pop("tags", None)  # a parameter of old, when imports had no keywords
        name = self._import_name(own, given, origin_of(key))
        found = self._shop.collections.playbook(name)
        target, collection = found or (os.path.normpath(os.path.join(os.path.dirname(path), name)), None)
        if found is None:
            collection = self._shop.collections.of_path(target)
        if target in around.files:
            chain = " -> ".join([*around.files, target])
            raise LoadError(f"A playbook imports itself: {chain}", origin_of(key) or own.origin)
        inner = Around(
            vars={**given, **around.vars},
            tags=merged_tags(merged_tags(around.tags, tags(own.get("tags"), own.origin)), tags(old_tags, own.origin)),
            when=around.when + conditions(own.get("when")),
            lane=_named(around.lane, own, target),
            files=around.files,
        )
        try:
            return self.load_file(target, collection, inner)
        except LoadError as error:
            if error.origin is None and not os.path.exists(target):
                error.origin = origin_of(key) or own.origin
            raise

    def _import_name(self, own: Own, given: Mapping[str, Value], origin: Origin | None) -> str:
        value = own.get("import_playbook")
        if not isinstance(value, str | VaultText) or not value:
            raise LoadError("import_playbook needs the name of a playbook.", origin)
        try:
            return str(self._shop.render_with(value, given))
        except WeftError as error:
            message = f"Error processing keyword 'import_playbook': {error.message}"
            raise LoadError(message, origin_of(value) or origin) from error

    # parallel lists

    def _parallel(
        self, entry: Mapping[Any, Value], path: str, collection: str | None, around: Around
    ) -> Sequence[Play]:
        """The plays of ``- parallel: [...]``: each entry is a lane, in which plays run one after the other."""
        for key in entry:
            if key not in ("parallel", "name"):
                message = f"'{key}' is not a valid attribute for a list of parallel plays"
                raise LoadError(message, origin_of(key) or origin_of(entry))
        value = entry["parallel"]
        place = next((origin_of(key) for key in entry if key == "parallel"), None) or origin_of(entry)
        if not isinstance(value, list) or not value:
            hint = "For example: `- parallel: [{import_playbook: a.yml}, {import_playbook: b.yml}]`"
            raise LoadError("'parallel' at the top of a playbook must be a list of plays.", place, hint)
        if around.lane is not None:
            raise LoadError("A parallel list of plays can't stand inside another one.", place)
        mark = self._shop.new_id("parallel")
        plays: list[Play] = []
        for number, item in enumerate(value, 1):
            inner = replace(around, lane=LaneMark(mark, f"{mark}/{number}"))
            plays.extend(self._entry(item, path, collection, inner, origin_of(value)))
        return plays

    # plays

    def play(self, data: Mapping[Any, Value], path: str, collection: str | None, around: Around) -> Play:
        """One play. Raises LoadError."""
        own = self._read(data)
        origin = own.origin or Origin(path)
        state = PlayState(
            id=self._shop.new_id("p"),
            path=path,
            vars={**variables(own.keywords.pop("vars", None), "Play", origin), **around.vars},
            vars_files=_listed(own.get("vars_files")),
            collection=collection,
        )
        own.vars = state.vars
        spelled(own, On.PLAY, "Play", self._shop.publish)
        common = self._common(own, collection, around)
        for_handlers = Place(play=state, common=common, folder=state.folder, handlers=True, section="handlers")
        common = replace(common, when=around.when)
        place = Place(play=state, common=common, folder=state.folder)
        role_tasks = self._roles_of(own, place)
        role_handlers = [handler for role in state.roles for handler in role.handlers if isinstance(handler, Handler)]
        handlers = self._builder.handlers(own.get("handlers"), for_handlers, origin)
        sections: dict[str, Any] = {
            name: self._builder.section(own.get(name), replace(place, section=name), origin)
            for name in ("pre_tasks", "tasks", "post_tasks")
        }
        lane = around.lane
        return Play(
            id=state.id,
            origin=origin,
            path=path,
            collection=collection,
            name=_text(own.get("name")),
            hosts=_hosts(own),
            common=common,
            vars=state.vars,
            vars_files=state.vars_files,
            vars_prompt=read_prompts(own.get("vars_prompt"), origin, lambda value: self._shop.render(value, place)),
            roles=(*state.roles, *state.imported_roles),
            role_tasks=tuple(role_tasks),
            handlers=(*role_handlers, *handlers, *state.imported_handlers),
            lock=check_lock(own.get("lock"), own.place_of("lock")),
            parallel_with=lane.list if lane is not None else None,
            parallel_lane=lane.lane if lane is not None else None,
            parallel_name=lane.name if lane is not None else None,
            **sections,
            **{name: own.get(name) for name in _PLAIN},
        )

    def _read(self, data: Mapping[Any, Value]) -> Own:
        own = read_node(data, On.PLAY)
        if "user" in own.keywords:
            if "remote_user" in own.keywords:
                raise LoadError(
                    "both 'user' and 'remote_user' are set for this play. "
                    "The use of 'user' is deprecated, and should be removed",
                    own.place_of("user"),
                )
            own.keywords["remote_user"] = own.keywords.pop("user")
        return own

    def _common(self, own: Own, collection: str | None, around: Around) -> Common:
        common = self._shop.folder.fold(Common(), own.keywords, own.origin)
        common = replace(common, tags=merged_tags(common.tags, around.tags))
        named = self._shop.collections_of(own.get("collections"), own.origin)
        return with_collections(common, search_list(named, collection))

    def _roles_of(self, own: Own, place: Place) -> list[Node]:
        nodes: list[Node] = []
        for entry in self._entries.read(own.get("roles"), place):
            role = self._roles.load(entry.use, replace(place, common=entry.common), above=())
            place.play.roles.append(role)
            nodes.extend(self._entries.nodes(entry, role))
        return nodes


#: Keywords of plays that are only handed on.
_PLAIN = (
    "gather_facts", "gather_subset", "gather_timeout", "fact_path", "force_handlers", "max_fail_percentage", "order",
    "serial", "strategy",
)  # fmt: skip


def _named(lane: LaneMark | None, own: Own, target: str) -> LaneMark | None:
    """The lane with the name of the outermost import that it is."""
    if lane is None or lane.name is not None:
        return lane
    return replace(lane, name=str(own.get("name") or os.path.basename(target)))


def _hosts(own: Own) -> Value:
    """The pattern of a play. Raises LoadError."""
    if "hosts" not in own.keywords:
        message = "The field 'hosts' is required but was not set."
        close = [key for key in own.data if key in ("host", "hosts:")]
        raise LoadError(message, own.origin, f"Did you mean 'hosts' by '{close[0]}'?" if close else None)
    value = own.get("hosts")
    place = origin_of(value) or own.place_of("hosts")
    if not value and not isinstance(value, VaultText):
        raise LoadError("Hosts list cannot be empty. Please check your playbook", place)
    if isinstance(value, list):
        for item in value:
            if item is None:
                raise LoadError("Hosts list cannot contain values of 'None'. Please check your playbook", place)
            if not isinstance(item, str):
                message = f"Hosts list contains an invalid host value: '{item!s}'"
                raise LoadError(message, origin_of(item) or place)
    elif not isinstance(value, str | VaultText):
        raise LoadError("Hosts list must be a sequence or string. Please check your playbook.", place)
    return value


def _listed(value: Value) -> tuple[Value, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _text(value: Value) -> Value:
    return value if value is None or isinstance(value, str) else str(value)


def _key_place(data: Mapping[Any, Value], name: str) -> Origin | None:
    return next((origin_of(key) for key in data if key == name), None) or origin_of(data)
