"""Operations on files: stat, put, get, tempdir, remove, and looking up paths and variables.

Comes after ``agent``. What may take long (a checksum of a big file, removing a tree) is done in a fork, so that other
requests don't wait for it.
"""

from __future__ import absolute_import, division, print_function

import errno
import os
import stat

from . import compat, process
from .agent import BadRequest, ignore_missing

INLINE = 1 << 20  # bytes that are hashed without a fork
CHUNK = 16 << 20  # the most that one ``get`` gives


def in_fork(request, function):
    """Answer the request with ``function()``, computed in a fork of the agent."""
    agent = request.agent

    def done(capture):
        if capture.reason is not None:
            request.stopped(capture.reason)
        elif capture.code != 0 or not capture.out:
            request.error(
                "internal", "the helper process ended with %s" % capture.code, traceback=compat.to_text(capture.err)
            )
        else:
            number, value = compat.loads(capture.out)
            if number:
                request.error("os", "%s: %s" % (os.strerror(number), value), errno=number, strerror=os.strerror(number))
            else:
                request.reply(value)

    capture = process.Capture(agent.loop, request.guarded(done))
    out, err = capture.pipes()
    pid = os.fork()
    if pid == 0:
        _forked(function, out, err)
    os.close(out)
    os.close(err)
    agent.loop.child(pid, capture.exited)
    capture.started(pid)
    request.capture(capture)


def _forked(function, out, err):
    code = 1
    try:
        process.own_session()
        process.redirect((None, out, err))
        process.reset_signals()
        compat.close_others([])
        try:
            answer = [0, function()]
        except EnvironmentError as error:
            answer = [error.errno or errno.EIO, compat.to_text(error.filename or "")]
        compat.write_all(1, compat.dumps(answer))
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


# stat


def op_stat(request):
    path = request.path("path")
    shown = compat.to_text(path)
    follow, algorithm = bool(request.args.get("follow")), request.args.get("checksum")
    try:
        found = os.stat(path) if follow else os.lstat(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        request.reply({"exists": False})
        return
    result = describe(path, found)
    result["path"] = shown
    if not (algorithm and result["isreg"] and result["readable"]):
        request.reply(result)
    elif found.st_size <= INLINE:
        request.reply(dict(result, checksum=checksum(path, algorithm)))
    else:
        in_fork(request, lambda: dict(result, checksum=checksum(path, algorithm)))


_KINDS = ("isdir", "ischr", "isblk", "isreg", "isfifo", "islnk", "issock")
_PLATFORM = (
    ("st_blocks", "blocks"),
    ("st_blksize", "block_size"),
    ("st_rdev", "device_type"),
    ("st_flags", "flags"),
    ("st_gen", "generation"),
    ("st_birthtime", "birthtime"),
)


def describe(path, found):
    """A stat result under the names that ansible.builtin.stat uses."""
    mode = found.st_mode
    result = {
        "exists": True,
        "mode": "%04o" % stat.S_IMODE(mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
        "inode": found.st_ino,
        "dev": found.st_dev,
        "nlink": found.st_nlink,
        "atime": found.st_atime,
        "mtime": found.st_mtime,
        "ctime": found.st_ctime,
        "isuid": bool(mode & stat.S_ISUID),
        "isgid": bool(mode & stat.S_ISGID),
    }
    for name in _KINDS:
        result[name] = getattr(stat, "S_" + name.upper())(mode)
    for who in ("usr", "grp", "oth"):
        for what in "rwx":
            result[what + who] = bool(mode & getattr(stat, "S_I" + (what + who).upper()))
    for theirs, ours in _PLATFORM:
        if hasattr(found, theirs):
            result[ours] = getattr(found, theirs)
    for name, right in (("readable", os.R_OK), ("writeable", os.W_OK), ("executable", os.X_OK)):
        result[name] = os.access(path, right)
    if result["islnk"]:
        result["lnk_source"] = compat.to_text(os.path.realpath(path))
        result["lnk_target"] = compat.to_text(os.readlink(path))
    _add_owner(result, found)
    return result


def _add_owner(result, found):
    import grp
    import pwd

    try:
        result["pw_name"] = compat.to_text(pwd.getpwuid(found.st_uid).pw_name)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    try:
        result["gr_name"] = compat.to_text(grp.getgrgid(found.st_gid).gr_name)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass


def checksum(path, algorithm):
    """Hex digest of a file. BadRequest for an algorithm this Python has not."""
    import hashlib

    try:
        digest = hashlib.new(str(algorithm))
    except ValueError:
        raise BadRequest("stat: this host has no %s" % algorithm)
    fd = compat.open_fd(path, os.O_RDONLY)
    try:
        while True:
            data = os.read(fd, 1 << 20)
            if not data:
                return digest.hexdigest()
            digest.update(data)
    finally:
        os.close(fd)


# put and get


class Upload(object):
    """A file that is arriving: beside its place, under another name, until it is whole."""

    def __init__(self, path):
        self.path = os.path.realpath(path)
        if os.path.isdir(self.path):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), compat.to_text(path))
        folder, name = os.path.split(self.path)
        self._draft = os.path.join(folder, b".weft-" + compat.to_bytes(compat.random_hex(6)) + b"-" + name[:200])
        self._fd = compat.open_fd(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self.size = 0

    def write(self, data):
        try:
            compat.write_all(self._fd, data)
        except (OSError, IOError) as error:
            error.filename = self.path
            raise
        self.size += len(data)

    def finish(self, mode):
        """Give it its mode and put it in its place.

        Without a mode (a number): that of the file it replaces, 0600 for a new one.
        """
        try:
            before = os.stat(self.path)
        except OSError:
            before = None
        if mode is None and before is not None:
            mode = stat.S_IMODE(before.st_mode)
        if before is not None and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
            try:
                os.fchown(self._fd, before.st_uid, before.st_gid)
            except OSError:
                pass  # not root: the file becomes this user's, as with any editor
        os.fchmod(self._fd, 0o600 if mode is None else mode)
        os.close(self._fd)
        self._fd = None
        os.rename(self._draft, self.path)

    def drop(self):
        if self._fd is not None:
            compat.close(self._fd)
            self._fd = None
        compat.remove_file(self._draft)


def op_put(request):
    agent, args = request.agent, request.args
    path = request.path("path")
    uploads = shared(agent, "uploads", dict, lambda found: [upload.drop() for upload in found.values()])
    offset = args.get("offset") or 0
    upload = uploads.get(path) if offset else None
    if offset == 0:
        if path in uploads:
            uploads.pop(path).drop()
        upload = uploads[path] = Upload(path)
    elif upload is None or upload.size != offset:
        raise BadRequest("put: %s: the chunk at %d does not follow" % (compat.to_text(path), offset))
    try:
        upload.write(request.payload)
        if not args.get("more"):
            upload.finish(octal(args.get("mode")))
    except BaseException:
        uploads.pop(path).drop()
        raise
    if not args.get("more"):
        del uploads[path]
        if args.get("temporary"):
            temporaries(agent).add(path)
    request.reply({"size": upload.size})


def octal(mode):
    """A mode: octal text or a number; None stays None."""
    return int(mode, 8) if isinstance(mode, (bytes, compat.text_type)) else mode


def shared(agent, name, make, end):
    """Something the agent keeps for an operation, made at first use; ``end(it)`` is called when the agent ends."""
    if not hasattr(agent, name):
        value = make()
        setattr(agent, name, value)
        agent.at_end.append(lambda: end(value))
    return getattr(agent, name)


def temporaries(agent):
    """Paths that go when the agent goes."""
    return shared(agent, "temporary_paths", set, lambda paths: [remove(path, True) for path in paths])


def op_get(request):
    path = request.path("path")
    offset, length = request.args.get("offset") or 0, request.args.get("length")
    fd = compat.open_fd(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), compat.to_text(path))
        if offset:
            os.lseek(fd, offset, os.SEEK_SET)
        left = CHUNK if length is None else min(length, CHUNK)
        parts = []
        while left > 0:
            part = os.read(fd, min(left, 1 << 20))
            if not part:
                break
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        # files in /proc have no size: only an empty read tells their end
        eof = offset + len(data) >= found.st_size if found.st_size else left > 0
    finally:
        os.close(fd)
    request.reply({"size": found.st_size, "eof": eof, "mode": "%04o" % stat.S_IMODE(found.st_mode)}, data)


# the rest


def op_tempdir(request):
    args, agent = request.args, request.agent
    base = compat.expand_path(args.get("base") or agent.remote_tmp, agent.env)
    try:
        compat.make_private_dir(base)
    except OSError:
        if args.get("base"):
            raise
        import tempfile  # not above: it takes 8 ms to import

        base = compat.to_bytes(tempfile.gettempdir())
    prefix = args.get("prefix") or "weft-"
    for _ in range(100):
        path = os.path.join(base, compat.to_bytes(prefix) + compat.to_bytes(compat.random_hex(8)))
        try:
            os.mkdir(path, 0o700)
            break
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
    mode = octal(args.get("mode"))
    if mode is not None:
        os.chmod(path, mode)
    if args.get("temporary"):
        temporaries(agent).add(path)
    request.reply({"path": compat.to_text(path)})


def op_remove(request):
    paths = [compat.expand_path(path, request.agent.env) for path in request.require("paths", list)]
    recursive = bool(request.args.get("recursive"))
    kept = temporaries(request.agent)
    kept.difference_update(paths)
    if recursive and any(os.path.isdir(path) and not os.path.islink(path) and _is_large(path) for path in paths):
        in_fork(request, lambda: [remove(path, recursive) for path in paths] and {})
        return
    for path in paths:
        remove(path, recursive)
    request.reply({})


def _is_large(path):
    """Whether a tree is more than a folder with a few files in it."""
    names = os.listdir(path)
    return len(names) > 50 or any(os.path.isdir(os.path.join(path, name)) for name in names)


def remove(path, recursive):
    """Remove a file or directory; nothing there is fine. A link is removed itself, never what it points to."""
    try:
        if not os.path.isdir(path) or os.path.islink(path):
            os.unlink(path)
        elif recursive:
            import shutil

            shutil.rmtree(path)
        else:
            os.rmdir(path)
    except OSError as error:
        ignore_missing(error)


def op_environment(request):
    env = request.agent.env
    names = request.args.get("names")
    names = [compat.to_text(name) for name in env] if names is None else names
    values = {name: env.get(compat.to_bytes(name)) for name in names}
    request.reply(
        {"values": {name: None if value is None else compat.to_text(value) for name, value in values.items()}}
    )


def op_expand(request):
    env = request.agent.env
    request.reply({"paths": [compat.to_text(compat.expand_path(path, env)) for path in request.require("paths", list)]})
