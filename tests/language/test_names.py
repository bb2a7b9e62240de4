"""Names of tasks and plays, with templates in them."""

from __future__ import annotations

from tests.support.builder import Project


def test_templates_in_names(project: Project) -> None:
    ran = project.play(
        """
        - name: play {{ v }}
          hosts: a
          gather_facts: no
          vars: {v: 1}
          tasks:
            - name: x {{ item }} y {{ v }} z {{ nope.a }}
              debug: msg={{ item }}
              loop: [1]
            - name: "{{ nope }}"
              debug:
            - name: look {{ lookup('pipe', 'echo hi') }} {{ inventory_hostname }}
              debug:
            - name: "bad {{ syntax"
              debug:
            - name: ""
              debug:
            - name: "{{ omit }}"
              debug:
            - name: "  spaces  "
              debug:
        """
    )
    ran.prints("""
        PLAY [play 1]
        TASK [x << error 1 - 'item' is undefined >> y 1 z << error 2 - 'nope' is undefined >>]
        ok: [a] => (item=1) => {
            "msg": 1
        }
        TASK [<< error 1 - 'nope' is undefined >>]
        ok: [a] => {
            "msg": "Hello world!"
        }
        TASK [look hi a]
        ok: [a] => {
            "msg": "Hello world!"
        }
        TASK [<< error 1 - Syntax error in template: unexpected end of template, expected 'end of print statement'. >>]
        ok: [a] => {
            "msg": "Hello world!"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        TASK [spaces]
        ok: [a] => {
            "msg": "Hello world!"
        }
        PLAY RECAP
        a : ok=7 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)
    ran.complains("""
        [WARNING]: Encountered 2 template errors.
        error 1 - 'item' is undefined
        error 2 - 'nope' is undefined
        Origin: play.yml:6:13
        4   vars: {v: 1}
        5   tasks:
        6     - name: x {{ item }} y {{ v }} z {{ nope.a }}
                      ^ column 13
        [WARNING]: Encountered 1 template error.
        error 1 - 'nope' is undefined
        Origin: play.yml:9:13
        7       debug: msg={{ item }}
        8       loop: [1]
        9     - name: "{{ nope }}"
                      ^ column 13
        [WARNING]: Encountered 1 template error.
        error 1 - Syntax error in template: unexpected end of template, expected 'end of print statement'.
        Origin: play.yml:13:13
        11     - name: look {{ lookup('pipe', 'echo hi') }} {{ inventory_hostname }}
        12       debug:
        13     - name: "bad {{ syntax"
                       ^ column 13
    """)


def test_the_first_host_s_variables_make_the_banner(project: Project) -> None:
    ran = project.play("- {hosts: all, gather_facts: no, tasks: [{name: 'on {{ inventory_hostname }}', debug: }]}")
    assert ran.lines[1] == "TASK [on a]"


def test_tasks_without_a_name_show_their_action(project: Project) -> None:
    project.files(roles__r__tasks__main="- debug:")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          roles: [r]
          tasks:
            - ansible.builtin.debug:
            - include_role: {name: "{{ n }}"}
              vars: {n: r}
            - local_action: debug msg=x
            - action: debug msg=y
        """
    )
    assert [line for line in ran.lines if line.startswith("TASK")] == [
        "TASK [r : debug]",
        "TASK [ansible.builtin.debug]",
        "TASK [include_role : {{ n }}]",
        "TASK [r : debug]",
        "TASK [debug]",
        "TASK [debug]",
    ]


def test_plays_without_a_name_show_their_hosts(project: Project) -> None:
    ran = project.play(
        """
        - {hosts: "{{ t | default('a') }}", gather_facts: no, tasks: []}
        - {hosts: [a, b], gather_facts: no, tasks: []}
        - {name: "", hosts: a, gather_facts: no, tasks: []}
        """
    )
    ran.prints("""
        PLAY [a]
        PLAY [a,b]
        PLAY [a]
        PLAY RECAP
    """)


def test_a_role_s_name_stands_before_its_tasks_but_not_before_an_include_role(project: Project) -> None:
    project.file("roles/inner/tasks/main.yml", "- debug:\n")
    project.file(
        "roles/outer/tasks/main.yml",
        "- include_role: {name: inner}\n- {name: named, include_role: {name: inner}}\n- include_tasks: more.yml\n",
    )
    project.file("roles/outer/tasks/more.yml", "- {name: one, debug: }\n")
    ran = project.play("- {hosts: a, gather_facts: no, roles: [outer]}\n")
    assert [line.rstrip("* ") for line in ran.lines if line.startswith("TASK")] == [
        "TASK [include_role : inner]",
        "TASK [inner : debug]",
        "TASK [named]",
        "TASK [inner : debug]",
        "TASK [outer : include_tasks]",
        "TASK [outer : one]",
    ]
