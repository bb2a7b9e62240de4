"""Parsers of inventory sources, one a module. Each fills an ``InventoryBuilder`` and raises LoadError."""
