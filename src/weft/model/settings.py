"""Settings of a run: what ansible.cfg, ANSIBLE_* variables and the command line say, typed, with Ansible's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from weft.model.record import Discreet


class Settings(Discreet, frozen=True, kw_only=True):
    """One immutable record for the run. Names are those of ansible.cfg where it has one. Durations are in seconds."""

    unshown: ClassVar[frozenset[str]] = frozenset({"private_key_passphrase", "become_password", "become_options"})

    config_file: str | None = None
    home: str = "~/.ansible"
    # where things are found
    inventory: tuple[str, ...] = ("/etc/ansible/hosts",)
    roles_path: tuple[str, ...] = ("~/.ansible/roles", "/usr/share/ansible/roles", "/etc/ansible/roles")
    collections_path: tuple[str, ...] = ("~/.ansible/collections", "/usr/share/ansible/collections")
    library: tuple[str, ...] = ("~/.ansible/plugins/modules", "/usr/share/ansible/plugins/modules")
    module_utils: tuple[str, ...] = ("~/.ansible/plugins/module_utils", "/usr/share/ansible/plugins/module_utils")
    plugin_paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # "filter", "lookup", ...: folders
    plugin_filters_cfg: str | None = None  # the file that names modules nobody may call
    playbook_vars_root: str = "top"
    # the run
    forks: int = 5
    strategy: str = "linear"
    gathering: str = "implicit"
    gather_subset: tuple[str, ...] = ("all",)
    gather_timeout: int = 10
    fact_caching: str = "memory"
    fact_caching_connection: str | None = None
    fact_caching_prefix: str = ""
    fact_caching_timeout: int = 86400
    inject_facts_as_vars: bool = True
    hash_behaviour: str = "replace"
    force_handlers: bool = False
    any_errors_fatal: bool = False
    max_fail_percentage: float | None = None
    error_on_undefined_vars: bool = True
    error_on_missing_handler: bool = True
    allow_broken_conditionals: bool = False
    task_timeout: int = 0
    poll_interval: int = 15
    async_dir: str = "~/.ansible_async"
    run_tags: tuple[str, ...] = ("all",)
    skip_tags: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    no_log: bool = False
    duplicate_dict_key: str = "warn"
    private_role_vars: bool = False
    debug: bool = False  # what modules do for debugging, and flushes of handlers that no task asks for, are shown
    task_debugger_ignore_errors: bool = True
    enable_task_debugger: bool = False
    invalid_task_attribute_failed: bool = True
    host_pattern_mismatch: str = "warning"
    inventory_enabled: tuple[str, ...] = ("host_list", "script", "auto", "yaml", "ini", "toml")
    inventory_unparsed_is_failed: bool = False
    inventory_any_unparsed_is_failed: bool = False
    inventory_ignore_extensions: tuple[str, ...] = (
        ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
    )  # fmt: skip
    inventory_ignore_patterns: tuple[str, ...] = ()
    transform_invalid_group_chars: str = "never"
    yaml_valid_extensions: tuple[str, ...] = (".yml", ".yaml", ".json")
    vault_password_file: str | None = None
    vault_identity: str = "default"
    vault_identity_list: tuple[str, ...] = ()
    vault_id_match: bool = False
    ask_vault_pass: bool = False
    # connections and privilege escalation
    transport: str = "ssh"
    remote_user: str | None = None
    remote_port: int | None = None
    private_key_file: str | None = None
    timeout: int = 10
    host_key_checking: bool = True
    ssh_args: str | None = None
    ssh_common_args: str = ""
    ssh_extra_args: str = ""
    ssh_executable: str = "ssh"
    ssh_retries: int = 0
    reconnect_window: int = 60
    executable: str = "/bin/sh"
    interpreter_python: str = "auto"
    interpreter_python_fallback: tuple[str, ...] = (
        "python3.13", "python3.12", "python3.11", "python3.10", "python3.9", "python3.8", "/usr/bin/python3", "python3",
        "python3.7", "python3.6", "/usr/libexec/platform-python", "python2.7", "/usr/bin/python", "python",
    )  # fmt: skip
    module_lang: str | None = None
    module_set_locale: bool = False
    validate_action_group_metadata: bool = True
    module_strict_utf8: bool = True  # results and JSON with text that is no UTF-8 are refused
    remote_tmp: str = "~/.ansible/tmp"
    local_tmp: str = "~/.ansible/tmp"
    become: bool = False
    become_method: str = "sudo"
    become_user: str = "root"
    become_exe: str | None = None
    become_flags: str | None = None
    become_allow_same_user: bool = False
    # output
    verbosity: int = 0
    nocolor: bool = False
    force_color: bool = False
    stdout_callback: str = "default"
    callbacks_enabled: tuple[str, ...] = ()
    callback_result_format: str = "json"
    callback_format_pretty: bool | None = None
    display_ok_hosts: bool = True
    display_skipped_hosts: bool = True
    display_failed_stderr: bool = False
    display_args_to_stdout: bool = False
    show_custom_stats: bool = False
    show_per_host_start: bool = False
    show_task_path_on_failure: bool = False
    check_mode_markers: bool = False
    deprecation_warnings: bool = True
    system_warnings: bool = True
    action_warnings: bool = True
    localhost_warning: bool = True
    inventory_unparsed_warning: bool = True
    colors: Mapping[str, str] = field(default_factory=dict)  # "ok" -> "green", ...
    log_path: str | None = None
    retry_files_enabled: bool = False
    retry_files_save_path: str | None = None
    diff_always: bool = False
    diff_context: int = 3
    max_diff_size: int = 104448
    jinja2_native_warning: bool = True
    display_traceback: tuple[str, ...] = ("never",)
    verbose_to_stderr: bool = False
    log_verbosity: int | None = None  # None: as `verbosity`
    bin_ansible_callbacks: bool = False  # ad hoc commands use `stdout_callback` and `callbacks_enabled` too
    # the command line's defaults
    ask_pass: bool = False
    become_ask_pass: bool = False
    connection_password_file: str | None = None
    become_password_file: str | None = None
    agnostic_become_prompt: bool = True
    module_name: str = "command"
    module_args: str = ""
    playbook_dir: str | None = None
    # variables and inventory
    variable_precedence: tuple[str, ...] = (
        "all_inventory", "groups_inventory", "all_plugins_inventory", "all_plugins_play",
        "groups_plugins_inventory", "groups_plugins_play",
    )  # fmt: skip
    vars_plugins_enabled: tuple[str, ...] = ("host_group_vars",)
    run_vars_plugins: str = "demand"  # demand | start: files next to inventories are read at need, or when it is loaded
    host_group_vars_stage: str | None = None  # all | task | inventory; None: as `run_vars_plugins`
    yaml_inventory_extensions: tuple[str, ...] = (".yaml", ".yml", ".json")
    script_inventory_stderr: bool = True  # what an inventory script writes to stderr is shown
    inventory_export: bool = False
    # templates
    allow_embedded_templates: bool = True
    ansible_managed: str = "Ansible managed"
    jinja2_extensions: tuple[str, ...] = ()
    # more of connections and privilege escalation
    private_key_passphrase: str | None = None
    become_password: str | None = None
    become_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of one method alone, stronger than the general ones: "sudo" -> user, exe, flags, password."""
    # what modules are told
    facts_modules: tuple[str, ...] = ("smart",)
    selinux_special_fs: tuple[str, ...] = ("fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat")
    no_target_syslog: bool = False
    syslog_facility: str = "LOG_USER"
    module_nofile: int = 0  # how many descriptors modules may open (PYTHON_MODULE_RLIMIT_NOFILE); 0: as the host says
    target_log_info: str | None = None
    keep_remote_files: bool = False
    deprecated: tuple[str, ...] = ()  # settings that are set, and that ansible-core is going to remove
    warnings: tuple[str, ...] = ()  # what there is to say about the settings themselves, once
    origin: Mapping[str, str] = field(default_factory=dict)  # setting -> where its value came from
