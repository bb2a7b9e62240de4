"""Settings that ansible-core is going to remove, and warns of where somebody sets them.

Why, and what to do about it, its configuration reference says (``content.configuration``).
"""

from __future__ import annotations

from typing import NamedTuple


class DeprecatedSetting(NamedTuple):
    """``env``: its environment variable; ``ini``: section and key."""

    name: str
    env: str | None
    ini: tuple[str, str]


DEPRECATED = (
    DeprecatedSetting(
        "ANSIBLE_CONNECTION_PATH", "ANSIBLE_CONNECTION_PATH", ("persistent_connection", "ansible_connection_path")
    ),
    DeprecatedSetting("DEFAULT_ALLOW_UNSAFE_LOOKUPS", None, ("defaults", "allow_unsafe_lookups")),
    DeprecatedSetting("DEFAULT_JINJA2_EXTENSIONS", "ANSIBLE_JINJA2_EXTENSIONS", ("defaults", "jinja2_extensions")),
    DeprecatedSetting("DEFAULT_JINJA2_NATIVE", "ANSIBLE_JINJA2_NATIVE", ("defaults", "jinja2_native")),
    DeprecatedSetting(
        "DEFAULT_LIBVIRT_LXC_NOSECLABEL", "ANSIBLE_LIBVIRT_LXC_NOSECLABEL", ("selinux", "libvirt_lxc_noseclabel")
    ),
    DeprecatedSetting("DEFAULT_MANAGED_STR", None, ("defaults", "ansible_managed")),
    DeprecatedSetting(
        "DEFAULT_NULL_REPRESENTATION", "ANSIBLE_NULL_REPRESENTATION", ("defaults", "null_representation")
    ),
    DeprecatedSetting(
        "DEFAULT_UNDEFINED_VAR_BEHAVIOR", "ANSIBLE_ERROR_ON_UNDEFINED_VARS", ("defaults", "error_on_undefined_vars")
    ),
    DeprecatedSetting(
        "PARAMIKO_HOST_KEY_AUTO_ADD", "ANSIBLE_PARAMIKO_HOST_KEY_AUTO_ADD", ("paramiko_connection", "host_key_auto_add")
    ),
    DeprecatedSetting(
        "PARAMIKO_LOOK_FOR_KEYS", "ANSIBLE_PARAMIKO_LOOK_FOR_KEYS", ("paramiko_connection", "look_for_keys")
    ),
    DeprecatedSetting("STRING_TYPE_FILTERS", "ANSIBLE_STRING_TYPE_FILTERS", ("jinja2", "dont_type_filters")),
)
