"""Databases that records can be kept in; each runs the same statements."""

from nexus.records.database.contract import Database, Rows, Statement

__all__ = ["Database", "Rows", "Statement"]
