"""Imports a module's module_utils from the blob cache, by the manifest that came with the module.

Comes after ``blobs``; used in the zygote and its children. Nothing is unpacked: what is imported looks as if it lay
below ``<cache>/lib``. Compiled code is kept beside the blobs, as Python keeps .pyc files.
"""

from __future__ import absolute_import, division, print_function

import marshal
import os
import sys
import zlib

from . import compat
from .blobs import note_use

ROOTS = ("ansible", "ansible_collections")
RESPAWN = "ansible.module_utils.common.respawn"


class Blobs(object):
    """Reading access to the cache, for processes that don't own it."""

    def __init__(self, root, memory):
        self.root = root
        self.memory = memory

    def get(self, name):
        """A blob's bytes; ImportError if it isn't there or isn't whole."""
        if name in self.memory:
            return self.memory[name]
        try:
            data = compat.read_file(os.path.join(self.root, b"blobs", compat.to_bytes(name)))
        except (OSError, IOError) as error:
            raise ImportError("module cache: %s" % error)
        if compat.sha256_hex(data) != name:
            raise ImportError("module cache: blob %s is damaged" % name)
        return data


class Finder(object):
    """Finds and loads what a manifest names: ``{qualified name: [hash, is_package]}``."""

    def __init__(self, blobs):
        self.blobs = blobs
        self.names = {}
        self.main = ""
        self.archive = None  # the zip file in which another interpreter finds the same modules
        self.loaded = {}
        self.known = None  # names of what is loaded of Ansible's, once that is noted
        root = blobs.root or b"/nonexistent/weft"
        self.base = compat.to_text(os.path.join(root, b"lib"))
        if compat.PY2:
            self.base = compat.to_bytes(self.base)

    def use(self, manifest, main=""):
        """Import by this manifest from now on. Packages that only hold others needn't be named.

        ``main`` is the name of the module that will run as ``__main__``.
        """
        self.main = main
        self.names = names = {str(name): (entry[0], bool(entry[1])) for name, entry in manifest.items()}
        for name in list(names):
            above = name.rpartition(".")[0]
            while above and above not in names:
                names[above] = (None, True)
                above = above.rpartition(".")[0]
        names.setdefault("ansible", (None, True))
        self.archive = self._archive_path() if RESPAWN in self.names else None

    def remember(self):
        """Note what is loaded: a fork has the list, and need not look through all modules for it."""
        self.known = [name for name in sys.modules if name.split(".", 1)[0] in ROOTS]

    def forget_strangers(self):
        """Unload what this manifest doesn't have, or has in another form than it was loaded in."""
        if self.known is None:
            self.remember()
        known = self.known
        wrong = [name for name in known if name in self.names and self.loaded.get(name) != self.names[name][0]]
        gone = known if wrong else [name for name in known if name not in self.names]
        for name in gone:
            module = sys.modules.pop(name)
            if module is None:
                continue  # Python 2's note that a relative import found nothing
            parent, _, last = name.rpartition(".")
            above = sys.modules.get(parent)
            if above is not None and getattr(above, last, None) is module:
                delattr(above, last)

    # importlib's protocol (Python 3)

    def find_spec(self, name, path=None, target=None):
        if name not in self.names:
            return None
        from _frozen_importlib import ModuleSpec

        is_package = self.names[name][1]
        spec = ModuleSpec(name, self, origin=self.get_filename(name), is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(spec.origin)]
        spec.has_location = True
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__spec__.name
        code = self.get_code(name)
        self.loaded[name] = self.names[name][0]
        if name == RESPAWN and self.archive:
            self.write_archive()
            module.__file__ = os.path.join(self.archive, *name.split(".")) + ".py"
        exec(code, module.__dict__)

    # PEP 302 (Python 2)

    def find_module(self, name, path=None):
        return self if name in self.names else None

    def load_module(self, name):
        if name in sys.modules:
            return sys.modules[name]
        module = type(sys)(name)
        module.__file__ = self.get_filename(name)
        module.__loader__ = self
        if self.names[name][1]:
            module.__path__ = [os.path.dirname(module.__file__)]
            module.__package__ = name
        else:
            module.__package__ = name.rpartition(".")[0]
        sys.modules[name] = module
        try:
            code = self.get_code(name)
            self.loaded[name] = self.names[name][0]
            if name == RESPAWN and self.archive:
                self.write_archive()
                module.__file__ = os.path.join(self.archive, *name.split(".")) + ".py"
            exec(code, module.__dict__)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return sys.modules[name]

    # what runpy, inspect and pkgutil ask for

    def hook(self, path):
        """For sys.path_hooks: Python 2's runpy looks there only."""
        if path == self.base or path.startswith(self.base + "/"):
            return self
        raise ImportError("not in the module cache: %s" % path)

    def _entry(self, name):
        """Hash and kind of a module; ``__main__`` is known too, for tracebacks."""
        try:
            return self.names[self.main if name == "__main__" else name]
        except KeyError:
            raise ImportError("not in the manifest: %s" % name)

    def is_package(self, name):
        return self._entry(name)[1]

    def get_filename(self, name):
        is_package = self._entry(name)[1]
        path = os.path.join(self.base, *(self.main if name == "__main__" else name).split("."))
        return os.path.join(path, "__init__.py") if is_package else path + ".py"

    def get_source(self, name):
        data = self._source(name)
        if compat.PY2:
            return data
        import io
        import tokenize

        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return io.IncrementalNewlineDecoder(None, True).decode(data.decode(encoding))

    def get_data(self, path):
        for name in self.names:
            if self.get_filename(name) == path:
                return self._source(name)
        raise IOError("no such file in the module cache: %s" % path)

    def get_code(self, name):
        digest = self._entry(name)[0]
        filename = self.get_filename(name)
        if digest is None:
            return compile(b"", filename, "exec", 0, True)
        kept = self._kept(digest, filename)
        code = _load_code(kept) if kept else None
        if code is None:
            code = compile(self._source(name), filename, "exec", 0, True)
            if kept:
                _save_code(kept, code)
        return code

    # for modules that start another interpreter (respawn)

    def _archive_path(self):
        import json

        key = compat.sha256_hex(compat.to_bytes(json.dumps(self.names, sort_keys=True)))
        root = compat.to_text(self.blobs.root or compat.to_bytes("/tmp/.weft-%d" % os.geteuid()))
        return str(os.path.join(root, "zips", key[:40] + ".zip"))

    def write_archive(self):
        """Write everything this manifest names into a zip file, unless it is there."""
        path = compat.to_bytes(self.archive)
        if os.path.exists(path):
            return
        import zipfile

        folder = os.path.dirname(path)
        for part in (os.path.dirname(folder), folder):
            compat.check_private_dir(compat.make_private_dir(part))
        draft = path + b".tmp" + compat.to_bytes(compat.random_hex(6))
        fd = compat.open_fd(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(fd, "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
                for name, (_, is_package) in sorted(self.names.items()):
                    inner = name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
                    packed.writestr(zipfile.ZipInfo(str(inner)), self._source(name))
        os.rename(draft, path)

    def _source(self, name):
        digest = self._entry(name)[0]
        return b"" if digest is None else self.blobs.get(digest)

    def _kept(self, digest, filename):
        """Where the compiled code of a blob is kept; the file name is compiled into it, hence in the key."""
        if not self.blobs.root or digest in self.blobs.memory:
            return None
        tag = "%s.%08x.%x" % (digest[:40], zlib.crc32(compat.to_bytes(filename)) & 0xFFFFFFFF, sys.hexversion)
        return os.path.join(self.blobs.root, b"code", compat.to_bytes(tag))


def _load_code(path):
    """Compiled code from the cache; None if it isn't there or isn't whole."""
    try:
        data = compat.unseal(compat.read_file(path))
        if data is None:
            return None
        note_use(path)
        return marshal.loads(data)
    except (OSError, IOError, ValueError, EOFError, TypeError):
        return None


def _save_code(path, code):
    try:
        compat.write_file(path, compat.seal(marshal.dumps(code)))
    except (OSError, IOError):
        pass  # no room: the next one compiles it again
