"""What differs between Python 2.7 and 3, and the few system calls that need care everywhere.

Comes first: every other module of the agent uses it. Rule of the agent: text on the wire, bytes towards the system.
Paths, arguments and environments are bytes inside (UTF-8; bytes that aren't UTF-8 travel as lone surrogates).
"""

from __future__ import absolute_import, division, print_function

import errno
import os
import sys
import time
import zlib

try:
    import _signal as signal  # noqa: F401 - signal(3) without its enums, which take a tenth of the agent's start
except ImportError:
    import signal  # noqa: F401

PY2 = sys.version_info[0] == 2

if PY2:
    import codecs

    text_type = unicode  # noqa: F821
    number_types = (int, long, float)  # noqa: F821

    def _escape(error):
        """The decoding half of Python 3's surrogateescape."""
        if not isinstance(error, UnicodeDecodeError):
            raise error
        bad = error.object[error.start : error.end]
        return "".join(unichr(0xDC00 + ord(c)) for c in bad), error.end  # noqa: F821

    codecs.register_error("surrogateescape", _escape)

    def to_bytes(value):
        """Text (or anything with a text form) as UTF-8; lone surrogates become the bytes they stand for."""
        if isinstance(value, bytes):
            return value
        if not isinstance(value, text_type):
            value = text_type(value)
        data = value.encode("utf-8")
        if b"\xed" not in data:
            return data
        # Python 2 encodes lone surrogates as three bytes each
        parts = data.split(b"\xed")
        for index in range(1, len(parts)):
            part = parts[index]
            if part[:1] in (b"\xb2", b"\xb3"):
                parts[index] = chr((ord(part[0]) & 3) << 6 | (ord(part[1]) & 0x3F)) + part[2:]
            else:
                parts[index] = b"\xed" + part
        return b"".join(parts)

else:
    text_type = str
    number_types = (int, float)

    def to_bytes(value):
        """Text (or anything with a text form) as UTF-8; lone surrogates become the bytes they stand for."""
        if isinstance(value, bytes):
            return value
        return str(value).encode("utf-8", "surrogateescape")


def to_text(value):
    """Bytes as text; what isn't UTF-8 becomes lone surrogates."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else text_type(value)


# The json package imports re and what that needs, which is half of the agent's start. Its C parts do without.


def dumps(value):
    """JSON as bytes, ASCII only."""
    return "".join(_encode(value, 0)).encode("ascii")


def loads(data):
    """Parse JSON bytes; ValueError if they aren't."""
    text = data.decode("utf-8").strip()
    try:
        value, end = _scan(text, 0)
    except (StopIteration, SystemError):  # the latter: 3.10 and 3.11 look for json.decoder to say it
        raise ValueError("no JSON")
    if end != len(text):
        raise ValueError("more than one JSON value")
    return value


def _make_json():
    class Context(object):
        strict = False
        object_hook = object_pairs_hook = None
        parse_float = float
        parse_int = int
        parse_constant = float
        encoding = "utf-8"
        memo = {}

    def refuse(value):
        raise TypeError("not JSON: %r" % (value,))

    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner
    except ImportError:
        import json

        return (lambda value, _: [json.dumps(value, separators=(",", ":"))]), json.JSONDecoder(strict=False).raw_decode
    encode = make_encoder(None, refuse, encode_basestring_ascii, None, ":", ",", False, False, True)
    return encode, make_scanner(Context())


_encode, _scan = _make_json()


if hasattr(time, "monotonic"):
    clock = time.monotonic
else:

    def clock():
        """Seconds that no change of the date moves (times(2) counts from boot)."""
        return os.times()[4]


def sha256_hex(data):
    """Hex SHA-256, from the smallest module that has it (hashlib costs 4 ms to import)."""
    global _sha256
    if _sha256 is None:
        try:
            from _sha256 import sha256
        except ImportError:
            try:
                from _sha2 import sha256
            except ImportError:
                from hashlib import sha256
        _sha256 = sha256
    return _sha256(data).hexdigest()


_sha256 = None


def _mark(data):
    return to_bytes("%08x" % (zlib.crc32(data) & 0xFFFFFFFF))


def seal(data):
    """Bytes for a file of our own, with what tells whether it is whole. That is all: a CRC takes next to no time."""
    return _mark(data) + data


def unseal(data):
    """What was sealed; None if it isn't whole."""
    content = data[8:]
    return content if data[:8] == _mark(content) else None


def environ():
    """The process's environment as a new dict of bytes."""
    return dict(os.environ) if PY2 else dict(os.environb)


def error_number(error):
    """The errno of an exception, or None (select.error has none in Python 2)."""
    number = getattr(error, "errno", None)
    if number is None and error.args and isinstance(error.args[0], int):
        number = error.args[0]
    return number


def again(error):
    """Whether the system only says: not now."""
    return error_number(error) in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


def read_some(fd, size=65536):
    """Read without blocking: bytes, b"" at the end, None if there is nothing now."""
    while True:
        try:
            return os.read(fd, size)
        except (OSError, IOError) as error:
            if error_number(error) == errno.EINTR:
                continue
            if again(error):
                return None
            if error_number(error) == errno.EIO:  # a terminal whose other side is gone
                return b""
            raise


def read_all(fd):
    """Read a blocking descriptor to its end."""
    parts = []
    while True:
        part = read_some(fd)
        if not part:
            return b"".join(parts)
        parts.append(part)


def write_all(fd, data):
    """Write everything to a blocking descriptor."""
    view = memoryview(data)
    while len(view):
        try:
            view = view[os.write(fd, view) :]
        except (OSError, IOError) as error:
            if error_number(error) != errno.EINTR:
                raise


def close(fd):
    """Close, whatever state it is in."""
    try:
        os.close(fd)
    except OSError:
        pass


def set_nonblocking(fd):
    """Make reads and writes of ``fd`` return at once."""
    import fcntl

    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


def set_cloexec(fd):
    """Keep ``fd`` out of programs that are executed (Python 3.4 and later do so by themselves)."""
    import fcntl

    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)


def pipe():
    """A pipe whose ends are closed on exec."""
    ends = os.pipe()
    if PY2:
        for fd in ends:
            set_cloexec(fd)
    return ends


def open_fd(path, flags, mode=0o600):
    """open(2) with close-on-exec."""
    fd = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), mode)
    if PY2:
        set_cloexec(fd)
    return fd


def read_file(path):
    """A whole file as bytes; OSError if it can't be read."""
    fd = open_fd(path, os.O_RDONLY)
    try:
        return read_all(fd)
    finally:
        os.close(fd)


def write_file(path, data, mode=0o600):
    """Write a file so that readers see the old or the new content, never a part. The name is unique, then moved."""
    temporary = path + b".tmp" + to_bytes(random_hex(6))
    fd = open_fd(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            write_all(fd, data)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException as error:
        remove_file(temporary)
        if isinstance(error, EnvironmentError) and not error.filename:
            error.filename = path
        raise


def directory_of(path):
    """A context: be in the directory of ``path``. Addresses of Unix sockets have room for short paths only."""
    return _Within(os.path.dirname(path))


class _Within(object):
    def __init__(self, path):
        self._path = path

    def __enter__(self):
        self._before = os.open(b".", os.O_RDONLY)
        os.chdir(self._path)

    def __exit__(self, *_):
        os.fchdir(self._before)
        os.close(self._before)


def remove_file(path):
    """Remove a file; whether it was there."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def make_private_dir(path):
    """Make ``path`` (and its parents) with mode 0700. OSError if it can't be, or isn't this user's own directory."""
    if not os.path.isdir(path):
        parent = os.path.dirname(path)
        if parent and not os.path.isdir(parent):
            make_private_dir(parent)
        try:
            os.mkdir(path, 0o700)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
    return path


def check_private_dir(path):
    """Refuse a directory that others could have prepared: a link, somebody else's, or writable by others."""
    import stat

    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "not a directory of this user", to_text(path))
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)
    return path


def random_hex(size):
    """``size`` random bytes as hex text."""
    import binascii

    return to_text(binascii.hexlify(os.urandom(size)))


_NAME = frozenset(bytearray(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"))


def expand_vars(value, env):
    """os.path.expandvars for bytes and any environment: unknown variables stay as they are."""
    first, dollar, rest = value.partition(b"$")
    parts = [first]
    while dollar:
        if rest.startswith(b"{") and b"}" in rest:
            end = rest.index(b"}") + 1
            name = rest[1 : end - 1]
        else:
            name = bytearray(rest)
            end = next((index for index, byte in enumerate(name) if byte not in _NAME), len(name))
            name = rest[:end]
        parts.append(env.get(name, b"$" + rest[:end]) if end else b"$")
        text, dollar, rest = rest[end:].partition(b"$")
        parts.append(text)
    return b"".join(parts)


def home_of(name=None):
    """A user's home from the user database, as bytes; None if unknown. Without a name: this process's user."""
    import pwd

    try:
        found = pwd.getpwnam(to_text(name) if not PY2 else name) if name else pwd.getpwuid(os.geteuid())
    except (KeyError, ValueError):
        return None
    return to_bytes(found.pw_dir)


def expand_user(value, env):
    """os.path.expanduser for bytes and any environment."""
    if not value.startswith(b"~"):
        return value
    end = value.find(b"/")
    if end < 0:
        end = len(value)
    if end == 1:
        home = env.get(b"HOME") or home_of()
    else:
        home = home_of(value[1:end])
    if not home:
        return value
    return (home.rstrip(b"/") + value[end:]) or b"/"


def expand_path(value, env):
    """``~``, ``~user``, ``$VAR`` and ``${VAR}``, as Ansible's path arguments."""
    return expand_user(expand_vars(to_bytes(value), env), env)


def close_others(keep):
    """Close every descriptor but 0, 1, 2 and those in ``keep``."""
    keep = set(keep) | {0, 1, 2}
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        names = None
    if names:
        for fd in [int(name) for name in names]:
            if fd not in keep:
                close(fd)
        return
    start = 0
    for fd in sorted(keep):
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, max_fds())


def max_fds():
    """The highest number of descriptors this process may have; 65,536 at most."""
    try:
        return min(os.sysconf("SC_OPEN_MAX"), 65536)
    except (ValueError, OSError):
        return 1024


def null_stdio(fds):
    """Put /dev/null on these standard descriptors."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in fds:
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
