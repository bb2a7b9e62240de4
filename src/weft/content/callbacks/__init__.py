"""The process in which callback plugins run: ansible-core's objects made from weft's events.

    __main__   the process: lines of JSON in, calls of plugins out
    loading    which plugins there are, as ansible-core chooses them
    objects    hosts, tasks, plays, results and statistics as plugins expect them
    dispatch   from an event to the methods of plugins

Nothing here is imported by the controller.
"""
