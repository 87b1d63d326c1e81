"""The public face is exactly itself: what is promised is there, comes from where it lives, and nothing more is promised."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import nexus

SOURCE = ast.parse(Path(nexus.__file__).read_text(encoding="utf-8"))

FACE = [
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
    "PostgresStore",
    "IncidentHeld",
    "ActionUnknown",
    "AnswerRefused",
    "first_state",
    "resume",
    "open_store",
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
    "read_alert",
    "write_folder",
]


def test_the_face_is_what_this_list_says() -> None:
    assert sorted(nexus.__all__) == sorted(FACE)
    assert sorted(nexus._HOME_OF) == sorted(FACE)


@pytest.mark.parametrize("name", FACE)
def test_a_public_name_comes_from_where_it_lives(name: str) -> None:
    value = getattr(nexus, name)
    home = importlib.import_module(nexus._HOME_OF[name])
    assert value is getattr(home, name)
    assert value.__doc__


def test_type_checkers_see_the_same_face() -> None:
    guard = next(n for n in SOURCE.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    seen = {alias.name: node.module for node in guard.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == nexus._HOME_OF


def test_every_error_that_the_tree_draws_is_public() -> None:
    errors = importlib.import_module("nexus.errors")
    drawn = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.NexusError)}
    assert drawn <= set(FACE)


def test_a_name_that_is_not_promised_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Incidents'"):
        nexus.Incidents  # noqa: B018 - the look-up is what is tested


def test_dir_lists_the_face() -> None:
    assert set(FACE) <= set(dir(nexus))


def test_the_default_library_lists_fourteen_agents() -> None:
    assert len(nexus.Library.default().agents) == 14
