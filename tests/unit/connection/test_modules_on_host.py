"""Modules of every kind through a real agent on this machine: what goes over, and what comes back."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from weft.connection.api import RequestFailed, Session, Target
from weft.connection.hoststate import state_of
from weft.connection.modules import ModuleOptions, jsonable, put_blobs, run_module, start_job, start_module_job
from weft.connection.pool import SessionPool
from weft.connection.results import FAILURE
from weft.content.modules import ModuleStore
from weft.content.payload import PayloadStore
from weft.model.errors import TaskFailed
from weft.model.settings import Settings

Run = Callable[..., Any]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEFT_CACHE", str(home / "cache"))
        yield home


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(home: Path) -> AsyncIterator[Session]:
    """One agent for all tests of this file, with a home of its own."""
    pool = SessionPool()
    target = Target(
        host="here",
        connection="local",
        interpreter=sys.executable,
        remote_tmp=f"{home}/tmp",
        async_dir=f"{home}/async",
        cwd=str(home),
    )
    yield await pool.open(target)
    await pool.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def run(session: Session, library: Path, home: Path) -> Run:
    store = ModuleStore(Settings(library=()), system=False)
    payloads = PayloadStore(Settings(module_utils=()), store.collections)

    async def run(name: str, args: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        module = store.resolve(name, (), (str(library),))
        assert module is not None
        payload = payloads.build(module)
        if "limit" in options:
            return await start_module_job(session, payload, args or {}, ModuleOptions(), limit=options["limit"])
        return await run_module(session, payload, args or {}, ModuleOptions(name=name, **options))

    return run


def write(library: Path, name: str, text: str) -> str:
    path = library / name
    path.write_text(text)
    path.chmod(0o755)
    return path.stem


async def test_ping(run: Run) -> None:
    result = await run("ping", {"data": "x"})
    assert result == {"ping": "x", "invocation": {"module_args": {"data": "x"}}}


async def test_code_goes_over_once(run: Run, session: Session) -> None:
    await run("ping")
    before = set(state_of(session).blobs)
    await run("ping")
    assert state_of(session).blobs == before


async def test_a_host_that_lost_its_cache_is_sent_the_code_again(run: Run, session: Session, home: Path) -> None:
    await run("getent", {"database": "passwd", "key": "root"})
    for path in home.rglob("*"):
        if len(path.name) == 64 and path.is_file():
            path.unlink()
    assert (await run("ping"))["ping"] == "pong"


async def test_stat_and_file(run: Run, home: Path) -> None:
    path = home / "f"
    assert (await run("stat", {"path": str(path)}))["stat"] == {"exists": False}
    assert (await run("file", {"path": str(path), "state": "touch", "mode": "0600"}))["changed"]
    found = await run("stat", {"path": str(path)})
    assert found["stat"]["mode"] == "0600"
    assert not (await run("file", {"path": str(path), "mode": "0600"}))["changed"]


async def test_check_mode_changes_nothing(run: Run, home: Path) -> None:
    result = await run("file", {"path": f"{home}/not", "state": "directory"}, check=True)
    assert result["changed"]
    assert not (home / "not").exists()


async def test_copy_with_a_diff(run: Run, home: Path) -> None:
    (home / "source").write_text("hello\n")
    result = await run("copy", {"src": f"{home}/source", "dest": f"{home}/dest", "remote_src": True}, diff=True)
    assert result["changed"] and (home / "dest").read_text() == "hello\n"


async def test_wrong_arguments_are_told_under_the_tasks_name(run: Run) -> None:
    result = await run("ping", {"foo": 1})
    assert result["failed"]
    assert result["msg"] == "Unsupported parameters for (ping) module: foo. Supported parameters include: data."
    assert result[FAILURE].source == "Module failed"


async def test_warnings_and_deprecations_are_plain(run: Run, library: Path) -> None:
    name = write(
        library,
        "talks.py",
        "from ansible.module_utils.basic import AnsibleModule\n"
        "m = AnsibleModule({})\n"
        "m.warn('careful')\n"
        "m.deprecate('old', version='3.0', collection_name='a.b')\n"
        "m.exit_json(results='x', stdout='a\\nb', t=(1, 2), _ansible_foo=1, add_host={})\n",
    )
    result = await run(name)
    assert result["warnings"][0] == "careful"
    assert result["deprecations"] == [
        {"msg": "old", "collection_name": "a.b", "deprecator": {"resolved_name": "a.b", "type": None}, "version": "3.0"}
    ]
    assert result["ansible_module_results"] == "x"
    assert result["stdout_lines"] == ["a", "b"]
    assert result["t"] == [1, 2]
    assert "_ansible_foo" not in result and "add_host" not in result
    assert "Found internal 'results' key in module return, renamed to 'ansible_module_results'." in result["warnings"]


async def test_an_exception_is_a_failure_with_its_causes(run: Run, library: Path) -> None:
    name = write(
        library,
        "raises.py",
        "from ansible.module_utils.basic import AnsibleModule\n"
        "m = AnsibleModule({})\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('boom') from e\n",
    )
    result = await run(name)
    assert result["failed"] and "msg" not in result
    assert result["exception"] == "(traceback unavailable)"
    assert result[FAILURE].message == "boom: division by zero"
    shown = await run(name, tracebacks_for=["error"])
    assert "ZeroDivisionError" in shown["exception"] and shown["exception"].rstrip().endswith("boom")


async def test_junk_round_the_result(run: Run, library: Path) -> None:
    name = write(
        library,
        "junk.py",
        "from ansible.module_utils.basic import AnsibleModule\n"
        'print("motd")\nprint(\'  {"changed": true}\')\nprint("bye")\n'
        "import os, sys\nsys.stdout.flush()\nos._exit(0)\n",
    )
    result = await run(name)
    assert result["changed"]
    assert result["warnings"] == ["Module invocation had junk after the JSON data: bye"]


@pytest.mark.parametrize(("code", "rc"), [("os._exit(5)", 5), ("os.kill(os.getpid(), 9)", 137)])
async def test_a_module_that_dies(run: Run, library: Path, code: str, rc: int) -> None:
    name = write(library, f"dies{rc}.py", f"from ansible.module_utils.basic import AnsibleModule\nimport os\n{code}\n")
    result = await run(name)
    assert result["msg"] == "Module result deserialization failed: No start of json char found"
    assert (result["failed"], result["module_stdout"], result["rc"]) == (True, "", rc)
    assert result[FAILURE].source == "Action failed"


async def test_a_module_that_does_not_end_itself(run: Run, library: Path) -> None:
    name = write(library, "stays.py", "from ansible.module_utils.basic import AnsibleModule\n")
    result = await run(name)
    assert result[FAILURE].message == "New-style module did not handle its own exit."


async def test_a_shell_module_with_a_file_of_json(run: Run, library: Path) -> None:
    name = write(library, "wants.sh", '#!/bin/sh\n# WANT_JSON\necho "{\\"given\\": $(cat "$1")}"\n')
    result = await run(name, {"a": [1]})
    assert result["given"]["a"] == [1]


async def test_a_shell_module_with_json_inside(run: Run, library: Path) -> None:
    name = write(
        library, "inside.sh", '#!/bin/sh\nargs=\'<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>\'\necho "{\\"given\\": $args}"\n'
    )
    assert (await run(name, {"a": "b"}))["given"]["a"] == "b"


async def test_an_old_style_module(run: Run, library: Path) -> None:
    name = write(library, "old.sh", '#!/bin/sh\n. "$1"\nprintf \'{"changed": true, "a": "%s"}\' "$a"\n')
    assert (await run(name, {"a": "b c"}))["a"] == "b c"


async def test_a_python_module_of_the_old_style_runs_on_the_hosts_python(run: Run, library: Path) -> None:
    name = write(
        library, "oldpy.py", "#!/usr/bin/python\nimport sys, json\nprint(json.dumps({'exe': sys.executable}))\n"
    )
    assert (await run(name))["exe"] == sys.executable


async def test_an_interpreter_that_is_not_there(run: Run, library: Path) -> None:
    name = write(library, "noint.py", "#!/usr/bin/nosuch\n# WANT_JSON\n")
    result = await run(name)
    assert result["msg"] == "The module interpreter '/usr/bin/nosuch' was not found."
    assert (result["failed"], result["rc"]) == (True, 127)


async def test_another_interpreter(run: Run, library: Path) -> None:
    name = write(library, "mine.foo", "#!/usr/bin/foo\n# WANT_JSON\necho '{\"ok\": true}'\n")
    assert (await run(name, interpreters={"foo": "/bin/sh"}))["ok"]


async def test_the_environment_and_folder_of_a_module(run: Run, library: Path, home: Path) -> None:
    name = write(
        library,
        "where.py",
        "from ansible.module_utils.basic import AnsibleModule\nimport os\n"
        "AnsibleModule({}).exit_json(a=os.environ['A'], cwd=os.getcwd())\n",
    )
    result = await run(name, environment={"A": "b"}, cwd=str(home))
    assert (result["a"], result["cwd"]) == ("b", str(home))


async def test_a_module_as_a_job(run: Run, session: Session, home: Path) -> None:
    handle = await run("ping", {"data": "x"}, limit=30)
    assert handle["started"] is True and handle["finished"] is False and handle["changed"]
    assert handle["results_file"] == f"{home}/async/{handle['ansible_job_id']}"
    reply = await session.request(
        "job.wait", {"jids": [handle["ansible_job_id"]], "async_dir": f"{home}/async", "timeout": 20}
    )
    assert reply.result["jobs"][handle["ansible_job_id"]]["ping"] == "x"


async def test_a_command_as_a_job(session: Session, home: Path) -> None:
    handle = await start_job(session, "command", {"argv": ["echo", "hi"]}, limit=30)
    jid = handle["ansible_job_id"]
    reply = await session.request("job.wait", {"jids": [jid], "async_dir": f"{home}/async", "timeout": 20})
    assert reply.result["jobs"][jid]["stdout"] == "hi"


async def test_blobs_that_are_not_what_they_are_called(session: Session) -> None:
    with pytest.raises(RequestFailed):
        await put_blobs(session, {"0" * 64: b"something else"})


async def test_arguments_as_json() -> None:
    day = datetime.date(2030, 1, 2)
    args = {"d": day, "s": {1}, "t": (1, 2), 3: None, True: "x"}
    assert json.loads(json.dumps(jsonable(args, "m"))) == {
        "d": "2030-01-02",
        "s": [1],
        "t": [1, 2],
        "3": None,
        "true": "x",
    }
    with pytest.raises(TaskFailed, match="Failed to serialize arguments for the 'm' module"):
        jsonable({"x": object()}, "m")
