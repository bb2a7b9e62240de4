"""Sources and patterns to an immutable snapshot of hosts and groups.

Comes after ``config`` and before ``vars``, which reads hosts' and groups' variables from it.
"""

from weft.inventory.inventory import Inventory, empty_inventory, implicit_localhost
from weft.inventory.loader import PluginInventory, load
from weft.inventory.model import Group, Host

__all__ = ["Group", "Host", "Inventory", "PluginInventory", "empty_inventory", "implicit_localhost", "load"]
