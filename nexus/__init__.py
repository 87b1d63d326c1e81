"""NEXUS: an alert goes in, agents respond, people approve what is risky; this is its public face, imported name by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus.asked import approve_all, approve_none
    from nexus.drive import Pending
    from nexus.embedded import handle, resume
    from nexus.errors import (
        ActionError,
        ActionFailed,
        ActionRefused,
        ActionUnknown,
        AlertError,
        AnswerRefused,
        IncidentHeld,
        LibraryError,
        ModelError,
        ModelNonsense,
        ModelRefused,
        ModelUnreachable,
        NexusError,
        NotAllowed,
        OverBudget,
        RecordsError,
        ResponderError,
        SettingsError,
        ToolError,
        Unavailable,
        UsageError,
        WorldError,
    )
    from nexus.graph import build
    from nexus.incident import Action, Alert, Event, Evidence, Incident, Outcome, Severity
    from nexus.incidents import first_state
    from nexus.intake import load_alert, read_alert
    from nexus.library import Agent, Library
    from nexus.records.folder import write_folder
    from nexus.records.store import Store
    from nexus.records.stores import MemoryStore, PostgresStore, SqliteStore, open_store
    from nexus.responder.contract import Responder, Task
    from nexus.responder.desk import Desk
    from nexus.responder.llm.make import open_model
    from nexus.responder.llm.policy import ModelPolicy
    from nexus.responder.llm.responder import LlmResponder
    from nexus.responder.rules import RulesResponder
    from nexus.state import Context, State
    from nexus.world import Service, ServiceCatalog, World
    from nexus.world.open import open_world

_HOMES = {
    "nexus.drive": ("Pending",),
    "nexus.asked": ("approve_all", "approve_none"),
    "nexus.embedded": ("handle", "resume"),
    "nexus.errors": (
        "ActionError",
        "ActionFailed",
        "ActionRefused",
        "ActionUnknown",
        "AlertError",
        "AnswerRefused",
        "IncidentHeld",
        "LibraryError",
        "ModelError",
        "ModelNonsense",
        "ModelRefused",
        "ModelUnreachable",
        "NexusError",
        "NotAllowed",
        "OverBudget",
        "RecordsError",
        "ResponderError",
        "SettingsError",
        "ToolError",
        "Unavailable",
        "UsageError",
        "WorldError",
    ),
    "nexus.graph": ("build",),
    "nexus.incident": ("Action", "Alert", "Event", "Evidence", "Incident", "Outcome", "Severity"),
    "nexus.incidents": ("first_state",),
    "nexus.intake": ("load_alert", "read_alert"),
    "nexus.library": ("Agent", "Library"),
    "nexus.records.folder": ("write_folder",),
    "nexus.records.store": ("Store",),
    "nexus.records.stores": ("MemoryStore", "PostgresStore", "SqliteStore", "open_store"),
    "nexus.responder.contract": ("Responder", "Task"),
    "nexus.responder.desk": ("Desk",),
    "nexus.responder.llm.make": ("open_model",),
    "nexus.responder.llm.policy": ("ModelPolicy",),
    "nexus.responder.llm.responder": ("LlmResponder",),
    "nexus.responder.rules": ("RulesResponder",),
    "nexus.state": ("Context", "State"),
    "nexus.world": ("Service", "ServiceCatalog", "World"),
    "nexus.world.open": ("open_world",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Action",
    "ActionError",
    "ActionFailed",
    "ActionRefused",
    "ActionUnknown",
    "Agent",
    "Alert",
    "AlertError",
    "AnswerRefused",
    "Context",
    "Desk",
    "Event",
    "Evidence",
    "Incident",
    "IncidentHeld",
    "Library",
    "LibraryError",
    "LlmResponder",
    "MemoryStore",
    "ModelError",
    "ModelNonsense",
    "ModelPolicy",
    "ModelRefused",
    "ModelUnreachable",
    "NexusError",
    "NotAllowed",
    "Outcome",
    "OverBudget",
    "Pending",
    "PostgresStore",
    "RecordsError",
    "Responder",
    "ResponderError",
    "RulesResponder",
    "Service",
    "ServiceCatalog",
    "SettingsError",
    "Severity",
    "SqliteStore",
    "State",
    "Store",
    "Task",
    "ToolError",
    "Unavailable",
    "UsageError",
    "World",
    "WorldError",
    "approve_all",
    "approve_none",
    "build",
    "first_state",
    "handle",
    "load_alert",
    "open_model",
    "open_store",
    "open_world",
    "read_alert",
    "resume",
    "write_folder",
]


def __getattr__(name: str) -> Any:
    """The name's value, imported from where it lives; kept, so that this is asked once."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'nexus' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public face, and what every module has."""
    return sorted({*globals(), *__all__})
