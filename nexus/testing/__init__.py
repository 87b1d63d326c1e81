"""What tests need, ours and users': virtual time, a world in memory, a scripted responder, scenarios in one call, a model server.

The model server and its replies are in `nexus.testing.model_server`. Names are imported when they are used: a test of a model's
client needs no LangGraph.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus.testing.script import BEGINS, Line, ScriptedResponder, VirtualClock, run_scenario, world_in_memory

__all__ = ["BEGINS", "Line", "ScriptedResponder", "VirtualClock", "run_scenario", "world_in_memory"]


def __getattr__(name: str) -> Any:
    """The name's value, imported from where it lives."""
    if name not in __all__:
        raise AttributeError(f"module 'nexus.testing' has no attribute {name!r}")
    return getattr(import_module("nexus.testing.script"), name)


def __dir__() -> list[str]:
    """What is promised, and what every module has."""
    return sorted({*globals(), *__all__})
