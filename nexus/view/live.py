"""LiveView: the agents at work in a terminal, drawn anew as events come in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nexus.incident import Event, EventKind
from nexus.records.wording import cost_text, duration, plain, said
from nexus.responder.llm.budget import Spent
from nexus.view.board import Board, Desk, Work

SEVERITY_STYLES = {"P0": "bold white on red", "P1": "bold red", "P2": "yellow", "P3": "cyan"}
STATUS_STYLES = {"Investigating": "red", "Identified": "yellow", "Monitoring": "cyan", "Resolved": "green"}
_WORK = {Work.BUSY: ("●", "yellow"), Work.DONE: ("✓", "green"), Work.FAILED: ("✗", "red")}
_LOUD = {
    EventKind.ACTING: "bold yellow",
    EventKind.ACTED: "bold",
    EventKind.UNDONE: "bold red",
    EventKind.RELAPSED: "bold red",
    EventKind.REFUSED: "red",
    EventKind.ABSENT: "red",
    EventKind.ESCALATED: "magenta",
    EventKind.STATUS: "bold cyan",
    EventKind.CLOSED: "bold green",
}


SPOKEN = 120
"""Characters of what a model is writing that are shown."""


class LiveView:
    """For a terminal. `now` gives the incident's time; without it, that of the latest event."""

    def __init__(self, console: Console, now: Callable[[], datetime] | None = None) -> None:
        self.board = Board()
        self._console = console
        self._now = now
        self._word = ""
        self._spent = ""
        self._speaking: dict[str, str] = {}
        self._changing = threading.Lock()
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=8, transient=False)

    def event(self, event: Event) -> None:
        """Taken onto the board; the next refresh shows it."""
        with self._changing:
            self.board.take(event)
            if event.kind is EventKind.AUTHORED:
                self._speaking.pop(event.actor, None)

    def recall(self, events: Sequence[Event]) -> None:
        """Onto the board, as if it had been there."""
        for event in events:
            self.event(event)

    def status(self, text: str) -> None:
        """Shown at the foot until the next."""
        self._word = plain(text)

    def said(self, agent: str, task: str, piece: str) -> None:  # noqa: ARG002 - the task stands beside the agent already
        """The end of what the agent is writing is shown until it has answered."""
        with self._changing:
            self._speaking[agent] = (self._speaking.get(agent, "") + piece)[-SPOKEN:]

    def spent(self, spent: Spent) -> None:
        """Shown in the head."""
        self._spent = cost_text(spent.calls, spent.tokens, spent.usd)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The board stops so that a question can be asked, and goes on below it."""
        running = self._live.is_started
        if running:
            self._live.stop()
        try:
            yield
        finally:
            if running:
                self._live = Live(get_renderable=self.render, console=self._console, refresh_per_second=8, transient=False)
                self._live.start()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The board is on; at the end its last state stays on the screen."""
        self._live.start()
        try:
            yield
        finally:
            self._live.stop()

    def render(self) -> RenderableType:
        """The board as it stands; rich asks for it from a thread of its own."""
        with self._changing:
            return self._drawn()

    def _drawn(self) -> RenderableType:
        parts: list[RenderableType] = [self._head()]
        if self.board.agents:
            parts.append(self._agents())
        if self.board.lines:
            parts.append(self._lines())
        for agent, words in self._speaking.items():
            parts.append(Text(f"{plain(agent)}: … {plain(words)}", style="italic dim", no_wrap=True, overflow="ellipsis"))
        if self._word and not self.board.outcome:
            parts.append(Text(self._word, style="dim"))
        return Panel(Group(*parts), title=Text(self.board.incident or "NEXUS"), title_align="left", border_style="dim")

    def _head(self) -> Text:
        board = self.board
        head = Text()
        if board.severity:
            head.append(f" {board.severity} ", SEVERITY_STYLES.get(board.severity, "bold"))
            head.append(" ")
        head.append(board.title or "an alert came in", "bold")
        head.append("\n")
        head.append(board.outcome.replace("_", " ") or board.status or "triage", STATUS_STYLES.get(board.status, "bold"))
        at = max(filter(None, (self._now() if self._now else None, board.now)), default=None)
        if at and board.opened_at:
            head.append(f" · {duration(max(timedelta(), at - board.opened_at))} since it was opened")
        if at and board.next_update and not board.outcome:
            head.append(f" · next update {board.next_update:%H:%M} UTC, in {duration(max(timedelta(), board.next_update - at))}")
        if self._spent:
            head.append(f"\n{self._spent}", "dim")
        return head

    def _agents(self) -> Table:
        table = Table(box=None, padding=(0, 1), show_header=False, expand=True)
        table.add_column(no_wrap=True, ratio=3)
        table.add_column(no_wrap=True, ratio=2)
        table.add_column(no_wrap=True, ratio=7, overflow="ellipsis")
        for name, desk in self.board.agents.items():
            table.add_row(_name(name, desk), Text(_doing(desk), style="dim"), Text(desk.said))
        return table

    def _lines(self) -> Table:
        table = Table(box=None, padding=(0, 1), show_header=False, expand=True)
        table.add_column(no_wrap=True, width=8, style="dim")
        table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
        for event in self.board.lines:
            line = Text(plain(said(event.actor, event.text)), _LOUD.get(event.kind, ""))
            line.stylize("dim", 0, len(plain(event.actor)))
            table.add_row(f"{event.at:%H:%M:%S}", line)
        return table


def _name(name: str, desk: Desk) -> Text:
    sign, style = _WORK[desk.work]
    return Text(f"{sign} ", style=style).append(plain(name), "not dim default")


def _doing(desk: Desk) -> str:
    looks = f", {desk.looks} looks" if desk.looks > 1 else ", 1 look" if desk.looks else ""
    return f"{desk.task}{looks}"
