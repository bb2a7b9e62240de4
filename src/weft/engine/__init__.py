"""Plays as structured concurrency over hosts: one coroutine a host, order as control flow round it.

Comes after ``executor`` (one task on one host); ``run`` puts it together with everything else.
"""
