"""What tasks write, as their arguments tell it."""

from __future__ import annotations

from typing import Any

import pytest

from weft.watch.uses import Use, uses_of

CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("copy", {"src": "a.conf", "dest": "/etc/a.conf"}, ["/etc/a.conf"]),
    ("copy", {"src": "a.conf", "dest": "/etc/b.conf"}, ["/etc/b.conf"]),
    ("copy", {"src": "a.conf", "dest": "/etc/"}, ["/etc/a.conf"]),
    ("copy", {"src": "files/a.conf", "dest": "/opt/app"}, ["/opt/app"]),
    ("copy", {"src": "app", "dest": "/usr/bin/app"}, ["/usr/bin/app"]),
    ("copy", {"src": "a", "dest": "/etc/conf.d"}, ["/etc/conf.d"]),
    ("copy", {"content": "x", "dest": "/etc//motd"}, ["/etc/motd"]),
    ("template", {"src": "motd.j2", "dest": "/etc/motd"}, ["/etc/motd"]),
    ("get_url", {"url": "http://x/y", "dest": "/opt/y"}, ["/opt/y"]),
    ("unarchive", {"src": "a.tgz", "dest": "/opt"}, ["/opt"]),
    ("file", {"path": "/x", "state": "touch"}, ["/x"]),
    ("file", {"dest": "/x", "state": "absent"}, ["/x"]),
    ("lineinfile", {"path": "~/x", "line": "y"}, ["~deploy/x"]),
    ("lineinfile", {"line": "no path"}, []),
    ("blockinfile", {"dest": "/x"}, ["/x"]),
    ("known_hosts", {"name": "h"}, ["~deploy/.ssh/known_hosts"]),
    ("yum_repository", {"name": "epel"}, ["/etc/yum.repos.d/epel.repo"]),
    ("deb822_repository", {"name": "docker"}, ["/etc/apt/sources.list.d/docker.sources"]),
    ("cron", {"name": "x", "job": "y"}, ["crontab of deploy"]),
    ("cron", {"cron_file": "backup", "user": "root"}, ["/etc/cron.d/backup"]),
    ("user", {"name": "ann"}, ["/etc/group", "/etc/passwd"]),
    ("fetch", {"src": "/etc/x", "dest": "got/", "flat": True}, ["got/x"]),
    ("fetch", {"src": "/etc/x", "dest": "got/"}, []),
    ("apt", {"name": "nginx"}, ["apt"]),
    ("dnf", {"name": "nginx"}, ["dnf"]),
    ("package", {"name": "nginx"}, ["the package manager"]),
    ("pip", {"name": "x", "virtualenv": "/opt/v"}, ["pip"]),
    ("command", {"_raw_params": "make", "creates": "/opt/done"}, ["/opt/done"]),
    ("command", {"argv": ["/usr/bin/apt-get", "install", "x"]}, ["apt"]),
    ("shell", {"_raw_params": "DEBIAN_FRONTEND=noninteractive sudo apt-get install x && echo"}, ["apt"]),
    ("shell", {"_raw_params": "apt list --installed"}, []),
    ("raw", {"_raw_params": "yum -y install python3"}, ["dnf"]),
    ("command", {"_raw_params": "rpm -qa"}, []),
    ("debug", {"msg": "/etc/x"}, []),
    ("stat", {"path": "/etc/x"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("module", "args", "expected"), CASES)
def test_what_a_task_uses(module: str, args: dict[str, Any], expected: list[str]) -> None:
    found = uses_of(f"ansible.builtin.{module}", args, "deploy")
    assert [str(use) for use in found] == expected
    assert list(uses_of(f"ansible.legacy.{module}", args, "deploy")) == list(found)


def only(module: str, **args: Any) -> Use:
    (use,) = uses_of(module if "." in module else f"ansible.builtin.{module}", args)
    return use


def test_two_tasks_that_see_to_a_folder_do_not_meet() -> None:
    folder, gone = only("file", path="/x", state="directory"), only("file", path="/x", state="absent")
    assert not folder.meets(folder)
    assert folder.meets(gone) and gone.meets(folder) and gone.meets(gone)


def test_managers_of_different_systems_do_not_meet_and_package_meets_all() -> None:
    apt, dnf, package = only("apt", name="x"), only("dnf", name="x"), only("package", name="x")
    assert apt.meets(apt) and not apt.meets(dnf)
    assert package.meets(apt) and dnf.meets(package) and package.meets(package)


def test_environments_of_their_own_do_not_meet() -> None:
    first, second = only("pip", name="x", virtualenv="/a"), only("pip", name="x", virtualenv="/b")
    assert first.meets(first) and not first.meets(second)
    assert not only("community.general.npm", path="/a").meets(only("community.general.npm", path="/b"))


@pytest.mark.parametrize("value", [None, 5, ["/x"], {"a": 1}, "", "  "])
@pytest.mark.parametrize("module", ["copy", "file", "command", "fetch", "cron", "unarchive", "pip", "lineinfile"])
def test_arguments_of_any_type_are_borne(module: str, value: Any) -> None:
    names = ("dest", "path", "src", "_raw_params", "cmd", "argv", "creates", "cron_file", "virtualenv", "flat", "state")
    for use in uses_of(f"ansible.builtin.{module}", dict.fromkeys(names, value)):
        assert str(use)


def test_different_files_into_one_folder_do_not_meet() -> None:
    first, second = only("copy", src="a", dest="/opt/app"), only("copy", src="b", dest="/opt/app")
    assert first.meets(first) and not first.meets(second)
    assert not only("unarchive", src="a.tgz", dest="/opt").meets(only("unarchive", src="b.tgz", dest="/opt"))
