"""The first module of the packed program: checks it, makes the others importable as ``weft_agent``, calls the entry point.

Run by ``loader`` with ``packed`` (the program as it came) and ``rest`` (the other modules: a line with name and length for
each, an empty line, the sources, joined) in its globals. Modules are compiled when they are imported, so that what isn't
needed costs nothing.
"""

import sys

PACKAGE = "weft_agent"


class Finder(object):
    """Imports ``weft_agent`` and what is in it, on Python 2 and 3."""

    def __init__(self, sources):
        self.sources = sources

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
        exec(compile(self.sources[name], module.__file__, "exec", 0, True), module.__dict__)

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


def check(packed, expected):
    """End if the program isn't what was sent."""
    try:
        from _sha256 import sha256
    except ImportError:
        try:
            from _sha2 import sha256
        except ImportError:
            from hashlib import sha256
    if sha256(packed).hexdigest() != expected:
        sys.exit("weft: the agent arrived damaged")


def boot(packed, rest):
    check(packed, sys.argv[3])
    sys.meta_path.insert(0, Finder(unpack(rest)))
    entry = PACKAGE + "." + sys.argv[4]
    __import__(entry)
    sys.modules[entry].main()


if "packed" in globals():
    boot(globals()["packed"], globals()["rest"])
