"""How fast weft is, as ratios to other tools that do the same work beside it in the same run.

``python -m bench`` builds a virtual environment of its own for ansible-core and Mitogen, starts loopback SSH hosts with
the lab, runs each workload with every tool in turn, several rounds, and prints the medians. Absolute times wobble from
machine to machine and from day to day; only ratios of one run mean anything.
"""
