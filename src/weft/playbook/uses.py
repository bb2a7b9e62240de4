"""What a playbook asks of a role: an entry of ``roles``, a dependency, an import or include."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from weft.model.convert import to_bool
from weft.model.errors import LoadError, Malformed
from weft.model.nodes import Parallel
from weft.model.values import Origin, Value, origin_of

_FROM = {"tasks_from": "tasks", "vars_from": "vars", "defaults_from": "defaults", "handlers_from": "handlers"}


class RoleUse(Struct, frozen=True, kw_only=True):
    """One use of a role."""

    name: str
    origin: Origin
    params: Mapping[str, Value] = field(default_factory=dict)
    use_vars: Mapping[str, Value] = field(default_factory=dict)
    from_files: Mapping[str, str] = field(default_factory=dict)  # "tasks" -> file, ...
    when: tuple[Value, ...] = ()  # of the entry itself, for `key`
    tags: tuple[str, ...] = ()
    validate: bool = True
    public: bool | None = None  # None: as the settings say
    allow_duplicates: bool | None = None  # None: as the role's metadata say
    from_include: bool = False
    static: bool = True
    parallel: Parallel | None = None  # its own top-level nodes are the children

    @classmethod
    def of_arguments(
        cls,
        args: Mapping[str, Any],
        *,
        origin: Origin,
        use_vars: Mapping[str, Value],
        from_include: bool,
        static: bool,
        parallel: Parallel | None,
    ) -> RoleUse:
        """From the evaluated arguments of ``import_role`` or ``include_role``. Raises LoadError."""
        name = args.get("name", args.get("role"))
        if not isinstance(name, str | int) or isinstance(name, bool):  # an empty one is the folder of roles itself
            raise Malformed("role definitions must contain a role name", origin)
        from_files = {}
        for key, kind in _FROM.items():
            value = args.get(key)
            if value is None:
                continue
            if not isinstance(value, str):
                raise LoadError(f"Expected a string for {key} but got {type(value).__name__} instead", origin)
            from_files[kind] = str(value)
        public = args.get("public")
        return cls(
            name=str(name),
            origin=origin,
            use_vars=use_vars,
            from_files=from_files,
            validate=_truth(args, "rolespec_validate", True, origin),
            public=None if public is None else _truth(args, "public", False, origin),
            allow_duplicates=_truth(args, "allow_duplicates", True, origin),
            from_include=from_include,
            static=static,
            parallel=parallel,
        )


def _truth(args: Mapping[str, Any], name: str, default: bool, origin: Origin) -> bool:
    value = args.get(name)
    if value is None:
        return default
    try:
        return to_bool(value)
    except ValueError as error:
        message = f"The value {value!r} could not be converted to 'bool'."
        raise LoadError(f"Error processing keyword '{name}': {message}", origin_of(value) or origin) from error
