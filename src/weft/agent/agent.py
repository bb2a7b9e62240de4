"""The agent itself: takes requests, hands each to its operation, keeps answers until they are acknowledged.

Comes after ``link``. An operation is a function that takes a Request; it lives in a module that is imported when it is
first asked for, so that the agent starts quickly.
"""

from __future__ import absolute_import, division, print_function

import errno
import os
import sys

from . import compat, frames
from .link import Link

PROTOCOL = 1

OPERATIONS = {
    "ping": "agent",
    "configure": "agent",
    "cancel": "agent",
    "revoke": "order",
    "resume": "agent",
    "bye": "agent",
    "put_blobs": "modules",
    "warm": "modules",
    "module": "modules",
    "command": "command",
    "raw": "command",
    "stat": "files",
    "put": "files",
    "get": "files",
    "tempdir": "files",
    "remove": "files",
    "environment": "files",
    "expand": "files",
    "job.start": "jobs",
    "job.status": "jobs",
    "job.wait": "jobs",
    "job.watch": "jobs",
    "job.cancel": "jobs",
    "job.cleanup": "jobs",
    "job.list": "jobs",
    "job.log": "jobs",
    "lock.acquire": "locks",
    "lock.release": "locks",
}


class BadRequest(Exception):
    """The request can't be meant: an argument is missing or has no sense."""


class Request(object):
    """One request and the way to answer it. Exactly one of reply, reply_output, error and stopped ends it."""

    def __init__(self, agent, number, op, args, payload):
        self.agent = agent
        self.number = number
        self.op = op
        self.args = args
        self.payload = payload
        self.on_cancel = None  # called with the reason; must end the request, sooner or later
        self._capture = None
        self.waits = False  # it only waits for something else: no loss if it is dropped
        self.gated = False  # it waits for the end of another one, and has not begun
        self.begun = None  # when, by the clock, if it had to wait for that
        self.followers = None  # those that wait for its end, if any do

    def reply(self, result, payload=b""):
        header = {"id": self.number, "result": result}
        self.agent.answer(self, header, payload)

    def reply_output(self, capture):
        """The answer of what runs a program and gives its output as it is."""
        result = {"rc": capture.code, "stdout_len": len(capture.out), "stderr_len": len(capture.err)}
        self.reply(result, capture.out + capture.err)

    def error(self, kind, message, **detail):
        detail.update(kind=kind, message=message)
        self.agent.answer(self, {"id": self.number, "error": detail}, b"")

    def stopped(self, reason):
        """The request was ended before its time: ``reason`` is "timeout" or "cancelled"."""
        if reason == "timeout":
            self.error("timeout", "%s: not done after %s seconds" % (self.op, self.args.get("timeout")))
        else:
            self.error("cancelled", "%s: cancelled" % self.op)

    def capture(self, capture):
        """What ends when the request is cancelled: a Capture, or None."""
        if capture is not None:
            self.on_cancel = self._kill
            self._capture = capture

    def _kill(self, reason, grace=None):
        from . import process, procs

        if self._capture.reason is None:
            self._capture.killer = procs.Tree()
        self._capture.kill(reason, process.KILL_AFTER if grace is None else grace)

    def guarded(self, callback):
        """``callback``, but an exception in it becomes the end of this request."""

        def call(*args):
            try:
                callback(*args)
            except Exception as error:
                self.agent.report(self, error)

        return call

    def cancel(self, grace=None):
        """End it before its time; whether that can be. ``grace``: seconds between TERM and KILL."""
        if self.on_cancel is None:
            return False
        if self._capture is not None and grace is not None:
            self._kill("cancelled", grace)
        else:
            self.on_cancel("cancelled")
        return True

    def stream(self, info, payload=b""):
        """Say something before the end. Lost if there is no link."""
        self.agent.send({"id": self.number, "stream": info}, payload)

    def require(self, name, kinds=None):
        """An argument that must be there."""
        value = self.args.get(name)
        if value is None or (kinds is not None and not isinstance(value, kinds)):
            raise BadRequest("%s: needs %s" % (self.op, name))
        return value

    def path(self, name):
        """An argument that is a path: bytes, with ``~`` and variables expanded."""
        return compat.expand_path(self.require(name), self.agent.env)


class Agent(object):
    """Owns the requests, the answers, the link and everything that lives as long as the process."""

    def __init__(self, loop, in_fd, out_fd):
        self.loop = loop
        self.env = compat.environ()
        self.token = compat.random_hex(16)
        self.async_dir = "~/.ansible_async"
        self.remote_tmp = "~/.ansible/tmp"
        self.tmp_ready = set()  # folders for temporary files that are known to be there
        self.linger = 0
        self.keep_jobs = 7 * 86400
        self.running = {}
        self.on_expire = []  # called when it is certain that nobody comes back, or when the agent ends
        self.at_end = []  # called when the agent ends
        self.held = []  # gated requests whose turn came while there was no link
        self._answers = {}
        self._unwell = set()  # of these, those that did not end well
        self._floor = 0  # every id up to this one has arrived
        self._above = set()  # and these
        self._pushes = []
        self._pushed = 0
        self._store = None
        self._station = None
        self._ending = False
        self._expiry = None
        self.link = Link(loop, in_fd, out_fd, self.take, self.lost)

    # what operations share

    @property
    def store(self):
        """The cache of modules."""
        if self._store is None:
            from .blobs import Store

            self._store = Store(compat.expand_path(self.remote_tmp, self.env))
            self.at_end.append(self._store.keep_notes)
        return self._store

    # sending

    def send(self, header, payload=b""):
        if self.link is not None:
            self.link.send(frames.encode(header, payload))

    def push(self, name, **content):
        """Say something unasked; kept until it is acknowledged, so that a lost link loses none."""
        self._pushed += 1
        content.update(push=name, n=self._pushed)
        self._pushes.append((self._pushed, content))
        del self._pushes[:-10000]
        self.send(content)

    def hello(self, resumed=False):
        """The first words on a link."""
        from . import host

        content = host.describe()
        content.update(push="hello", protocol=PROTOCOL, token=self.token, resumed=resumed, blobs=self.store.listing())
        self.link.send([b"WEFT-AGENT 1\n"])
        self.send(content)

    def answer(self, request, header, payload):
        """End a request with this frame."""
        if self.running.pop(request.number, None) is None:
            return  # it was ended before
        if request.begun is not None:
            header["took"] = round(compat.clock() - request.begun, 6)
        parts = frames.encode_answer(header, payload)
        self._answers[request.number] = parts
        well = is_well(request, header, parts)
        if not well:
            self._unwell.add(request.number)
        if self.link is not None:
            self.link.send(parts)
        elif self._station is not None:
            self._answers[request.number] = self._station.spool(request.number, parts)
        if request.followers is not None:
            from . import order

            order.followed(request, well)
        self._maybe_end()

    def ended_well(self, number):
        """Whether a request has arrived that is over, and ended well. True of all that were acknowledged."""
        known = number <= self._floor or number in self._above
        return known and number not in self.running and number not in self._unwell

    def resend(self, number):
        parts = self._answers[number]
        self.link.send(parts() if callable(parts) else parts)

    # receiving

    def take(self, header, payload):
        """A frame has arrived."""
        op, number = header.get("op"), header.get("id")
        if op == "ack":
            self._acknowledge(header)
            return
        if not isinstance(number, int) or number < 1:
            self.send({"id": number, "error": {"kind": "bad-request", "message": "no id"}})
            return
        if not self._is_new(number):
            if number in self._answers:
                self.resend(number)
            elif number not in self.running:
                text = "request %d was answered and acknowledged before" % number
                self.send({"id": number, "error": {"kind": "bad-request", "message": text}})
            return
        request = self.running[number] = Request(self, number, op, header, payload)
        if len(self.running) == 100:
            from . import process

            process.raise_limits()  # each program needs two or three descriptors
        self.begin(request)

    def begin(self, request):
        """Carry out a request, now or when its turn has come."""
        try:
            if "after" in request.args and request.begun is None:
                from . import order

                order.put_behind(request, request.require("after", int))
            else:
                operation(request.op)(request)
        except UnknownOperation:
            request.error("unknown-op", "this agent knows no operation %r" % compat.to_text(request.op or ""))
        except Exception as error:
            self.report(request, error)

    def report(self, request, error):
        """End a request with what went wrong."""
        number = compat.error_number(error)
        if isinstance(error, BadRequest):
            request.error("bad-request", str(error))
        elif isinstance(error, EnvironmentError) and number is not None:
            name = getattr(error, "filename", None)
            text = os.strerror(number) + (": %s" % compat.to_text(name) if name else "")
            request.error("os", text, errno=number, strerror=os.strerror(number))
        else:
            text = "%s: %s" % (type(error).__name__, error)
            import traceback

            request.error("internal", text, traceback=traceback.format_exc())

    def _is_new(self, number):
        if number <= self._floor or number in self._above:
            return False
        self._above.add(number)
        while self._floor + 1 in self._above:
            self._floor += 1
            self._above.discard(self._floor)
        return True

    def _acknowledge(self, header):
        for number in header.get("ids") or ():
            parts = self._answers.pop(number, None)
            self._unwell.discard(number)
            if callable(parts):
                parts.drop()
        upto = header.get("pushes") or 0
        self._pushes = [item for item in self._pushes if item[0] > upto]

    # the end of links and of the agent

    def lost(self, _reason):
        """The link is gone."""
        self.link = None
        if self._ending:
            self._maybe_end()
            return
        self._expiry = self.loop.call_later(self.linger if self._station else 0, self._expire)

    def connected(self, in_fd, out_fd):
        """A controller has come back: it takes over from whatever link there was."""
        if self._ending:
            compat.close(in_fd)
            return
        if self.link is not None:
            self.link.close()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self.link = Link(self.loop, in_fd, out_fd, self.take, self.lost)
        self.hello(resumed=True)

    def _expire(self):
        """Nobody came back: take no one in any more, give back what others may wait for, let what runs end."""
        self._ending = True
        self._call(self.on_expire)
        for request in list(self.running.values()):
            if request.waits:
                request.cancel()
        self._maybe_end()

    @staticmethod
    def _call(callbacks):
        """Call each once, whatever the others do."""
        while callbacks:
            try:
                callbacks.pop(0)()
            except Exception:
                import traceback

                traceback.print_exc()

    def listen(self):
        """Be ready for controllers that come back; returns the socket's path, None where it can't be."""
        if self._station is None and self.linger > 0:
            from .linger import Station

            self._station = Station.open(self)
        return self._station.path if self._station else None

    def leave(self):
        """End as soon as what was said is sent and nothing runs."""
        self._ending = True
        for request in list(self.running.values()):
            if not request.cancel():
                self.running.pop(request.number, None)
        self._maybe_end()

    def _maybe_end(self):
        if not self._ending or self.running:
            return
        if self.link is not None and not self.link.drained():
            self.loop.call_later(0.02, self._maybe_end)
            return
        self.end()

    def end(self):
        """End now."""
        if self.link is not None:
            self.link.close()
        self._call(self.on_expire)
        self._call(self.at_end)
        self.loop.stop()

    def resume(self, request):
        ids = request.args.get("ids") or []
        unknown = [number for number in ids if number > self._floor and number not in self._above]
        request.reply({"unknown": unknown})
        for number in ids:
            if number in self._answers:
                self.resend(number)
        seen = request.args.get("pushes")
        for number, content in self._pushes:
            if seen is None or number > seen:
                self.send(content)
        if self.held:
            from . import order

            order.release(self)


class UnknownOperation(Exception):
    """No such operation."""


def operation(name):
    """The function that carries out an operation."""
    where = OPERATIONS.get(name)
    if where is None:
        raise UnknownOperation(name)
    full = __name__.rpartition(".")[0] + "." + where
    if full not in sys.modules:
        __import__(full)
    return getattr(sys.modules[full], "op_" + name.replace(".", "_"))


def is_well(request, header, parts):
    """Whether an answer is one that the controller goes on after: neither an error nor a command that failed.

    Text that may be none (it has a lone surrogate, if any), or is very long, is left to the controller to judge.
    """
    if "error" in header:
        return False
    if request.op != "command":
        return True
    return not header["result"].get("failed") and len(parts) <= 2 and not any(b"\\ud" in part for part in parts)


def op_ping(request):
    request.reply({})


def op_configure(request):
    agent, args = request.agent, request.args
    if args.get("async_dir"):
        agent.async_dir = args["async_dir"]
    if args.get("remote_tmp"):
        agent.remote_tmp = args["remote_tmp"]
        agent.store.add_place(compat.expand_path(agent.remote_tmp, agent.env))
    if args.get("linger") is not None:
        agent.linger = float(args["linger"])
    if args.get("keep_jobs") is not None:
        agent.keep_jobs = float(args["keep_jobs"])
    path = agent.listen()
    request.reply({"socket": compat.to_text(path) if path else None})


def op_cancel(request):
    target = request.agent.running.get(request.args.get("target"))
    request.reply({"cancelled": target is not None and target.cancel(request.args.get("grace"))})


def op_resume(request):
    request.agent.resume(request)


def op_bye(request):
    agent = request.agent
    request.reply({})
    agent.leave()


def ignore_missing(error):
    """Pass over "no such file", raise anything else."""
    if error.errno != errno.ENOENT:
        raise error
