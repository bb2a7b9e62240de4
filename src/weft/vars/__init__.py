"""Variables: precedence as a table, layered scopes that evaluate what is read, facts, hostvars, magic variables.

Comes after ``inventory`` and ``templating`` (which evaluates values) and before ``connection``.
"""

from weft.vars.branch import Branch
from weft.vars.names import check_name
from weft.vars.play import PlayVars
from weft.vars.scope import Scope
from weft.vars.variables import Variables

__all__ = ["Branch", "PlayVars", "Scope", "Variables", "check_name"]
