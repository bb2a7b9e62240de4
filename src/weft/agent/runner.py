"""One new-style module in a process of its own: what surrounds it, how it is run as ``__main__``, how it ends.

Comes after ``importer``; called in a fork of the zygote, or of a job's supervisor. Does what ansible-core's wrapper
does for a module that is sent alone.
"""

from __future__ import absolute_import, division, print_function

import os
import sys

from . import compat, process
from .compat import signal


def run_module(request, finder):
    """Run a new-style module as ansible-core would, and exit. Standard descriptors are set up already."""
    code = 1
    try:
        prepare_process(request)
        manifest = request["utils"]
        main = module_name(request["fqcn"])
        finder.blobs.memory.update(decode_blobs(request.get("memory")))
        finder.use(dict(manifest, **{main: [request["module"], False]}), main)
        finder.forget_strangers()
        execute(request, main, finder)
        code = 0
    except SystemExit as error:
        code = exit_code(error)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        finish_process(code)


def decode_blobs(memory):
    """Blobs that came with the request because no cache directory can be written."""
    if not memory:
        return {}
    import base64

    return {name: base64.b64decode(data) for name, data in memory.items()}


def module_name(fqcn):
    """The name under which a module is run: what ansible-core gives it."""
    parts = fqcn.split(".")
    if len(parts) > 2 and parts[:2] not in (["ansible", "builtin"], ["ansible", "legacy"]):
        return str(".".join(["ansible_collections"] + parts[:2] + ["plugins", "modules"] + parts[2:]))
    return str("ansible.modules." + parts[-1])


def prepare_process(request):
    """Environment, directory, standard streams, signals."""
    process.restore_limits(request.get("nofile"))
    for number in ("SIGINT", "SIGXFSZ"):
        if hasattr(signal, number):
            signal.signal(getattr(signal, number), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if process.hangup_ignored:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    set_environment(request.get("environment") or {}, request.get("lang"))
    if request.get("cwd"):
        os.chdir(compat.to_bytes(request["cwd"]))
    open_streams()
    sys.argv = [""]
    if "random" in sys.modules and not hasattr(os, "register_at_fork"):
        sys.modules["random"].seed()  # newer Pythons do so in each fork


def set_environment(environment, lang):
    """Put a task's environment on top of the process's, with what Python itself would have made of it at its start."""
    values = {compat.to_bytes(name): compat.to_bytes(value) for name, value in environment.items()}
    if lang:
        values.update({name: compat.to_bytes(lang) for name in (b"LANG", b"LC_ALL", b"LC_MESSAGES")})
    target = os.environ if compat.PY2 else os.environb
    target.update(values)
    if b"PYTHONPATH" in values:
        for entry in reversed(values[b"PYTHONPATH"].split(compat.to_bytes(os.pathsep))):
            if entry:
                sys.path.insert(0, entry if compat.PY2 else compat.to_text(entry))
    if b"TZ" in values:
        import time

        time.tzset()


def open_streams():
    """Fresh Python streams on the standard descriptors."""
    if compat.PY2:
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0, "r"), os.fdopen(1, "w"), os.fdopen(2, "w", 0)
    else:
        import io

        sys.stdin = io.open(0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stdout = io.open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stderr = io.open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def execute(request, main, finder):
    """Give the module its arguments and run it as ``__main__``."""
    params = compat.dumps({"ANSIBLE_MODULE_ARGS": request["args"]})
    archive = finder.archive or finder.base
    loader = "ansible.module_utils._internal._ansiballz._loader"
    if loader in finder.names:  # ansible-core 2.19
        __import__(loader)
        sys.modules[loader].run_module(
            json_params=params,
            profile=request.get("profile") or "legacy",
            module_fqn=main,
            modlib_path=archive,
            extensions={},
        )
        return
    import runpy

    basic = "ansible.module_utils.basic"
    if basic in finder.names:
        __import__(basic)
        sys.modules[basic]._ANSIBLE_ARGS = params
    runpy.run_module(main, {"_module_fqn": main, "_modlib_path": archive}, "__main__", True)
    print('{"msg": "New-style module did not handle its own exit", "failed": true}')
    sys.exit(1)


def exit_code(error):
    """What a SystemExit means for the process."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write("%s\n" % (error.code,))
    return 1


def finish_process(code):
    """End like an interpreter, without the time it takes to tidy up its memory."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        import atexit

        atexit._run_exitfuncs()
    except BaseException:
        pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            code = code or 120
    os._exit(code)
