"""Makes tasks, handlers and blocks of lists of mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from weft.model.errors import LoadError
from weft.model.nodes import Block, Common, Handler, Node, Task, TaskKind
from weft.model.values import Origin, Trusted, Value, origin_of
from weft.playbook.action import IMPORT_ROLE, IMPORT_TASKS, KINDS, Called
from weft.playbook.amounts import check_amounts
from weft.playbook.checks import is_template, texts, type_name
from weft.playbook.collections import search_list
from weft.playbook.fields import GROUP_ONLY, RARE, group_fields, node_name, put_loop, read_parallel_of, task_fields
from weft.playbook.keywords import NODE_NAMES, On, allowed_names
from weft.playbook.metas import check_meta, check_meta_keywords
from weft.playbook.own import Own, read_node, read_task, settle
from weft.playbook.parallel import check_children, check_meta_beside, check_needs
from weft.playbook.place import Place, with_collections, with_vars
from weft.playbook.shop import Shop

_BLOCK_KEYS = frozenset(("block", "rescue", "always"))
_BUILTIN_LOOKUPS = frozenset((
    "config", "csvfile", "dict", "env", "file", "fileglob", "first_found", "indexed_items", "ini",
    "inventory_hostnames", "items", "lines", "list", "nested", "password", "pipe", "random_choice", "sequence",
    "subelements", "template", "together", "unvault", "url", "varnames", "vars",
))  # fmt: skip


class Statement(Struct, frozen=True):
    """A task as read, before it is known what becomes of it."""

    own: Own
    called: Called
    on: On
    node: str  # what messages call it
    origin: Origin
    collections: tuple[str, ...]


class Imports(Protocol):
    """Makes nodes of the statements that bring in other files."""

    def import_tasks(self, statement: Statement, place: Place) -> Sequence[Node]: ...

    def import_role(self, statement: Statement, place: Place) -> Sequence[Node]: ...

    def prepare_include(self, statement: Statement, place: Place) -> tuple[Mapping[str, Value], Common]:
        """The arguments of a dynamic include without ``apply``, and what the included tasks inherit."""


class NodeBuilder:
    """Makes nodes. ``imports`` must be set before it is used: the two need each other."""

    imports: Imports

    def __init__(self, shop: Shop, lookup_exists: Any = None) -> None:
        self._shop = shop
        self._lookup_exists = lookup_exists

    # lists

    def section(self, data: Value, place: Place, origin: Origin | None) -> tuple[Node, ...]:
        """The nodes of a play's section or of a file of tasks. Raises LoadError."""
        nodes = self.nodes(data, place, origin)
        check_needs(nodes)
        return nodes

    def nodes(self, data: Value, place: Place, origin: Origin | None) -> tuple[Node, ...]:
        """The nodes of a list; the caller checks their ``needs``. Raises LoadError."""
        found: list[Node] = []
        for item in self._items(data, place, origin):
            with self._shop.one_of_many():
                if _BLOCK_KEYS.isdisjoint(item):
                    found.extend(self.task(item, place))
                else:
                    found.append(self.block(item, place))
        return tuple(found)

    def handlers(self, data: Value, place: Place, origin: Origin | None, nested: bool = False) -> tuple[Handler, ...]:
        """The handlers of a list. A block among them lends its keywords, and is a list of its own where they are looked
        for by name. Raises LoadError.
        """
        lists: list[list[Handler]] = [[]]
        for item in self._items(data, place, origin):
            with self._shop.one_of_many():
                if _BLOCK_KEYS.isdisjoint(item):
                    lists[-1].extend(handlers_of(self.task(item, place)))
                elif nested:
                    raise LoadError("Using a block as a handler is not supported.", origin_of(item))
                else:
                    lists += [list(self._handler_block(item, place)), []]
        check_needs([handler for one in lists for handler in one])
        return tuple(handler for one in lists for handler in self._of_one_list(one))

    def _of_one_list(self, handlers: list[Handler]) -> list[Handler]:
        within = self._shop.new_id("h") if handlers else ""
        return [replace(handler, within=within) for handler in _reachable(handlers)]

    def _items(self, data: Value, place: Place, origin: Origin | None) -> list[Mapping[Any, Value]]:
        where = f"A malformed block was encountered while loading {place.section}"
        if data is None:
            return []
        if not isinstance(data, list):
            shown = f"{data} should be a list or None but is {type_name(data)}"
            raise LoadError(f"{where}: {shown}", origin_of(data) or origin)
        for item in data:
            if item is not None and not isinstance(item, Mapping):
                message = f"{where}: {item} should be a dict but was a {type_name(item)}"
                raise LoadError(message, origin_of(item) or origin_of(data) or origin)
        return [item for item in data if item]

    # blocks

    def block(self, data: Mapping[Any, Value], place: Place) -> Block:
        """One block. Raises LoadError."""
        own = self._read_block(data, place)
        origin = own.origin or Origin(place.play.path)
        common = self.fold(own, place)
        parallel = read_parallel_of(own)
        inside = place.within(common, beside=place.beside.within(detached=own.detached))
        errors = self._shop.errors
        body = self.nodes(own.get("block"), self._child_place(inside, parallel is not None), origin)
        if parallel is not None:
            if errors == self._shop.errors:  # one that could not be read may be what others need
                check_children(body, self._shop.publish)
        else:
            check_needs(body)
        rescue = self.section(own.get("rescue"), replace(inside, section="rescue"), origin)
        always = self.section(own.get("always"), replace(inside, section="always"), origin)
        return Block(
            id=self._shop.new_id("b"),
            origin=origin,
            name=node_name(own),
            common=common,
            body=body,
            rescue=rescue,
            always=always,
            role=place.role,
            parallel=parallel,
            **group_fields(own, common, (*body, *rescue, *always)),
        )

    @staticmethod
    def _child_place(place: Place, parallel: bool) -> Place:
        return replace(place, beside=place.beside.within(parallel=parallel), section="a block")

    def _read_block(self, data: Mapping[Any, Value], place: Place) -> Own:
        own = read_node(data, On.BLOCK)
        settle(own, On.BLOCK, "Block", self._shop.settings, self._shop.publish)
        check_amounts(own, On.BLOCK, self._shop.publish)
        if "block" in own.keywords and not isinstance(own.get("block"), list):
            message = "A malformed block was encountered while loading a block"
            found = own.get("block")
            shown = f"{found} should be a list but was a {type_name(found)}"
            raise LoadError(f"{message}: {shown}", origin_of(found) or own.place_of("block"))
        for name in ("rescue", "always"):
            if own.get(name) and not own.get("block"):
                raise LoadError(f"'{name}' keyword cannot be used without 'block'", own.place_of(name))
        return own

    def _handler_block(self, data: Mapping[Any, Value], place: Place) -> tuple[Handler, ...]:
        own = self._read_block(data, place)
        for name in ("rescue", "always", *GROUP_ONLY):
            if own.get(name):
                message = f"'{name}' has no effect: a block among handlers is only a way to give them keywords."
                self._shop.warn(message, own.place_of(name))
        inside = place.within(self.fold(own, place))
        return self.handlers(own.get("block"), inside, own.origin, nested=True)

    def fold(self, own: Own, place: Place, *, params: bool = False) -> Common:
        """What stands inside a node inherits. Raises LoadError."""
        common = self._shop.folder.fold(place.common, own.keywords, own.origin)
        if "collections" in own.keywords:
            common = with_collections(common, self._collections(own, place))
        return with_vars(common, own.vars, params=params)

    def _collections(self, own: Own, place: Place) -> tuple[str, ...]:
        value = own.get("collections")
        if value is None:
            return place.common.collections
        named = self._shop.collections_of(value, own.origin)
        return search_list(named, place.play.collection if place.role is None else None)

    # tasks

    def task(self, data: Mapping[Any, Value], place: Place) -> Sequence[Node]:
        """What one entry of a list becomes: a task, or the block of an import. Raises LoadError."""
        own = read_task(data, place.handlers)
        loops = self._take_loops(own)
        origin = own.origin or Origin(place.play.path)
        collections = place.common.collections
        if "collections" in own.keywords:
            collections = self._collections(own, place)
        expected = On.HANDLER if place.handlers else On.TASK
        called = self._shop.actions.parse(
            data, own.keywords, own.others, collections, NODE_NAMES[expected], allowed_names(expected)
        )
        on, node = _kind_of_node(called, place.handlers)
        settle(own, on, node, self._shop.settings, self._shop.publish)
        if own.whole or on in On.INCLUDE | On.HANDLER_INCLUDE or not RARE.isdisjoint(own.keywords):
            check_amounts(own, on, self._shop.publish)
        put_loop(own, loops)
        statement = Statement(own, called, on, node, origin, collections)
        if called.fqcn == IMPORT_TASKS:
            return self.imports.import_tasks(statement, place)
        if called.fqcn == IMPORT_ROLE:
            return self.imports.import_role(statement, place)
        return (self._plain(statement, place),)

    def _take_loops(self, own: Own) -> list[Any]:
        """Takes the ``with_NAME`` keys out of the others."""
        loops = [key for key in own.others if isinstance(key, str) and key.startswith("with_")]
        if not loops:
            return loops
        loops = [key for key in loops if self._is_lookup(key.removeprefix("with_"))]
        own.others = [key for key in own.others if key not in loops]
        return loops

    def _is_lookup(self, name: str) -> bool:
        if name in _BUILTIN_LOOKUPS:
            return True
        if self._lookup_exists is not None:
            return bool(self._lookup_exists(name))
        return name.count(".") >= 2

    def _plain(self, statement: Statement, place: Place) -> Task:
        own, called = statement.own, statement.called
        kind = KINDS.get(called.fqcn, TaskKind.PLAIN)
        get = own.keywords.get
        common = self._shop.folder.fold(place.common, own.keywords, own.origin)
        include_context: Common | None = None
        args = called.args
        if kind in (TaskKind.INCLUDE_TASKS, TaskKind.INCLUDE_ROLE):
            args, include_context = self.imports.prepare_include(statement, place)
        elif called.local:
            common = replace(common, delegate_to=Trusted("localhost", called.origin))
        common = with_vars(common, own.vars)
        if statement.collections != common.collections:
            common = with_collections(common, statement.collections)
        fields: dict[str, Any] = {}
        if kind is TaskKind.META:
            check_meta(called, place)
            check_meta_keywords(own)
        if not RARE.isdisjoint(own.keywords) or own.loop_parallel is not None:
            fields = task_fields(own)
        if include_context is not None:
            for keyword in ("throttle", "timeout"):
                fields[keyword] = own.whole.get(keyword, own.get(keyword))
        make = self._handler(own, place) if place.handlers else Task
        task = make(
            id=self._shop.new_id("t"),
            origin=statement.origin,
            name=node_name(own),
            action=called.action if is_template(called.action) else str(called.action),
            fqcn=called.fqcn,
            action_origin=called.origin,
            args=args,
            args_template=called.args_template,
            kind=kind,
            common=common,
            role=place.role,
            register=get("register"),
            path_parents=place.paths,
            include_dirs=place.include_dirs,
            include_context=include_context,
            beside=place.beside,
            own_vars=own.vars,
            **fields,
        )
        check_meta_beside(task, place.beside)
        return task

    @staticmethod
    def _handler(own: Own, place: Place) -> Any:
        from functools import partial

        topics = texts(own.get("listen"), "listen", own.place_of("listen"))
        if place.role is not None:
            full = place.role.name
            short = full.removeprefix(f"{place.role.collection}.")
            topics += tuple(
                Trusted(f"{name} : {topic}", origin_of(topic))
                for topic in topics
                for name in dict.fromkeys((full, short))
            )
        return partial(Handler, listen=topics)


#: Actions that bring in other files.
_BRINGERS = frozenset((IMPORT_TASKS, IMPORT_ROLE, *(fqcn for fqcn, kind in KINDS.items() if kind is not TaskKind.META)))


def _kind_of_node(called: Called, handlers: bool) -> tuple[On, str]:
    """Which keywords count for a task with that action, and what messages call it."""
    if called.fqcn not in _BRINGERS:
        return (On.HANDLER, "Handler") if handlers else (On.TASK, "Task")
    if called.fqcn.endswith("role"):
        if handlers:
            raise LoadError(f"Using '{called.action}' as a handler is not supported.", called.origin)
        return (On.IMPORT if called.fqcn == IMPORT_ROLE else On.INCLUDE), "IncludeRole"
    if called.fqcn == IMPORT_TASKS:
        on = On.HANDLER_IMPORT if handlers else On.IMPORT
    else:
        on = On.HANDLER_INCLUDE if handlers else On.INCLUDE
    return on, NODE_NAMES[on]


def handlers_of(nodes: Sequence[Node]) -> list[Handler]:
    """The handlers in what one entry became; those of an import stand in its block."""
    found: list[Handler] = []
    for node in nodes:
        if isinstance(node, Block):
            found.extend(handlers_of(node.body))
        elif isinstance(node, Handler):
            found.append(node)
    return found


def _reachable(handlers: Sequence[Handler]) -> tuple[Handler, ...]:
    """Without those that nothing can notify: of two with one name in one list, the first counts."""
    seen: set[str] = set()
    kept: list[Handler] = []
    for handler in handlers:
        name = str(handler.name) if handler.name is not None else ""
        if name and name in seen and not handler.listen and not is_template(handler.name):
            continue
        seen.add(name)
        kept.append(handler)
    return tuple(kept)
