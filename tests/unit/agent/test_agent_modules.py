"""Modules: forks of the zygote, and programs of their own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from agent_client import (
    Client,
    Failed,
    alive,
    make,
    manifest,
    module_request,
    run_module,
    send_blobs,
    send_module,
    wait_gone,
)


def digest(source: str | bytes) -> tuple[str, bytes]:
    data = source.encode() if isinstance(source, str) else source
    return hashlib.sha256(data).hexdigest(), data


def run_source(
    client: Client, source: str | bytes, args: Mapping[str, Any] | None = None, **more: Any
) -> tuple[int, str, str]:
    """Run a module from its source; exit code, stdout, stderr."""
    name, data = digest(source)
    send_blobs(client, {name: data})
    request = {"module": name, "kind": "new", "name": "mine", "utils": {}, "args": args or {}, **more}
    result, payload = client.call_payload("module", **request)
    out = payload[: result["stdout_len"]]
    return result["rc"], out.decode(), payload[result["stdout_len"] :].decode()


BASIC = """
import __main__, json
_ANSIBLE_ARGS = None
LOADED = []
class AnsibleModule(object):
    def __init__(self):
        self.params = json.loads(_ANSIBLE_ARGS.decode("utf-8"))["ANSIBLE_MODULE_ARGS"]
    def exit_json(self, **kwargs):
        print("\\n" + json.dumps(kwargs))
        raise SystemExit(0)
"""
HELPER = "from ansible.module_utils.basic import LOADED\nfrom . import other\ndef twice(x): return x * 2\n"
MODULE = """
import sys
from ansible.module_utils.basic import AnsibleModule, LOADED
from ansible.module_utils.sub.helper import twice
import __main__
LOADED.append(1)
module = AnsibleModule()
module.exit_json(twice=twice(module.params["x"]), name=__name__, same=__main__ is sys.modules["__main__"],
                 file=__file__, fqn=_module_fqn, loaded=LOADED, package=__package__)
"""


def small_manifest() -> tuple[dict[str, Any], dict[str, bytes]]:
    """A stand-in for module_utils that any Python can import."""
    sources = {
        "ansible.module_utils": ("", True),
        "ansible.module_utils.basic": (BASIC, False),
        "ansible.module_utils.sub": ("", True),
        "ansible.module_utils.sub.helper": (HELPER, False),
        "ansible.module_utils.sub.other": ("", False),
    }
    utils, blobs = {}, {}
    for name, (source, package) in sources.items():
        blob, data = digest(source)
        utils[name] = [blob, package]
        blobs[blob] = data
    return utils, blobs


def test_a_module_and_its_utils_on_every_python(any_agent: Client) -> None:
    utils, blobs = small_manifest()
    send_blobs(any_agent, blobs)
    for number in (3, 4):
        rc, out, err = run_source(any_agent, MODULE, {"x": number}, utils=utils, fqcn="ansible.builtin.mine")
        assert (rc, err) == (0, "")
        said = json.loads(out)
        assert said["twice"] == 2 * number
        assert said["name"] == "__main__" and said["same"]
        assert said["file"].endswith("/ansible/modules/mine.py")
        assert said["fqn"] == "ansible.modules.mine"
        assert said["loaded"] == [1]  # a fork never sees what another one changed


def test_a_collections_module_imports_from_its_collection(agent: Client) -> None:
    helper, data = digest("WORD = 'found'")
    send_blobs(agent, {helper: data})
    utils = {"ansible_collections.ns.col.plugins.module_utils.helper": [helper, False]}
    source = "from ..module_utils.helper import WORD\nprint(WORD, __package__)\nraise SystemExit(0)"
    rc, out, err = run_source(agent, source, fqcn="ns.col.mine", utils=utils)
    assert (rc, out, err) == (0, "found ansible_collections.ns.col.plugins.modules\n", "")


def test_the_manifest_may_be_a_blob(agent: Client) -> None:
    utils, blobs = small_manifest()
    name, data = digest(json.dumps(utils))
    send_blobs(agent, {**blobs, name: data})
    rc, out, _ = run_source(agent, MODULE, {"x": 1}, utils=name)
    assert rc == 0 and json.loads(out)["twice"] == 2


def test_ansible_core_modules_run(agent: Client, home: Path) -> None:
    send_module(agent, "ping", "setup", "copy", "file")
    result, out, err = run_module(agent, "ping", {"data": "pong"})
    assert result["rc"] == 0 and err == ""
    assert json.loads(out)["ping"] == "pong"
    (home / "source").write_text("hello")
    args = {"src": str(home / "source"), "dest": str(home / "dest"), "mode": "0640", "remote_src": True}
    out = run_module(agent, "copy", args)[1]
    assert json.loads(out)["changed"] is True
    assert (home / "dest").read_text() == "hello"
    facts = json.loads(run_module(agent, "setup", {"gather_subset": ["!all", "env"]})[1])["ansible_facts"]
    assert facts["ansible_env"]["HOME"] == str(home)


def test_the_folder_for_temporary_files_is_there_before_a_module_uses_it(any_agent: Client, tmp_path: Path) -> None:
    place = tmp_path / "not/yet"
    source = f"import os, sys; print('%o' % (os.stat({str(place)!r}).st_mode & 0o777)); sys.exit(0)"
    assert run_source(any_agent, source, tmpdir=str(place))[1].strip() == "700"


def test_a_module_takes_milliseconds_once_the_zygote_is_there(agent: Client) -> None:
    send_module(agent, "ping")
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        run_module(agent, "ping")
        times.append(time.perf_counter() - begun)
    assert min(times[1:]) < 0.1


def test_errors_of_a_module_come_as_ansible_writes_them(agent: Client) -> None:
    send_module(agent, "ping")
    result, out, _ = run_module(agent, "ping", {"nope": 1})
    assert result["rc"] == 1
    assert json.loads(out)["msg"].startswith("Unsupported parameters for (basic.py) module: nope.")
    result, out, _ = run_module(agent, "ping", {"data": "crash"})
    assert result["rc"] == 1
    assert json.loads(out)["failed"] is True and "ErrorSummary" in out


def test_a_module_that_raises_leaves_its_traceback(any_agent: Client) -> None:
    rc, out, err = run_source(any_agent, "import os\nraise ValueError('broken')")
    assert rc == 1 and out == ""
    assert err.startswith("Traceback (most recent call last)") and "ValueError: broken" in err


@pytest.mark.parametrize(
    ("ending", "rc", "err"),
    [
        ("sys.exit(7)", 7, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('words')", 1, "words\n"),
        ("os.kill(os.getpid(), 9)", -9, ""),
    ],
)
def test_how_a_module_ends(agent: Client, ending: str, rc: int, err: str) -> None:
    assert run_source(agent, f"import os, sys\n{ending}") == (rc, "", err)


def test_a_module_that_does_not_end_itself(agent: Client) -> None:
    rc, out, _ = run_source(agent, "pass")
    assert rc == 1 and "did not handle its own exit" in out


def test_what_runs_at_exit_runs(any_agent: Client) -> None:
    source = (
        "import atexit, sys\natexit.register(lambda: sys.stdout.write('bye'))\nsys.stdout.write('hi ')\nsys.exit(0)"
    )
    assert run_source(any_agent, source) == (0, "hi bye", "")


def test_threads_of_a_module_are_waited_for(agent: Client) -> None:
    source = "import threading, time, sys\nthreading.Timer(0.05, lambda: print('late')).start()\nsys.exit(0)"
    assert run_source(agent, source) == (0, "late\n", "")


FORKS = """
import os, subprocess, sys
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: os.write(2, b"fork"))
def start(umask, **options):
    def preexec():
        if umask:
            os.umask(umask)
    process = subprocess.Popen(["/bin/sh", "-c", "umask"], stdout=subprocess.PIPE, preexec_fn=preexec, **options)
    return process.communicate()[0].decode().strip()
os.umask(0o22)
print(" ".join([start(None), start(0o77), subprocess.Popen.__module__ + "." + subprocess.Popen.__name__]))
sys.exit(0)
"""


def test_programs_that_need_nothing_of_python_are_started_without_a_fork(any_agent: Client) -> None:
    rc, out, err = run_source(any_agent, FORKS)
    version = tuple(any_agent.hello["version"][:2])
    assert (rc, out) == (0, "0022 0077 subprocess.Popen\n"), err
    if version >= (3, 7):
        assert err == ("fork" if version >= (3, 10) else "forkfork")


def test_run_command_of_ansible_core_needs_no_fork(agent: Client) -> None:
    utils, blobs = manifest()
    send_blobs(agent, blobs)
    source = (
        "import os\n"
        "from ansible.module_utils.basic import AnsibleModule\n"
        "os.register_at_fork(after_in_child=lambda: os.write(2, b'fork'))\n"
        "module = AnsibleModule({})\n"
        "plain = module.run_command(['/bin/sh', '-c', 'umask'])\n"
        "module.exit_json(plain=plain, private=module.run_command(['/bin/sh', '-c', 'umask'], umask=0o77))\n"
    )
    rc, out, err = run_source(agent, source, module_request("ping")["args"], utils=utils)
    result = json.loads(out)
    assert (rc, err) == (0, "fork")  # the one with a umask
    assert (result["plain"][0], result["private"]) == (0, [0, "0077\n", ""])


def test_a_modules_surroundings(any_agent: Client, tmp_path: Path) -> None:
    source = """
import json, os, sys
print(json.dumps(dict(one=os.environ.get("ONE"), cwd=os.getcwd(), argv=len(sys.argv), stdin=sys.stdin.read(),
    lead=os.getpid() == os.getsid(0) == os.getpgid(0), path=sys.path[0], lang=os.environ.get("LANG"))))
sys.exit(0)
"""
    (tmp_path / "lib").mkdir()
    environment = {"ONE": "1", "PYTHONPATH": str(tmp_path / "lib")}
    _, out, _ = run_source(any_agent, source, environment=environment, cwd=str(tmp_path), lang="C")
    said = json.loads(out)
    assert said == {
        "one": "1", "cwd": str(tmp_path), "argv": 1, "stdin": "", "lead": True, "lang": "C",
        "path": str(tmp_path / "lib"),
    }  # fmt: skip
    _, out, _ = run_source(any_agent, source)
    assert json.loads(out)["one"] is None and json.loads(out)["cwd"] == any_agent.hello["cwd"]


def test_how_many_descriptors_a_module_may_open(any_agent: Client) -> None:
    source = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    assert run_source(any_agent, source, nofile=99)[1].split()[0] == "99"
    assert run_source(any_agent, source)[1].split()[0] != "99"


def test_site_packages_are_there(agent: Client) -> None:
    rc, out, err = run_source(agent, "import jinja2, sys\nprint(jinja2.__name__)\nsys.exit(0)")
    assert (rc, out) == (0, "jinja2\n"), err


def test_a_module_does_not_see_the_agents_directory(agent: Client, home: Path) -> None:
    (home / "json.py").write_text("raise SystemExit('the wrong json')")
    try:
        assert run_source(agent, "import json, sys\nsys.exit(0)") == (0, "", "")
    finally:
        (home / "json.py").unlink()


def test_output_that_is_not_text(agent: Client) -> None:
    source = "import os, sys\nos.write(1, b'\\xff\\x00')\nos.write(2, b'\\xfe')\nsys.exit(0)"
    name, data = digest(source)
    send_blobs(agent, {name: data})
    result, payload = agent.call_payload("module", module=name, name="mine", utils={}, args={})
    assert payload == b"\xff\x00\xfe" and result == {"rc": 0, "stdout_len": 2, "stderr_len": 1}


def test_a_daemon_that_keeps_the_output_open_does_not_hold_the_result(any_agent: Client) -> None:
    source = """
import os, sys, time
child = os.fork()
if child == 0:
    os.setsid()
    time.sleep(1000)
print(child)
sys.stdout.flush()
os._exit(0)
"""
    rc, out, _ = run_source(any_agent, source)
    assert rc == 0 and alive(int(out))
    os.kill(int(out), 9)


def test_a_time_limit_ends_a_module_and_its_children(any_agent: Client, tmp_path: Path) -> None:
    note = f"open({str(tmp_path)!r} + '/%d' % os.getpid(), 'w').close()"
    source = f"import os, time\nchild = os.fork()\n{note}\ntime.sleep(1000)"
    with pytest.raises(Failed) as caught:
        run_source(any_agent, source, timeout=0.15)
    assert caught.value.kind == "timeout"
    for item in tmp_path.iterdir():
        wait_gone(int(item.name))


def test_a_module_can_be_cancelled(agent: Client, tmp_path: Path) -> None:
    fifo = tmp_path / "up"
    os.mkfifo(fifo)
    name, data = digest(f"import os, time\nopen({str(fifo)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)")
    send_blobs(agent, {name: data})
    number = agent.send("module", module=name, name="mine", utils={}, args={})
    pid = int(fifo.read_text())
    assert agent.call("cancel", target=number) == {"cancelled": True}
    with pytest.raises(Failed) as caught:
        agent.answer(number)
    assert caught.value.kind == "cancelled"
    wait_gone(pid)


def test_modules_run_side_by_side(agent: Client, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    names = {}
    for key, source in {
        "read": f"print(open({str(gate)!r}).read())",
        "write": f"open({str(gate)!r}, 'w').write('x')",
    }.items():
        name, data = digest(source + "\nraise SystemExit(0)")
        send_blobs(agent, {name: data})
        names[key] = name
    numbers = [agent.send("module", module=names[key], name=key, utils={}, args={}) for key in ("read", "write")]
    assert agent.answer(numbers[0])[1] == b"x\n"
    assert agent.answer(numbers[1])[0]["rc"] == 0


def test_arguments_of_any_size(agent: Client) -> None:
    utils, blobs = small_manifest()
    send_blobs(agent, blobs)
    source = MODULE.replace('twice(module.params["x"])', 'len(module.params["x"])')
    rc, out, _ = run_source(agent, source, {"x": "y" * 3_000_000}, utils=utils)
    assert rc == 0 and json.loads(out)["twice"] == 3_000_000


def test_secrets_in_arguments_are_seen_by_nobody(agent: Client, tmp_path: Path) -> None:
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    name, data = digest(f"open({str(fifo)!r}).read()\nraise SystemExit(0)")
    send_blobs(agent, {name: data})
    number = agent.send("module", module=name, name="mine", utils={}, args={"password": "s3cret-arg"})
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            for kind in ("cmdline", "environ"):
                try:
                    assert b"s3cret-arg" not in (entry / kind).read_bytes()
                except OSError:
                    continue
    fifo.write_text("")
    assert agent.answer(number)[0]["rc"] == 0


# the cache


def test_missing_blobs_are_named(own_agent: Client) -> None:
    utils, blobs = small_manifest()
    name, _ = digest(MODULE)
    with pytest.raises(Failed) as caught:
        own_agent.call("module", module=name, name="mine", utils=utils, args={"x": 1})
    assert caught.value.kind == "missing-blobs"
    assert set(caught.value.error["missing"]) == {name, *blobs}


def test_a_blob_with_other_content_is_refused(own_agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        own_agent.call("put_blobs", b"abc", blobs=[["0" * 64, 3]])
    assert caught.value.kind == "bad-request"


def test_the_cache_is_private_and_known_to_the_next_agent(own_agent: Client, tmp_path: Path) -> None:
    utils, blobs = small_manifest()
    send_blobs(own_agent, blobs)
    assert run_source(own_agent, MODULE, {"x": 1}, utils=utils)[0] == 0
    own_agent.close()
    root = tmp_path / "home/.ansible/weft"
    for path in [root, *root.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    again = make(tmp_path / "home")
    assert set(blobs) <= set(again.hello["blobs"])
    again.close()


def test_a_damaged_blob_is_asked_for_again(own_agent: Client, tmp_path: Path) -> None:
    utils, blobs = small_manifest()
    send_blobs(own_agent, blobs)
    own_agent.close()
    victim = utils["ansible.module_utils.basic"][0]
    (tmp_path / "home/.ansible/weft/blobs" / victim).write_bytes(b"raise SystemExit(66)")
    again = make(tmp_path / "home")
    try:
        with pytest.raises(Failed) as caught:
            run_source(again, MODULE, {"x": 1}, utils=utils)
        assert caught.value.error["missing"] == [victim]
        send_blobs(again, {})
        again.call("put_blobs", blobs[victim], blobs=[[victim, len(blobs[victim])]])
        assert run_source(again, MODULE, {"x": 1}, utils=utils)[0] == 0
    finally:
        again.close()


def test_blobs_of_before_a_reboot_are_hashed_again(own_agent: Client, tmp_path: Path) -> None:
    utils, blobs = small_manifest()
    send_blobs(own_agent, blobs)
    own_agent.close()
    root = tmp_path / "home/.ansible/weft"
    victim = utils["ansible.module_utils.basic"][0]
    file = root / "blobs" / victim
    before = file.stat()
    file.write_bytes(b"#" * before.st_size)  # as a crash may leave it: another content, the same file
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    notes = json.loads((root / "checked").read_bytes()[8:])
    assert set(notes["blobs"]) == set(blobs)
    content = json.dumps({**notes, "boot": "another"}).encode()
    (root / "checked").write_bytes(b"%08x" % zlib.crc32(content) + content)
    again = make(tmp_path / "home")
    try:
        with pytest.raises(Failed) as caught:
            run_source(again, MODULE, {"x": 1}, utils=utils)
        assert caught.value.error["missing"] == [victim]
    finally:
        again.close()


def test_compiled_code_that_is_damaged_is_compiled_again(own_agent: Client, tmp_path: Path) -> None:
    utils, blobs = small_manifest()
    send_blobs(own_agent, blobs)
    assert run_source(own_agent, MODULE, {"x": 1}, utils=utils)[0] == 0
    for path in (tmp_path / "home/.ansible/weft/code").iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    assert run_source(own_agent, MODULE, {"x": 1}, utils=utils)[0] == 0


def test_compiled_code_that_is_used_stays(own_agent: Client, tmp_path: Path) -> None:
    utils, blobs = small_manifest()
    send_blobs(own_agent, blobs)
    assert run_source(own_agent, MODULE, {"x": 1}, utils=utils)[0] == 0
    own_agent.close()
    folder = tmp_path / "home/.ansible/weft/code"
    kept = [path for path in folder.iterdir() if not path.name.startswith("agent-")]
    assert kept
    for path in kept:
        os.utime(path, (1e9, 1e9))
    (folder.parent / "swept").unlink()
    again = make(tmp_path / "home")
    assert run_source(again, MODULE, {"x": 1}, utils=utils)[0] == 0
    again.close()
    assert [path for path in kept if not path.exists()] == []


def test_modules_run_where_no_cache_can_be_written(tmp_path: Path) -> None:
    client = Client.start(env={"HOME": "/proc", "TMPDIR": "/proc/self/fd", "WEFT_AGENT_TEST": str(os.getpid())})
    try:
        utils, blobs = small_manifest()
        send_blobs(client, blobs)
        assert run_source(client, MODULE, {"x": 2}, utils=utils)[0] == 0
    finally:
        client.close()


def test_two_sets_of_module_utils_do_not_mix(agent: Client) -> None:
    utils, blobs = small_manifest()
    other = BASIC.replace("kwargs))", "dict(kwargs, other=True)))")
    blob, data = digest(other)
    send_blobs(agent, {**blobs, blob: data})
    changed = {**utils, "ansible.module_utils.basic": [blob, False]}
    assert "other" not in json.loads(run_source(agent, MODULE, {"x": 1}, utils=utils)[1])
    assert json.loads(run_source(agent, MODULE, {"x": 1}, utils=changed)[1])["other"] is True
    assert "other" not in json.loads(run_source(agent, MODULE, {"x": 1}, utils=utils)[1])


def test_a_changed_helper_is_imported_anew(agent: Client) -> None:
    utils, blobs = small_manifest()
    blob, data = digest(HELPER.replace("x * 2", "x * 3"))
    send_blobs(agent, {**blobs, blob: data})
    changed = {**utils, "ansible.module_utils.sub.helper": [blob, False]}
    assert json.loads(run_source(agent, MODULE, {"x": 1}, utils=utils)[1])["twice"] == 2
    assert json.loads(run_source(agent, MODULE, {"x": 1}, utils=changed)[1])["twice"] == 3


def test_a_zygote_that_dies_is_replaced(own_agent: Client) -> None:
    utils, blobs = small_manifest()
    send_blobs(own_agent, blobs)
    _, out, _ = run_source(own_agent, "import os\nprint(os.getppid())\nraise SystemExit(0)", utils=utils)
    os.kill(int(out), 9)
    name, _ = digest("import os\nprint(os.getppid())\nraise SystemExit(0)")
    for _attempt in range(2):
        try:
            _, payload = own_agent.call_payload("module", module=name, name="mine", utils=utils, args={})
        except Failed as error:
            assert error.kind == "internal"
        else:
            assert int(payload) != int(out)
            return
    raise AssertionError("no new zygote")


def test_warming_up(own_agent: Client) -> None:
    utils, blobs = small_manifest()
    with pytest.raises(Failed):
        own_agent.call("warm", utils=utils)
    send_blobs(own_agent, blobs)
    assert own_agent.call("warm", utils=utils) == {}
    assert run_source(own_agent, MODULE, {"x": 1}, utils=utils)[0] == 0


def test_a_module_may_respawn_under_another_interpreter(agent: Client) -> None:
    source = """
import json, sys
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module, probe_interpreters_for_module
def main():
    module = AnsibleModule(argument_spec=dict(x=dict()))
    if not has_respawned():
        respawn_module(probe_interpreters_for_module([sys.executable], "json"))
    module.exit_json(x=module.params["x"], respawned=True)
if __name__ == "__main__":
    main()
"""
    send_module(agent, "ping")
    name, data = digest(source)
    send_blobs(agent, {name: data})
    request = module_request("ping", {"x": "kept"})
    result, payload = agent.call_payload(
        "module", **{**request, "module": name, "name": "again", "fqcn": "ansible.legacy.again"}
    )
    said = json.loads(payload[: result["stdout_len"]])
    assert said["x"] == "kept" and said["respawned"] is True


# other kinds


def test_a_module_with_its_arguments_in_the_text(any_agent: Client) -> None:
    source = "#!/bin/sh\ncat <<'END'\n<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>\nEND\n"
    rc, out, _ = run_source(any_agent, source, {"a": "ü"}, kind="json-args", interpreter="/bin/sh")
    assert rc == 0 and json.loads(out) == {"a": "ü"}


def test_a_module_with_its_arguments_in_a_file(any_agent: Client) -> None:
    source = "#!/bin/sh\n# WANT_JSON\ncat $1; stat -c %a $0 $1 $(dirname $0)"
    rc, out, _ = run_source(any_agent, source, {"a": 1}, kind="want-json")
    assert rc == 0 and out == '{"a":1}700\n600\n700\n'


def test_an_old_style_module(any_agent: Client) -> None:
    _, out, _ = run_source(any_agent, '#!/bin/sh\n. $1\necho "$a"', {"a": "b c'd"}, kind="old")
    assert out == "b c'd\n"


def test_a_binary_module(agent: Client) -> None:
    _, out, _ = run_source(agent, Path("/bin/cat").read_bytes(), {"a": 1}, kind="binary")
    assert json.loads(out) == {"a": 1}


def test_nothing_is_left_of_a_module_in_files(agent: Client, home: Path) -> None:
    run_source(agent, "#!/bin/sh\ntrue", {}, kind="want-json")
    assert not re.findall("weft-", " ".join(os.listdir(home / "tmp")))


def test_an_unknown_kind(agent: Client) -> None:
    with pytest.raises(Failed) as caught:
        run_source(agent, "x", kind="powershell")
    assert caught.value.kind == "bad-request"


def test_all_of_module_utils_is_small_enough(agent: Client) -> None:
    assert len(manifest()[0]) > 100
