"""The files of a job, and what they say of its state. Also understands jobs that ansible-core's async_wrapper started.

Comes after ``procs``; ``supervisor`` writes, ``jobs`` reads.
"""

from __future__ import absolute_import, division, print_function

import errno
import os
import time

from . import compat, host, procs

_LONGEST = 200  # characters of a job's id
_IN_IDS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
SUFFIXES = (b".log", b".state", b".alive", b".cancel")
YOUNG = 10.0  # seconds in which a job of ansible-core may still be starting
# where another machine may write: beginnings of the names of file systems
_REMOTE = (
    b"nfs", b"cifs", b"smb", b"fuse", b"9p", b"ceph", b"gluster", b"lustre", b"gpfs", b"afs", b"ocfs", b"gfs",
    b"beegfs", b"vboxsf", b"virtiofs",
)  # fmt: skip


class Job(object):
    """Where a job's files are. ``folder`` is bytes, ``jid`` text."""

    def __init__(self, folder, jid):
        self.folder = folder
        self.jid = jid
        self.path = os.path.join(folder, compat.to_bytes(jid))

    def file(self, suffix):
        return self.path + compat.to_bytes(suffix)

    def read(self, suffix=""):
        """A file's JSON; None if it isn't there or isn't whole."""
        try:
            value = compat.loads(compat.read_file(self.file(suffix)))
        except (OSError, IOError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def write(self, value, suffix=""):
        compat.write_file(self.file(suffix), compat.dumps(value))

    def exists(self):
        return os.path.exists(self.path)

    def remove(self):
        """Remove all files; the path of the result file if it was there, else None."""
        for suffix in SUFFIXES:
            compat.remove_file(self.path + suffix)
        return self.path if compat.remove_file(self.path) else None


def is_jid(text):
    """Whether this can be a job's id (and so, part of a path)."""
    return (
        isinstance(text, compat.text_type)
        and 0 < len(text) <= _LONGEST
        and text[0] not in ".-"
        and _IN_IDS.issuperset(text)
    )


def finished(content):
    """Whether a result file's content is the end; ansible-core's writes a module's result as it is."""
    return content is not None and ("started" not in content or bool(content.get("finished")))


def status(job, commands=None):
    """What is known of a job: its result file, with ``alive``, ``lost``, ``missing`` and the usual keys."""
    if not is_jid(job.jid) or not job.exists():
        return missing(job)
    content = job.read()
    if finished(content):
        return complete(job, content, alive=False)
    state = job.read(".state")
    alive = is_alive(job, state, commands)
    if alive is False:
        content = job.read()  # it may have ended between the two looks
        if finished(content):
            return complete(job, content, alive=False)
        if not job.exists():
            return missing(job)
        return complete(job, lost(job, state), alive=False)
    return complete(job, dict(content or {}, started=1, finished=0), alive=alive)


def complete(job, content, alive):
    """A result under the names and in the types that status gives."""
    over = finished(content)
    result = dict(content)
    result.update(started=1, finished=1 if over else 0, ansible_job_id=job.jid, results_file=compat.to_text(job.path))
    result["alive"] = alive
    result["lost"] = bool(content.get("lost"))
    left = orphans(job) if result["lost"] else []
    if left:
        result["orphans"] = left
    return result


def orphans(job):
    """The processes of a job that its supervisor, killed, left behind: nobody ends them at the job's limit."""
    state = job.read(".state")
    if state is None or not state.get("pgid") or not _of_this_boot(state):
        return []
    return procs.session_members(state["pgid"], state.get("pgid_start"))


def _of_this_boot(state):
    """Whether the process ids in a job's state are of this machine, and of its present life."""
    return state.get("hostname") == compat.to_text(os.uname()[1]) and state.get("boot_id") in ("", host.boot_id())


def missing(job):
    """What is said of a job that isn't there; as ansible.builtin.async_status."""
    result = {"ansible_job_id": job.jid, "started": 1, "finished": 1, "failed": True, "missing": True}
    result.update(msg="could not find job", alive=False, lost=False)
    return result


def lost(job, state):
    """Write down that a job will never end by itself, so that all readers learn it; returns what was written."""
    if state and state.get("boot_id") not in ("", None, host.boot_id()):
        reason = "the machine was restarted"
    elif state:
        reason = "its supervisor (process %s) is gone" % state.get("pid")
    else:
        reason = "its processes are gone"
    result = {"failed": True, "lost": True, "started": 1, "finished": 1, "ansible_job_id": job.jid}
    result["msg"] = "The job was lost: %s and it left no result" % reason
    left = orphans(job)
    if left:
        result["msg"] += "; processes of it still run (%s), until they end or the job is cancelled" % _listed(left)
    try:
        if os.stat(job.path).st_uid == os.geteuid():
            job.write(result)
    except (OSError, IOError):
        pass  # a full disk: the next one who asks finds out again
    compat.remove_file(job.file(".alive"))
    return result


def _listed(pids):
    shown = ", ".join("%d" % pid for pid in pids[:5])
    return shown + (", ..." if len(pids) > 5 else "")


def is_alive(job, state, commands=None):
    """True, False, or None where it can't be known."""
    held = fifo_held(job)
    if held:
        return True
    if state is None:
        return core_alive(job, commands)
    if state.get("hostname") != compat.to_text(os.uname()[1]):
        return None  # a home that several machines share
    if state.get("boot_id") not in ("", None, host.boot_id()):
        return False
    if held is False:
        return False
    return procs.is_same(state.get("pid") or -1, state.get("start"))


def fifo_held(job):
    """Whether a supervisor holds the job's FIFO open; None if there is no FIFO, or it can't be told."""
    try:
        fd = open_fifo(job)
    except OSError:
        return None
    if fd is None:
        return None
    try:
        return compat.read_some(fd, 1) is None
    finally:
        os.close(fd)


def open_fifo(job):
    """The job's FIFO for waiting; None if it isn't there. EMFILE and the like are raised."""
    import stat

    path = job.file(".alive")
    try:
        fd = compat.open_fd(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            return None
        raise
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return fd


def core_alive(job, commands=None):
    """Whether a job that ansible-core started still runs; None unless that can be told for certain."""
    processes = core_processes(job, commands)
    if processes:
        return True
    try:
        changed = os.stat(job.path).st_mtime
    except OSError:
        return None
    if time.time() - changed < YOUNG or not procs.have_proc() or not is_local(job.folder):
        return None
    return False


def core_processes(job, commands=None):
    """The processes of ansible-core's async_wrapper that serve a job.

    Its id without the pid is one of their arguments.
    """
    name = compat.to_bytes(job.jid.rpartition(".")[0] or job.jid)
    return [pid for pid, words in (wrappers() if commands is None else commands) if name in words]


def wrappers():
    """The processes of async_wrapper that run, with their command lines (pid, list of bytes)."""
    listed = procs.command_lines()
    return [(pid, words) for pid, words in listed if any(b"async_wrapper" in word for word in words)]


def core_facts(job, now, commands=None):
    """What can be told of a job that ansible-core started: whose it is and, while it runs, the module and its limit."""
    facts = {}
    try:
        found = os.stat(job.path)
    except OSError:
        return facts
    facts["user"] = host.user_name(found.st_uid)
    if not now["finished"]:
        facts["started_at"] = found.st_mtime  # its file is written when it starts and when it ends
        facts.update(_core_call(job, commands))
        return facts
    command = now.get("cmd")  # no more of it than its program: nobody knows whether it was under `no_log`
    if command:
        facts["name"] = os.path.basename(compat.to_text(command[0])) if isinstance(command, list) else "shell"
    if isinstance(now.get("start"), compat.text_type):
        try:
            facts["started_at"] = time.mktime(time.strptime(now["start"].partition(".")[0], "%Y-%m-%d %H:%M:%S"))
        except (ValueError, OverflowError):
            pass
    return facts


def _core_call(job, commands):
    """Module and limit from the wrapper's arguments: its id, seconds, the module's file."""
    name = compat.to_bytes(job.jid.rpartition(".")[0] or job.jid)
    for _, words in wrappers() if commands is None else commands:
        if name not in words:
            continue
        rest = words[words.index(name) + 1 :]
        if len(rest) > 1 and rest[0].isdigit():
            module = os.path.basename(rest[1]).partition(b".")[0]
            return {"limit": int(rest[0]), "name": compat.to_text(module).replace("AnsiballZ_", "")}
    return {}


def is_local(folder):
    """Whether a directory is on a disk of this machine (as far as the mount table says)."""
    try:
        lines = compat.read_file(b"/proc/self/mounts").split(b"\n")
    except (OSError, IOError):
        return False
    folder = os.path.realpath(folder) + b"/"
    best, kind = b"", b""
    for line in lines:
        fields = line.split(b" ")
        if len(fields) > 2:
            point = fields[1].replace(b"\\040", b" ").rstrip(b"/") + b"/"
            if folder.startswith(point) and len(point) >= len(best):
                best, kind = point, fields[2]
    return bool(best) and not kind.startswith(_REMOTE)


def listing(folder):
    """The jobs in a directory, by the names of its files."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return []
    found = []
    for name in sorted(names):
        text = compat.to_text(name)
        number, dot, pid = text[text.startswith("j") :].partition(".")
        if is_jid(text) and dot and number.isdigit() and pid.isdigit():
            found.append(Job(folder, text))
    return found


def sweep(folder, keep):
    """Remove the files of weft's jobs that ended more than ``keep`` seconds ago."""
    for job in listing(folder):
        try:
            age = time.time() - os.stat(job.path).st_mtime
        except OSError:
            continue
        if age > keep and os.path.exists(job.file(".state")) and finished(job.read()):
            job.remove()
