"""What each keyword is for, in one or two sentences: shown by editors through the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ANSIBLE: Mapping[str, str] = {
    "name": "What views call it.",
    "vars": "Variables for what stands in it.",
    "any_errors_fatal": "The first host that fails ends the play for all.",
    "become": "Run as another user.",
    "become_exe": "The program that changes the user.",
    "become_flags": "Options for that program.",
    "become_method": "How to change the user: sudo, su, doas...",
    "become_user": "The user to become; root unless told.",
    "check_mode": "Change nothing; say what would change.",
    "connection": "How to reach the host: ssh, local, docker...",
    "debugger": "When to stop and ask.",
    "diff": "Show how files change.",
    "environment": "Environment variables for what runs on the host.",
    "ignore_errors": "Go on when it fails.",
    "ignore_unreachable": "Go on when the host can't be reached.",
    "module_defaults": "Arguments of modules that hold unless a task gives others.",
    "no_log": "Show nothing of arguments and results.",
    "port": "The port to connect to.",
    "remote_user": "The user to connect as.",
    "run_once": "One host runs it, for all.",
    "throttle": "At most so many hosts at once.",
    "timeout": "Seconds after which it fails.",
    "tags": "Names by which `--tags` and `--skip-tags` choose.",
    "collections": "Where short names of actions and roles are looked up.",
    "when": "Run it only if this holds; in a list, all must hold.",
    "delegate_to": "The host that it runs on instead.",
    "delegate_facts": "Facts that are found belong to the delegate.",
    "notify": "Handlers to run at the end of the section if it changed something.",
    "hosts": "Which hosts: a pattern, or a list of them.",
    "gather_facts": "Find out facts of the hosts first.",
    "gather_subset": "Which facts.",
    "gather_timeout": "Seconds for each fact.",
    "fact_path": "The folder of the hosts' own facts.",
    "vars_files": "Files of variables.",
    "vars_prompt": "Variables to ask for.",
    "roles": "Roles to run before the tasks.",
    "handlers": "Tasks that run when they are notified.",
    "pre_tasks": "Tasks before the roles.",
    "tasks": "Tasks after the roles.",
    "post_tasks": "Tasks after all others.",
    "force_handlers": "Handlers run even if a task has failed.",
    "max_fail_percentage": "End the play when more hosts have failed than this.",
    "order": "The order of hosts: inventory, reverse_inventory, sorted, reverse_sorted, shuffle.",
    "strategy": "How hosts keep pace: linear, free, host_pinned.",
    "user": "Old name of `remote_user`.",
    "serial": "Hosts go in batches: a number, a percentage, or a list of these.",
    "block": "Tasks that belong together.",
    "rescue": "Tasks for when the block fails.",
    "always": "Tasks that run at the end in any case.",
    "action": "The action and its arguments, in the old spelling.",
    "local_action": "The same, on the controller.",
    "args": "Further arguments of the action.",
    "async": "Run it as a job, at most so many seconds.",
    "poll": "Seconds between looks at the job; 0: go on without it.",
    "register": "The variable that gets the result.",
    "changed_when": "When it counts as changed.",
    "failed_when": "When it counts as failed.",
    "until": "Try again until this holds.",
    "retries": "How many more times to try.",
    "delay": "Seconds between tries.",
    "loop": "Run it once for each item of the list.",
    "loop_control": "How to go through the items.",
    "listen": "Topics by which the handler is notified too.",
    "loop_var": "The variable that holds the item; `item` unless told.",
    "index_var": "The variable that holds the item's number, from 0.",
    "label": "What views show of the item.",
    "pause": "Seconds between items.",
    "extended": "`ansible_loop` tells more of the loop.",
    "extended_allitems": "`ansible_loop.allitems` has all items.",
    "break_when": "No further item starts once this holds.",
    "role": "The role's name.",
    "allow_duplicates": "The role may run more than once.",
    "dependencies": "Roles that run before this one.",
    "galaxy_info": "What Ansible Galaxy is told of the role.",
    "argument_specs": "The arguments that the role takes.",
    "import_playbook": "A playbook whose plays stand here.",
}

_LIMIT = "weft: a lock file (flock(2)) on the machine where the task runs, or a limit within this run, "

#: Of what weft adds, wherever it stands.
_ADDED: Mapping[str, str] = {
    "parallel": "weft: the children run side by side: true, or at most so many at once. "
    "`{limit: 3, on_failure: cancel}` stops the others when one fails.",
    "needs": "weft: siblings in the same parallel block, by name, that must be ok before this one starts.",
    "lock": f"{_LIMIT}held while it runs: `PATH`, `{{path, mode, timeout}}`, `{{name, slots, by, timeout}}` "
    "or a list of these.",
    "backoff": "weft: the delay between tries is multiplied by this each time.",
    "max_delay": "weft: the delay between tries never grows beyond so many seconds.",
}

#: Keywords of Ansible in places where only weft knows them: (kind of place, keyword).
_HERE: Mapping[tuple[str, str], str] = {
    ("loop_control", "parallel"): "weft: at most so many items at once; the next one starts when one ends.",
    ("node", "serial"): 'weft: hosts go through it in batches, in inventory order: 1, "30%" or [1, 5, 10].',
    ("group", "throttle"): "At most so many hosts inside at once, and at each task in it. "
    "As the variable `weft_throttle` it is for the whole alone.",
    ("group", "timeout"): "Seconds for each attempt at the whole, and for each task in it. "
    "As the variable `weft_timeout` it is for the whole alone.",
    ("group", "until"): "weft: run the whole of it again, from its first task, until this holds.",
    ("group", "retries"): "weft: run the whole of it again, so many times at most, when it fails.",
    ("group", "delay"): "weft: seconds between two attempts at the whole of it.",
    ("group", "async"): "weft: run it beside what follows, for at most so many seconds.",
    ("group", "poll"): "weft: 0: go on at once; otherwise wait for its end.",
    ("group", "register"): "weft: the variable that gets its result; with `async` and `poll: 0` the handle to await.",
}
_LOOP_PARALLEL: Final = "weft: `loop_control: {parallel: N}`, spelled so that ansible-playbook ignores it."


def text_of(keyword: str, kind: str = "task") -> str:
    """What to say of a keyword. ``kind``: play, task, group (blocks, includes, imports, roles) or loop_control."""
    found = _HERE.get((kind, keyword))
    if found is None and kind in ("task", "group"):
        found = _HERE.get(("node", keyword))
    return found or _ADDED.get(keyword) or _ANSIBLE[keyword]


def spelled_text(keyword: str, kind: str) -> str:
    """What to say of the variable ``weft_K``."""
    if keyword == "loop_parallel":
        return _LOOP_PARALLEL
    return f"{text_of(keyword, kind)} (Spelled as a variable, ansible-playbook ignores it.)"
