"""The cache of modules and module_utils on the host: content-addressed, private, checked.

Comes after ``compat``; ``modules`` puts and asks, ``importer`` reads. Where no directory can be written, the agent's
memory takes its place. A blob is hashed before it is used, once in each life of the machine (a crash may have left
another content behind): what was found whole is noted with the size, time and number of its file.
"""

from __future__ import absolute_import, division, print_function

import os
import time

from . import compat, host

CHECKED = b"checked"  # the file with the notes
MOST = 2000  # blobs kept on disk; beyond it the least recently written go
DAY = 86400.0  # seconds
UNUSED = 30 * DAY  # compiled code that nothing has used for so long goes
_HEX = frozenset("0123456789abcdef")


def places():
    """Where a cache may be, best first."""
    found = [os.path.join(home, b".ansible/weft") for home in [own_home()] if home and home != b"/"]
    temporary = compat.environ().get(b"TMPDIR") or b"/var/tmp"
    return found + [os.path.join(temporary, compat.to_bytes(".weft-%d" % os.geteuid()))]


def _could_be_made(path):
    """Whether a directory that isn't there could be made."""
    if os.path.lexists(path):
        return False
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def own_home():
    """This user's home. HOME may still be that of the user before ``sudo``: then what the user database says."""
    home = compat.environ().get(b"HOME")
    try:
        if home and os.stat(home).st_uid == os.geteuid():
            return home
    except OSError:
        pass
    return compat.home_of()


class Store(object):
    """Blobs by their SHA-256 (hex text)."""

    def __init__(self, *more):
        self._places = places() + list(more)
        self._root = None
        self._names = None
        self._checked = set()
        self._notes = None  # name -> size, time and number of the file that was whole
        self._fresh = False  # whether there are notes that aren't kept yet
        self.memory = {}

    @property
    def root(self):
        """The cache's directory (bytes), made if need be; None if there is none that can be written."""
        if self._root is None:
            self._root = self._find()
        return self._root or None

    def add_place(self, path):
        """A further directory to try, if those so far can't be used."""
        place = os.path.join(path, b"weft")
        if place not in self._places:
            self._places.append(place)
            if self._root == b"":
                self._root = None

    def _find(self):
        for place in self._places:
            try:
                compat.check_private_dir(compat.make_private_dir(place))
                blobs = compat.make_private_dir(os.path.join(place, b"blobs"))
                compat.make_private_dir(os.path.join(place, b"code"))
                if os.access(blobs, os.W_OK | os.X_OK):
                    return place
            except OSError:
                continue
        return b""

    def listing(self):
        """The hashes that are there; makes nothing."""
        if self._names is None:
            self._names = set()
            for place in [self._root] if self._root else self._places:
                try:
                    compat.check_private_dir(place)
                    found = os.listdir(os.path.join(place, b"blobs"))
                except OSError:
                    if _could_be_made(place):
                        break  # that is where it will be
                    continue
                self._names.update(
                    name for name in map(compat.to_text, found) if len(name) == 64 and _HEX.issuperset(name)
                )
                self._root = self._root or place
                break
        return sorted(self._names | set(self.memory))

    def path(self, name):
        return os.path.join(self.root, b"blobs", compat.to_bytes(name))

    def put(self, name, data):
        """Keep ``data`` under its hash; ValueError if that isn't its hash."""
        if compat.sha256_hex(data) != name:
            raise ValueError("blob %s has other content" % name)
        if self._names is None:
            self.listing()
        if self.root:
            try:
                compat.write_file(self.path(name), data)
                self._names.add(name)
                self._checked.add(name)
                self._note(name, os.stat(self.path(name)))
                return
            except (OSError, IOError):
                pass  # a full disk: memory is there
        self.memory[name] = data

    def missing(self, names):
        """Those of ``names`` that aren't there, or no longer whole."""
        if self._names is None:
            self.listing()
        return [name for name in names if not (name in self.memory or name in self._checked or self._check(name))]

    def _check(self, name):
        if name not in self._names:
            return False
        path = self.path(name)
        try:
            found = os.stat(path)
            whole = self._noted().get(name) == _print(found)
            if not whole:
                whole = compat.sha256_hex(compat.read_file(path)) == name
                if whole:
                    self._note(name, found)
        except (OSError, IOError):
            whole = False
        if whole:
            self._checked.add(name)
        else:
            self._names.discard(name)
            compat.remove_file(path)
        return whole

    def _noted(self):
        """The notes of agents before this one, since the machine was started; and this one's."""
        if self._notes is None:
            self._notes = {}
            try:
                kept = compat.loads(compat.unseal(compat.read_file(os.path.join(self.root, CHECKED))) or b"{}")
            except (OSError, IOError, ValueError):
                kept = {}
            if host.boot_id() and kept.get("boot") == host.boot_id():
                self._notes.update(kept["blobs"])
        return self._notes

    def _note(self, name, found):
        self._noted()[name] = _print(found)
        self._fresh = True

    def keep_notes(self):
        """Leave the notes for the agents that come after this one."""
        if not self._fresh or not self.root or not host.boot_id():
            return
        notes = {name: note for name, note in self._noted().items() if name in self._names}
        content = compat.seal(compat.dumps({"boot": host.boot_id(), "blobs": notes}))
        try:
            compat.write_file(os.path.join(self.root, CHECKED), content)
        except (OSError, IOError):
            pass  # no room: the next one hashes them again

    def get(self, name):
        """A blob's bytes; OSError if it can't be read, ValueError if its content is not what its name says."""
        if name in self.memory:
            return self.memory[name]
        data = compat.read_file(self.path(name))
        if compat.sha256_hex(data) != name:
            raise ValueError("blob %s is damaged" % name)
        return data

    def trim(self):
        """Remove the oldest files where there are too many."""
        if not self._root or len(self._names or ()) <= MOST:
            return
        for name in _trim(os.path.join(self._root, b"blobs"), MOST):
            self._names.discard(name)
            self._checked.discard(name)
        _trim(os.path.join(self._root, b"code"), 4 * MOST)
        _trim(os.path.join(self._root, b"zips"), 40)

    def sweep(self):
        """Remove compiled code that is not used any more; once a day there is a look at it.

        Another agent may read or write it at the same time: what it misses it compiles again.
        """
        if not self._root:
            return
        mark = os.path.join(self._root, b"swept")
        folder = os.path.join(self._root, b"code")
        now = time.time()
        try:
            if age(mark, now) < DAY:
                return
            compat.write_file(mark, b"")
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if age(path, now) > UNUSED:
                    compat.remove_file(path)
        except (OSError, IOError):
            pass  # no room, or no longer there: the next agent looks again


def note_use(path):
    """Tell ``sweep`` by the file's time that it is in use; once a day is enough."""
    try:
        if age(path, time.time()) > DAY:
            os.utime(path, None)
    except OSError:
        pass


def age(path, now):
    """Seconds since a file was written; endless for one that isn't there."""
    try:
        return now - os.stat(path).st_mtime
    except OSError:
        return float("inf")


def _print(found):
    """What tells that a file is the one it was."""
    return [found.st_size, found.st_mtime, found.st_ino]


def _trim(folder, most):
    """Remove the older half of the files in a directory with more than ``most``; returns their names."""
    aged = []
    try:
        for name in os.listdir(folder):
            aged.append((os.stat(os.path.join(folder, name)).st_mtime, name))
    except OSError:
        return []
    if len(aged) <= most:
        return []
    aged.sort()
    gone = [name for _, name in aged[: len(aged) - most // 2]]
    for name in gone:
        compat.remove_file(os.path.join(folder, name))
    return [compat.to_text(name) for name in gone]
