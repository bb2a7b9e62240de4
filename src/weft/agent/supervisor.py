"""The supervisor of a job: a detached process that runs it, keeps its limit, writes its result. One writer, no race.

Comes after ``command``, ``modules``, ``zygote`` and ``jobfiles``. Started by a fork of the agent or, for Python
modules, of a zygote (which has imported what they need). Holds the job's FIFO open for as long as it lives.
"""

from __future__ import absolute_import, division, print_function

import os
import time

from . import command, compat, host, jobfiles, process, procs
from . import loop as loops
from .compat import signal


def get_ready():
    """Load what every supervisor needs. Called before the fork, so that all of them have it from there."""
    procs.load_prctl()
    host.user_name(os.geteuid())
    host.boot_id()


def begin(request_fd, reply_fd, finder):
    """In a fork of a zygote, which waits for its end: leave it for good, read the request, then as ``supervise``."""
    if os.fork() != 0:
        os._exit(0)
    supervise(lambda: compat.loads(compat.read_all(request_fd)), reply_fd, finder, keep=[request_fd])


def supervise(read, reply_fd, finder, keep=()):
    """In a process with a session of its own: run one job. ``read()`` gives the request. Does not return."""
    code = 1
    try:
        loops.leave()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        compat.null_stdio([0, 1, 2])
        compat.close_others([reply_fd] + list(keep))
        Supervisor(read(), reply_fd, finder).run()
        code = 0
    except BaseException as error:
        _say(reply_fd, {"error": _described(error)})
    finally:
        os._exit(code)


def _say(fd, value):
    """Tell the agent, if it still listens; only the first time counts."""
    try:
        compat.write_all(fd, compat.dumps(value))
        os.close(fd)
    except (OSError, IOError):
        pass


class NoFolder(Exception):
    """The directory for the job's files can't be made."""

    def __init__(self, folder, reason):
        number, where = compat.error_number(reason), compat.to_text(reason.filename or folder)
        text = "[Errno %s] %s: '%s'" % (number, os.strerror(number), where)
        Exception.__init__(self, "could not create directory: %s - %s" % (compat.to_text(folder), text))
        self.errno = number


def _described(error):
    import traceback

    if isinstance(error, NoFolder):
        text, number = error.args[0], error.errno
        return {"kind": "os", "message": text, "errno": number, "strerror": os.strerror(number), "async_dir": True}
    number = compat.error_number(error)
    if isinstance(error, EnvironmentError) and number is not None:
        name = getattr(error, "filename", None)
        text = os.strerror(number) + (": %s" % compat.to_text(name) if name else "")
        return {"kind": "os", "message": text, "errno": number, "strerror": os.strerror(number)}
    text = "%s: %s" % (type(error).__name__, error)
    return {"kind": "internal", "message": text, "traceback": traceback.format_exc()}


class Supervisor(object):
    """One job, from its files to its result."""

    def __init__(self, request, reply_fd, finder):
        self._request = request
        self._reply_fd = reply_fd
        self._finder = finder
        self._log = None
        self._capture = None
        self._child = None
        self._patience = 0.0  # until when what was told to end may take its time
        folder = compat.to_bytes(request["folder"])
        try:
            compat.make_private_dir(folder)
        except (OSError, IOError) as error:
            raise NoFolder(folder, error)
        jid = request["jid"] if "." in request["jid"] else "%s.%d" % (request["jid"], os.getpid())
        self._job = jobfiles.Job(folder, compat.to_text(jid))
        self._state = {
            "pid": os.getpid(),
            "start": procs.start_ticks(os.getpid()),
            "pgid": None,
            "pgid_start": None,
            "started_at": time.time(),
            "limit": request.get("limit") or 0,
            "user": host.user_name(os.geteuid()),
            "boot_id": host.boot_id(),
            "hostname": compat.to_text(os.uname()[1]),
            "name": request.get("name") or "",
            "title": request.get("title") or "",
            "no_log": bool(request.get("no_log")),
        }

    def run(self):
        """Make the files, say so, run the job, write its result."""
        os.umask(0o022)
        self._loop = loops.Loop()
        self._loop.on_signal(signal.SIGTERM, self._cancel)
        fifo = self._make_files()
        job = self._job
        started = {"ansible_job_id": job.jid, "results_file": compat.to_text(job.path), "started": 1, "finished": 0}
        _say(self._reply_fd, {"result": dict(started, pid=os.getpid())})
        procs.become_subreaper()
        try:
            self._launch()
        except Exception as error:
            self._write(dict(_described(error), failed=True, msg="The job could not be started: %s" % error))
            return
        self._loop.run()
        if fifo is not None:
            compat.remove_file(job.file(".alive"))

    def _make_files(self):
        job = self._job
        fifo = None
        try:
            os.mkfifo(job.file(".alive"), 0o600)
            fifo = compat.open_fd(job.file(".alive"), os.O_RDWR | os.O_NONBLOCK)
        except OSError:
            compat.remove_file(job.file(".alive"))  # a file system without FIFOs: the pid has to do
        try:
            job.write(self._state, ".state")
            if not self._request.get("no_log"):
                self._log = compat.open_fd(job.file(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            job.write({"started": 1, "finished": 0, "ansible_job_id": job.jid})
        except BaseException:
            job.remove()
            raise
        return fifo

    # running

    def _launch(self):
        op, call = self._request["op"], self._request["request"]
        if op == "command":
            plan = command.prepare(call, compat.environ())
            if not isinstance(plan, command.Plan):
                self._write(plan)
                self._loop.soon(self._loop.stop)
                return
            capture = command.launch(self._loop, plan, self._command_over, on_data=self._on_data)
        elif call.get("kind", "new") == "new":
            capture = self._fork_module(call)
        else:
            from . import importer, modules, runner  # not above: most jobs are commands

            blobs = importer.Blobs(compat.to_bytes(call["root"] or ""), runner.decode_blobs(call.get("memory")))
            program = modules.FileModule(self._loop, compat.environ(), blobs.get(call["module"]), call)
            capture = program.run(self._module_over, on_data=self._on_data)
        if capture is not None:
            self._started(capture)

    def _fork_module(self, call):
        capture = process.Capture(self._loop, self._module_over, on_data=self._on_data)
        out, err = capture.pipes()
        pid = os.fork()
        if pid == 0:
            self._be_module(call, out, err)
        os.close(out)
        os.close(err)
        self._loop.child(pid, capture.exited)
        capture.started(pid)
        return capture

    def _be_module(self, call, out, err):
        try:
            loops.leave()
            process.own_session()
            process.redirect((None, out, err))
            compat.close_others([])
            from . import runner

            runner.run_module(call, self._finder)
        finally:
            os._exit(1)

    def _started(self, capture):
        self._capture = capture
        self._child = capture.pid
        capture.killer = self._kill
        if self._request.get("limit"):
            capture.limit(self._request["limit"])
        self._state["pgid"] = capture.pid
        self._state["pgid_start"] = procs.start_ticks(capture.pid)
        try:
            self._job.write(self._state, ".state")
        except (OSError, IOError):
            pass

    def _on_data(self, data):
        if self._log is not None:
            try:
                compat.write_all(self._log, data)
            except (OSError, IOError):
                pass  # a full disk must not end the job

    # ending

    def _cancel(self):
        """TERM: from ``job.cancel``, which says so in a file, or from who ends all processes of the machine."""
        wish = self._job.read(".cancel")
        grace = (wish or {}).get("grace")
        if self._capture is not None:  # the signal is handled in the loop, so there is one unless it is all over
            self._capture.kill(
                "terminated" if wish is None else "cancelled", process.KILL_AFTER if grace is None else grace
            )

    def _kill(self, pid, number):
        """Signal the job's group, and what descends from it in other groups."""
        if number == 0:
            return process.signal_group(pid, 0)
        self._patience = compat.clock() + self._capture.grace
        process.signal_group(pid, number)
        if number == signal.SIGKILL:
            procs.kill_below(os.getpid())
        else:
            procs.kill_all(procs.descendants([os.getpid()]), number)
        return True

    def _command_over(self, capture, result):
        self._over(capture, result)

    def _module_over(self, capture):
        if capture.reason is None:
            self._over(capture, module_result(capture, self._request.get("name")))
        else:
            result = {"rc": capture.code}
            if capture.out:
                result["module_stdout"] = compat.to_text(capture.out)
            if capture.err:
                result["module_stderr"] = compat.to_text(capture.err)
            self._over(capture, result)

    def _over(self, capture, result):
        if capture is not None and capture.reason is not None:
            if procs.descendants([os.getpid()]) and compat.clock() < self._patience:
                self._loop.call_later(0.05, lambda: self._over(capture, result))
                return
            procs.kill_below(os.getpid())
            result.update(self._stopped(capture), changed=False)  # as ansible-core: nobody knows what it has done
        self._write(result)
        self._loop.soon(self._loop.stop)

    def _stopped(self, capture):
        if capture.reason == "timeout":
            text = "Timeout exceeded: the job was stopped after its limit of %g seconds" % self._request["limit"]
            return {"failed": True, "timedout": True, "child_pid": self._child, "msg": text}
        if capture.reason == "terminated":
            text = "The job was lost: its supervisor was told to end (SIGTERM), as when the machine goes down"
            return {"failed": True, "lost": True, "child_pid": self._child, "msg": text}
        return {"failed": True, "cancelled": True, "child_pid": self._child, "msg": "The job was cancelled"}

    def _write(self, result):
        """Write the end. No room for it: try a short one, and again for a minute; it must not look as if it ran on."""
        job = self._job
        if not os.path.exists(job.file(".state")):
            return  # cleaned up while it ran: nobody wants it
        ending = {"ansible_job_id": job.jid, "started": 1, "finished": 1}
        deadline = compat.clock() + 60
        while True:
            try:
                job.write(dict(result, **ending))
                return
            except (OSError, IOError) as error:
                number = compat.error_number(error)
                text = "The job ended, but its result could not be written: %s" % os.strerror(number)
            try:
                job.write(dict(ending, failed=True, msg=text, rc=result.get("rc")))
                return
            except (OSError, IOError):
                if compat.clock() > deadline:
                    return
            time.sleep(1)


def module_result(capture, name):
    """A module's result from what it wrote, as ansible-core's async_wrapper reads it."""
    out, err = compat.to_text(capture.out), compat.to_text(capture.err)
    text, junk = find_json(out)
    try:
        result = compat.loads(compat.to_bytes(text)) if text else None
    except ValueError:
        result = None
    if not isinstance(result, dict):
        text = "The module wrote no result that can be read; see data and stderr for what it wrote"
        return {"failed": True, "cmd": name or "", "data": out, "stderr": err, "rc": capture.code, "msg": text}
    if junk:
        warnings = result.get("warnings", [])
        warnings = warnings if isinstance(warnings, list) else [warnings]
        result["warnings"] = warnings + ["Module invocation had junk after the JSON data: %s" % junk]
    if err:
        result["stderr"] = err
    return result


def find_json(text):
    """The JSON object among other lines, and the lines behind it."""
    lines = text.splitlines()
    starts = [index for index, line in enumerate(lines) if line.strip().startswith("{")]
    ends = [index for index, line in enumerate(lines) if line.strip().endswith("}")]
    if not starts or not ends or ends[-1] < starts[0]:
        return "", ""
    return "\n".join(lines[starts[0] : ends[-1] + 1]), "\n".join(lines[ends[-1] + 1 :])
