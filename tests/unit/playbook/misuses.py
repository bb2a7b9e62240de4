# ruff: noqa: E501  (a table of cases, one a line)
"""Every misuse of what weft adds to the language: what is said of it, and where.

Used by the tests of the loader and of the schema.
"""

from __future__ import annotations

from typing import NamedTuple


class Misuse(NamedTuple):
    keyword: str
    tasks: str  # the tasks of a play
    message: str  # its beginning
    place: str  # line:column in a file that begins with the play's two lines
    schema: bool = True  # whether a schema can tell


HEAD = "- hosts: localhost\n  tasks:\n"
BLOCK = "- block: [{ping: }]\n  "
CHILDREN = "- parallel: true\n  block: "

MISUSES = [
    Misuse("parallel", BLOCK + "parallel: [1]", "'parallel' must be true, a number or a mapping, not a list.", "4:17"),
    Misuse("parallel", BLOCK + "parallel: 0", "'parallel' must be at least 1, not 0.", "4:7"),
    Misuse("parallel", BLOCK + "parallel: -2", "'parallel' must be at least 1, not -2.", "4:7"),
    Misuse("parallel", BLOCK + "parallel: many", "The value 'many' could not be converted to 'int'.", "4:17"),
    Misuse("parallel", BLOCK + "parallel: 1.5", "The value 1.5 could not be converted to 'int'.", "4:7"),
    Misuse("parallel", BLOCK + "parallel: {limt: 3}", "'limt' is not a valid key for 'parallel'", "4:18"),
    Misuse("parallel", BLOCK + "parallel: {limit: 0}", "'limit' must be at least 1, not 0.", "4:18"),
    Misuse("parallel", BLOCK + "parallel: {limit: [2]}", "The value [2] could not be converted to 'int'.", "4:25"),
    Misuse("parallel", "- ping:\n  parallel: true", "'parallel' is not a valid attribute for a Task", "4:7"),
    Misuse(
        "parallel", "- include_tasks: a.yml\n  parallel: [1]", "'parallel' must be true, a number or a mapping", "4:17"
    ),
    Misuse(
        "parallel",
        "- import_role: {name: a}\n  parallel: no way",
        "The value 'no way' could not be converted to 'int'.",
        "4:17",
    ),
    Misuse("parallel", "- ping:\n  vars: {weft_parallel: 2}", "'weft_parallel' has no meaning for a Task", "4:14"),
    Misuse("parallel", BLOCK + "vars: {weft_parallel: 0}", "'parallel' must be at least 1, not 0.", "4:14"),
    Misuse(
        "on_failure",
        BLOCK + "parallel: {on_failure: stop}",
        "'on_failure' of 'parallel' must be one of finish, cancel, not 'stop'.",
        "4:30",
    ),
    Misuse(
        "loop_control.parallel",
        "- ping:\n  loop_control: {parallel: 0}",
        "'parallel' must be at least 1, not 0.",
        "4:22",
    ),
    Misuse(
        "loop_control.parallel",
        "- ping:\n  loop_control: {parallel: {limit: 3}}",
        "'parallel' of 'loop_control' must be a number, not a dict.",
        "4:32",
    ),
    Misuse(
        "loop_control.parallel",
        "- ping:\n  loop_control: {parallel: some}",
        "The value 'some' could not be converted to 'int'.",
        "4:32",
    ),
    Misuse(
        "loop_control.parallel",
        "- ping:\n  vars: {weft_loop_parallel: 0}",
        "'parallel' must be at least 1, not 0.",
        "4:14",
    ),
    Misuse(
        "loop_control.parallel",
        "- ping:\n  vars:\n    weft_loop_parallel: [3]",
        "'parallel' of 'loop_control' must be a number, not a list.",
        "5:29",
    ),
    Misuse(
        "loop_control.parallel",
        BLOCK + "vars: {weft_loop_parallel: 3}",
        "'weft_loop_parallel' has no meaning for a Block",
        "4:14",
    ),
    Misuse(
        "needs",
        "- ping:\n  needs: [a]",
        "'needs' has no meaning here: it names siblings inside a parallel block.",
        "4:15",
    ),
    Misuse("needs", "- block:\n    - ping:\n      needs: a", "'needs' has no meaning here", "5:18"),
    Misuse(
        "needs", CHILDREN + "[{ping: , needs: 3}]", "Keyword 'needs' items must be of type 'str', not 'int'.", "4:24"
    ),
    Misuse(
        "needs",
        CHILDREN + "[{ping: , needs: [{a: b}]}]",
        "Keyword 'needs' items must be of type 'str', not 'dict'.",
        "4:32",
    ),
    Misuse(
        "needs", CHILDREN + "[{ping: , needs: [a]}]", "'needs' names 'a', but no sibling has that name", "4:32", False
    ),
    Misuse(
        "needs",
        CHILDREN + "[{ping: , name: a, needs: [b]}, {ping: , name: b, needs: [a]}]",
        "'needs' goes in a circle: a -> b -> a",
        "4:41",
        False,
    ),
    Misuse("needs", CHILDREN + "[{ping: }]\n  rescue: [{ping: , needs: [a]}]", "'needs' has no meaning here", "5:33"),
    Misuse("needs", "- ping:\n  vars: {weft_needs: [a]}", "'needs' has no meaning here", "4:27"),
    Misuse("lock", "- ping:\n  lock: 5", "'lock' must be a path, a mapping or a list of these, not int.", "4:7"),
    Misuse("lock", "- ping:\n  lock: ' '", "'lock' must be a path, a mapping or a list of these, not str.", "4:13"),
    Misuse(
        "lock",
        "- ping:\n  lock: {}",
        "A lock needs either a 'path' (a lock file) or a 'name' (within this run).",
        "4:13",
    ),
    Misuse("lock", "- ping:\n  lock: {path: /x, name: y}", "A lock needs either a 'path'", "4:13"),
    Misuse("lock", "- ping:\n  lock: {path: /x, slots: 2}", "'slots' is not a valid key for 'lock'", "4:24"),
    Misuse("lock", "- ping:\n  lock: {name: x, mode: shared}", "'mode' is not a valid key for 'lock'", "4:23"),
    Misuse("lock", "- ping:\n  lock: {path: 5}", "'path' of a lock must be text, not int.", "4:13"),
    Misuse(
        "lock",
        "- ping:\n  lock: {path: /x, mode: both}",
        "'mode' of a lock must be one of exclusive, shared, not 'both'.",
        "4:30",
    ),
    Misuse(
        "lock",
        "- ping:\n  lock: {path: /x, timeout: soon}",
        "The value 'soon' could not be converted to 'float'.",
        "4:33",
    ),
    Misuse("lock", "- ping:\n  lock: {path: /x, timeout: -1}", "'timeout' of a lock can't be negative: -1.", "4:24"),
    Misuse("lock", "- ping:\n  lock: {name: x, slots: 0}", "'slots' must be at least 1, not 0.", "4:23"),
    Misuse("lock", "- ping:\n  lock: [/x, [/y]]", "A lock in a list of locks can't be a list.", "4:18"),
    Misuse("lock", BLOCK + "lock: [true]", "'lock' must be a path, a mapping or a list of these, not bool.", "4:13"),
    Misuse(
        "lock",
        "- include_tasks: a.yml\n  vars: {weft_lock: 3}",
        "'lock' must be a path, a mapping or a list of these, not int.",
        "4:14",
    ),
    Misuse("serial", "- ping:\n  serial: 0", "'serial' must be at least 1, not 0.", "4:7"),
    Misuse("serial", "- ping:\n  serial: 1.5", "'serial' must be a whole number of hosts, not 1.5.", "4:7"),
    Misuse(
        "serial",
        "- ping:\n  serial: all",
        "'serial' must be a number, a percentage or a list of these, not 'all'.",
        "4:15",
    ),
    Misuse(
        "serial",
        "- ping:\n  serial: true",
        "'serial' must be a number, a percentage or a list of these, not bool.",
        "4:7",
    ),
    Misuse(
        "serial",
        "- ping:\n  serial: {a: 1}",
        "'serial' must be a number, a percentage or a list of these, not dict.",
        "4:15",
    ),
    Misuse("serial", "- ping:\n  serial: []", "'serial' needs at least one size of a batch.", "4:15"),
    Misuse("serial", BLOCK + "serial: [1, 0%]", "'serial' must be at least 1, not 0%.", "4:19"),
    Misuse("serial", BLOCK + "vars: {weft_serial: -1}", "'serial' must be at least 1, not -1.", "4:14"),
    Misuse(
        "throttle",
        "- include_tasks: a.yml\n  throttle: lots",
        "The value 'lots' could not be converted to 'int'.",
        "4:17",
    ),
    Misuse("throttle", "- include_tasks: a.yml\n  throttle: -1", "'throttle' can't be negative: -1.", "4:7"),
    Misuse("throttle", BLOCK + "vars: {weft_throttle: -1}", "'throttle' can't be negative: -1.", "4:14"),
    Misuse(
        "throttle", BLOCK + "vars: {weft_throttle: lots}", "The value 'lots' could not be converted to 'int'.", "4:29"
    ),
    Misuse("timeout", BLOCK + "vars: {weft_timeout: -5}", "'timeout' can't be negative: -5.", "4:14"),
    Misuse(
        "timeout", BLOCK + "vars: {weft_timeout: soon}", "The value 'soon' could not be converted to 'float'.", "4:28"
    ),
    Misuse("retries", BLOCK + "retries: -1", "'retries' can't be negative: -1.", "4:7"),
    Misuse("retries", BLOCK + "retries: some", "The value 'some' could not be converted to 'int'.", "4:16"),
    Misuse("delay", "- include_role: {name: a}\n  delay: -0.5", "'delay' can't be negative: -0.5.", "4:7"),
    Misuse("delay", BLOCK + "delay: [1]", "The value [1] could not be converted to 'float'.", "4:14"),
    Misuse("backoff", "- ping:\n  retries: 2\n  backoff: 0", "'backoff' must be more than 0, not 0.", "5:7"),
    Misuse(
        "backoff",
        "- ping:\n  retries: 2\n  backoff: twice",
        "The value 'twice' could not be converted to 'float'.",
        "5:16",
    ),
    Misuse(
        "backoff", BLOCK + "retries: 1\n  vars: {weft_backoff: -1}", "'backoff' must be more than 0, not -1.", "5:14"
    ),
    Misuse("max_delay", "- ping:\n  retries: 2\n  max_delay: -1", "'max_delay' can't be negative: -1.", "5:7"),
    Misuse(
        "max_delay",
        BLOCK + "retries: 1\n  max_delay: never",
        "The value 'never' could not be converted to 'float'.",
        "5:18",
    ),
    Misuse("async", BLOCK + "async: -1", "'async' can't be negative: -1.", "4:7"),
    Misuse("async", BLOCK + "async: soon", "The value 'soon' could not be converted to 'int'.", "4:14"),
    Misuse("poll", "- include_tasks: a.yml\n  poll: -1", "'poll' can't be negative: -1.", "4:7"),
    Misuse("register", BLOCK + "register: a-b", "Invalid 'register' specified: Invalid variable name 'a-b'.", "4:17"),
    Misuse(
        "register",
        "- import_tasks: a.yml\n  vars: {weft_register: 5}",
        "Invalid 'register' specified: Invalid variable name '5' of type 'int'.",
        "4:14",
    ),
    Misuse(
        "meta",
        CHILDREN + "[{meta: flush_handlers}]",
        "'meta: flush_handlers' can't stand inside a parallel block",
        "4:22",
        False,
    ),
    Misuse(
        "meta",
        CHILDREN + "[{block: [{meta: end_play}]}]",
        "'meta: end_play' can't stand inside a parallel block",
        "4:31",
        False,
    ),
    Misuse(
        "meta", CHILDREN + "[{meta: end_host}]", "'meta: end_host' can't stand inside a parallel block", "4:22", False
    ),
    Misuse(
        "meta",
        CHILDREN + "[{meta: refresh_inventory}]",
        "'meta: refresh_inventory' can't stand inside a parallel block",
        "4:22",
        False,
    ),
    Misuse("lock", "- meta: noop\n  lock: {name: x}", "'lock' has no meaning for a meta action.", "4:7", False),
    Misuse("serial", "- meta: noop\n  serial: 1", "'serial' has no meaning for a meta action.", "4:7", False),
    Misuse("async", "- meta: noop\n  async: 5", "'async' has no meaning for a meta action.", "4:7", False),
    Misuse("backoff", "- meta: noop\n  backoff: 2", "'backoff' has no meaning for a meta action.", "4:7", False),
    Misuse(
        "max_delay",
        "- meta: noop\n  vars: {weft_max_delay: 2}",
        "'max_delay' has no meaning for a meta action.",
        "4:14",
        False,
    ),
    Misuse(
        "weft_K",
        "- ping:\n  vars: {weft_until: true, weft_retries: 1}",
        "'weft_until' has no meaning for a Task",
        "4:14",
    ),
]

#: Whole playbooks: keyword, text, message, place, whether a schema can tell.
PLAYS = [
    Misuse("lock", "- hosts: all\n  lock: [[/x]]\n", "A lock in a list of locks can't be a list.", "2:10"),
    Misuse("parallel", "- hosts: all\n  parallel: true\n", "'parallel' is not a valid attribute for a Play", "2:3"),
    Misuse("needs", "- hosts: all\n  needs: [a]\n", "'needs' is not a valid attribute for a Play", "2:3"),
    Misuse("parallel plays", "- parallel: []\n", "'parallel' at the top of a playbook must be a list of plays.", "1:3"),
    Misuse("parallel plays", "- parallel: true\n", "'parallel' at the top of a playbook must be a list of plays.", "1:3"),
    Misuse("parallel plays", "- parallel: [{hosts: all}]\n  when: x\n", "'when' is not a valid attribute for a list of parallel plays", "2:3"),
    Misuse("parallel plays", "- parallel: [{parallel: [{hosts: all}]}]\n", "A parallel list of plays can't stand inside another one.", "1:15"),
    Misuse("parallel plays", "- parallel: [text]\n", "playbook entries must be either valid plays or 'import_playbook' statements", "1:14"),
    Misuse("weft_K", "- hosts: all\n  vars: {weft_parallel: 1}\n", "'weft_parallel' has no meaning for a Play", "2:10"),
]  # fmt: skip
