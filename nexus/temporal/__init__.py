"""Temporal: one incident as one durable workflow, its agents' work done by a fleet of workers.

Importing it raises SettingsError without the extra `temporal`.
"""

from nexus.errors import SettingsError

try:
    from nexus.temporal.client import answer, follow, known, open_questions, standing, submit
    from nexus.temporal.connection import connect
    from nexus.temporal.worker import serve
except ModuleNotFoundError as error:
    if error.name is None or not error.name.startswith("temporalio"):
        raise
    raise SettingsError("Temporal's libraries are not installed", "pip install 'nexus-incident-response[temporal]'") from error

__all__ = ["answer", "connect", "follow", "known", "open_questions", "serve", "standing", "submit"]
