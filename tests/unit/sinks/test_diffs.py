"""What --diff shows."""

from __future__ import annotations

from sink_events import banner, ended, item, show, started, task

from weft.model.outcome import Status


def shown_diff(*diffs, status=Status.CHANGED, **settings):
    info = task()
    shown = show(started(info), ended(info, status, diff=diffs), **settings).stdout
    return shown.removeprefix(banner("TASK [t]")).removesuffix("changed: [h1]\n")


def test_a_changed_file():
    diff = {"before": "foo", "after": "bar\n", "before_header": "/etc/x", "after_header": "/etc/x (content)"}
    assert shown_diff(diff) == (
        "--- before: /etc/x\n+++ after: /etc/x (content)\n@@ -1 +1 @@\n-foo\n\\ No newline at end of file\n+bar\n\n"
    )


def test_the_amount_of_context():
    before = "".join(f"{n}\n" for n in range(9))
    diff = {"before": before, "after": before.replace("4", "x")}
    assert shown_diff(diff, diff_context=1) == "--- before\n+++ after\n@@ -4,3 +4,3 @@\n 3\n-4\n+x\n 5\n\n"


def test_data_is_compared_as_json_or_yaml():
    diff = {"before": {"path": "/x", "state": "absent"}, "after": {"path": "/x", "state": "file"}}
    assert shown_diff(diff) == (
        "--- before\n+++ after\n@@ -1,4 +1,4 @@\n {\n"
        '     "path": "/x",\n-    "state": "absent"\n+    "state": "file"\n }\n\n'
    )
    shown = shown_diff(diff, callback_result_format="yaml")
    assert shown == "--- before\n+++ after\n@@ -1,3 +1,3 @@\n     path: /x\n-    state: absent\n+    state: file\n \n\n"


def test_files_that_are_no_text_or_too_large():
    assert shown_diff({"dst_binary": 1}) == "diff skipped: destination file appears to be binary\n"
    assert shown_diff({"src_binary": 1}) == "diff skipped: source file appears to be binary\n"
    assert shown_diff({"dst_larger": 5}) == "diff skipped: destination file size is greater than 5\n"
    assert shown_diff({"src_larger": 5}) == "diff skipped: source file size is greater than 5\n"


def test_a_prepared_diff_and_several():
    assert shown_diff({"prepared": "x changed\n"}, {"before": None, "after": "a\n"}) == (
        "x changed\n--- before\n+++ after\n@@ -0,0 +1 @@\n+a\n\n"
    )


def test_no_difference_shows_nothing():
    assert shown_diff({"before": "a\n", "after": "a\n"}) == ""


def test_an_unchanged_result_shows_none():
    assert shown_diff({"before": "a\n", "after": "b\n"}, status=Status.OK) == "ok: [h1]\n"


def test_each_item_has_its_own():
    info = task(loop=True)
    shown = show(started(info), item(info, 1, Status.CHANGED, diff=({"before": "", "after": "x\n"},)))
    assert shown.stdout == banner("TASK [t]") + (
        "--- before\n+++ after\n@@ -0,0 +1 @@\n+x\n\nchanged: [h1] => (item=1)\n"
    )


def test_colours():
    shown = shown_diff({"before": "a\n", "after": "b\n"}, force_color=True)
    assert "\033[0;31m-a\033[0m\n\033[0m" not in shown
    assert "\033[0;31m--- before\033[0m\n" in shown
    assert "\033[0;36m@@ -1 +1 @@\033[0m\n" in shown
    assert "\033[0;32m+b\033[0m\n" in shown
