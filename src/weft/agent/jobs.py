"""The ``job.*`` operations: starting supervisors, and waiting for the ends of jobs, whoever started them.

Comes after ``watches`` and ``supervisor``.
"""

from __future__ import absolute_import, division, print_function

import errno
import os
import time

from . import command, compat, jobfiles, process, procs
from . import loop as loops
from .agent import BadRequest
from .compat import signal
from .jobfiles import Job
from .watches import TICK, Lazy, Watches

SWEEP = 3600.0  # seconds between removals of old jobs
MOST_KILLS = 5  # a second each: what is left then can't be ended from here


def folder_of(request):
    """The async directory a request speaks of, as bytes."""
    return compat.expand_path(request.args.get("async_dir") or request.agent.async_dir, request.agent.env)


def jobs_of(request):
    """The jobs a request names."""
    folder = folder_of(request)
    jids = request.args.get("jids")
    if jids is None and request.args.get("jid") is not None:
        jids = [request.args["jid"]]
    if not isinstance(jids, list):
        raise BadRequest("%s: needs jids" % request.op)
    return [Job(folder, jid) for jid in jids]


def statuses(jobs):
    """``status`` of many jobs; processes are listed at most once for all."""
    commands = Lazy(jobfiles.wrappers)
    return {job.jid: jobfiles.status(job, commands) for job in jobs}


# starting


def op_job_start(request):
    agent, args = request.agent, request.args
    call = request.require("request", dict)
    op = args.get("run") or ("module" if "module" in call else "command")
    folder = folder_of(request)
    _sweep(agent, folder)
    jid = args.get("jid") or "j%d" % (int(compat.random_hex(6), 16) % 10**12)
    if not jobfiles.is_jid(compat.to_text(jid)):
        raise BadRequest("job.start: %r can't be a job's id" % jid)
    job = {"jid": jid, "folder": compat.to_text(folder), "limit": args.get("limit") or 0, "op": op}
    job["name"] = args.get("name") or call.get("name") or op
    job["title"] = args.get("title") or ""
    job["no_log"] = bool(args.get("no_log") or (call.get("args") or {}).get("_ansible_no_log"))
    _get_ready()
    if op == "command":
        job["request"] = call
        command.task_environment(agent.env, call)  # looks whether its locale exists, once for all jobs
        _fork_supervisor(request, job, None)
    elif op == "module":
        _start_module(request, job, call)
    else:
        raise BadRequest("job.start: %r can't be a job" % op)


def _start_module(request, job, call):
    from . import modules, zygote  # not above: jobs are mostly commands

    agent = request.agent
    call = modules.resolve(agent, dict(call, kind=call.get("kind", "new")))
    if isinstance(call, list):
        request.error("missing-blobs", "%d blobs are missing" % len(call), missing=call)
        return
    job["request"] = modules.nursery_of(agent).complete(call)
    if call["kind"] == "new" and zygote.can_pass():
        _ask_zygote(request, job)
    elif call["kind"] == "new":
        _fork_supervisor(request, job, call["utils"])
    else:
        job["request"]["root"] = compat.to_text(agent.store.root or b"")
        _fork_supervisor(request, job, None)


def _get_ready():
    from . import supervisor  # not above: most agents start no job

    supervisor.get_ready()


def _fork_supervisor(request, job, utils):
    """Start a supervisor as a fork of the agent; with ``utils``, one that can run Python modules."""
    agent = request.agent
    read_end, write_end = compat.pipe()
    blobs = None
    if utils is not None:
        from . import importer

        blobs = importer.Blobs(agent.store.root, dict(agent.store.memory))
    pid = os.fork()
    if pid == 0:
        _be_supervisor(job, write_end, blobs, utils)
    os.close(write_end)
    agent.loop.child(pid, lambda status: None)
    Answer(request, read_end)


def _be_supervisor(job, reply_fd, blobs, utils):
    try:
        loops.leave()
        process.own_session()
        from . import supervisor

        finder = None
        if utils is not None:
            from . import zygote

            finder = zygote.set_up_python(blobs, utils, "", preload=False)
        supervisor.supervise(lambda: job, reply_fd, finder)
    finally:
        os._exit(1)


def _ask_zygote(request, job):
    from . import modules, zygote

    agent = request.agent
    read_end, write_end = compat.pipe()
    answer_read, answer_write = compat.pipe()
    server = modules.nursery_of(agent).zygote(job["request"]["utils"])
    server.run(zygote.JOB, (read_end, answer_write, os.dup(answer_write)))
    process.Feeder(agent.loop, write_end, compat.dumps(job))
    Answer(request, answer_read)


class Answer(object):
    """What a supervisor says once its files are there, passed on as the answer to ``job.start``."""

    def __init__(self, request, fd):
        self._request = request
        self._fd = fd
        self._data = b""
        compat.set_nonblocking(fd)
        request.agent.loop.reader(fd, self._read)

    def _read(self):
        data = compat.read_some(self._fd)
        if data is None:
            return
        self._data += data
        if data:
            return
        self._request.agent.loop.forget(self._fd)
        os.close(self._fd)
        try:
            said = compat.loads(self._data)
        except ValueError:
            self._request.error("internal", "the job's supervisor ended before it began")
            return
        if "error" in said:
            error = dict(said["error"])
            self._request.error(error.pop("kind"), error.pop("message"), **error)
        else:
            self._request.reply(said["result"])


def _sweep(agent, folder):
    """Remove old jobs, now and then."""
    swept = agent.__dict__.setdefault("swept", {})
    now = compat.clock()
    if folder not in swept or now - swept[folder] > SWEEP:
        swept[folder] = now
        try:
            jobfiles.sweep(folder, agent.keep_jobs)
        except (OSError, IOError):
            pass  # whoever needs the directory says what is wrong with it


# waiting


def watches_of(agent):
    if not hasattr(agent, "watches"):
        agent.watches = Watches(agent.loop)
        agent.pushed_jobs = set()
    return agent.watches


def op_job_status(request):
    request.reply({"jobs": statuses(jobs_of(request))})


def op_job_watch(request):
    agent = request.agent
    watches, folder = watches_of(agent), compat.to_text(folder_of(request))
    jobs = jobs_of(request)
    found = statuses(jobs)
    request.reply({})
    for job in jobs:
        key = (job.folder, job.jid)
        if key in agent.pushed_jobs:
            continue  # watched already: it is told once
        agent.pushed_jobs.add(key)
        watches.add(job, _pusher(agent, key, folder), found[job.jid])


def _pusher(agent, key, folder):
    def tell(now):
        agent.pushed_jobs.discard(key)
        agent.push("job", jid=key[1], async_dir=folder, result=now)

    return tell


def op_job_wait(request):
    jobs = jobs_of(request)
    wanted = request.args.get("for")
    Waiting(request, jobs, len(jobs) if wanted is None else min(int(wanted), len(jobs)))


class Waiting(object):
    """A ``job.wait`` that goes on."""

    def __init__(self, request, jobs, wanted):
        self._request = request
        self._left = {job.jid: job for job in jobs}
        self._jobs = jobs
        self._wanted = wanted
        self._ended = {}
        self._timer = None
        self._over = False
        self._listeners = {}
        request.waits = True
        request.on_cancel = self._cancel
        watches, found = watches_of(request.agent), statuses(jobs)
        for jid, job in list(self._left.items()):
            if found[jid]["finished"]:
                self._ended[jid] = found[jid]
            else:
                self._listeners[jid] = self._listener(jid)
                watches.add(job, self._listeners[jid], found[jid])
        timeout = request.args.get("timeout")
        if len(self._ended) >= wanted:
            self._finish()
        elif timeout is not None:
            self._timer = request.agent.loop.call_later(timeout, self._finish)

    def _listener(self, jid):
        def ended(now):
            self._ended[jid] = now
            if len(self._ended) >= self._wanted:
                self._finish()

        return ended

    def _stop(self):
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        watches = watches_of(self._request.agent)
        for jid, listener in self._listeners.items():
            watches.drop(self._left[jid], listener)

    def _finish(self):
        if not self._over:
            self._stop()
            rest = [job for job in self._jobs if job.jid not in self._ended]
            self._request.reply({"jobs": dict(statuses(rest), **self._ended)})

    def _cancel(self, reason):
        if not self._over:
            self._stop()
            self._request.stopped(reason)


# the rest


def op_job_cancel(request):
    grace = request.args.get("grace")
    Cancelling(request, jobs_of(request), process.KILL_AFTER if grace is None else float(grace))


class Cancelling(object):
    """A ``job.cancel``: signals first, then waits until the jobs have ended."""

    def __init__(self, request, jobs, grace):
        self._request = request
        self._agent = request.agent
        self._grace = grace
        self._pending = {}
        self._done = []
        for jid, now in statuses(jobs).items():
            if (not now["finished"] and now["alive"]) or now.get("orphans"):
                self._pending[jid] = Job(jobs[0].folder, jid)
        for jid, job in list(self._pending.items()):
            self._cancel(jid, job)
        self._maybe_finish()

    def _cancel(self, jid, job):
        state = job.read(".state")
        if state is None:
            self._end(jid, job, core_processes)
            return
        if jobfiles.finished(job.read()):
            self._end(jid, job, jobfiles.orphans)
            return
        job.write({"grace": self._grace}, ".cancel")
        try:
            os.kill(state["pid"], signal.SIGTERM)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise
            self._end(jid, job, jobfiles.orphans)  # it is gone since it was looked at
            return
        watches_of(self._agent).add(job, lambda now: self._ended(jid))

    def _end(self, jid, job, find):
        Ending(self._agent.loop, job, lambda: find(job), self._grace, lambda: self._ended(jid))

    def _ended(self, jid):
        job = self._pending.pop(jid, None)
        if job is not None:
            compat.remove_file(job.file(".cancel"))
            self._done.append(jid)
            self._maybe_finish()

    def _maybe_finish(self):
        if not self._pending:
            self._request.reply({"cancelled": sorted(self._done)})


def core_processes(job):
    """What serves a job that ansible-core started."""
    found = jobfiles.core_processes(job)
    return found + procs.descendants(found)


class Ending(object):
    """Ends a job that has no supervisor of ours, and writes down that it was cancelled. ``find()`` gives its processes.

    One of ansible-core's is left without a result by its wrapper; one that was lost keeps saying so.
    """

    def __init__(self, loop, job, find, grace, done):
        self._loop = loop
        self._job = job
        self._find = find
        self._done = done
        self._deadline = compat.clock() + grace
        self._rounds = 0
        self._signal(signal.SIGTERM)
        loop.call_later(TICK, self._look)

    def _signal(self, number):
        procs.kill_all(self._known() if number == signal.SIGKILL else self._remember(), number)

    def _remember(self):
        self._pids = {pid: procs.start_ticks(pid) for pid in self._find()}
        return list(self._pids)

    def _known(self):
        """Those that were there at first and are still the same, and those found now."""
        same = [pid for pid, ticks in self._pids.items() if ticks is not None and procs.is_same(pid, ticks)]
        return set(same) | set(self._find())

    def _look(self):
        left = self._known()
        if left and self._rounds < MOST_KILLS:
            if compat.clock() > self._deadline:
                self._signal(signal.SIGKILL)
                self._deadline = compat.clock() + 1.0
                self._rounds += 1
            self._loop.call_later(TICK, self._look)
            return
        if not left:
            self._write()
        self._done()

    def _write(self):
        content = self._job.read()
        if jobfiles.finished(content) and not content.get("lost"):
            return  # it came to its end meanwhile
        result = {"failed": True, "cancelled": True, "started": 1, "finished": 1, "ansible_job_id": self._job.jid}
        result["msg"] = "The job was cancelled"
        if content and content.get("lost"):
            result.update(lost=True, msg=content["msg"].partition(";")[0] + "; what was left of it was cancelled")
        self._job.write(result)


def op_job_cleanup(request):
    erased = [job.remove() for job in jobs_of(request) if jobfiles.is_jid(job.jid)]
    request.reply({"erased": [compat.to_text(path) for path in erased if path]})


def op_job_list(request):
    folder = folder_of(request)
    found = jobfiles.listing(folder)
    commands = Lazy(jobfiles.wrappers)
    listed = [_listed(job, commands) for job in found]
    request.reply({"jobs": listed, "async_dir": compat.to_text(folder), "now": time.time()})


_RESULT_KEYS = (
    "ansible_job_id",
    "started",
    "finished",
    "alive",
    "lost",
    "orphans",
    "failed",
    "changed",
    "rc",
    "msg",
    "timedout",
    "cancelled",
)
_STATE_KEYS = ("name", "title", "no_log", "user", "pid", "pgid", "started_at", "limit", "hostname")


def _listed(job, commands):
    """What a list says of a job: no output, and nothing of what a `no_log` task was given."""
    now = jobfiles.status(job, commands)
    state = job.read(".state")
    entry = {key: now[key] for key in _RESULT_KEYS if key in now}
    if state is not None:
        entry.update({key: state.get(key) for key in _STATE_KEYS})
        if state.get("no_log"):
            entry.pop("msg", None)
    else:
        entry.update(jobfiles.core_facts(job, now, commands))
    entry["foreign"] = state is None
    try:
        entry["changed_at"] = os.stat(job.path).st_mtime
    except OSError:
        pass
    return entry


def op_job_log(request):
    job = jobs_of(request)[0]
    if not jobfiles.is_jid(job.jid):
        raise BadRequest("job.log: %r can't be a job's id" % job.jid)
    offset, length = request.args.get("offset") or 0, min(request.args.get("length") or 1 << 20, 16 << 20)
    over = bool(jobfiles.status(job)["finished"])  # before the log is read: what is written until then is in it
    data, size = b"", 0
    try:
        fd = compat.open_fd(job.file(".log"), os.O_RDONLY)
    except OSError:
        if not job.exists():
            raise
    else:
        try:
            size = os.fstat(fd).st_size
            os.lseek(fd, offset, os.SEEK_SET)
            data = os.read(fd, length)
        finally:
            os.close(fd)
    request.reply({"offset": offset + len(data), "eof": offset + len(data) >= size, "finished": over}, data)
