"""Terminal: a person at the keyboard as one of those who answer approvals and questions."""

from __future__ import annotations

import asyncio
import getpass
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from rich.console import Console
from rich.text import Text

from nexus.answering import action_of, choice_for, number_of, verdict_on, what_of
from nexus.incident import DryRun, Question
from nexus.view import LiveView, PlainView, QuietView, View, ask_approval, ask_question

if TYPE_CHECKING:
    from nexus.asked import Answering
    from nexus.drive import Pending

Worked = TypeVar("Worked")

LONGEST = 4096
"""Bytes of one typed line; no terminal takes longer ones."""


def choose_view(*, quiet: bool, several: bool = False) -> View:
    """The live view where there is a terminal, a line an event elsewhere or for several incidents, nothing when quiet."""
    if quiet:
        return QuietView()
    console = Console()
    return LiveView(console) if console.is_terminal and not several else PlainView(sys.stdout)


def who() -> str:
    """The person's name for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "a person at the terminal"


class Terminal:
    """A keyboard and a screen that all questions share.

    What is typed belongs to the question whose prompt stands: one thread reads, only when somebody asks, and hands the line
    to whoever asks when it comes. So a question that is withdrawn takes no line from the next one, and gives it none.
    """

    def __init__(self, keyboard: int, console: Console) -> None:
        self.console = console
        self._keyboard = keyboard
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self._change = threading.Condition()
        self._asking: Prompt | None = None
        self._reading = False

    @property
    def attended(self) -> bool:
        """Whether a person can be asked here."""
        return self.console.is_terminal and os.isatty(self._keyboard)

    def turn(self) -> asyncio.Lock:
        """Held by the one question that is asked now."""
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def forget(self) -> None:
        """Drop what was typed and not read yet, whole lines and the beginning of one."""
        try:
            import termios  # noqa: PLC0415 - not on every platform
        except ImportError:
            return
        with suppress(termios.error):  # it hung up
            termios.tcflush(self._keyboard, termios.TCIFLUSH)

    def listen(self, prompt: Prompt) -> None:
        """The next line is that prompt's."""
        with self._change:
            self._asking = prompt
            self._change.notify()
            if not self._reading:
                self._reading = True
                threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    def _read(self) -> None:
        """Read whenever somebody asks; on the descriptor itself, for a lock on sys.stdin would hold up the process's end."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._asking is not None)
            try:
                typed = os.read(self._keyboard, LONGEST)
            except OSError:  # the terminal hung up
                typed = b""
            with self._change:
                prompt, self._asking = self._asking, None
            if prompt is not None:
                prompt.lines.put(typed.decode(errors="replace").rstrip("\r\n") if typed else None)


class Prompt:
    """One question's way of asking for lines; withdrawn, it raises EOFError."""

    def __init__(self, terminal: Terminal) -> None:
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.withdrawn: str | None = None
        self._terminal = terminal

    def __call__(self, words: str) -> str:
        """Ask for one line. Blocks; raises EOFError when nobody will type it."""
        if self.withdrawn is not None:
            raise EOFError
        self._terminal.console.print(Text(words, style="bold"), end="", soft_wrap=True)
        self._terminal.listen(self)
        line = self.lines.get()
        if line is None:
            raise EOFError
        return line

    def withdraw(self, why: str) -> None:
        """Nothing is asked any more."""
        self.withdrawn = why
        self._terminal.forget()
        self.lines.put(None)


@cache
def this_terminal() -> Terminal:
    """The process's own."""
    return Terminal(0, Console(stderr=True))


def answer_at_terminal(view: View, terminal: Terminal | None = None) -> Answering:
    """Asks at the terminal, one question after another; None where there is none, so that the incident waits.

    Cancelled, because somebody answered elsewhere or time is up, the prompt is withdrawn; the message of the cancellation,
    where there is one, is shown.
    """
    from nexus.incidents import question_of  # noqa: PLC0415 - the graph, which a command that only answers does not need

    here = terminal or this_terminal()

    async def answer(pending: Pending) -> Mapping[str, Any] | None:
        if not here.attended:
            return None
        question = question_of(pending)
        async with here.turn():
            prompt = Prompt(here)
            work = asyncio.ensure_future(_beside(lambda: _ask(view, here, prompt, question)))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError as told:
                prompt.withdraw(f"{told}" if told.args else "")
                await asyncio.wait({work})
                raise

    return answer


async def _beside(work: Callable[[], Worked]) -> Worked:
    """Run blocking work in a thread that does not keep the process from ending: an interrupt must not wait for Enter."""
    done: Future[Worked] = Future()

    def run() -> None:
        done.set_running_or_notify_cancel()
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            done.set_exception(error)

    threading.Thread(target=run, name="ask", daemon=True).start()
    return await asyncio.wrap_future(done)


def _ask(view: View, terminal: Terminal, prompt: Prompt, question: Question) -> Mapping[str, Any] | None:
    with view.paused():
        terminal.forget()
        given = _approval(terminal, prompt, question) if question.kind == "approval" else _choice(terminal, prompt, question)
        if prompt.withdrawn is not None:
            by = f": {prompt.withdrawn}" if prompt.withdrawn else ""
            terminal.console.print(Text(f"\nno longer asked: {what_of(question)}{by}"), soft_wrap=True)
        return given


def _choice(terminal: Terminal, prompt: Prompt, question: Question) -> Mapping[str, Any] | None:
    detail = question.detail
    named = ask_question(detail["text"], detail["choices"], detail["suspects"], console=terminal.console, read=prompt)
    return None if named is None else choice_for(named[0], named[1], who())


def _approval(terminal: Terminal, prompt: Prompt, question: Question) -> Mapping[str, Any] | None:
    action, detail = action_of(question), question.detail
    dry_run = DryRun.model_validate(detail["dry_run"]) if detail["dry_run"] else None
    undo = dry_run.before if dry_run else {}
    expires = datetime.fromisoformat(detail["deadline"])
    given = ask_approval(
        action, dry_run, undo, action.risk, expires, number=number_of(question.id), console=terminal.console, read=prompt
    )
    return None if given is None else verdict_on(question, given.verdict, who(), given.comment, given.amended)
