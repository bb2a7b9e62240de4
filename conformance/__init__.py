"""ansible-core's own integration targets, played by weft: ``python -m conformance``, or ``make conformance``.

ansible-core publishes its integration tests in its source distribution. A target is a folder of them: a ``runme.sh``,
or a role. Here they run on the commands that ``weft shims`` makes, each in a fresh copy, as ``ansible-test
integration`` would run it: with the same environment variables, next to the targets it depends on, over one host
(``testhost``, this machine).

suite      the source distribution, its targets, and what their aliases files say
listing    targets.toml: the groups, what is left out of targets and why, the gate, and why some targets do not pass
workplace  the folders, commands and variables a target runs with
keeper     one command with a time limit, after which nothing that it started is left
report     docs/conformance.md, and what has been measured

Targets need no network, but for pip. Many want root: they make users, and write to /etc, /tmp and the home directory.
"""
