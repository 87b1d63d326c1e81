"""`nexus approve`, `reject`, `amend` and `answer` from another terminal than the one where the incident is driven, if it is."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from engine_in_hand import LIBRARY, PAY, Releases, Script, a_plan, rollback
from typer.testing import CliRunner, Result
from world_in_hand import CATALOG, FIRED, Lines, Pipelines, Tried

from nexus.cli import app
from nexus.embedded import handle
from nexus.incident import Action, ActionKind, Alert, Incident, Opening, Question, Surroundings
from nexus.records.stores import FILE, SqliteStore
from nexus.responder.answers import PlanAnswer
from nexus.world import World
from nexus.world.clock import VirtualClock
from nexus.world.simulated_people import SimulatedPeople

INC = "INC-1"
HASH = "e09785e5a33797f7e072e4154bb5b9c8"
DEADLINE = datetime(2026, 3, 2, 10, 45, tzinfo=UTC)
ROLLBACK = Action(kind=ActionKind.ROLLBACK, target="basket", arguments={"to": "4.1.9"})
RESTART = Action(kind=ActionKind.RESTART, target="cart")
ME = getpass.getuser()


def nexus(out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--out", str(out)])


def refused(out: Path, *arguments: str) -> str:
    done = nexus(out, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("nexus: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def approval(number: int, action: Action, deadline: datetime = DEADLINE) -> Question:
    detail = {"action": action.model_dump(mode="json"), "digest": action.digest}
    return Question(id=f"{HASH}-{number}", kind="approval", text="?", deadline=deadline, detail=detail)


BOTH = (approval(1, ROLLBACK), approval(2, RESTART))
CAUSE = Question(
    id=HASH, kind="question", text="Which cause?", deadline=DEADLINE,
    detail={"choices": ["infrastructure", "hand_over"], "suspects": ["cart"]},
)  # fmt: skip


def waiting(
    out: Path, *questions: Question, world: str = "sandbox:bad-deploy", engine: Literal["embedded", "temporal"] = "embedded"
) -> Path:
    """Records in which an incident waits for answers, and no process drives it."""

    async def ask() -> None:
        alert = Alert(title="down", starts_at=FIRED)
        surroundings = Surroundings(world=world)
        opening = Opening(
            incident=INC, alert=alert, opened_at=FIRED, graph=2, engine=engine, surroundings=surroundings, simulated=bool(world)
        )
        async with await SqliteStore.open(out / FILE) as records:
            await records.begin(opening)
            for question in questions:
                await records.questions.ask(INC, question)

    asyncio.run(ask())
    return out


def answered(out: Path, question: Question, incident: str = INC) -> dict[str, Any] | None:
    async def look() -> dict[str, Any] | None:
        async with await SqliteStore.open(out / FILE) as records:
            return await records.questions.answered(incident, question.id)

    return asyncio.run(look())


def test_an_approval_is_recorded_and_the_way_to_go_on_is_told_where_nobody_drives(tmp_path: Path) -> None:
    out = waiting(tmp_path, BOTH[0])
    done = nexus(out, "approve", INC, "--comment", "go on")
    assert done.stdout.splitlines() == [
        f"{INC}: rollback basket (to=4.1.9): approved by {ME} (go on)",
        f"go on:     nexus resume {INC} --out {out}",
    ]
    assert answered(out, BOTH[0]) == {"verdict": "approved", "comment": "go on", "by": ME, "digest": ROLLBACK.digest}


def test_where_somebody_drives_the_incident_nothing_else_is_to_be_done(tmp_path: Path) -> None:
    out = waiting(tmp_path, BOTH[0])

    async def driven() -> Result:
        async with await SqliteStore.open(out / FILE) as records, records.hold(INC):
            return await asyncio.to_thread(nexus, out, "approve", INC)

    done = asyncio.run(driven())
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)


def test_two_open_approvals_are_answered_each_for_itself(tmp_path: Path) -> None:
    out = waiting(tmp_path, *BOTH)
    assert "2 restart cart, until 2026-03-02 10:45:00 UTC" in refused(out, "approve", INC)
    assert nexus(out, "reject", INC, "1", "--comment", "not now").exit_code == 0
    assert answered(out, BOTH[1]) is None
    assert "no open question 1" in refused(out, "approve", INC, "1")
    assert nexus(out, "approve", INC, "e09785e5-2").exit_code == 0
    first, second = answered(out, BOTH[0]), answered(out, BOTH[1])
    assert first is not None
    assert second is not None
    assert (first["verdict"], first["comment"], second["verdict"]) == ("rejected", "not now", "approved")


def test_an_amended_action_is_recorded_whole(tmp_path: Path) -> None:
    out = waiting(tmp_path, BOTH[0])
    done = nexus(out, "amend", INC, "--set", "to=4.1.8", "--set", "steps=[1, 2]", "--target", "cart")
    assert f"amended to rollback cart (steps=[1, 2], to=4.1.8) by {ME}" in done.stdout
    answer = answered(out, BOTH[0])
    assert answer is not None
    amended = ROLLBACK.model_copy(update={"target": "cart", "arguments": {"to": "4.1.8", "steps": [1, 2]}})
    assert (answer["digest"], Action.model_validate(answer["amended"])) == (ROLLBACK.digest, amended)


@pytest.mark.parametrize("named", [(), ("e09785e5",), ("1",)])
def test_a_question_is_answered_by_a_choice(tmp_path: Path, named: tuple[str, ...]) -> None:
    out = waiting(tmp_path, CAUSE)
    assert nexus(out, "answer", INC, *named, "infrastructure", "--component", "cart").exit_code == 0
    assert answered(out, CAUSE) == {"choice": "infrastructure", "component": "cart", "by": ME}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("approve", "INC-2"), "there is no incident INC-2 in"),
        (("approve", INC, "7"), "no open question 7: open are: 1 rollback basket (to=4.1.9), until 2026-03-02 10:45:00 UTC"),
        (("answer", INC, "hand_over"), "is not answered in that way: nexus approve INC-1 e09785e5-1"),
        (("reject", INC, "--comment", " "), "a rejection says why"),
        (("reject", INC), "--comment"),
        (("amend", INC), "that changes nothing"),
        (("amend", INC, "--set", "to=4.1.9"), "that changes nothing"),
        (("amend", INC, "--set", "4.1.9"), "name=value"),
        (("answer", INC, "1", "hand_over", "more"), "too many"),
    ],
)
def test_an_answer_that_fits_no_open_approval_changes_nothing_and_says_why(
    tmp_path: Path, command: tuple[str, ...], says: str
) -> None:
    out = waiting(tmp_path, BOTH[0])
    if command == ("reject", INC):
        assert nexus(out, *command).exit_code == 2
    else:
        assert says in refused(out, *command)
    assert answered(out, BOTH[0]) is None


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("approve", INC), "nexus answer INC-1 e09785e5 CHOICE"),
        (("answer", INC, "capacity"), "capacity is not offered: choose one of infrastructure, hand_over"),
        (("answer", INC, "infrastructure"), "add --component NAME; suspects: cart"),
    ],
)
def test_an_answer_that_fits_no_open_question_changes_nothing_and_says_why(
    tmp_path: Path, command: tuple[str, ...], says: str
) -> None:
    out = waiting(tmp_path, CAUSE)
    assert says in refused(out, *command)
    assert answered(out, CAUSE) is None


def test_who_comes_second_is_told_the_first_answer(tmp_path: Path) -> None:
    out = waiting(tmp_path, BOTH[0])
    nexus(out, "reject", INC, "--comment", "too risky")
    said = refused(out, "approve", INC, BOTH[0].id)
    assert f"was answered already: rejected by {ME} (too risky)" in said
    assert f"{INC} waits for no answer" in refused(out, "approve", INC)


def test_a_deadline_is_judged_by_the_wall_clock_only_where_the_world_may_be_real(tmp_path: Path) -> None:
    late = approval(1, ROLLBACK, datetime.now(UTC) - timedelta(seconds=1))
    assert "too late: rollback basket (to=4.1.9)" in refused(waiting(tmp_path / "real", late, world=""), "approve", INC)
    in_time = approval(1, ROLLBACK, datetime.now(UTC) + timedelta(minutes=1))
    assert nexus(waiting(tmp_path / "in-time", in_time, world=""), "approve", INC).exit_code == 0
    assert nexus(waiting(tmp_path / "simulated", late), "approve", INC).exit_code == 0


@pytest.mark.parametrize("place", ["empty", "missing"])
def test_a_folder_without_incidents_is_told_and_stays_as_it_was(tmp_path: Path, place: str) -> None:
    out = tmp_path if place == "empty" else tmp_path / "missing"
    assert "holds no incidents" in refused(out, "approve", INC)
    assert list(tmp_path.iterdir()) == []


def test_an_incident_on_temporal_is_answered_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("temporalio")
    out = waiting(tmp_path, BOTH[0], engine="temporal")
    monkeypatch.setenv("NEXUS_TEMPORAL__ADDRESS", "127.0.0.1:1")
    assert "127.0.0.1:1 does not answer" in refused(out, "approve", INC)
    assert answered(out, BOTH[0]) is None


def test_answering_needs_neither_the_graph_nor_the_numbers(tmp_path: Path) -> None:
    waiting(tmp_path, BOTH[0])
    code = f"""
import sys
from nexus.cli import app
app(["approve", "{INC}", "--out", {str(tmp_path)!r}], standalone_mode=False)
print(*[m for m in ("langgraph", "langchain_core", "numpy", "nexus.embedded") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == ""


SWITCHED = Action(kind=ActionKind.FLAG, target="checkout", arguments={"to": "1.0"})


async def test_an_engine_that_asks_for_two_actions_takes_each_answer_from_the_records(tmp_path: Path) -> None:
    shop = Releases()
    asked = [rollback(), SWITCHED]

    async def plan(task: Any, _desk: Any) -> PlanAnswer:
        one, other = (a_plan(action, attempt=task.facts["attempt"]) for action in asked)
        return PlanAnswer(plan=one.model_copy(update={"steps": (*one.steps, *other.steps)}))

    async def nobody(_pending: Any) -> None:
        await asyncio.Event().wait()

    world = World(
        name="in hand", people=SimulatedPeople(), clock=VirtualClock(FIRED), catalog=CATALOG,
        logs=Lines(), changes=Pipelines(), endpoints=Tried([PAY]), actions=shop,
    )  # fmt: skip
    alert = Alert(title="checkout is down", service="checkout", severity_label="critical", starts_at=FIRED)
    async with await SqliteStore.open(tmp_path / FILE) as records:
        running = asyncio.create_task(
            handle(
                alert, library=LIBRARY, world=world, responder=Script(shop, answers={"plan": plan}), records=records,
                answer=nobody, surroundings=Surroundings(world="sandbox:bad-deploy"),
            )
        )  # fmt: skip
        async with asyncio.timeout(30):
            while not (names := await records.incidents()) or len(await records.questions.open(names[0])) < 2:
                await asyncio.wait({running}, timeout=0.02)
                assert not running.done()
        second = await asyncio.to_thread(nexus, tmp_path, "approve", names[0], "2", "--comment", "the second")
        assert (second.exit_code, second.stdout.count("\n")) == (0, 1)
        assert not running.done()
        first = await asyncio.to_thread(nexus, tmp_path, "amend", names[0], "1", "--set", "to=1.0", "--set", "slowly=true")
        assert first.exit_code == 0
        incident = await asyncio.wait_for(running, 30)
    assert [(r.action.kind.value, r.action.arguments, r.approval.by) for r in incident.actions if r.approval] == [
        ("rollback", {"to": "1.0", "slowly": True}, ME),
        ("flag", {"to": "1.0"}, ME),
    ]


class AtTerminal:
    """`nexus run` on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._hand, keyboard = pty.openpty()
        command = [sys.executable, "-m", "nexus.cli", "run", *arguments]
        environment = os.environ | {"COLUMNS": "200", "TERM": "xterm"}
        self.process = subprocess.Popen(command, stdin=keyboard, stdout=keyboard, stderr=keyboard, env=environment)
        os.close(keyboard)
        self.said = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while said := os.read(self._hand, 65536):
                self.said += said.decode(errors="replace")
        except OSError:
            return

    def until(self, text: str, times: int = 1) -> None:
        ends = time.monotonic() + 60
        while self.said.count(text) < times:
            assert time.monotonic() < ends, self.said[-2000:]
            time.sleep(0.02)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._hand)


@contextmanager
def run_at_terminal(*arguments: str) -> Iterator[AtTerminal]:
    at = AtTerminal(*arguments)
    try:
        yield at
    finally:
        at.close()


def incident_in(out: Path) -> Incident:
    (folder,) = out.glob("INC-*")
    return Incident.model_validate(json.loads((folder / "incident.json").read_text()))


def test_a_run_that_waits_at_its_prompt_goes_on_when_it_is_answered_from_another_process(tmp_path: Path) -> None:
    with run_at_terminal("--world", "sandbox:bad-deploy", "--approve", "ask", "--out", str(tmp_path)) as at:
        at.until("1. rollback edge-gateway (to_version=4.1.9): approve, reject or change?")

        async def name() -> str:
            async with await SqliteStore.open(tmp_path / FILE) as records:
                return (await records.unfinished())[0].incident

        incident = asyncio.run(name())
        rejected = nexus(tmp_path, "reject", incident, "--comment", "not in the sale")
        assert (rejected.exit_code, rejected.stdout.count("\n")) == (0, 1)
        at.until(f"no longer asked: rollback edge-gateway (to_version=4.1.9): rejected by {ME} (not in the sale)")
        at.until("1. rollback edge-gateway (to_version=4.1.8): approve, reject or change?")
        command = [sys.executable, "-m", "nexus.cli", "approve", incident, "1", "--out", str(tmp_path)]
        approved = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert approved.stdout == f"{incident}: rollback edge-gateway (to_version=4.1.8): approved by {ME}\n"
        assert at.process.wait(60) == 0
    ended = incident_in(tmp_path)
    assert [(str(r.action), r.approval.by) for r in ended.actions if r.approval] == [
        ("rollback edge-gateway (to_version=4.1.8)", ME)
    ]
    assert "rejected: rollback edge-gateway (to_version=4.1.9) (not in the sale)" in [
        entry.text for entry in ended.timeline if entry.kind == "answered"
    ]
