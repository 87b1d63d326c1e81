"""Thinking: who answers the agents' tasks, as the settings have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus.responder.contract import Responder
from nexus.responder.rules import RulesResponder
from nexus.settings import Settings

if TYPE_CHECKING:
    from nexus.responder.llm.responder import Watcher


def open_responder(settings: Settings, watcher: Watcher | None = None) -> Responder:
    """The rules, or a model on top of them. Raises SettingsError when the model cannot be asked at all."""
    if settings.thinks == "rules":
        return RulesResponder()
    from nexus.responder.llm.make import open_model  # noqa: PLC0415 - a model's libraries are for who uses one

    return open_model(policy=settings.model, watcher=watcher)


async def close_responder(responder: Responder) -> None:
    """Let go of what it holds."""
    close = getattr(responder, "close", None)
    if close is not None:
        await close()
