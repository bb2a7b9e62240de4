"""The end of a run."""

from __future__ import annotations

from sink_events import banner, show

from weft.events import types as ev

LEFT = (ev.JobsLeft(host="lab1", jids=("j1.2",)), ev.JobsLeft(host="lab2", jids=("j3.4",)))


def test_hosts_are_sorted_and_figures_aligned():
    recap = {"web10": ev.HostRecap(ok=19, changed=11, skipped=4, rescued=1, ignored=2), "db": ev.HostRecap(failed=1)}
    assert show(ev.RunFinished(recap=recap)).stdout == banner("PLAY RECAP") + (
        "db                         : ok=0    changed=0    unreachable=0    "
        "failed=1    skipped=0    rescued=0    ignored=0   \n"
        "web10                      : ok=19   changed=11   unreachable=0    "
        "failed=0    skipped=4    rescued=1    ignored=2   \n"
        "\n"
    )


def test_each_of_several_playbooks_has_its_recap():
    recap = {"h1": ev.HostRecap(ok=1)}
    shown = show(ev.PlaybookFinished(path="a.yml", recap=recap), ev.RunFinished(recap=recap))
    assert shown.stdout.count("PLAY RECAP") == 2


def test_jobs_that_still_run_are_named_below_the_figures():
    shown = show(ev.RunFinished(recap={"lab1": ev.HostRecap(ok=1)}, jobs_left=LEFT)).stdout.splitlines()
    assert shown[-3:] == [
        "",
        "2 jobs still run: lab1 (j1.2), lab2 (j3.4). Wait for them: weft jobs wait 'lab1,lab2'",
        "",
    ]


def test_one_job():
    left = (ev.JobsLeft(host="lab1", jids=("j1.2",)),)
    assert "1 job still runs: lab1 (j1.2). Wait for it: weft jobs wait 'lab1'\n" in (
        show(ev.RunFinished(recap={}, jobs_left=left)).stdout
    )


def test_several_jobs_of_a_host():
    left = (ev.JobsLeft(host="lab1", jids=("j1.2", "j1.3")),)
    assert "2 jobs still run: lab1 (j1.2, j1.3). Wait for them" in show(ev.RunFinished(recap={}, jobs_left=left)).stdout


def test_custom_stats_show_only_where_they_are_asked_for():
    event = ev.RunFinished(recap={}, custom_stats={"h2": {"b": 1, "a": [1, 2]}, "_run": {"c": 2}})
    assert show(event).stdout == banner("PLAY RECAP") + "\n"
    assert show(event, show_custom_stats=True).stdout == (
        banner("PLAY RECAP")
        + "\n"
        + banner("CUSTOM STATS:")
        + '\th2: { "a": [  1,  2 ], "b": 1}\n'
        + "\n"
        + '\tRUN: { "c": 2}\n'
        + "\n"
    )


def test_colours_of_figures_and_hosts():
    recap = {"a": ev.HostRecap(ok=1), "b": ev.HostRecap(ok=1, changed=1), "c": ev.HostRecap(unreachable=1)}
    lines = show(ev.RunFinished(recap=recap), force_color=True).stdout.splitlines()
    assert lines[2] == (
        "\033[0;32ma\033[0m                          : \033[0;32mok=1   \033[0m changed=0    unreachable=0    "
        "failed=0    skipped=0    rescued=0    ignored=0   "
    )
    assert lines[3].startswith("\033[0;33mb\033[0m ")
    assert "\033[0;33mchanged=1   \033[0m" in lines[3]
    assert lines[4].startswith("\033[0;31mc\033[0m ")
    assert "\033[1;31munreachable=1   \033[0m" in lines[4]
