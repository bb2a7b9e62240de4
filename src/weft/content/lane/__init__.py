"""The compatibility lane's own process: what weft has no native way for, done by ansible-core's classes.

    request   what the controller asks for (no import of ``ansible``: both sides use it)
    channel   the wire between the two: frames on a socket
    __main__  the process: it has ansible-core loaded, and forks a worker for each task or loop
    warming   what the process does ahead of its workers
    worker    one task, from request to result
    session   plugins on a host that the controller reaches: what they send goes through it
    objects   ansible-core's task, play, inventory and variable manager, as far as plugins look at them
    results   ansible-core's result as plain data

Nothing here but ``request`` and ``channel`` is imported by the controller.
"""
