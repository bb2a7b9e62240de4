"""One task on one host: conditions, loops, arguments, attempts, async, and what comes of it.

Comes after ``actions`` (which it calls) and before ``engine`` (which decides when a task runs and what follows).
"""
