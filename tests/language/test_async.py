"""`async` and `poll`, as far as a play's own output goes. Jobs are real here."""

from __future__ import annotations

import re

from tests.support.builder import Project


def test_poll_waits_for_the_end(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: sleep 0.3
              async: 10
              poll: 5
            - command: /bin/false
              async: 10
              poll: 5
              ignore_errors: yes
        """,
        really=True,
    )
    jobs = re.findall(r"jid=(j\d+\.\d+)", ran.out)
    assert ran.lines[1:5] == ["TASK [command]", f"ASYNC OK on a: jid={jobs[0]}", "changed: [a]", "TASK [command]"]
    assert ran.lines[5] == f"ASYNC FAILED on a: jid={jobs[1]}"
    assert "[ERROR]: Task failed: Module failed: non-zero return code" in ran.lines
    assert ran.recap == {"a": "ok=2 changed=2 ignored=1"}


def test_fire_and_forget_and_wait_later(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: echo done
              async: 10
              poll: 0
              register: job
            - debug: msg="{{ [job.started | bool, job.finished | bool, job.changed, job is finished] }}"
            - async_status: {jid: "{{ job.ansible_job_id }}"}
              register: r
              until: r is finished
              retries: 50
              delay: 1
            - debug: msg="{{ r.stdout }} {{ r.finished == 1 }}"
            - async_status: {jid: "{{ job.ansible_job_id }}", mode: cleanup}
            - async_status: {jid: "{{ job.ansible_job_id }}"}
              ignore_errors: yes
              register: r
            - debug: msg="{{ r.msg }}"
        """,
        really=True,
    )
    assert ran.messages() == [[True, False, True, False], "done True", "could not find job"]


def test_a_limit_that_is_too_short(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: sleep 100
              async: 1
              poll: 1
        """,
        really=True,
    )
    assert ran.recap["a"].endswith("failed=1")
    assert "ASYNC FAILED on a" in ran.out
    assert "1 second" in ran.out
    assert ran.seconds < 60


def test_in_check_mode_it_runs_in_the_foreground(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          tasks:
            - command: sleep 100
              async: 10
              poll: 1
        """,
        "--check",
    )
    assert ran.recap == {"a": "skipped=1"}
    assert "ASYNC" not in ran.out


def test_in_check_mode_what_waits_for_the_job_finds_its_result(project: Project) -> None:
    ran = project.play(
        """
        - hosts: a
          gather_facts: no
          check_mode: yes
          tasks:
            - stat: path=/
              async: 10
              poll: 0
              register: job
            - command: sleep 100
              async: 10
              poll: 0
              register: left
            - async_status: {jid: "{{ job.ansible_job_id }}"}
              register: r
              until: r is finished
              delay: 60
            - debug: msg="{{ [r.stat.isdir, r.started, job is finished, r.ansible_job_id == job.ansible_job_id] }}"
            - await: {jobs: ["{{ job.ansible_job_id }}", "{{ left }}"]}
              register: both
            - debug: msg="{{ both.results | map(attribute='finished') }}"
            - async_status: {jid: "{{ job.ansible_job_id }}", mode: cleanup}
            - async_status: {jid: "{{ job.ansible_job_id }}"}
              ignore_errors: yes
              register: r
            - debug: msg="{{ r.msg }}"
        """,
        really=True,
    )
    assert ran.messages() == [[True, True, True, True], [True, True], "could not find job"]
