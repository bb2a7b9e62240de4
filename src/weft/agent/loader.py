"""What a host's Python runs first: read the packed program from stdin, hand over to its first module (``boot``).

connection/pack.py joins these statements into one line for ``python -c``: hence no compound statements, and no quotes,
which each shell on the way would treat in its own manner. Arguments: the program's length, the length of ``boot`` in
it, its SHA-256, the entry point, and the entry point's own.
"""

import sys

sys.path[:] = [p for p in sys.path if p]
import os  # noqa: E402
import zlib  # noqa: E402

n, k = map(int, sys.argv[1:3])
r = []
[r.append(os.read(0, n - sum(map(len, r))) or sys.exit(9)) for _ in iter(lambda: n - sum(map(len, r)), 0)]
r = bytes().join(r)
b = zlib.decompress(r)
exec(b[:k], dict(packed=r, rest=b[k:]))
