"""Real playbooks and roles under weft and under ansible-playbook: the same lists, the same results.

``python -m tools.realcontent list`` compares what the two print with ``--list-tasks`` and its kin for every playbook of
the repositories in ``sources.py``; ``python -m tools.realcontent run`` plays roles twice on fresh lab hosts with each
and compares every task's result. Neither is part of CI: the content is other people's, is fetched when asked for, and
is never kept with the project.
"""
