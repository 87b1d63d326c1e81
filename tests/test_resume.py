"""Going on with an incident: the clocks catch up, one process drives it, and a process that is told to stop stops well."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crash_in_hand import SAME
from engine_in_hand import Releases, Script, with_clocks
from typer.testing import CliRunner, Result
from world_in_hand import CATALOG, Lines, Pipelines

from nexus.cli import app
from nexus.drive import Pending
from nexus.embedded import handle, resume
from nexus.evaluate import run_case
from nexus.incident import Alert, Event, EventKind, Incident, Severity
from nexus.library import Library
from nexus.records.stores import SqliteStore
from nexus.world import World
from nexus.world.clock import Lap, WallClock, WallLap
from nexus.world.open import open_world
from nexus.world.simulated_people import SimulatedPeople

PATIENT = with_clocks(approval_expires=timedelta(hours=12))
BAD_DEPLOY = "sandbox:bad-deploy"


class HandLap(WallLap):
    """An agent's time at such a clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now()


class HandClock(WallClock):
    """Real time that a test moves on: what sleeps, sleeps until the test has moved it there."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self._now

    def lap(self, begins_at: datetime) -> Lap:  # noqa: ARG002 - the protocol's; real time begins by itself
        return HandLap(self.now)

    async def sleep_until(self, moment: datetime) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= moment)

    async def move(self, by: timedelta) -> None:
        async with self._moved:
            self._now += by
            self._moved.notify_all()


class Outage:
    """One incident at a real clock: it waits for an approval, its process dies, and another goes on with it later."""

    def __init__(self, store: SqliteStore, severity: Severity, began: datetime) -> None:
        self.began, self.severity, self.store = began, severity, store
        self.shop, self.people, self.clock = Releases(), SimulatedPeople(), HandClock(began)
        self.incident = ""

    @property
    def hands(self) -> dict[str, Any]:
        world = World(
            name="in hand", people=self.people, clock=self.clock, catalog=CATALOG,
            logs=Lines(), changes=Pipelines(), actions=self.shop,
        )  # fmt: skip
        script = Script(self.shop, self.severity)
        return {"library": PATIENT, "world": world, "responder": script, "records": self.store, "answer": nobody}

    async def begins(self) -> None:
        """From the alert until it waits, and then its process is gone."""
        alert = Alert(title="checkout is down", service="checkout", severity_label="critical", starts_at=self.began)
        async with going(handle(alert, **self.hands)):
            await until(self.asked)
            await until(self.nothing_under_way)

    @asynccontextmanager
    async def resumed(self) -> AsyncIterator[None]:
        async with going(resume(self.incident, **self.hands)):
            yield

    async def asked(self) -> bool:
        names = await self.store.incidents()
        self.incident = names[0] if names else ""
        return bool(self.incident and await self.store.questions.open(self.incident))

    async def nothing_under_way(self) -> bool:
        return len(await self.sent()) >= 2

    async def sent(self) -> list[tuple[float, str]]:
        """What went out, and in which minute of the incident."""
        told = {EventKind.PUBLISHED, EventKind.ESCALATED}
        return [(self.minute(e), self.word(e)) for e in await self.store.events(self.incident) if e.kind in told]

    def minute(self, event: Event) -> float:
        return (event.at.astimezone(UTC) - self.began).total_seconds() / 60

    @staticmethod
    def word(event: Event) -> str:
        data = event.data
        if "escalation" in data:
            return str(data["escalation"]["rule"])
        return f"status {data['status_update']['number']}" if "status_update" in data else f"brief {data['brief']['number']}"

    async def next_updates(self) -> list[float]:
        """The minutes that status updates promised the next one for."""
        told = [e.data.get("status_update") for e in await self.store.events(self.incident) if e.kind is EventKind.PUBLISHED]
        moments = [datetime.fromisoformat(t["next_update"]) for t in told if t and t["next_update"]]
        return [(moment - self.began).total_seconds() / 60 for moment in moments]


async def nobody(_pending: Pending) -> Mapping[str, Any] | None:
    await asyncio.Event().wait()
    return None


@asynccontextmanager
async def going(work: Awaitable[Incident]) -> AsyncIterator[None]:
    """Work that is under way meanwhile, and then cut off."""
    task = asyncio.ensure_future(work)
    try:
        yield
        assert not task.done(), task.exception() or task.result().outcome
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for real until something holds."""
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - it is the records that are looked at, as another process would
            await asyncio.sleep(0.01)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with await SqliteStore.open(tmp_path / "records.sqlite") as opened:
        yield opened


BEGAN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


async def test_after_47_minutes_the_latest_missed_beat_alone_goes_out_and_the_next_comes_at_its_grid(store: SqliteStore) -> None:
    outage = Outage(store, Severity.P1, BEGAN)
    await outage.begins()
    assert await outage.sent() == [(0, "status 1"), (0, "status 2")]
    await outage.clock.move(timedelta(minutes=47))
    async with outage.resumed():
        await until(lambda: has(outage, (47, "status 3")))
        await outage.clock.move(timedelta(minutes=12, seconds=59))
        await asyncio.sleep(0.1)
        assert (await outage.sent())[2:] == [(47, "status 3")]
        await outage.clock.move(timedelta(seconds=1))
        await until(lambda: has(outage, (60, "status 4")))
    assert (await outage.sent())[2:] == [(47, "status 3"), (60, "status 4")]
    assert await outage.next_updates() == [15, 15, 60, 75]


async def test_an_escalation_that_fell_due_meanwhile_goes_out_at_once_and_once(store: SqliteStore) -> None:
    outage = Outage(store, Severity.P0, BEGAN)
    await outage.begins()
    await outage.clock.move(timedelta(minutes=47))
    async with outage.resumed():
        await until(lambda: has(outage, (47, "p0-30m")))
        await until(lambda: has(outage, (47, "brief 3")))
    async with outage.resumed():
        await outage.clock.move(timedelta(minutes=13))
        await until(lambda: has(outage, (60, "status 4")))
        await until(lambda: has(outage, (60, "brief 4")))
    late = [word for minute, word in await outage.sent() if minute >= 1]
    assert sorted(late) == ["brief 3", "brief 4", "p0-30m", "status 3", "status 4"]
    assert len([m for m in outage.people.messages if m.at >= BEGAN + timedelta(minutes=1)]) == len(late)


async def test_the_question_that_was_open_is_put_again_as_it_was_and_not_twice(store: SqliteStore) -> None:
    outage = Outage(store, Severity.P1, BEGAN)
    await outage.begins()
    first = await store.questions.open(outage.incident)
    await outage.clock.move(timedelta(minutes=47))
    async with outage.resumed():
        await until(lambda: has(outage, (47, "status 3")))
        assert await store.questions.open(outage.incident) == first
        given = {"verdict": "approved", "by": "somebody"}
        assert await store.questions.answer(outage.incident, first[0].id, given)
        await until(lambda: acted(outage))
    assert outage.shop.log == ["rollback checkout (to=1.0)"]


async def has(outage: Outage, sent: tuple[float, str]) -> bool:
    return sent in await outage.sent()


async def acted(outage: Outage) -> bool:
    return any(e.kind is EventKind.ACTED for e in await outage.store.events(outage.incident))


def nexus(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which does not outlive the test."""
    command = [sys.executable, "-m", "nexus.run", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], word: str) -> None:
    """Read what it says, a line an event, up to the first line with that word."""
    assert process.stdout is not None
    assert any(word in line for line in process.stdout), f"it never said {word}"


def incident_in(out: Path) -> str:
    (folder,) = out.glob("INC-*")
    return folder.name


def begun_in(out: Path) -> str:
    with sqlite3.connect(out / "records.sqlite") as records:
        ((incident,),) = records.execute("SELECT incident FROM nexus_claims").fetchall()
    records.close()
    return str(incident)


def document_in(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / incident_in(out) / "incident.json").read_text())
    return document


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    """The bad deployment, in this process and in memory."""
    incident = asyncio.run(run_case(open_world(BAD_DEPLOY), Library.default()))
    return {name: value for name, value in incident.model_dump(mode="json").items() if name in SAME}


def test_told_to_stop_in_the_investigation_it_ends_after_the_step_and_resume_ends_it_as_undisturbed(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with started("--world", BAD_DEPLOY, "--approve", "auto", "--out", str(tmp_path)) as process:
        read_until(process, "investigate")
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=60)
    stopped = document_in(tmp_path)
    assert process.returncode == 3
    assert "stopping after this step" in complained
    assert f"nexus resume {stopped['id']} --out {tmp_path}" in said
    assert (stopped["outcome"], stopped["actions"]) == ("waiting", [])
    assert nexus("resume", stopped["id"], "--approve", "auto", "--out", str(tmp_path), "--quiet").exit_code == 0
    ended = document_in(tmp_path)
    assert {name: ended[name] for name in undisturbed} == undisturbed


def held_still(process: subprocess.Popen[str], database: Path) -> None:
    """Stop it where it stands, alive, and not in the middle of a write, which would hold up whoever writes beside it."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        beside = sqlite3.connect(database, timeout=0.5, isolation_level=None)
        try:
            beside.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
        else:
            beside.execute("ROLLBACK")
            return
        finally:
            beside.close()


def test_a_second_process_is_refused_while_the_first_lives_and_takes_over_when_it_was_killed(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with started("--world", BAD_DEPLOY, "--approve", "auto", "--out", str(tmp_path)) as first:
        read_until(first, "investigate")
        held_still(first, tmp_path / "records.sqlite")
        incident = begun_in(tmp_path)
        refused = nexus("resume", incident, "--approve", "auto", "--out", str(tmp_path))
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert f"{incident} is in another process's hands" in refused.stderr
        first.kill()
    assert nexus("resume", incident, "--approve", "auto", "--out", str(tmp_path), "--quiet").exit_code == 0
    ended = document_in(tmp_path)
    assert {name: ended[name] for name in undisturbed} == undisturbed


def test_an_incident_that_is_over_has_its_folder_written_again(tmp_path: Path) -> None:
    out = ("--out", str(tmp_path), "--quiet")
    nexus("run", "--world", "sandbox:typo", "--approve", "auto", *out)
    folder = tmp_path / incident_in(tmp_path)
    before = (folder / "incident.json").read_text()
    shutil.rmtree(folder)
    done = nexus("resume", folder.name, *out)
    assert (done.exit_code, done.stdout.split(" ")[:2]) == (0, [f"{folder.name}:", "backlogged"])
    assert (folder / "incident.json").read_text() == before


def test_without_an_id_every_open_one_goes_on_and_then_none_is_open(tmp_path: Path) -> None:
    out = ("--out", str(tmp_path), "--quiet")
    for world in ("sandbox:typo", "sandbox:flapping"):
        nexus("run", "--world", world, "--approve", "auto", "--until", "triage", *out)
    done = nexus("resume", "--approve", "auto", *out)
    assert done.exit_code == 0
    assert sorted(line.split(" ")[1] for line in done.stdout.splitlines()) == ["backlogged", "false_alarm"]
    again = nexus("resume", *out)
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert "no incident in" in again.stderr


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_incidents_is_one_line_with_what_to_do_and_stays_as_it_was(tmp_path: Path, there: bool) -> None:
    out = tmp_path / "out"
    if there:
        out.mkdir()
    done = nexus("resume", "--out", str(out))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"{out} holds no incidents" in done.stderr
    assert out.exists() == there
    assert not list(tmp_path.glob("out/*"))


def test_an_incident_that_is_not_there_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    nexus("run", "--world", "sandbox:typo", "--approve", "auto", "--out", str(tmp_path), "--quiet")
    done = nexus("resume", "INC-0", "--out", str(tmp_path))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "there is no incident INC-0" in done.stderr


def test_an_incident_from_before_there_was_anything_to_go_on_with_says_so_and_can_be_read(tmp_path: Path) -> None:
    async def kept() -> None:
        async with await SqliteStore.open(tmp_path / "records.sqlite") as records:
            await records.save_document("INC-OLD", "{}")

    asyncio.run(kept())
    done = nexus("resume", "INC-OLD", "--out", str(tmp_path))
    assert done.exit_code == 2
    assert "INC-OLD is from a NEXUS that kept nothing to go on with: nexus show INC-OLD reads it" in done.stderr
