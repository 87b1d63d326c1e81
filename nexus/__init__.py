"""NEXUS: an alert goes in, agents respond, people approve what is risky; this is its public face, imported name by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus.drive import Pending
    from nexus.embedded import approve_all, approve_none, handle, opening
    from nexus.errors import (
        ActionError,
        ActionFailed,
        ActionRefused,
        AlertError,
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
    from nexus.intake import load_alert, read_alert
    from nexus.library import Agent, Library
    from nexus.records.folder import write_folder
    from nexus.records.memory import MemoryStore
    from nexus.records.sqlite import SqliteStore
    from nexus.records.store import Store
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
    "nexus.embedded": ("approve_all", "approve_none", "handle", "opening"),
    "nexus.errors": (
        "ActionError",
        "ActionFailed",
        "ActionRefused",
        "AlertError",
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
    "nexus.intake": ("load_alert", "read_alert"),
    "nexus.library": ("Agent", "Library"),
    "nexus.records.folder": ("write_folder",),
    "nexus.records.memory": ("MemoryStore",),
    "nexus.records.sqlite": ("SqliteStore",),
    "nexus.records.store": ("Store",),
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
    "Agent",
    "Alert",
    "AlertError",
    "Context",
    "Desk",
    "Event",
    "Evidence",
    "Incident",
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
    "handle",
    "load_alert",
    "open_model",
    "open_world",
    "opening",
    "read_alert",
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
