"""`loop`, `with_*` and `loop_control`."""

from __future__ import annotations

import pytest

from tests.support.builder import Project


def test_each_item_is_shown(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item }}"
              loop: [1, two, {a: b}]
            - command: echo {{ item }}
              loop: [x, y]
              register: r
            - debug: msg="{{ r.results | map(attribute='stdout') | list }} {{ r.changed }} {{ r.msg }}"
            - debug: msg="{{ item }}"
              loop: "{{ r.results | map(attribute='item') | list }}"
              when: item != 'x'
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        ok: [a] => (item=1) => {
            "msg": 1
        }
        ok: [a] => (item=two) => {
            "msg": "two"
        }
        ok: [a] => (item={'a': 'b'}) => {
            "msg": {
                "a": "b"
            }
        }
        TASK [command]
        changed: [a] => (item=x)
        changed: [a] => (item=y)
        TASK [debug]
        ok: [a] => {
            "msg": "['x', 'y'] True All items completed"
        }
        TASK [debug]
        skipping: [a] => (item=x)
        ok: [a] => (item=y) => {
            "msg": "y"
        }
        PLAY RECAP
        a : ok=4 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_no_items(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg=none
              loop: []
              register: r
            - debug: var=r
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        skipping: [a]
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "results": [],
                "skipped": true,
                "skipped_reason": "No items in the list"
            }
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_all_items_are_skipped(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg=skipped
              loop: [1, 2]
              when: false
              register: r
            - debug: var=r
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        skipping: [a] => (item=1)
        skipping: [a] => (item=2)
        skipping: [a]
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "msg": "All items skipped",
                "results": [
                    {
                        "ansible_loop_var": "item",
                        "changed": false,
                        "false_condition": false,
                        "item": 1,
                        "skip_reason": "Conditional result was False",
                        "skipped": true
                    },
                    {
                        "ansible_loop_var": "item",
                        "changed": false,
                        "false_condition": false,
                        "item": 2,
                        "skip_reason": "Conditional result was False",
                        "skipped": true
                    }
                ],
                "skipped": true
            }
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0
    """)


def test_one_failed_item_fails_the_task_after_all_have_run(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: "{{ item }}"
              loop: ["false", "true"]
              register: r
              ignore_errors: yes
            - debug: msg="{{ r.failed }} {{ r.msg }} {{ r.results | map(attribute='rc') | list }}"
            - fail: msg="{{ item }}"
              loop: [1, 2]
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [command]
        [ERROR]: Task failed: Module failed: non-zero return code
        Origin: play.yml:4:7
        2   gather_facts: no
        3   tasks:
        4     - command: "{{ item }}"
                ^ column 7
        failed: [a] (item=false) => {"ansible_loop_var": "item", "changed": true, "cmd": ["false"], "delta": "0:00:00.000000", "end": "2000-01-01 00:00:00.000000", "item": "false", "msg": "non-zero return code", "rc": 1, "start": "2000-01-01 00:00:00.000000", "stderr": "", "stderr_lines": [], "stdout": "", "stdout_lines": []}
        changed: [a] => (item=true)
        ...ignoring
        TASK [debug]
        ok: [a] => {
            "msg": "True One or more items failed [1, 0]"
        }
        TASK [fail]
        [ERROR]: Task failed: Action failed: 1
        Origin: play.yml:9:7
        7       ignore_errors: yes
        8     - debug: msg="{{ r.failed }} {{ r.msg }} {{ r.results | map(attribute='rc') | list }}"
        9     - fail: msg="{{ item }}"
                ^ column 7
        failed: [a] (item=1) => {"ansible_loop_var": "item", "changed": false, "item": 1, "msg": 1}
        [ERROR]: Task failed: Action failed: 2
        Origin: play.yml:9:7
        7       ignore_errors: yes
        8     - debug: msg="{{ r.failed }} {{ r.msg }} {{ r.results | map(attribute='rc') | list }}"
        9     - fail: msg="{{ item }}"
                ^ column 7
        failed: [a] (item=2) => {"ansible_loop_var": "item", "changed": false, "item": 2, "msg": 2}
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=1 skipped=0 rescued=0 ignored=1
        """,
        code=2,
    )


def test_what_is_no_list(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
              loop: abc
              ignore_errors: yes
            - debug:
              loop: "{{ {'a': 1} }}"
              ignore_errors: yes
            - debug:
              loop: "{{ nope }}"
              ignore_errors: yes
            - debug:
              loop: "{{ nope }}"
              when: nope2
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [debug]
        [ERROR]: The `loop` value must resolve to a 'list', not 'str'.
        Origin: play.yml:5:13
        3   tasks:
        4     - debug:
        5       loop: abc
                      ^ column 13
        Provide a list of items/templates, or a template resolving to a list.
        fatal: [a]: FAILED! => {"msg": "The `loop` value must resolve to a 'list', not 'str'."}
        ...ignoring
        TASK [debug]
        [ERROR]: The `loop` value must resolve to a 'list', not 'dict'.
        Origin: play.yml:8:13
        6       ignore_errors: yes
        7     - debug:
        8       loop: "{{ {'a': 1} }}"
                      ^ column 13
        Provide a list of items/templates, or a template resolving to a list.
        fatal: [a]: FAILED! => {"msg": "The `loop` value must resolve to a 'list', not 'dict'."}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: 'nope' is undefined
        Task failed.
        Origin: play.yml:10:7
         8       loop: "{{ {'a': 1} }}"
         9       ignore_errors: yes
        10     - debug:
                 ^ column 7
        <<< caused by >>>
        'nope' is undefined
        Origin: play.yml:11:13
         9       ignore_errors: yes
        10     - debug:
        11       loop: "{{ nope }}"
                       ^ column 13
        fatal: [a]: FAILED! => {"msg": "Task failed: 'nope' is undefined"}
        ...ignoring
        TASK [debug]
        [ERROR]: Task failed: 'nope' is undefined
        Task failed.
        Origin: play.yml:13:7
        11       loop: "{{ nope }}"
        12       ignore_errors: yes
        13     - debug:
                 ^ column 7
        <<< caused by >>>
        'nope' is undefined
        Origin: play.yml:14:13
        12       ignore_errors: yes
        13     - debug:
        14       loop: "{{ nope }}"
                       ^ column 13
        fatal: [a]: FAILED! => {"msg": "Task failed: 'nope' is undefined"}
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=3
        """,
        code=2,
    )


WITH = {
    "items": ("[1, [2, 3], [[4]]]", [1, 2, 3, [4]]),
    "list": ("[1, [2, 3]]", [1, [2, 3]]),
    "dict": ("{k1: v1, k2: v2}", [{"key": "k1", "value": "v1"}, {"key": "k2", "value": "v2"}]),
    "nested": ("[[1, 2], [a, b]]", [[1, "a"], [1, "b"], [2, "a"], [2, "b"]]),
    "together": ("[[1, 2], [a, b]]", [[1, "a"], [2, "b"]]),
    "subelements": (
        "[[{name: al, keys: [k1, k2]}, {name: bo, keys: []}], keys]",
        [[{"name": "al"}, "k1"], [{"name": "al"}, "k2"]],
    ),
    "sequence": ("start=1 end=5 stride=2 format=n%02d", ["n01", "n03", "n05"]),
    "indexed_items": ("[a, b]", [[0, "a"], [1, "b"]]),
    "lines": ("printf 'a\\nb\\n'", ["a", "b"]),
    "file": ("[some.txt]", ["text"]),
    "inventory_hostnames": ("all", ["a", "b"]),
    "env": ("[COLUMNS]", ["80"]),
    "vars": ("[variable]", ["value"]),
    "template": ("[some.j2]", ["t value"]),
}


@pytest.mark.parametrize("name", WITH)
def test_with(project: Project, name: str) -> None:
    terms, items = WITH[name]
    project.file("some.txt", "text\n")
    project.file("some.j2", "t {{ variable }}")
    ran = project.play(
        f"""
        - hosts: a
          gather_facts: no
          vars: {{variable: value}}
          tasks:
            - set_fact: {{found: "{{{{ (found | default([])) + [item] }}}}"}}
              with_{name}: {terms}
            - debug: msg="{{{{ found }}}}"
        """
    )
    assert ran.messages() == [items]


def test_with_fileglob_and_first_found(project: Project) -> None:
    project.file("files/a.txt", "a")
    project.file("files/b.txt", "b")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {found: "{{ (found | default([])) + [item | basename] }}"}
              with_fileglob: files/*.txt
            - set_fact: {first: "{{ item | basename }}"}
              with_first_found: [nope.txt, files/b.txt]
            - debug: msg="{{ found | sort }} {{ first }}"
        """
    )
    assert ran.messages() == ["['a.txt', 'b.txt'] b.txt"]


def test_with_random_choice(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item | length }}"
              with_random_choice: [aa, bb]
              register: r
            - debug: msg="{{ r.results | length }}"
        """
    )
    assert ran.messages() == [1]


def test_with_an_unknown_lookup(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{debug: , with_nosuch: [1]}]}")
    assert ran.code == 4
    assert ran.problems[0] == "[ERROR]: 'with_nosuch' is not a valid attribute for a Task"


def test_loop_control(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
                msg: >-
                  {{ it }} {{ ix }} {{ ansible_loop.index }}/{{ ansible_loop.length }} {{ ansible_loop.index0 }}
                  {{ ansible_loop.first }} {{ ansible_loop.last }} {{ ansible_loop.previtem | default('-') }}
                  {{ ansible_loop.nextitem | default('-') }} {{ ansible_loop.revindex }} {{ ansible_loop.revindex0 }}
                  {{ ansible_loop_var }} {{ ansible_index_var }}
              loop: [a, b, c]
              loop_control:
                loop_var: it
                index_var: ix
                extended: yes
                label: "label of {{ it }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        ok: [a] => (item=label of a) => {
            "msg": "a 0 1/3 0 True False - b 3 2 it ix"
        }
        ok: [a] => (item=label of b) => {
            "msg": "b 1 2/3 1 False False a c 2 1 it ix"
        }
        ok: [a] => (item=label of c) => {
            "msg": "c 2 3/3 2 False True b - 1 0 it ix"
        }
        PLAY RECAP
        a : ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_extended_loops_say_so_in_their_results(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ ansible_loop.allitems | default('none') }}"
              loop: [a]
              loop_control: {extended: yes}
            - debug: msg="{{ ansible_loop.allitems | default('none') }}"
              loop: [a]
              loop_control: {extended: yes, extended_allitems: no}
              register: r
            - debug: var=r
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [debug]
        ok: [a] => (item=a) => {
            "msg": [
                "a"
            ]
        }
        TASK [debug]
        ok: [a] => (item=a) => {
            "msg": "none"
        }
        TASK [debug]
        ok: [a] => {
            "r": {
                "changed": false,
                "msg": "All items completed",
                "results": [
                    {
                        "ansible_loop": {
                            "first": true,
                            "index": 1,
                            "index0": 0,
                            "last": true,
                            "length": 1,
                            "revindex": 1,
                            "revindex0": 0
                        },
                        "ansible_loop_var": "item",
                        "changed": false,
                        "failed": false,
                        "item": "a",
                        "msg": "none"
                    }
                ],
                "skipped": false
            }
        }
        PLAY RECAP
        a : ok=3 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_pause_between_items(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item }}"
              loop: [1, 2, 3]
              loop_control: {pause: 10}
        """
    )
    assert ran.seconds == 20


def test_break_when(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo {{ item }}
              loop: [1, 2, 3, 4]
              loop_control: {break_when: "r.stdout | int >= 2"}
              register: r
            - debug: msg="{{ r.results | length }}"
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a] => (item=1)
        changed: [a] => (item=2)
        TASK [debug]
        ok: [a] => {
            "msg": 2
        }
        PLAY RECAP
        a : ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_label_that_can_t_be_evaluated(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug: msg="{{ item }}"
              loop: [a, b]
              loop_control: {label: "{{ nope }}"}
        """
    )
    ran.prints(
        """
        PLAY [a]
        TASK [debug]
        failed: [a] (item=None) => {
            "msg": "Failed to template loop_control.label: 'nope' is undefined"
        }
        failed: [a] (item=None) => {
            "msg": "Failed to template loop_control.label: 'nope' is undefined"
        }
        fatal: [a]: FAILED! => {"msg": "One or more items failed"}
        PLAY RECAP
        a : ok=0 changed=0 unreachable=0 failed=1 skipped=0 rescued=0 ignored=0
        """,
        code=2,
    )


def test_the_item_stands_where_a_label_can_t_be_evaluated(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {x: "{{ item }}"}
              loop: [a, b]
              loop_control: {label: "{{ nope }}"}
        """
    )
    assert [line.partition(" =>")[0] for line in ran.lines if line.startswith("failed:")] == [
        "failed: [a] (item=a)",
        "failed: [a] (item=b)",
    ]


def test_what_loop_control_can_t_evaluate_is_named(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
              loop: [a]
              loop_control: {pause: "{{ nope }}"}
        """
    )
    assert """fatal: [a]: FAILED! => {"msg": "Error processing keyword 'pause': 'nope' is undefined"}""" in ran.lines


def test_a_label_of_the_item_s_result(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo {{ item }}
              loop: [a, b]
              register: r
              loop_control: {label: "{{ r.stdout }} {{ r.rc }}"}
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [command]
        changed: [a] => (item=a 0)
        changed: [a] => (item=b 0)
        PLAY RECAP
        a : ok=1 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_loop_variable_that_is_taken(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          vars: {item: 5}
          tasks:
            - debug: msg="{{ item }}"
              loop: [1]
            - debug: msg="{{ item }}"
        """
    )
    assert ran.messages() == [5]
    assert ran.problems[0] == "[WARNING]: The loop variable 'item' is already in use."


def test_facts_and_results_of_items_are_seen_by_later_ones(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - set_fact: {sum: "{{ (sum | default(0)) + item }}"}
              loop: [1, 2, 3]
            - debug: msg="{{ sum }}"
            - command: echo {{ (r.stdout | default('')) ~ item }}
              loop: [a, b, c]
              register: r
            - debug: msg="{{ r.results | map(attribute='stdout') | list }}"
        """
    )
    assert ran.messages() == [6, ["a", "ab", "abc"]]


def test_a_loop_in_a_loop_by_include(project: Project) -> None:
    project.file("inner.yml", "- {debug: {msg: '{{ outer }}{{ item }}'}, loop: [x, y]}")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - include_tasks: inner.yml
              loop: [1, 2]
              loop_control: {loop_var: outer}
        """
    )
    ran.prints("""
        PLAY [a]
        TASK [include_tasks]
        included: inner.yml for a => (item=1)
        included: inner.yml for a => (item=2)
        TASK [debug]
        ok: [a] => (item=x) => {
            "msg": "1x"
        }
        ok: [a] => (item=y) => {
            "msg": "1y"
        }
        TASK [debug]
        ok: [a] => (item=x) => {
            "msg": "2x"
        }
        ok: [a] => (item=y) => {
            "msg": "2y"
        }
        PLAY RECAP
        a : ok=4 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_a_loop_that_fails_is_the_task_s_failure_whatever_its_condition_says(project: Project) -> None:
    ran = project.play(
        """
- hosts: a
  gather_facts: no
  tasks:
    - name: undefined
      debug:
      loop: "{{ nope }}"
      when: false
    - name: broken
      debug:
      loop: "{{ 1 / 0 }}"
      when: false
      ignore_errors: yes
    - name: no such argument
      debug:
      with_sequence: start=0 junk=3
    """
    )
    assert ran.recap == {"a": "ok=1 failed=1 skipped=1 ignored=1"}
    assert ran.result("broken")["msg"] == "Error rendering template: division by zero"
    said = "The lookup plugin 'sequence' failed: unrecognized arguments to with_sequence: ['junk']"
    assert ran.result("no such argument")["msg"] == said


def test_a_loop_that_fails_does_not_say_whether_it_has_changed_something(project: Project) -> None:
    ran = project.play("- {hosts: a, gather_facts: no, tasks: [{ping: , loop: 5}]}")
    assert "fatal: [a]: FAILED! => {\"msg\": \"The `loop` value must resolve to a 'list', not 'int'.\"}" in ran.lines
