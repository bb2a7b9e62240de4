"""The ``module`` operation: chooses how a module is run, and runs it. Also ``put_blobs``.

Comes after ``blobs``, ``process`` and ``zygote``. New-style Python modules are forks of a zygote; all others are files
in a private temporary directory, as ansible-core lays them out.
"""

from __future__ import absolute_import, division, print_function

import os
import time

from . import compat, importer, process, zygote
from .agent import BadRequest
from .command import merge, quote, task_environment
from .command import run as run_program

MOST_ZYGOTES = 3
PATIENCE = 0.5  # seconds for zygotes to end, which takes them a few milliseconds


def op_put_blobs(request):
    """Keep blobs that a later ``module`` names."""
    start = 0
    for name, length in request.require("blobs", list):
        data = request.payload[start : start + length]
        start += length
        try:
            request.agent.store.put(name, data)
        except ValueError as error:
            raise BadRequest(str(error))
    request.agent.store.trim()
    request.reply({})


def op_warm(request):
    """Start a zygote for a manifest, so that the first module need not wait for it."""
    call = resolve(request.agent, request.args)
    if isinstance(call, list):
        request.error("missing-blobs", "%d blobs are missing" % len(call), missing=call)
        return
    nursery_of(request.agent).zygote(call["utils"])
    request.reply({})


def op_module(request):
    args = request.args
    if request.payload and "args" not in args:
        args["args"] = compat.loads(request.payload)
    call = resolve(request.agent, args)
    if isinstance(call, list):
        request.error("missing-blobs", "%d blobs are missing" % len(call), missing=call)
        return
    start = run_new if args.get("kind", "new") == "new" else run_file

    def done(capture):
        if capture.reason is not None:
            request.stopped(capture.reason)
        elif capture.lost:
            request.error("internal", "the process that runs modules died (killed, or out of memory)")
        else:
            request.reply_output(capture)

    request.capture(start(request.agent, call, request.guarded(done), args.get("timeout")))


def resolve(agent, args):
    """A request's arguments with its manifest in full; or the list of blobs that are missing."""
    if not args.get("module") and args.get("op") != "warm":
        raise BadRequest("module: needs the hash of a module")
    utils = args.get("utils") or {}
    if not isinstance(utils, dict):
        missing = agent.store.missing([utils])
        if missing:
            return missing + agent.store.missing(filter(None, [args.get("module")]))
        utils = manifest_of(agent, utils)
    wanted = {entry[0] for entry in utils.values() if entry[0]}
    if args.get("module"):
        wanted.add(args["module"])
    missing = agent.store.missing(wanted)
    if missing:
        return sorted(missing)
    call = {
        key: args[key]
        for key in ("module", "kind", "name", "interpreter", "cwd", "lang", "environment", "nofile")
        if key in args
    }
    call.update(utils=utils, args=args.get("args") or {}, fqcn=args.get("fqcn") or args.get("name") or "module")
    call["tmpdir"] = args.get("tmpdir") or agent.remote_tmp
    make_ready(agent, call["tmpdir"])
    if args.get("profile"):
        call["profile"] = args["profile"]
    if call.get("cwd"):
        call["cwd"] = compat.to_text(compat.expand_path(call["cwd"], agent.env))
    return call


def make_ready(agent, place):
    """Make the folder for modules' temporary files: where they have to make it themselves, they warn."""
    if place not in agent.tmp_ready:
        agent.tmp_ready.add(place)
        try:
            compat.make_private_dir(compat.expand_path(place, agent.env))
        except OSError:
            return  # a module that needs it will say so


_manifests = {}


def manifest_of(agent, name):
    """The manifest that a blob holds as JSON."""
    if name not in _manifests:
        _manifests[name] = compat.loads(agent.store.get(name))
    return _manifests[name]


def run_new(agent, call, done, limit=None):
    """Run a Python module in a fork of a zygote; returns its Capture."""
    nursery = nursery_of(agent)
    capture = process.Capture(agent.loop, done)
    capture.lost = False
    out, err = capture.pipes()
    read_end, write_end = compat.pipe()

    def lost():
        capture.lost = True
        capture.gone()

    nursery.zygote(call["utils"]).run(zygote.RUN, (read_end, out, err), capture.started, capture.exited, lost)
    capture.feed(write_end, compat.dumps(nursery.complete(call)))
    if limit:
        capture.limit(limit)
    return capture


def nursery_of(agent):
    """The agent's zygotes; made when first needed."""
    if not hasattr(agent, "nursery"):
        agent.nursery = Nursery(agent)
        agent.at_end.append(agent.nursery.close)
    return agent.nursery


class Nursery(object):
    """Keeps zygotes, one for each set of module_utils (told apart by their ``basic``)."""

    def __init__(self, agent):
        self._agent = agent
        self._zygotes = {}

    def zygote(self, utils):
        """The zygote for this manifest; started if there is none."""
        key = (utils.get("ansible.module_utils.basic") or [""])[0]
        found = self._zygotes.get(key)
        if found is None or found.failed:
            self._make_room()
            store = self._agent.store
            blobs = importer.Blobs(store.root, dict(store.memory))
            kind = zygote.Zygote if zygote.can_pass() else zygote.Direct
            path = self._agent.env.get(b"PYTHONPATH", b"")
            found = kind(self._agent.loop, blobs, utils, path if compat.PY2 else compat.to_text(path))
            self._zygotes[key] = found
        return found

    def _make_room(self):
        """Let the zygote that was idle longest go when there are too many."""
        idle = sorted((item.used, key) for key, item in self._zygotes.items() if item.idle)
        if len(self._zygotes) >= MOST_ZYGOTES and idle:
            self._zygotes.pop(idle[0][1]).close()

    def complete(self, call):
        """What the fork needs beyond the call: the blobs for which there is no file."""
        store = self._agent.store
        if store.memory:
            import base64

            wanted = {entry[0] for entry in call["utils"].values()} | {call["module"]}
            call = dict(call, memory={})
            for name in wanted:
                if name in store.memory:
                    call["memory"][name] = compat.to_text(base64.b64encode(store.memory[name]))
        return call

    def close(self):
        left, self._zygotes = list(self._zygotes.values()), {}
        for item in left:
            item.close()
        # in a container without an init nobody else takes them away: they would be zombies for ever
        deadline = compat.clock() + PATIENCE
        while True:
            left = [item for item in left if not item.ended()]
            if not left or compat.clock() > deadline:
                return
            time.sleep(0.002)


def run_file(agent, call, done, limit=None):
    """Run a module that is a program of its own; returns its Capture."""
    return FileModule(agent.loop, agent.env, agent.store.get(call["module"]), call).run(done, limit)


class FileModule(object):
    """A module in a temporary directory, with its arguments where its kind expects them."""

    def __init__(self, loop, env, source, call):
        self._loop = loop
        self._env = task_environment(env, call)
        self._source = source
        self._call = call
        self._folder = None

    def run(self, done, limit=None, on_data=None):
        call = self._call

        def over(capture):
            remove_tree(self._folder)
            capture.lost = False
            done(capture)

        self._folder = make_temporary(self._env, call["tmpdir"])
        try:
            argv = self._write()
            env = merge(self._env, {})
            cwd = compat.to_bytes(call["cwd"]) if call.get("cwd") else None
            return run_program(self._loop, argv, env, over, cwd, limit=limit, on_data=on_data)
        except BaseException:
            remove_tree(self._folder)
            raise

    def _write(self):
        """Lay out the files; returns the command."""
        call = self._call
        kind = call["kind"]
        source, arguments = self._source, None
        if kind == "json-args":
            source = source.replace(b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>", compat.dumps(call["args"]))
        elif kind in ("want-json", "binary"):
            arguments = compat.dumps(call["args"])
        elif kind == "old":
            arguments = key_values(call["args"])
        else:
            raise BadRequest("module: unknown kind %r" % kind)
        name = compat.to_bytes(call.get("name") or "module").replace(b"/", b"_")
        path = os.path.join(self._folder, name)
        _write_new(path, source, 0o700)
        argv = ([] if kind == "binary" else interpreter(call, source)) + [path]
        if arguments is not None:
            _write_new(os.path.join(self._folder, b"args"), arguments, 0o600)
            argv.append(os.path.join(self._folder, b"args"))
        return argv


def interpreter(call, source):
    """The words of the interpreter that runs a module: told, or from its first line."""
    told = call.get("interpreter")
    if told:
        return compat.to_bytes(told).split() if not isinstance(told, list) else [compat.to_bytes(word) for word in told]
    first = source.split(b"\n", 1)[0]
    return first[2:].split() if first.startswith(b"#!") else []


def key_values(args):
    """Arguments for old-style modules: ``key=value`` words, quoted for a shell."""
    words = []
    for key, value in args.items():
        text = value if isinstance(value, (bytes, compat.text_type)) else str(value)
        words.append(compat.to_bytes(key) + b"=" + quote(compat.to_bytes(text)) + b" ")
    return b"".join(words)


def remove_tree(path):
    """Remove a directory with what is in it, as far as that can be."""
    import shutil  # not above: few agents need it, and it takes long to import

    shutil.rmtree(path, ignore_errors=True)


def make_temporary(env, base):
    """A private directory below ``base``, or below the system's temporary directory if that can't be."""
    import tempfile

    try:
        parent = compat.make_private_dir(compat.expand_path(base, env))
        return compat.to_bytes(tempfile.mkdtemp(prefix=b"weft-" if not compat.PY2 else "weft-", dir=parent))
    except OSError:
        return compat.to_bytes(tempfile.mkdtemp(prefix="weft-"))


def _write_new(path, data, mode):
    fd = compat.open_fd(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        compat.write_all(fd, data)
    finally:
        os.close(fd)
