"""From YAML to the model: playbooks, roles, imports and includes as frozen nodes with their keywords folded in.

Comes after ``config`` (YAML, settings) and before everything that runs. ``loader.Loader`` is the way in, ``listing``
prints what was loaded, ``keywords`` is the table of the language.
"""
