"""`--check` and `--diff`. Files are real here: these plays run on this machine."""

from __future__ import annotations

from tests.support.builder import Project


def test_check_mode_changes_nothing(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - copy: {content: x, dest: "{{ playbook_dir }}/out"}
            - file: {path: "{{ playbook_dir }}/d", state: directory}
            - command: echo x
            - command: echo ran
              check_mode: no
              register: r
            - debug: msg="{{ ansible_check_mode }} {{ r.stdout }}"
            - shell: echo x creates=/etc/passwd
            - set_fact: {a: 1}
            - debug: var=a
            - raw: echo x
        """,
        "--check",
        really=True,
    )
    ran.prints("""
        PLAY [a]
        TASK [copy]
        changed: [a]
        TASK [file]
        changed: [a]
        TASK [command]
        skipping: [a]
        TASK [command]
        changed: [a]
        TASK [debug]
        ok: [a] => {
            "msg": "True ran"
        }
        TASK [shell]
        ok: [a]
        TASK [set_fact]
        ok: [a]
        TASK [debug]
        ok: [a] => {
            "a": 1
        }
        TASK [raw]
        skipping: [a]
        PLAY RECAP
        a : ok=7 changed=3 unreachable=0 failed=0 skipped=2 rescued=0 ignored=0
    """)
    assert not (project.folder / "out").exists()
    assert not (project.folder / "d").exists()


def test_check_mode_of_a_task(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - copy: {content: x, dest: "{{ playbook_dir }}/out"}
              check_mode: yes
            - stat: {path: "{{ playbook_dir }}/out"}
              register: s
            - debug: msg="{{ s.stat.exists }}"
            - copy: {content: x, dest: "{{ playbook_dir }}/out"}
            - stat: {path: "{{ playbook_dir }}/out"}
              register: s
            - debug: msg="{{ s.stat.exists }}"
        """,
        really=True,
    )
    assert ran.messages() == [False, True]


def test_check_mode_markers(project: Project) -> None:
    project.file("ansible.cfg", "[defaults]\ncheck_mode_markers = yes\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - debug:
            - debug:
              check_mode: no
          handlers: []
        """,
        "--check",
    )
    ran.prints("""
        DRY RUN
        PLAY [a] [CHECK MODE]
        TASK [debug] [CHECK MODE]
        ok: [a] => {
            "msg": "Hello world!"
        }
        TASK [debug]
        ok: [a] => {
            "msg": "Hello world!"
        }
        PLAY RECAP
        a : ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
        DRY RUN
    """)


def test_diff_shows_what_changes(project: Project) -> None:
    project.file("t.j2", "template of {{ inventory_hostname }}\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - copy: {content: "one\\ntwo\\n", dest: "{{ playbook_dir }}/out", mode: "0644"}
            - copy: {content: "one\\nthree\\n", dest: "{{ playbook_dir }}/out"}
            - copy: {content: "one\\nfour\\n", dest: "{{ playbook_dir }}/out"}
              diff: no
            - lineinfile: {path: "{{ playbook_dir }}/out", line: new}
            - file: {path: "{{ playbook_dir }}/out", mode: "0600"}
            - copy: {content: "{{ item }}\\n", dest: "{{ playbook_dir }}/out2"}
              loop: [1, 2]
            - copy: {content: "secret\\n", dest: "{{ playbook_dir }}/out2"}
              no_log: yes
        """,
        "--diff",
        really=True,
    )
    ran.prints(r"""
        PLAY [a]
        TASK [copy]
        --- before
        +++ after: out
        @@ -0,0 +1,2 @@
        +one
        +two
        changed: [a]
        TASK [copy]
        --- before: out
        +++ after: out
        @@ -1,2 +1,2 @@
         one
        -two
        +three
        changed: [a]
        TASK [copy]
        changed: [a]
        TASK [lineinfile]
        --- before: out (content)
        +++ after: out (content)
        @@ -1,2 +1,3 @@
         one
         four
        +new
        changed: [a]
        TASK [file]
        --- before
        +++ after
        @@ -1,4 +1,4 @@
         {
        -    "mode": "0644",
        +    "mode": "0600",
             "path": "out"
         }
        changed: [a]
        TASK [copy]
        --- before
        +++ after: out2
        @@ -0,0 +1 @@
        +1
        \ No newline at end of file
        changed: [a] => (item=1)
        --- before: out2
        +++ after: out2
        @@ -1 +1 @@
        -1
        \ No newline at end of file
        +2
        \ No newline at end of file
        changed: [a] => (item=2)
        TASK [copy]
        changed: [a]
        PLAY RECAP
        a : ok=7 changed=7 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)


def test_diff_in_check_mode(project: Project) -> None:
    project.file("out", "old\n")
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - copy: {content: "new\\n", dest: "{{ playbook_dir }}/out"}
            - copy: {content: "other\\n", dest: "{{ playbook_dir }}/none"}
        """,
        "--diff --check",
        really=True,
    )
    ran.prints("""
        PLAY [a]
        TASK [copy]
        --- before: out
        +++ after: out
        @@ -1 +1 @@
        -old
        +new
        changed: [a]
        TASK [copy]
        --- before
        +++ after: none
        @@ -0,0 +1 @@
        +other
        changed: [a]
        PLAY RECAP
        a : ok=2 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0
    """)
    assert (project.folder / "out").read_text() == "old\n"


def test_diff_of_a_template(project: Project) -> None:
    project.file("t.j2", "new {{ inventory_hostname }}\n")
    project.file("out", "old\n")
    ran = project.play(
        "- {hosts: a, gather_facts: no, tasks: [template: {src: t.j2, dest: '{{ playbook_dir }}/out'}]}",
        "--diff",
        really=True,
    )
    assert "--- before: out" in ran.lines
    assert ran.lines[4:7] == ["@@ -1 +1 @@", "-old", "+new a"]
