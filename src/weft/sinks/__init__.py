"""Views of a run: they read events and never steer. ``build`` chooses them.

    output     one writer thread; everything that is shown goes through it
    screen     lines in colour, banners, problems said once, the log file
    classic    ansible-playbook's look, with results, diffs, problems and recap
    adhoc      minimal, oneline, tree
    profile    profile_tasks, profile_roles, timer
    json_lines, junit, tee
    remarks    warnings only, for what lists and doesn't run
    registry   settings and options -> sinks

Comes above ``engine`` in the layers, and knows only ``events`` and ``model``.
"""

from weft.sinks.errors import CallbackBroke
from weft.sinks.output import Output, Streams
from weft.sinks.registry import Views, build, flush

__all__ = ["CallbackBroke", "Output", "Streams", "Views", "build", "flush"]
