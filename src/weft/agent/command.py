"""ansible.builtin.command and shell without a Python of their own, and ``raw``.

What the module of ansible-core 2.19 does before and after it runs the program is done here, by functions without side
effects on the agent, so that a job's supervisor can use them too: ``prepare`` gives a Plan or a result, ``launch``
runs a Plan.
"""

from __future__ import absolute_import, division, print_function

import os
import time

from . import compat, process

# run_command gives up on pipes that a process left behind still holds after a second of silence
QUIET = 1.0
_PLAIN = frozenset(bytearray(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"))


class Plan(object):
    """A program to run and what its result will say of it."""

    def __init__(self, argv, executable, cwd, env, umask, nofile, stdin, result, strip):
        self.argv = argv
        self.executable = executable
        self.cwd = cwd
        self.env = env
        self.umask = umask
        self.nofile = nofile
        self.stdin = stdin
        self.result = result
        self.strip = strip


def prepare(args, base_env):
    """From a request's arguments to a Plan or, where nothing is to be run, the result (a dict)."""
    env = task_environment(base_env, args)
    shell = args.get("shell") is not None
    words = args["shell"] if shell else args.get("argv")
    if not shell and words is None:
        return {"failed": True, "changed": False, "msg": "no command given", "rc": 256}
    words = compat.to_text(words) if shell else [compat.to_text(word) for word in words]
    result = {"changed": False, "stdout": "", "stderr": "", "rc": None, "cmd": words}
    result.update({"start": None, "end": None, "delta": None, "msg": ""})
    executable = args.get("executable")
    if executable and not shell:
        result["warnings"] = [
            "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module. "
            "Not using '%s'." % executable
        ]
        executable = None
    if args.get("invocation") is not None:
        result["invocation"] = args["invocation"]
    cwd = None
    if args.get("chdir"):
        cwd = compat.expand_path(args["chdir"], env)
        number = _try_directory(cwd)
        if number:
            text = "Unable to change directory before execution."
            return failure(result, text, "[Errno %d] %s: %r" % (number, os.strerror(number), cwd))
    check = bool(args.get("check"))
    reason = _nothing_to_do(args, env, cwd, "Would" if check else "Did")
    if reason:
        result.update(reason)
        return result
    if check:
        skipped = args.get("creates") is None and args.get("removes") is None
        result.update(rc=0, msg="Command would have run if not in check mode", changed=not skipped)
        if skipped:
            result["skipped"] = True
        return result
    result["changed"] = True
    argv, executable = _vector(words, executable, shell, env, args.get("expand_argument_vars", True))
    umask, strip = _umask(args.get("umask")), args.get("strip_empty_ends", True)
    return Plan(argv, executable, cwd, env, umask, args.get("nofile"), _stdin(args), result, strip)


def launch(loop, plan, done, limit=None, on_data=None):
    """Run a Plan; ``done(capture, result)`` is called when it is over. Returns the Capture; None if nothing started."""
    begun = time.time()

    def over(capture):
        done(capture, finish(plan, capture, begun, time.time()))

    try:
        return run(
            loop,
            plan.argv,
            plan.env,
            over,
            plan.cwd,
            plan.stdin,
            plan.umask,
            plan.executable,
            limit,
            on_data,
            plan.nofile,
        )
    except (OSError, IndexError, ValueError, TypeError) as error:
        done(None, start_failure(plan, error))
        return None


def finish(plan, capture, begun, ended):
    """The result of a Plan whose program has ended."""
    result = dict(plan.result)
    out, err = compat.to_text(capture.out), compat.to_text(capture.err)
    if plan.strip:
        out, err = out.rstrip("\r\n"), err.rstrip("\r\n")
    result.update(rc=capture.code, stdout=out, stderr=err)
    result.update(start=timestamp(begun), end=timestamp(ended), delta=duration(ended - begun))
    if capture.code != 0:
        result.update(failed=True, msg="non-zero return code")
    return result


def start_failure(plan, error):
    """The result when the program could not be started."""
    number = compat.error_number(error)
    if isinstance(error, OSError) and number is not None:
        text = "[Errno %d] %s: %r" % (number, os.strerror(number), compat.to_bytes(error.filename or plan.argv[0]))
    else:
        number, text = 257, "%s" % error
    result = {"rc": number, "stdout": "", "stderr": "", "cmd": printable(plan.argv)}
    for key in ("warnings", "invocation"):
        if key in plan.result:
            result[key] = plan.result[key]
    return failure(result, "Error executing command.", text)


def failure(result, message, cause):
    """``result`` as failed, with the exception record of 2.19's modules: its message and the cause behind it."""
    result = dict(result, failed=True, msg=message)
    result["exception"] = {
        "__ansible_type": "ErrorSummary",
        "event": {
            "__ansible_type": "Event",
            "msg": message,
            "chain": {
                "__ansible_type": "EventChain",
                "msg_reason": "<<< caused by >>>",
                "traceback_reason": "The above exception was the direct cause of the following error:",
                "event": {"__ansible_type": "Event", "msg": cause},
                "follow": True,
            },
        },
    }
    return result


def _try_directory(path):
    """0 if one can change into ``path``, else the errno; as chdir(2) says it."""
    try:
        os.stat(os.path.join(path, b"."))
    except OSError as error:
        return error.errno
    return 0 if os.access(path, os.X_OK) else 13


def _nothing_to_do(args, env, cwd, word):
    """What the result says when ``creates`` or ``removes`` make the command needless; None otherwise."""
    creates, removes = args.get("creates"), args.get("removes")
    if creates:
        path = compat.expand_path(creates, env)
        if matches(path, cwd):
            name = compat.to_text(path)
            text = "%s not run command since '%s' exists" % (word, name)
            return {"msg": text, "stdout": "skipped, since %s exists" % name, "rc": 0}
    if removes:
        path = compat.expand_path(removes, env)
        if not matches(path, cwd):
            name = compat.to_text(path)
            text = "%s not run command since '%s' does not exist" % (word, name)
            return {"msg": text, "stdout": "skipped, since %s does not exist" % name, "rc": 0}
    return None


def matches(pattern, cwd):
    """Whether a file matches the glob ``pattern``, looked at from ``cwd``."""
    magic = any(sign in pattern for sign in (b"*", b"?", b"["))
    if cwd is not None and not os.path.isabs(pattern):
        if magic:
            cwd = cwd.replace(b"[", b"[[]").replace(b"*", b"[*]").replace(b"?", b"[?]")
        pattern = os.path.join(cwd, pattern)
    if not magic:
        return os.path.lexists(pattern) if os.path.basename(pattern) else os.path.isdir(pattern)
    import glob

    return bool(glob.glob(pattern))


def _vector(words, executable, shell, env, expand):
    """What to execute: (argv, executable)."""
    if shell:
        if executable:
            executable = compat.to_bytes(executable)
        return [executable or b"/bin/sh", b"-c", compat.to_bytes(words)], executable
    if expand:
        return [compat.expand_path(word, env) for word in words], None
    return [compat.to_bytes(word) for word in words], None


def _stdin(args):
    """Bytes for the program's stdin; None for none."""
    data = args.get("stdin")
    if not data:
        return None
    return compat.to_bytes(data) + (b"\n" if args.get("stdin_add_newline", True) else b"")


def _umask(value):
    return int(value, 8) if isinstance(value, (bytes, compat.text_type)) else value


def timestamp(when):
    """Local time as str(datetime) gives it."""
    whole = int(when)
    micro = int((when - whole) * 1000000)
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(whole))
    return text + (".%06d" % micro if micro else "")


def duration(seconds):
    """Seconds as str(timedelta) gives them."""
    micros = int(round(seconds * 1000000))
    days, micros = divmod(micros, 86400000000)
    whole, micros = divmod(micros, 1000000)
    text = "%d:%02d:%02d" % (whole // 3600, whole // 60 % 60, whole % 60)
    if micros:
        text += ".%06d" % micros
    if days:
        text = "%d day%s, %s" % (days, "" if abs(days) == 1 else "s", text)
    return text


def printable(argv):
    """A command line for messages, with what looks like a password covered, as AnsibleModule covers it."""
    words = []
    hide_next = False
    for word in argv:
        if hide_next:
            word, hide_next = b"********", False
        elif word.startswith((b"pass", b"-pass", b"--pass")):
            name, equals, _ = word.partition(b"=")
            hide_next = not equals
            if equals:
                word = name + b"=********"
        else:
            word = _cover_credentials(word)
        words.append(quote(word))
    return compat.to_text(b" ".join(words))


def quote(word):
    """A word for a shell, as shlex.quote."""
    if word and all(byte in _PLAIN for byte in bytearray(word)):
        return word
    return b"'" + word.replace(b"'", b"'\"'\"'") + b"'"


def _cover_credentials(word):
    """user:password@host and scheme://user:password@host, from the right."""
    kept = []
    end = len(word)
    while True:
        at = word.rfind(b"@", 0, end)
        found = _password_before(word, at) if at >= 0 else None
        if found is None:
            kept.insert(0, word[:end])
            return b"".join(kept)
        start, colon = found
        kept[:0] = [word[start : colon + 1], b"********", word[at:end]]
        end = start
        if end == 0:
            return b"".join(kept)


def _password_before(word, at):
    """Where the credentials that end at ``at`` begin, and their colon; None if there are none."""
    limit = at
    while True:
        start = max(word.rfind(b"://", 0, limit), 0)
        colon = word.find(b":", start + 3, at)
        if colon >= 0:
            return start, colon
        if start == 0:
            return None
        limit = start


def task_environment(base, args):
    """The environment of a task's programs: the agent's, the task's on top, and a locale that exists."""
    env = merge(base, args.get("environment"))
    if args.get("lang"):
        for name in (b"LANG", b"LC_ALL", b"LC_MESSAGES"):
            env[name] = compat.to_bytes(args["lang"])
    fix = locale_fix(env)
    if fix:
        for name in (b"LANG", b"LC_ALL", b"LC_MESSAGES"):
            env[name] = fix
    return env


def merge(base, environment):
    """A copy of the environment ``base`` (bytes) with a task's on top."""
    env = dict(base)
    for name, value in (environment or {}).items():
        env[compat.to_bytes(name)] = compat.to_bytes(value)
    return env


_fixes = {}


def locale_fix(env):
    """None if the locale that ``env`` asks for exists, else the one that modules would fall back to."""
    names = [b"LC_ALL", b"LANG", b"LC_CTYPE", b"LC_NUMERIC", b"LC_TIME", b"LC_COLLATE", b"LC_MONETARY", b"LC_MESSAGES"]
    key = tuple(env.get(name, b"") for name in names)
    if key not in _fixes:
        _fixes[key] = None if _locale_exists({name: env.get(name, b"") for name in names}, names) else _best_locale(env)
    return _fixes[key]


def _locale_exists(values, names):
    try:
        import _locale
    except ImportError:
        return True
    before = _locale.setlocale(_locale.LC_ALL, None)
    try:
        for name in names[2:]:
            wanted = values[b"LC_ALL"] or values[name] or values[b"LANG"] or b"C"
            category = getattr(_locale, compat.to_text(name), None)
            if category is not None:
                _locale.setlocale(category, wanted if compat.PY2 else compat.to_text(wanted))
    except _locale.Error:
        return False
    finally:
        _locale.setlocale(_locale.LC_ALL, before)
    return True


def _best_locale(env):
    """The first of those that Ansible prefers among what ``locale -a`` lists; C where it lists nothing."""
    read_end, write_end = compat.pipe()
    try:
        pid = process.start([b"locale", b"-a"], env, stdout=write_end)
    except OSError:
        return b"C"
    finally:
        os.close(write_end)
        listed = compat.read_all(read_end).split(b"\n")
        os.close(read_end)
    os.waitpid(pid, 0)
    for name in (b"C.utf8", b"C.UTF-8", b"en_US.utf8", b"en_US.UTF-8", b"C", b"POSIX"):
        if name in listed:
            return name
    return b"C"


def run(
    loop, argv, env, done, cwd=None, stdin=None, umask=None, executable=None, limit=None, on_data=None, nofile=None
):
    """Start a program with its output captured; ``done(capture)`` when it is over. Raises as process.start."""
    capture = process.Capture(loop, done, QUIET, on_data)
    out, err = capture.pipes()
    feed = compat.pipe() if stdin else None
    try:
        pid = process.start(argv, env, cwd, feed[0] if feed else None, out, err, umask, executable, nofile=nofile)
    except BaseException:
        capture.abandon()
        if feed:
            os.close(feed[1])
        raise
    finally:
        for fd in (out, err) + ((feed[0],) if feed else ()):
            os.close(fd)
    loop.child(pid, capture.exited)
    capture.started(pid)
    if feed:
        capture.feed(feed[1], stdin)
    if limit:
        capture.limit(limit)
    return capture


def op_command(request):
    """The ``command`` operation."""
    agent = request.agent
    plan = prepare(request.args, agent.env)
    if not isinstance(plan, Plan):
        request.reply(plan)
        return

    def done(capture, result):
        if capture is not None and capture.reason is not None:
            request.stopped(capture.reason)
        else:
            request.reply(result)

    request.capture(launch(agent.loop, plan, request.guarded(done), request.args.get("timeout")))


def op_raw(request):
    """The ``raw`` operation: text for a shell, bytes in, bytes out."""
    args, agent = request.args, request.agent
    env = merge(agent.env, args.get("environment"))
    shell = compat.to_bytes(args.get("executable") or "/bin/sh")

    def done(capture):
        if capture.reason is not None:
            request.stopped(capture.reason)
        else:
            request.reply_output(capture)

    argv = [shell, b"-c", compat.to_bytes(args["text"])]
    cwd = compat.expand_path(args["cwd"], env) if args.get("cwd") else None
    request.capture(
        run(agent.loop, argv, env, request.guarded(done), cwd, request.payload or None, limit=args.get("timeout"))
    )
