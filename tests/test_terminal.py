"""A person at a terminal among those who may answer: one question after another, each withdrawn when it is answered elsewhere."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from nexus.asked import Answering
from nexus.drive import Pending
from nexus.incident import Action, ActionKind
from nexus.terminal import Terminal, answer_at_terminal, who
from nexus.view import QuietView

HASH = "e09785e5a33797f7e072e4154bb5b9c8"
DEADLINE = datetime(2026, 3, 2, 10, 45, tzinfo=UTC).isoformat()
ROLLBACK = Action(kind=ActionKind.ROLLBACK, target="basket", arguments={"to": "4.1.9"})
RESTART = Action(kind=ActionKind.RESTART, target="cart")
SOON = 10.0


def approval(number: int, action: Action) -> Pending:
    shown = action.model_dump(mode="json")
    asked = {"kind": "approval", "action": shown, "digest": action.digest, "dry_run": None, "deadline": DEADLINE}
    return Pending(f"{HASH}-{number}", asked)


FIRST, SECOND = approval(1, ROLLBACK), approval(2, RESTART)
CAUSE = Pending(
    HASH,
    {
        "kind": "question",
        "text": "Which cause?",
        "choices": ["infrastructure", "hand_over"],
        "suspects": [],
        "deadline": DEADLINE,
    },
)


class Person:
    """Types into a terminal of its own, and reads what stands there."""

    def __init__(self, hand: int, keyboard: int) -> None:
        self._hand = hand
        self._screen = io.StringIO()
        self.terminal = Terminal(keyboard, Console(file=self._screen, force_terminal=True, color_system=None, width=200))
        self.answering: Answering = answer_at_terminal(QuietView(), self.terminal)

    def asked(self, pending: Pending) -> asyncio.Task[Any]:
        async def answer() -> Any:
            return await self.answering(pending)

        return asyncio.create_task(answer())

    def types(self, text: str) -> None:
        os.write(self._hand, text.encode())

    @property
    def sees(self) -> str:
        return self._screen.getvalue()

    async def until(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(SOON):
            while self.sees.count(text) < times:  # noqa: ASYNC110 - another thread writes it
                await asyncio.sleep(0.005)


@contextmanager
def somebody() -> Iterator[Person]:
    hand, keyboard = pty.openpty()
    try:
        yield Person(hand, keyboard)
    finally:
        os.close(hand)
        os.close(keyboard)


async def ended(task: asyncio.Task[Any]) -> bool:
    with suppress(asyncio.CancelledError):
        async with asyncio.timeout(SOON):
            await task
    return task.cancelled()


async def settle() -> None:
    await asyncio.sleep(0.05)


async def test_an_answer_says_what_was_typed_about_exactly_the_action_that_was_shown() -> None:
    with somebody() as person:
        asked = person.asked(FIRST)
        await person.until("1. rollback basket (to=4.1.9): approve, reject or change?")
        person.types("a\n")
        await person.until("comment")
        person.types("go on\n")
        answer = await asked
    assert answer == {"verdict": "approved", "comment": "go on", "by": who(), "digest": ROLLBACK.digest}
    assert "Approval 1 asked" in person.sees


async def test_a_changed_action_is_sent_with_the_answer() -> None:
    with somebody() as person:
        asked = person.asked(FIRST)
        await person.until("[a/r/c]")
        person.types("c\n")
        await person.until("key=value")
        person.types("to=4.1.8, steps=2\n")
        await person.until("comment")
        person.types("\n")
        answer = await asked
    assert answer["verdict"] == "amended"
    assert answer["amended"]["arguments"] == {"to": "4.1.8", "steps": 2}


async def test_a_question_takes_a_cause_with_its_component() -> None:
    with somebody() as person:
        asked = person.asked(CAUSE)
        await person.until("infrastructure / hand_over:")
        person.types("infrastructure\n")
        await person.until("component:")
        person.types("\n")
        await person.until("name it")
        person.types("cart\n")
        assert await asked == {"choice": "infrastructure", "component": "cart", "by": who()}


async def test_several_questions_are_asked_one_after_another_and_each_gets_its_own_answer() -> None:
    with somebody() as person:
        first, second = person.asked(FIRST), person.asked(SECOND)
        await person.until("[a/r/c]")
        await settle()
        assert "restart cart" not in person.sees
        person.types("r\n")
        await person.until("comment")
        person.types("no\n")
        await person.until("2. restart cart: approve")
        person.types("a\n")
        await person.until("comment", 2)
        person.types("yes\n")
        answers = [await first, await second]
    assert [(a["verdict"], a["comment"], a["digest"]) for a in answers] == [
        ("rejected", "no", ROLLBACK.digest),
        ("approved", "yes", RESTART.digest),
    ]


async def test_a_question_that_is_answered_elsewhere_is_withdrawn_and_the_next_gets_the_next_line() -> None:
    with somebody() as person:
        first, second = person.asked(FIRST), person.asked(SECOND)
        await person.until("1. rollback")
        first.cancel("approved by ada (go on)")
        assert await ended(first)
        await person.until("2. restart cart: approve")
        person.types("r\n")
        await person.until("comment")
        person.types("later\n")
        answer = await second
    assert "no longer asked: rollback basket (to=4.1.9): approved by ada (go on)\n" in person.sees
    assert (answer["verdict"], answer["comment"]) == ("rejected", "later")


@pytest.mark.parametrize("before", ["a", "a\na"])
async def test_what_was_typed_for_a_withdrawn_question_is_no_answer_to_the_next(before: str) -> None:
    with somebody() as person:
        first, second = person.asked(FIRST), person.asked(SECOND)
        await person.until("1. rollback")
        person.types(before)
        await settle()
        first.cancel()
        assert await ended(first)
        await person.until("2. restart")
        person.types("r\n")
        await person.until("comment", 2 if "\n" in before else 1)
        person.types("\n")
        answer = await second
    assert (answer["verdict"], answer["comment"]) == ("rejected", "")
    assert "no longer asked: rollback basket (to=4.1.9)\n" in person.sees


async def test_a_question_withdrawn_while_another_is_asked_is_never_shown() -> None:
    with somebody() as person:
        first, second = person.asked(FIRST), person.asked(SECOND)
        await person.until("1. rollback")
        second.cancel()
        assert await ended(second)
        person.types("a\n\n")
        assert (await first)["verdict"] == "approved"
    assert "restart cart" not in person.sees


async def test_a_question_can_be_asked_long_after_another_was_withdrawn() -> None:
    with somebody() as person:
        first = person.asked(FIRST)
        await person.until("1. rollback")
        first.cancel()
        assert await ended(first)
        person.types("to nobody\n")
        await settle()
        again = person.asked(FIRST)
        await person.until("[a/r/c]", 2)
        person.types("a\n")
        await person.until("comment")
        person.types("\n")
        assert (await again)["verdict"] == "approved"
    assert "is no answer" not in person.sees


async def test_the_end_of_input_is_nobody_and_the_next_question_is_asked_all_the_same() -> None:
    with somebody() as person:
        first = person.asked(FIRST)
        await person.until("[a/r/c]")
        person.types("\x04")
        assert await first is None
        second = person.asked(SECOND)
        await person.until("2. restart")
        person.types("r\n\n")
        assert (await second)["verdict"] == "rejected"


async def test_a_terminal_that_hangs_up_is_nobody() -> None:
    hand, keyboard = pty.openpty()
    person = Person(hand, keyboard)
    try:
        asked = person.asked(FIRST)
        await person.until("[a/r/c]")
        os.close(hand)
        assert await asyncio.wait_for(asked, SOON) is None
        person.terminal.forget()
        assert await person.answering(SECOND) is None
    finally:
        os.close(keyboard)


async def test_a_fault_while_asking_is_raised_to_whoever_asked() -> None:
    with somebody() as person:
        broken = Pending(f"{HASH}-1", {**FIRST.value, "action": {"kind": "explode"}})
        with pytest.raises(ValueError, match="explode"):
            await asyncio.wait_for(person.asked(broken), SOON)


@pytest.mark.parametrize("screen", [True, False])
async def test_without_keyboard_or_screen_nobody_is_asked(screen: bool) -> None:
    left, right = os.pipe()
    hand, keyboard = pty.openpty()
    try:
        console = Console(file=io.StringIO(), force_terminal=screen)
        assert await answer_at_terminal(QuietView(), Terminal(left if screen else keyboard, console))(FIRST) is None
    finally:
        for each in (left, right, hand, keyboard):
            os.close(each)


ASKS_AND_GIVES_UP = """
import asyncio, json, sys
from nexus.drive import Pending
from nexus.terminal import answer_at_terminal
from nexus.view import QuietView

async def main():
    pending = Pending("one-1", json.loads(sys.argv[1]))
    task = asyncio.ensure_future(answer_at_terminal(QuietView())(pending))
    await asyncio.sleep(0.3)
    if sys.argv[2] == "withdrawn":
        task.cancel()

asyncio.run(main())
print("at its end", flush=True)
"""


@pytest.mark.parametrize("how", ["withdrawn", "left"])
def test_a_prompt_that_nobody_answers_does_not_keep_the_process_from_ending(how: str) -> None:
    hand, keyboard = pty.openpty()
    command = [sys.executable, "-c", ASKS_AND_GIVES_UP, json.dumps(FIRST.value), how]
    process = subprocess.Popen(command, stdin=keyboard, stdout=subprocess.PIPE, stderr=keyboard)
    try:
        said, _ = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, b"at its end\n")
        assert "1. rollback basket" in typed_out(hand)
    finally:
        process.kill()
        process.communicate()
        os.close(hand)
        os.close(keyboard)


def typed_out(hand: int) -> str:
    os.set_blocking(hand, False)
    said = b""
    with suppress(BlockingIOError):
        while True:
            said += os.read(hand, 65536)
    return said.decode()
