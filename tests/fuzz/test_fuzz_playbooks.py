"""Playbooks with anything in them: loaded, listed and played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fuzz_kit import nearly, scalars, tries, values, words, yaml_of
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builder import Project, Ran
from tests.support.checking import check as check_command
from tests.support.fake_host import Hosts
from weft.playbook.keywords import On, allowed_names

CODES = {0, 1, 2, 4, 5}

SEEDS = (
    """\
- name: first
  hosts: all
  gather_facts: no
  vars: {x: 1, y: "{{ x }}"}
  vars_files: [vars.yml]
  roles:
    - role: base
      tags: [a, b]
      vars: {z: 1}
  pre_tasks:
    - debug: msg="{{ y }}"
  tasks:
    - name: a task
      command: echo {{ x }}
      args: {chdir: /tmp}
      register: out
      when: x is defined
      loop: [1, 2]
      loop_control: {loop_var: it, label: "{{ it }}"}
      changed_when: out.rc != 0
      notify: [later]
      tags: t
    - block:
        - fail: {msg: no}
      rescue:
        - debug: var=x
      always:
        - meta: noop
    - include_tasks: more.yml
      vars: {v: 1}
    - import_tasks: more.yml
    - include_role: {name: base, tasks_from: main}
    - set_fact: {a: 1}
      until: a == 1
      retries: 2
      delay: 0
  handlers:
    - name: later
      listen: ears
      ping:
- import_playbook: other.yml
""",
    """\
- hosts: [a, "{{ 'b' }}"]
  gather_facts: false
  serial: [1, 50%]
  strategy: free
  tasks:
    - {name: one, ping: , lock: /tmp/l, delegate_to: "{{ 'b' }}"}
    - parallel: 2
      block:
        - {name: p, ping: }
        - {ping: , needs: [p]}
    - assert: {that: [1 == 1, "'a' in groups.all"]}
    - command: echo
      async: 5
      poll: 0
      register: job
    - async_status: jid={{ job.ansible_job_id }}
      until: job.finished
    - add_host: {name: c, groups: [g]}
    - group_by: key=k_{{ inventory_hostname }}
    - include_vars: vars.yml
    - with_items: [1, [2, 3]]
      debug: {msg: "{{ item }}"}
      throttle: 1
      environment: {A: b}
""",
)
TOKENS = (
    "- ",
    ": ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "|",
    ">",
    "!!python/object:os.system ",
    "? ",
    "#",
    "---\n",
    "...\n",
)
#: Nothing that writes files or starts programs on this machine.
ACTIONS = (
    "command", "ping", "debug", "set_fact", "assert", "fail", "meta", "include_tasks", "import_tasks", "include_role",
    "import_role", "include_vars", "add_host", "group_by", "raw", "shell", "set_stats", "async_status", "await",
    "cancel",
    "validate_argument_spec", "setup", "gather_facts", "ansible.builtin.stat", "nosuch", "no.such.module", "include",
)  # fmt: skip
PARAMETERS = (
    "msg",
    "var",
    "that",
    "name",
    "file",
    "key",
    "jid",
    "jobs",
    "cmd",
    "argv",
    "_raw_params",
    "tasks_from",
    "apply",
)


def node(on: On, body: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A node with some of its keywords, each holding anything."""
    keys = [name for name in allowed_names(on) if name not in body]
    return st.builds(
        lambda own, more: {**more, **{key: value for key, value in own.items() if value is not None}},
        st.fixed_dictionaries(body),
        st.dictionaries(st.sampled_from(keys), values(), max_size=3),
    )


def arguments() -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(PARAMETERS), words)
    return st.one_of(scalars, st.dictionaries(keys, values(), max_size=3), values())


@st.composite
def tasks(draw: Callable[..., Any], inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    if draw(st.integers(0, 3)) == 0:
        return draw(node(On.BLOCK, {"block": inner, "rescue": st.none() | inner, "always": st.none() | inner}))
    return {draw(st.sampled_from(ACTIONS)): draw(arguments()), **draw(node(On.TASK | On.INCLUDE, {}))}


task_lists = st.recursive(
    st.lists(tasks(values()), max_size=2), lambda inner: st.lists(tasks(inner), max_size=3), max_leaves=4
)
plays = node(
    On.PLAY,
    {
        "hosts": st.sampled_from(["all", "a", ["a", "b"], "localhost", "{{ groups.all }}"]) | values(),
        "gather_facts": st.sampled_from([False, False, None]),
        "tasks": task_lists,
        "handlers": st.none() | task_lists,
        "roles": st.none() | st.lists(st.just("base") | values(), max_size=2),
    },
)


def write_files(project: Project) -> None:
    project.hosts = Hosts()
    project.files(
        more="- debug: {msg: more}\n",
        vars="v: 1\nw: '{{ v }}'\n",
        other="- {hosts: b, gather_facts: no, tasks: [{debug: }]}\n",
        roles__base__tasks__main="- debug: {msg: base}\n",
        roles__base__meta__main="dependencies: []\n",
    )


def check(ran: Ran) -> None:
    assert ran.code in CODES, ran
    assert "this is probably a bug" not in ran.err + ran.out, ran
    assert "Traceback" not in ran.err + ran.out, ran


@tries(16)
@given(text=nearly(SEEDS, TOKENS))
def test_playbooks_that_are_nearly_right_load_or_are_refused(project: Project, text: str) -> None:
    write_files(project)
    (project.folder / "play.yml").write_text(text, encoding="utf-8", errors="surrogatepass")
    check(project.play(None, "--list-tasks --list-tags --list-hosts"))


@tries(10)
@given(text=nearly(SEEDS, TOKENS))
def test_playbooks_that_are_nearly_right_play_or_fail(project: Project, text: str) -> None:
    write_files(project)
    (project.folder / "play.yml").write_text(text, encoding="utf-8", errors="surrogatepass")
    check(project.play(None))


@tries(16)
@given(book=st.lists(plays, min_size=1, max_size=2))
def test_plays_with_any_values_play_or_fail(project: Project, book: list[Any]) -> None:
    write_files(project)
    (project.folder / "play.yml").write_text(yaml_of(book))
    check(project.play(None))


@tries(10)
@given(book=values(leaves=15))
def test_any_yaml_as_a_playbook(project: Project, book: Any) -> None:
    write_files(project)
    (project.folder / "play.yml").write_text(yaml_of(book))
    check(project.play(None, "--syntax-check"))


@tries(10)
@given(files=st.fixed_dictionaries({
    "more.yml": values(), "vars.yml": values(), "roles/base/meta/main.yml": values(st.sampled_from(
        ["dependencies", "allow_duplicates", "argument_specs", "galaxy_info", "role", "collections"]
    )), "roles/base/defaults/main.yml": values(), "roles/base/tasks/main.yml": values(),
    "roles/base/meta/argument_specs.yml": st.fixed_dictionaries({"argument_specs": values(st.sampled_from(
        ["main", "options", "type", "elements", "required", "default", "choices", "options"]
    ), leaves=12)}),
}))  # fmt: skip
def test_any_files_beside_a_playbook(project: Project, files: dict[str, Any]) -> None:
    write_files(project)
    for name, value in files.items():
        project.file(name, yaml_of(value))
    check(project.play(SEEDS[0]))


@tries(10)
@given(text=nearly(SEEDS, TOKENS) | st.lists(plays, min_size=1, max_size=2).map(yaml_of))
def test_any_playbook_is_checked(project: Project, text: str) -> None:
    write_files(project)
    (project.folder / "play.yml").write_text(text, encoding="utf-8", errors="surrogatepass")
    said = check_command(project, None, "play.yml")
    assert said.code in {0, 4, 5}, said
