"""Named limits within a run and lock files on hosts, behind one interface: fair, sorted, reported.

Comes after ``connection`` (lock files are taken through a session) and before ``actions`` and ``executor``.
"""
