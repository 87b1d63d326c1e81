"""Lives: one child process for each life of an incident; a life drives or resumes it, and kills itself at the point it is given.

A script: a line of JSON in, a `Life`; a line of JSON out, how it ended. Everything is imported, and each scenario looked at
once, before the first child is forked, so that a life costs little more than what it does.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import Path
from typing import Any

from pydantic import SecretStr

import nexus.driving
import nexus.embedded
from nexus.drive import Leg
from nexus.driving import Hands, begin, go_on
from nexus.embedded import Embedded
from nexus.errors import ActionUnknown
from nexus.incident import Alert, Surroundings
from nexus.incidents import name_of
from nexus.intake import read_alert
from nexus.library import Library
from nexus.notices import tell
from nexus.records import folder
from nexus.records.checkpoints import Checkpoints
from nexus.records.document import schema
from nexus.records.folder import write_folder
from nexus.records.outbox import Outbox
from nexus.records.store import Store
from nexus.records.stores import MemoryStore, open_store
from nexus.responder.desk import Desk
from nexus.responder.rules import RulesResponder
from nexus.resuming import _one
from nexus.settings import Settings
from nexus.tools.tool import Look
from nexus.view import QuietView
from nexus.world.open import Opened, open_world
from nexus.world.sandbox import opening
from nexus.world.sandbox.actions import SandboxActions
from nexus.world.sandbox.reading import parse
from nexus.world.sandbox.shop import read_shop
from nexus.world.simulated_people import SimulatedPeople

LONGEST = 120
"""Seconds after which a life is ended from outside."""
WATCHED: dict[str, tuple[type, tuple[str, ...]]] = {
    "checkpoint": (Checkpoints, ("aput",)),
    "writes": (Checkpoints, ("aput_writes",)),
    "begin": (Outbox, ("begin",)),
    "settle": (Outbox, ("settle",)),
    "document": (Store, ("save_document",)),
    "action": (SandboxActions, ("apply", "undo")),
    "words": (SimulatedPeople, ("post_status", "brief", "notify", "open_channel", "add_to_backlog")),
}
"""What a life is watched at, before and after each call."""


@dataclass(frozen=True, slots=True)
class Life:
    """One process. It dies at the `number`-th time of `point`, such as `after settle`; without one it lives to the end.

    `blind`: the world cannot say what became of an action. `out` is the incident's folder, `left` the file for what is left.
    """

    scenario: str
    out: str
    records: str | None = None
    point: str = ""
    number: int = 0
    approve: str = "auto"
    blind: bool = False


@dataclass(slots=True)
class Watch:
    """Writes down each passing of each point, and ends the process at the life's own."""

    life: Life
    log: int
    passed: Counter[str] = field(default_factory=Counter)
    posting: int = 0
    in_leg: int = 0

    def passes(self, point: str, detail: str = "") -> None:
        beside = "beside a post" if self.posting and self.in_leg else ""
        os.write(self.log, f"{point}\t{detail}\t{beside}\n".encode())
        self.passed[point] += 1
        if point == self.life.point and self.passed[point] == self.life.number:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(self, name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @wraps(method)
        async def around(this: Any, *given: Any, **named: Any) -> Any:
            detail = f"{method.__name__} {_key(*given)}" if name not in {"checkpoint", "writes", "document"} else ""
            self.passes(f"before {name}", detail)
            result = await method(this, *given, **named)
            self.passes(f"after {name}", detail)
            return result

        return around


def _key(*given: Any) -> str:
    """The key of an effect, which its door is given last."""
    return str(getattr(given[0], "key", given[-1] if isinstance(given[-1], str) else ""))


def replaced(owner: Any, **names: Any) -> None:
    """Have other functions under these names, in this process and its children."""
    for name, value in names.items():
        setattr(owner, name, value)


def watch(life: Life) -> None:
    """Have this process's every step watched."""
    log = os.open(Path(life.out) / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    held = Watch(life, log)
    for name, (owner, methods) in WATCHED.items():
        for method in methods:
            replaced(owner, **{method: held.watched(name, getattr(owner, method))})
    leg, find = Embedded._leg, SandboxActions.find

    async def in_leg(self: Embedded, resume: Any) -> Leg:
        held.in_leg += 1
        try:
            return await leg(self, resume)
        finally:
            held.in_leg -= 1

    async def posting(*given: Any) -> None:
        held.posting += 1
        try:
            await tell(*given)
        finally:
            held.posting -= 1

    def written(*given: Any) -> Path:
        held.passes("before folder")
        return write_folder(*given)

    async def found(self: SandboxActions, key: str, at: Any) -> Any:
        if life.blind:
            held.passes("find", f"{key} unknown")
            raise ActionUnknown(f"the shop keeps no record of {key}", "ask whoever was there")
        receipt = await find(self, key, at)
        held.passes("find", f"{key} {'made' if receipt else 'not made'}")
        return receipt

    replaced(Embedded, _leg=in_leg)
    replaced(nexus.embedded, tell=posting)
    replaced(nexus.driving, write_folder=written)
    replaced(SandboxActions, find=found)


def told_by(scenario: str) -> tuple[Opened, Alert]:
    """A scenario's world, and its alert."""
    opened = open_world(f"sandbox:{scenario}")
    return opened, read_alert(json.dumps(opened.alert), now=opened.world.clock.now())


async def lived(life: Life) -> None:
    """What the commands do: run an incident that nobody has begun, resume one that somebody has."""
    settings = Settings(out=Path(life.out), records=SecretStr(life.records) if life.records else None, approve=life.approve)
    async with await open_store(settings.out, settings.records_url) as records:
        hands = Hands(settings, records, RulesResponder(), QuietView())
        opened, alert = told_by(life.scenario)
        incident = name_of(alert)
        if await records.opening(incident) is None:
            begun, vault = await begin(alert, opened.world, Surroundings(world=f"sandbox:{life.scenario}"), hands)
            await go_on(begun, hands, vault=vault)
        else:
            await _one(hands, incident, asyncio.Event())
        left = {
            "document": json.loads(await records.document(incident) or "{}"),
            "events": [event.model_dump(mode="json") for event in await records.events(incident)],
            "effects": [effect.model_dump(mode="json") for effect in await records.outbox.effects(incident)],
            "journal": {key: body for _, key, body in await records.journal(incident).since()},
            "unfinished": [each.incident for each in await records.unfinished()],
        }
    (settings.out / "left.json").write_text(json.dumps(left))


def remembered() -> None:
    """Have what is the same for all children worked out once.

    That is the library, the graph, each scenario, and each look at the sandbox: a pure function of scenario, time and deeds.
    """
    run, shown = Desk._run, dict[Any, Any]()
    fresh = {"action_options", "dry_run", "prepare_rollback"}
    """These ask the world's door, which reads its journal first."""

    async def looked(self: Desk, name: str, arguments: dict[str, Any], look: Look) -> Any:
        door = look.world.actions
        assert isinstance(door, SandboxActions)
        if name in fresh:
            return await run(self, name, arguments, look)
        done = [entry.model_dump_json() for entry in door._log.entries()]
        exact = json.dumps([arguments, done, look.alert.model_dump(mode="json")], sort_keys=True, default=str)
        key = (door._sim.scenario.name, self.agent.name, name, look.at, look.window, look.marks, exact)
        if key not in shown:
            shown[key] = await run(self, name, arguments, look)
        return copy.deepcopy(shown[key])

    library = Library.default()
    replaced(Desk, _run=looked)
    replaced(nexus.driving, library_of=lambda _: library)
    replaced(folder, schema=cache(schema))
    replaced(opening, read_shop=cache(read_shop), parse=cache(parse))


async def warmed(scenario: str) -> None:
    """The incident once in memory, without a thread that a fork would lose."""
    opened, alert = told_by(scenario)
    await nexus.embedded.handle(
        alert, library=Library.default(), world=opened.world, responder=RulesResponder(), records=MemoryStore()
    )


def child(life: Life) -> None:
    """One life; this process ends in here."""
    signal.alarm(LONGEST)
    watch(life)
    try:
        asyncio.run(lived(life))
    except BaseException:  # noqa: BLE001 - whatever it was, the parent is told
        (Path(life.out) / "error").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Children for lives, one after the other."""
    remembered()
    warm = set[str]()
    for line in sys.stdin:
        life = Life(**json.loads(line))
        if life.scenario not in warm:
            asyncio.run(warmed(life.scenario))
            warm.add(life.scenario)
            gc.freeze()
        process = os.fork()
        if not process:
            child(life)
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{json.dumps(os.waitstatus_to_exitcode(status))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
