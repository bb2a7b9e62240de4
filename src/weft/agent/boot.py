"""The first module of the packed program: checks it, makes the others importable, calls the entry point.

Run by ``loader`` with ``packed`` (the program as it came) and ``rest`` (the other modules: a line with name and length
for each, an empty line, the sources, joined) in its globals. Modules are compiled when they are imported, so that what
isn't needed costs nothing. Their compiled code is kept on the host, in the private folder of the module cache, if
there is one.
"""

import marshal
import os
import sys
import time
import zlib

PACKAGE = "weft_agent"


def sha256_hex(data):
    """Hex SHA-256, from the smallest module that has it."""
    try:
        from _sha256 import sha256
    except ImportError:
        try:
            from _sha2 import sha256
        except ImportError:
            from hashlib import sha256
    return sha256(data).hexdigest()


def seal(data):
    """As in ``compat``, which isn't there yet."""
    return ("%08x" % (zlib.crc32(data) & 0xFFFFFFFF)).encode("ascii") + data


class Codes(object):
    """Compiled modules of this very program, from its last run on this host with this Python."""

    def __init__(self, program):
        self.name = "agent-%s-%x" % (program[:32], sys.hexversion)
        self.found = {}
        self.fresh = False
        try:
            folder = os.path.join(os.environ["HOME"], ".ansible", "weft", "code")
            status = os.lstat(folder)
            if status.st_uid == os.geteuid() and not status.st_mode & 0o022:
                self.read(os.path.join(folder, self.name))
        except (KeyError, OSError, IOError, ValueError, EOFError, TypeError):
            pass

    def read(self, path):
        with open(path, "rb") as stream:
            data = stream.read()
        content = data[8:]
        if data == seal(content):
            self.found = marshal.loads(content)
            if time.time() - os.stat(path).st_mtime > 86400:
                os.utime(path, None)  # what is in use is not swept away

    def get(self, name, source, filename):
        if name in self.found:
            return marshal.loads(self.found[name])
        code = compile(source, filename, "exec", 0, True)
        self.found[name] = marshal.dumps(code)
        self.fresh = True
        return code

    def packed(self):
        """What to write into the file ``name`` of the folder; None if it holds that already."""
        if not self.fresh:
            return None
        return seal(marshal.dumps(self.found))


class Finder(object):
    """Imports ``weft_agent`` and what is in it, on Python 2 and 3."""

    def __init__(self, sources, codes):
        self.sources = sources
        self.codes = codes

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        from _frozen_importlib import ModuleSpec

        return ModuleSpec(name, self, origin=self.filename(name), is_package=name == PACKAGE)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        self.fill(module, module.__spec__.name)

    def find_module(self, name, path=None):
        return self if name in self.sources else None

    def load_module(self, name):
        if name in sys.modules:
            return sys.modules[name]
        module = sys.modules[name] = type(sys)(name)
        module.__loader__ = self
        module.__package__ = PACKAGE
        if name == PACKAGE:
            module.__path__ = []
        self.fill(module, name)
        return module

    def fill(self, module, name):
        module.__file__ = self.filename(name)
        exec(self.codes.get(name, self.sources[name], module.__file__), module.__dict__)

    def filename(self, name):
        return name.replace(".", "/") + (".py" if name != PACKAGE else "/__init__.py")

    def get_source(self, name):
        source = self.sources[name]
        return source if str is bytes else source.decode("ascii")


def unpack(rest):
    """The sources by their full names."""
    index, _, rest = rest.partition(b"\n\n")
    found = {PACKAGE: b""}
    start = 0
    for line in index.decode("ascii").split("\n"):
        name, length = line.split(" ")
        found[str(PACKAGE + "." + name)] = rest[start : start + int(length)]
        start += int(length)
    return found


def boot(packed, rest):
    if sha256_hex(packed) != sys.argv[3]:
        sys.exit("weft: the agent arrived damaged")
    sys.meta_path.insert(0, Finder(unpack(rest), Codes(sys.argv[3])))
    entry = PACKAGE + "." + sys.argv[4]
    __import__(entry)
    sys.modules[entry].main()


if "packed" in globals():
    boot(globals()["packed"], globals()["rest"])
