"""Handles of async work: waiting for jobs on hosts, and what of them is left at the end of a run.

Comes after ``connection`` (jobs live behind a session) and before ``actions`` and ``executor``.
"""
