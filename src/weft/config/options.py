"""Every setting weft knows: its name in Ansible, its field, its type, and where it may be set.

The rows are data. Names, sections and variables are those of ansible-core's configuration reference and of the
options of its ssh, sudo, su, default-callback, jsonfile and host_group_vars plugins. Where several places are listed
the last one that is set counts.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["str", "bool", "int", "float", "list", "path", "pathspec", "pathlist"]


class Option(NamedTuple):
    """One setting. ``default`` replaces the one of the field: path settings name theirs with ``{home}``."""

    name: str  # as Ansible's messages call it
    field: str
    kind: Kind
    env: tuple[str, ...]
    ini: tuple[tuple[str, str], ...]
    choices: tuple[str, ...] = ()
    default: str | None = None


def _option(
    name: str, field: str, kind: Kind, env: str = "", ini: str = "", choices: str = "", default: str | None = None
) -> Option:
    """``ini`` entries are `key` (of [defaults]) or `section.key`."""
    pairs = tuple(_pair(entry) for entry in ini.split())
    return Option(name, field, kind, tuple(env.split()), pairs, tuple(choices.split()), default)


def _pair(entry: str) -> tuple[str, str]:
    section, dot, key = entry.rpartition(".")
    return (section if dot else "defaults", key)


_WHERE = (
    _option("DEFAULT_HOST_LIST", "inventory", "pathlist", "ANSIBLE_INVENTORY", "inventory"),
    _option(
        "DEFAULT_ROLES_PATH", "roles_path", "pathspec", "ANSIBLE_ROLES_PATH", "roles_path",
        default="{home}/roles:/usr/share/ansible/roles:/etc/ansible/roles",
    ),
    _option(
        "COLLECTIONS_PATHS", "collections_path", "pathspec", "ANSIBLE_COLLECTIONS_PATH", "collections_path",
        default="{home}/collections:/usr/share/ansible/collections",
    ),
    _option(
        "DEFAULT_MODULE_PATH", "library", "pathspec", "ANSIBLE_LIBRARY", "library",
        default="{home}/plugins/modules:/usr/share/ansible/plugins/modules",
    ),
    _option(
        "DEFAULT_MODULE_UTILS_PATH", "module_utils", "pathspec", "ANSIBLE_MODULE_UTILS", "module_utils",
        default="{home}/plugins/module_utils:/usr/share/ansible/plugins/module_utils",
    ),
    _option("PLAYBOOK_DIR", "playbook_dir", "path", "ANSIBLE_PLAYBOOK_DIR", "playbook_dir"),
    _option(
        "PLAYBOOK_VARS_ROOT", "playbook_vars_root", "str", "ANSIBLE_PLAYBOOK_VARS_ROOT", "playbook_vars_root",
        "top bottom all",
    ),
)  # fmt: skip

_RUN = (
    _option("DEFAULT_FORKS", "forks", "int", "ANSIBLE_FORKS", "forks"),
    _option("DEFAULT_STRATEGY", "strategy", "str", "ANSIBLE_STRATEGY", "strategy"),
    _option("DEFAULT_GATHERING", "gathering", "str", "ANSIBLE_GATHERING", "gathering", "implicit explicit smart"),
    _option("FACTS_MODULES", "facts_modules", "list", "ANSIBLE_FACTS_MODULES", "facts_modules"),
    _option("CACHE_PLUGIN", "fact_caching", "str", "ANSIBLE_CACHE_PLUGIN", "fact_caching"),
    _option(
        "CACHE_PLUGIN_CONNECTION", "fact_caching_connection", "str", "ANSIBLE_CACHE_PLUGIN_CONNECTION",
        "fact_caching_connection",
    ),
    _option(
        "CACHE_PLUGIN_PREFIX", "fact_caching_prefix", "str", "ANSIBLE_CACHE_PLUGIN_PREFIX", "fact_caching_prefix"
    ),
    _option(
        "CACHE_PLUGIN_TIMEOUT", "fact_caching_timeout", "int", "ANSIBLE_CACHE_PLUGIN_TIMEOUT", "fact_caching_timeout"
    ),
    _option(
        "INJECT_FACTS_AS_VARS", "inject_facts_as_vars", "bool", "ANSIBLE_INJECT_FACT_VARS", "inject_facts_as_vars"
    ),
    _option(
        "DEFAULT_HASH_BEHAVIOUR", "hash_behaviour", "str", "ANSIBLE_HASH_BEHAVIOUR", "hash_behaviour", "replace merge"
    ),
    _option("DEFAULT_FORCE_HANDLERS", "force_handlers", "bool", "ANSIBLE_FORCE_HANDLERS", "force_handlers"),
    _option("ANY_ERRORS_FATAL", "any_errors_fatal", "bool", "ANSIBLE_ANY_ERRORS_FATAL", "any_errors_fatal"),
    _option(
        "DEFAULT_UNDEFINED_VAR_BEHAVIOR", "error_on_undefined_vars", "bool", "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        "error_on_undefined_vars",
    ),
    _option(
        "ERROR_ON_MISSING_HANDLER", "error_on_missing_handler", "bool", "ANSIBLE_ERROR_ON_MISSING_HANDLER",
        "error_on_missing_handler",
    ),
    _option(
        "ALLOW_BROKEN_CONDITIONALS", "allow_broken_conditionals", "bool", "ANSIBLE_ALLOW_BROKEN_CONDITIONALS",
        "allow_broken_conditionals",
    ),
    _option(
        "ALLOW_EMBEDDED_TEMPLATES", "allow_embedded_templates", "bool", "ANSIBLE_ALLOW_EMBEDDED_TEMPLATES",
        "allow_embedded_templates",
    ),
    _option("DEFAULT_JINJA2_EXTENSIONS", "jinja2_extensions", "list", "ANSIBLE_JINJA2_EXTENSIONS", "jinja2_extensions"),
    _option("DEFAULT_MANAGED_STR", "ansible_managed", "str", "", "ansible_managed"),
    _option("DEFAULT_DEBUG", "debug", "bool", "ANSIBLE_DEBUG", "debug"),
    _option("PLUGIN_FILTERS_CFG", "plugin_filters_cfg", "path", "", "plugin_filters_cfg"),
    _option("TASK_TIMEOUT", "task_timeout", "int", "ANSIBLE_TASK_TIMEOUT", "task_timeout"),
    _option("DEFAULT_POLL_INTERVAL", "poll_interval", "int", "ANSIBLE_POLL_INTERVAL", "poll_interval"),
    _option("async_dir", "async_dir", "str", "ANSIBLE_ASYNC_DIR", "async_dir"),
    _option("TAGS_RUN", "run_tags", "list", "ANSIBLE_RUN_TAGS", "tags.run"),
    _option("TAGS_SKIP", "skip_tags", "list", "ANSIBLE_SKIP_TAGS", "tags.skip"),
    _option("DEFAULT_NO_LOG", "no_log", "bool", "ANSIBLE_NO_LOG", "no_log"),
    _option(
        "DUPLICATE_YAML_DICT_KEY", "duplicate_dict_key", "str", "ANSIBLE_DUPLICATE_YAML_DICT_KEY",
        "duplicate_dict_key", "error warn ignore",
    ),
    _option(
        "DEFAULT_PRIVATE_ROLE_VARS", "private_role_vars", "bool", "ANSIBLE_PRIVATE_ROLE_VARS", "private_role_vars"
    ),
    _option(
        "TASK_DEBUGGER_IGNORE_ERRORS", "task_debugger_ignore_errors", "bool", "ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS",
        "task_debugger_ignore_errors",
    ),
    _option(
        "ENABLE_TASK_DEBUGGER", "enable_task_debugger", "bool", "ANSIBLE_ENABLE_TASK_DEBUGGER", "enable_task_debugger"
    ),
    _option(
        "INVALID_TASK_ATTRIBUTE_FAILED", "invalid_task_attribute_failed", "bool",
        "ANSIBLE_INVALID_TASK_ATTRIBUTE_FAILED", "invalid_task_attribute_failed",
    ),
    _option(
        "VALIDATE_ACTION_GROUP_METADATA", "validate_action_group_metadata", "bool",
        "ANSIBLE_VALIDATE_ACTION_GROUP_METADATA", "validate_action_group_metadata",
    ),
    _option(
        "MODULE_STRICT_UTF8_RESPONSE", "module_strict_utf8", "bool", "ANSIBLE_MODULE_STRICT_UTF8_RESPONSE",
        "module_strict_utf8_response",
    ),
    _option("DEFAULT_MODULE_NAME", "module_name", "str", "", "module_name"),
    _option("DEFAULT_MODULE_ARGS", "module_args", "str", "ANSIBLE_MODULE_ARGS", "module_args"),
    _option("WEFT_RECONNECT_WINDOW", "reconnect_window", "int", "WEFT_RECONNECT_WINDOW", "weft.reconnect_window"),
)  # fmt: skip

_INVENTORY = (
    _option(
        "HOST_PATTERN_MISMATCH", "host_pattern_mismatch", "str", "ANSIBLE_HOST_PATTERN_MISMATCH",
        "inventory.host_pattern_mismatch", "error warning ignore",
    ),
    _option("INVENTORY_ENABLED", "inventory_enabled", "list", "ANSIBLE_INVENTORY_ENABLED", "inventory.enable_plugins"),
    _option(
        "INVENTORY_UNPARSED_IS_FAILED", "inventory_unparsed_is_failed", "bool", "ANSIBLE_INVENTORY_UNPARSED_FAILED",
        "inventory.unparsed_is_failed",
    ),
    _option(
        "INVENTORY_ANY_UNPARSED_IS_FAILED", "inventory_any_unparsed_is_failed", "bool",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "inventory.any_unparsed_is_failed",
    ),
    _option(
        "INVENTORY_UNPARSED_WARNING", "inventory_unparsed_warning", "bool", "ANSIBLE_INVENTORY_UNPARSED_WARNING",
        "inventory.inventory_unparsed_warning",
    ),
    _option(
        "INVENTORY_IGNORE_EXTS", "inventory_ignore_extensions", "list", "ANSIBLE_INVENTORY_IGNORE",
        "inventory_ignore_extensions inventory.ignore_extensions",
    ),
    _option(
        "INVENTORY_IGNORE_PATTERNS", "inventory_ignore_patterns", "list", "ANSIBLE_INVENTORY_IGNORE_REGEX",
        "inventory_ignore_patterns inventory.ignore_patterns",
    ),
    _option("INVENTORY_EXPORT", "inventory_export", "bool", "ANSIBLE_INVENTORY_EXPORT", "inventory.export"),
    _option(
        "TRANSFORM_INVALID_GROUP_CHARS", "transform_invalid_group_chars", "str",
        "ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS", "force_valid_group_names", "always never ignore silently",
    ),
    _option(
        "YAML_FILENAME_EXTENSIONS", "yaml_valid_extensions", "list", "ANSIBLE_YAML_FILENAME_EXT",
        "yaml_valid_extensions",
    ),
    _option(
        "yaml_extensions", "yaml_inventory_extensions", "list",
        "ANSIBLE_YAML_FILENAME_EXT ANSIBLE_INVENTORY_PLUGIN_EXTS",
        "yaml_valid_extensions inventory_plugin_yaml.yaml_valid_extensions",
    ),
    _option(
        "always_show_stderr", "script_inventory_stderr", "bool", "ANSIBLE_INVENTORY_PLUGIN_SCRIPT_STDERR",
        "inventory_plugin_script.always_show_stderr",
    ),
    _option("VARIABLE_PRECEDENCE", "variable_precedence", "list", "ANSIBLE_PRECEDENCE", "precedence"),
    _option(
        "VARIABLE_PLUGINS_ENABLED", "vars_plugins_enabled", "list", "ANSIBLE_VARS_ENABLED", "vars_plugins_enabled"
    ),
    _option(
        "RUN_VARS_PLUGINS", "run_vars_plugins", "str", "ANSIBLE_RUN_VARS_PLUGINS", "run_vars_plugins", "demand start"
    ),
    _option(
        "stage", "host_group_vars_stage", "str", "ANSIBLE_VARS_PLUGIN_STAGE", "vars_host_group_vars.stage",
        "all task inventory",
    ),
)  # fmt: skip

_VAULT = (
    _option(
        "DEFAULT_VAULT_PASSWORD_FILE", "vault_password_file", "path", "ANSIBLE_VAULT_PASSWORD_FILE",
        "vault_password_file",
    ),
    _option("DEFAULT_VAULT_IDENTITY", "vault_identity", "str", "ANSIBLE_VAULT_IDENTITY", "vault_identity"),
    _option(
        "DEFAULT_VAULT_IDENTITY_LIST", "vault_identity_list", "list", "ANSIBLE_VAULT_IDENTITY_LIST",
        "vault_identity_list",
    ),
    _option("DEFAULT_VAULT_ID_MATCH", "vault_id_match", "bool", "ANSIBLE_VAULT_ID_MATCH", "vault_id_match"),
    _option("DEFAULT_ASK_VAULT_PASS", "ask_vault_pass", "bool", "ANSIBLE_ASK_VAULT_PASS", "ask_vault_pass"),
)  # fmt: skip

_CONNECTION = (
    _option("DEFAULT_TRANSPORT", "transport", "str", "ANSIBLE_TRANSPORT", "transport"),
    _option("DEFAULT_REMOTE_USER", "remote_user", "str", "ANSIBLE_REMOTE_USER", "remote_user"),
    _option("DEFAULT_REMOTE_PORT", "remote_port", "int", "ANSIBLE_REMOTE_PORT", "remote_port"),
    _option(
        "DEFAULT_PRIVATE_KEY_FILE", "private_key_file", "path", "ANSIBLE_PRIVATE_KEY_FILE", "private_key_file"
    ),
    _option("private_key_passphrase", "private_key_passphrase", "str", "ANSIBLE_PRIVATE_KEY_PASSPHRASE"),
    _option(
        "DEFAULT_TIMEOUT", "timeout", "int", "ANSIBLE_TIMEOUT ANSIBLE_SSH_TIMEOUT", "timeout ssh_connection.timeout"
    ),
    _option(
        "HOST_KEY_CHECKING", "host_key_checking", "bool",
        "ANSIBLE_HOST_KEY_CHECKING ANSIBLE_SSH_HOST_KEY_CHECKING",
        "host_key_checking ssh_connection.host_key_checking",
    ),
    _option("ssh_args", "ssh_args", "str", "ANSIBLE_SSH_ARGS", "ssh_connection.ssh_args"),
    _option(
        "ssh_common_args", "ssh_common_args", "str", "ANSIBLE_SSH_COMMON_ARGS", "ssh_connection.ssh_common_args"
    ),
    _option("ssh_extra_args", "ssh_extra_args", "str", "ANSIBLE_SSH_EXTRA_ARGS", "ssh_connection.ssh_extra_args"),
    _option("ssh_executable", "ssh_executable", "str", "ANSIBLE_SSH_EXECUTABLE", "ssh_connection.ssh_executable"),
    _option(
        "reconnection_retries", "ssh_retries", "int", "ANSIBLE_SSH_RETRIES",
        "connection.retries ssh_connection.retries",
    ),
    _option("DEFAULT_EXECUTABLE", "executable", "str", "ANSIBLE_EXECUTABLE", "executable"),
    _option(
        "INTERPRETER_PYTHON", "interpreter_python", "str", "ANSIBLE_PYTHON_INTERPRETER", "interpreter_python"
    ),
    _option("remote_tmp", "remote_tmp", "str", "ANSIBLE_REMOTE_TEMP ANSIBLE_REMOTE_TMP", "remote_tmp"),
    _option(
        "DEFAULT_LOCAL_TMP", "local_tmp", "path", "ANSIBLE_LOCAL_TEMP", "local_tmp", default="{home}/tmp"
    ),
    _option("DEFAULT_ASK_PASS", "ask_pass", "bool", "ANSIBLE_ASK_PASS", "ask_pass"),
    _option(
        "CONNECTION_PASSWORD_FILE", "connection_password_file", "path", "ANSIBLE_CONNECTION_PASSWORD_FILE",
        "connection_password_file",
    ),
    _option("DEFAULT_BECOME", "become", "bool", "ANSIBLE_BECOME", "privilege_escalation.become"),
    _option(
        "DEFAULT_BECOME_METHOD", "become_method", "str", "ANSIBLE_BECOME_METHOD", "privilege_escalation.become_method"
    ),
    _option("DEFAULT_BECOME_USER", "become_user", "str", "ANSIBLE_BECOME_USER", "privilege_escalation.become_user"),
    _option("DEFAULT_BECOME_EXE", "become_exe", "str", "ANSIBLE_BECOME_EXE", "privilege_escalation.become_exe"),
    _option(
        "DEFAULT_BECOME_FLAGS", "become_flags", "str", "ANSIBLE_BECOME_FLAGS", "privilege_escalation.become_flags"
    ),
    _option("become_pass", "become_password", "str", "ANSIBLE_BECOME_PASS"),
    _option(
        "BECOME_ALLOW_SAME_USER", "become_allow_same_user", "bool", "ANSIBLE_BECOME_ALLOW_SAME_USER",
        "privilege_escalation.become_allow_same_user",
    ),
    _option(
        "DEFAULT_BECOME_ASK_PASS", "become_ask_pass", "bool", "ANSIBLE_BECOME_ASK_PASS",
        "privilege_escalation.become_ask_pass",
    ),
    _option(
        "BECOME_PASSWORD_FILE", "become_password_file", "path", "ANSIBLE_BECOME_PASSWORD_FILE", "become_password_file"
    ),
    _option(
        "AGNOSTIC_BECOME_PROMPT", "agnostic_become_prompt", "bool", "ANSIBLE_AGNOSTIC_BECOME_PROMPT",
        "privilege_escalation.agnostic_become_prompt",
    ),
    _option(
        "DEFAULT_SELINUX_SPECIAL_FS", "selinux_special_fs", "list", "ANSIBLE_SELINUX_SPECIAL_FS",
        "selinux.special_context_filesystems",
    ),
    _option(
        "DEFAULT_NO_TARGET_SYSLOG", "no_target_syslog", "bool", "ANSIBLE_NO_TARGET_SYSLOG", "no_target_syslog"
    ),
    _option("DEFAULT_SYSLOG_FACILITY", "syslog_facility", "str", "ANSIBLE_SYSLOG_FACILITY", "syslog_facility"),
    _option(
        "PYTHON_MODULE_RLIMIT_NOFILE", "module_nofile", "int", "ANSIBLE_PYTHON_MODULE_RLIMIT_NOFILE",
        "python_module_rlimit_nofile",
    ),
    _option("TARGET_LOG_INFO", "target_log_info", "str", "ANSIBLE_TARGET_LOG_INFO", "target_log_info"),
    _option(
        "DEFAULT_KEEP_REMOTE_FILES", "keep_remote_files", "bool", "ANSIBLE_KEEP_REMOTE_FILES", "keep_remote_files"
    ),
)  # fmt: skip

_OUTPUT = (
    _option("DEFAULT_VERBOSITY", "verbosity", "int", "ANSIBLE_VERBOSITY", "verbosity"),
    _option("ANSIBLE_NOCOLOR", "nocolor", "bool", "ANSIBLE_NOCOLOR NO_COLOR", "nocolor"),
    _option("ANSIBLE_FORCE_COLOR", "force_color", "bool", "ANSIBLE_FORCE_COLOR", "force_color"),
    _option("DEFAULT_STDOUT_CALLBACK", "stdout_callback", "str", "ANSIBLE_STDOUT_CALLBACK", "stdout_callback"),
    _option("CALLBACKS_ENABLED", "callbacks_enabled", "list", "ANSIBLE_CALLBACKS_ENABLED", "callbacks_enabled"),
    _option(
        "DEFAULT_LOAD_CALLBACK_PLUGINS", "bin_ansible_callbacks", "bool", "ANSIBLE_LOAD_CALLBACK_PLUGINS",
        "bin_ansible_callbacks",
    ),
    _option(
        "result_format", "callback_result_format", "str", "ANSIBLE_CALLBACK_RESULT_FORMAT", "callback_result_format",
        "json yaml",
    ),
    _option(
        "pretty_results", "callback_format_pretty", "bool", "ANSIBLE_CALLBACK_FORMAT_PRETTY", "callback_format_pretty"
    ),
    _option("display_ok_hosts", "display_ok_hosts", "bool", "ANSIBLE_DISPLAY_OK_HOSTS", "display_ok_hosts"),
    _option(
        "DISPLAY_SKIPPED_HOSTS", "display_skipped_hosts", "bool", "ANSIBLE_DISPLAY_SKIPPED_HOSTS",
        "display_skipped_hosts",
    ),
    _option(
        "display_failed_stderr", "display_failed_stderr", "bool", "ANSIBLE_DISPLAY_FAILED_STDERR",
        "display_failed_stderr",
    ),
    _option(
        "DISPLAY_ARGS_TO_STDOUT", "display_args_to_stdout", "bool", "ANSIBLE_DISPLAY_ARGS_TO_STDOUT",
        "display_args_to_stdout",
    ),
    _option("SHOW_CUSTOM_STATS", "show_custom_stats", "bool", "ANSIBLE_SHOW_CUSTOM_STATS", "show_custom_stats"),
    _option("show_per_host_start", "show_per_host_start", "bool", "ANSIBLE_SHOW_PER_HOST_START", "show_per_host_start"),
    _option(
        "show_task_path_on_failure", "show_task_path_on_failure", "bool", "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE",
        "show_task_path_on_failure",
    ),
    _option("check_mode_markers", "check_mode_markers", "bool", "ANSIBLE_CHECK_MODE_MARKERS", "check_mode_markers"),
    _option(
        "DEPRECATION_WARNINGS", "deprecation_warnings", "bool", "ANSIBLE_DEPRECATION_WARNINGS", "deprecation_warnings"
    ),
    _option("SYSTEM_WARNINGS", "system_warnings", "bool", "ANSIBLE_SYSTEM_WARNINGS", "system_warnings"),
    _option("ACTION_WARNINGS", "action_warnings", "bool", "ANSIBLE_ACTION_WARNINGS", "action_warnings"),
    _option("LOCALHOST_WARNING", "localhost_warning", "bool", "ANSIBLE_LOCALHOST_WARNING", "localhost_warning"),
    _option(
        "DISPLAY_TRACEBACK", "display_traceback", "list", "ANSIBLE_DISPLAY_TRACEBACK", "display_traceback",
        "error warning deprecated deprecated_value always never",
    ),
    _option("VERBOSE_TO_STDERR", "verbose_to_stderr", "bool", "ANSIBLE_VERBOSE_TO_STDERR", "verbose_to_stderr"),
    _option("DEFAULT_LOG_PATH", "log_path", "path", "ANSIBLE_LOG_PATH", "log_path"),
    _option("LOG_VERBOSITY", "log_verbosity", "int", "ANSIBLE_LOG_VERBOSITY", "log_verbosity"),
    _option(
        "RETRY_FILES_ENABLED", "retry_files_enabled", "bool", "ANSIBLE_RETRY_FILES_ENABLED", "retry_files_enabled"
    ),
    _option(
        "RETRY_FILES_SAVE_PATH", "retry_files_save_path", "path", "ANSIBLE_RETRY_FILES_SAVE_PATH",
        "retry_files_save_path",
    ),
    _option("DIFF_ALWAYS", "diff_always", "bool", "ANSIBLE_DIFF_ALWAYS", "diff.always"),
    _option("DIFF_CONTEXT", "diff_context", "int", "ANSIBLE_DIFF_CONTEXT", "diff.context"),
    _option("MAX_FILE_SIZE_FOR_DIFF", "max_diff_size", "int", "ANSIBLE_MAX_DIFF_SIZE", "max_diff_size"),
)  # fmt: skip

HOME = _option("ANSIBLE_HOME", "home", "path", "ANSIBLE_HOME", "home", default="~/.ansible")

OPTIONS: tuple[Option, ...] = (*_WHERE, *_RUN, *_INVENTORY, *_VAULT, *_CONNECTION, *_OUTPUT)

#: Folders of plugins, by kind.
PLUGIN_PATHS: dict[str, Option] = {
    kind: _option(
        name, kind, "pathspec", f"ANSIBLE_{kind.upper()}_PLUGINS", f"{kind}_plugins",
        default=f"{{home}}/plugins/{kind}:/usr/share/ansible/plugins/{kind}",
    )
    for kind, name in {
        "action": "DEFAULT_ACTION_PLUGIN_PATH",
        "become": "BECOME_PLUGIN_PATH",
        "cache": "DEFAULT_CACHE_PLUGIN_PATH",
        "callback": "DEFAULT_CALLBACK_PLUGIN_PATH",
        "cliconf": "DEFAULT_CLICONF_PLUGIN_PATH",
        "connection": "DEFAULT_CONNECTION_PLUGIN_PATH",
        "filter": "DEFAULT_FILTER_PLUGIN_PATH",
        "httpapi": "DEFAULT_HTTPAPI_PLUGIN_PATH",
        "inventory": "DEFAULT_INVENTORY_PLUGIN_PATH",
        "lookup": "DEFAULT_LOOKUP_PLUGIN_PATH",
        "netconf": "DEFAULT_NETCONF_PLUGIN_PATH",
        "strategy": "DEFAULT_STRATEGY_PLUGIN_PATH",
        "terminal": "DEFAULT_TERMINAL_PLUGIN_PATH",
        "test": "DEFAULT_TEST_PLUGIN_PATH",
        "vars": "DEFAULT_VARS_PLUGIN_PATH",
    }.items()
}  # fmt: skip
PLUGIN_PATHS["doc_fragments"] = _option(
    "DOC_FRAGMENT_PLUGIN_PATH", "doc_fragments", "pathspec", "ANSIBLE_DOC_FRAGMENT_PLUGINS", "doc_fragment_plugins",
    default="{home}/plugins/doc_fragments:/usr/share/ansible/plugins/doc_fragments",
)  # fmt: skip

#: What one become method alone has: its name -> what is set -> where.
BECOME_OPTIONS: dict[str, dict[str, Option]] = {
    method: {
        what: _option(
            f"become_{what}", what, "str", f"ANSIBLE_{method.upper()}_{variable}", f"{method}_become_plugin.{key}"
        )
        for what, (variable, key) in {
            "user": ("USER", "user"),
            "exe": ("EXE", "executable"),
            "flags": ("FLAGS", "flags"),
            "password": ("PASS", "password"),
        }.items()
    }
    for method in ("sudo", "su", "runas")
}

#: Colours of Ansible's output, by name. Each may be set as ANSIBLE_COLOR_X and in [colors].
COLORS: dict[str, str] = {
    "changed": "yellow",
    "console_prompt": "white",
    "debug": "dark gray",
    "deprecate": "purple",
    "diff_add": "green",
    "diff_lines": "cyan",
    "diff_remove": "red",
    "error": "red",
    "highlight": "white",
    "included": "cyan",
    "ok": "green",
    "skip": "cyan",
    "unreachable": "bright red",
    "verbose": "blue",
    "warn": "bright purple",
}


class Unsupported(NamedTuple):
    """A setting weft can't honour. It only matters where it is set to something else than ``harmless``."""

    option: Option
    harmless: tuple[str, ...] = ()


#: These change what a run does and have no counterpart here; whoever sets one is told.
UNSUPPORTED: tuple[Unsupported, ...] = (
    Unsupported(_option("MODULE_IGNORE_EXTS", "", "str", "ANSIBLE_MODULE_IGNORE_EXTS", "module_ignore_exts")),
    Unsupported(_option("SSH_AGENT", "", "str", "ANSIBLE_SSH_AGENT", "connection.ssh_agent"), ("none",)),
    Unsupported(_option("private_key", "", "str", "ANSIBLE_PRIVATE_KEY")),
    Unsupported(_option("pkcs11_provider", "", "str", "ANSIBLE_PKCS11_PROVIDER", "ssh_connection.pkcs11_provider")),
    Unsupported(
        _option(
            "password_mechanism", "", "str", "ANSIBLE_SSH_PASSWORD_MECHANISM", "ssh_connection.password_mechanism"
        ),
        ("ssh_askpass", "sshpass"),
    ),
    Unsupported(_option("sudo_chdir", "", "str", "ANSIBLE_SUDO_CHDIR", "sudo_become_plugin.chdir")),
    Unsupported(
        _option(
            "COLLECTIONS_SCAN_SYS_PATH", "", "bool", "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH", "collections_scan_sys_path"
        ),
        ("true",),
    ),
)  # fmt: skip
