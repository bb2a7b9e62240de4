"""Settings that ansible-core warns of where somebody sets them, with its words: they are going to be removed there.

Source: the `deprecated` entries of ansible-core 2.19's configuration reference (`ansible-config list`).
"""

from __future__ import annotations

from typing import NamedTuple

_UNUSED = "This option is no longer used in the Ansible Core code base."
_MOVED = "This option was moved to the plugin itself"
_OF_PLUGIN = "Use the option from the plugin itself."
_NOTHING_ELSE = (
    "There is no alternative at the moment. "
    "A different mechanism would have to be implemented in the current code base."
)


class DeprecatedSetting(NamedTuple):
    """``ini`` is section and key, ``version`` the release of ansible-core that will not have it."""

    name: str
    env: str | None
    ini: tuple[str, str]
    why: str
    version: str
    instead: str = "none"

    @property
    def message(self) -> str:
        return f"{self.name} option. Reason: {self.why}\nAlternatives: {self.instead}"


DEPRECATED = (
    DeprecatedSetting(
        "ANSIBLE_CONNECTION_PATH",
        "ANSIBLE_CONNECTION_PATH",
        ("persistent_connection", "ansible_connection_path"),
        "This setting has no effect.",
        "2.22",
    ),
    DeprecatedSetting(
        "DEFAULT_ALLOW_UNSAFE_LOOKUPS",
        None,
        ("defaults", "allow_unsafe_lookups"),
        _UNUSED,
        "2.23",
        "Lookup plugins are responsible for tagging strings containing templates to allow evaluation as a template.",
    ),
    DeprecatedSetting(
        "DEFAULT_JINJA2_EXTENSIONS",
        "ANSIBLE_JINJA2_EXTENSIONS",
        ("defaults", "jinja2_extensions"),
        "Jinja2 extensions have been deprecated",
        "2.23",
        "Ansible-supported Jinja plugins (tests, filters, lookups)",
    ),
    DeprecatedSetting(
        "DEFAULT_JINJA2_NATIVE",
        "ANSIBLE_JINJA2_NATIVE",
        ("defaults", "jinja2_native"),
        _UNUSED,
        "2.23",
        "Jinja2 native mode is now the default and only option.",
    ),
    DeprecatedSetting(
        "DEFAULT_LIBVIRT_LXC_NOSECLABEL",
        "ANSIBLE_LIBVIRT_LXC_NOSECLABEL",
        ("selinux", "libvirt_lxc_noseclabel"),
        _MOVED,
        "2.22",
        _OF_PLUGIN,
    ),
    DeprecatedSetting(
        "DEFAULT_MANAGED_STR",
        None,
        ("defaults", "ansible_managed"),
        "The `ansible_managed` variable can be set just like any other variable, or a different variable can be used.",
        "2.23",
        "Set the `ansible_managed` variable, or use any custom variable in templates.",
    ),
    DeprecatedSetting(
        "DEFAULT_NULL_REPRESENTATION",
        "ANSIBLE_NULL_REPRESENTATION",
        ("defaults", "null_representation"),
        _UNUSED,
        "2.23",
        _NOTHING_ELSE,
    ),
    DeprecatedSetting(
        "DEFAULT_UNDEFINED_VAR_BEHAVIOR",
        "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        ("defaults", "error_on_undefined_vars"),
        _UNUSED,
        "2.23",
        _NOTHING_ELSE,
    ),
    DeprecatedSetting(
        "PARAMIKO_HOST_KEY_AUTO_ADD",
        "ANSIBLE_PARAMIKO_HOST_KEY_AUTO_ADD",
        ("paramiko_connection", "host_key_auto_add"),
        _MOVED,
        "2.20",
        _OF_PLUGIN,
    ),
    DeprecatedSetting(
        "PARAMIKO_LOOK_FOR_KEYS",
        "ANSIBLE_PARAMIKO_LOOK_FOR_KEYS",
        ("paramiko_connection", "look_for_keys"),
        _MOVED,
        "2.20",
        _OF_PLUGIN,
    ),
    DeprecatedSetting(
        "STRING_TYPE_FILTERS",
        "ANSIBLE_STRING_TYPE_FILTERS",
        ("jinja2", "dont_type_filters"),
        "This option has no effect.",
        "2.23",
        "None; native types returned from filters are always preserved.",
    ),
)
