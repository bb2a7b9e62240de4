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
    ran.prints("@@")
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
    ran.prints("@@")


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
    ran.prints("@@")


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
    ran.prints("@@")
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
