"""The command line: argv to options, options to ``weft.run``, errors to messages and exit codes.

main       the entry point; knows no command, imports nothing that `--version` does not need
app        the commands, each imported when it is used
params     options that commands share
request    what was typed -> ``Settings`` and ``RunOptions``
extra_vars, passwords
dropin     ansible's commands by their own names; ``shims`` makes the executables
loop       runs a coroutine
problems   an exception -> what is said of it, and the exit code
"""
