"""Terminal: a person at the keyboard as the one who answers approvals and questions."""

from __future__ import annotations

import asyncio
import getpass
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from rich.console import Console

from nexus.drive import Pending
from nexus.embedded import Answering
from nexus.incident import Action, DryRun
from nexus.view import LiveView, PlainView, QuietView, View, ask_approval, ask_question


def choose_view(*, quiet: bool) -> View:
    """The live view where there is a terminal, a line an event elsewhere, nothing when quiet."""
    if quiet:
        return QuietView()
    console = Console()
    return LiveView(console) if console.is_terminal else PlainView(sys.stdout)


def who() -> str:
    """The person's name for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "a person at the terminal"


def answer_at_terminal(view: View) -> Answering:
    """Asks at the terminal; None where there is none, so that the incident waits."""

    async def answer(pending: Pending) -> Mapping[str, Any] | None:
        return await _beside(lambda: _ask(view, pending))

    return answer


async def _beside(work: Callable[[], Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    """Run blocking work in a thread that does not keep the process from ending: an interrupt must not wait for Enter."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Mapping[str, Any] | None] = loop.create_future()

    def tell(reply: Mapping[str, Any] | None) -> None:
        if not done.done():
            done.set_result(reply)

    def run() -> None:
        reply = work()
        with suppress(RuntimeError):  # the loop is closed when the person was faster to interrupt than to answer
            loop.call_soon_threadsafe(tell, reply)

    threading.Thread(target=run, name="ask", daemon=True).start()
    return await done


def _ask(view: View, pending: Pending) -> Mapping[str, Any] | None:
    value = pending.value
    with view.paused():
        if value["kind"] == "question":
            named = ask_question(value["text"], value["choices"], value["suspects"])
            return None if named is None else {"choice": named[0], "component": named[1], "by": who()}
        action = Action.model_validate(value["action"])
        dry_run = DryRun.model_validate(value["dry_run"]) if value["dry_run"] else None
        undo = dry_run.before if dry_run else {}
        given = ask_approval(action, dry_run, undo, action.risk, datetime.fromisoformat(value["deadline"]))
    if given is None:
        return None
    reply: dict[str, Any] = {"verdict": given.verdict.value, "comment": given.comment, "by": who(), "digest": value["digest"]}
    if given.amended is not None:
        reply["amended"] = given.amended.model_dump(mode="json")
    return reply
