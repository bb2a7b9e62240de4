"""How fast weft is, as ratios to other tools that do the same work beside it in the same run.

``python -m bench`` builds a virtual environment of its own for ansible-core, Mitogen and pyinfra, starts loopback SSH
hosts with the lab, runs each workload with every tool in turn, several rounds, and takes medians; then it lets the
number of hosts, tasks, items, variables, strands and jobs grow over simulated sessions, and looks at what waiting for
jobs costs. It prints tables, and writes them with the figures (JSON) and plots (SVG) into ``bench/results``: parts that
are run whole (``--parts``) replace their figures there, and leave the others'. Absolute times wobble from machine to
machine and from day to day; only ratios of one run mean anything.

``python -m bench.quick`` is the short form for every day: what a task on a host costs the controller, beside the
figures kept in ``bench/baseline.json``.

``workloads`` says what is run, ``tools`` by whom, ``floor`` what nobody can do without, ``rounds`` measures, ``scale``
and ``simulated`` are the growing runs, ``waiting`` waits, ``report`` and ``plot`` show it all.
"""
