"""Lab: an incident's agents asked again, with other prompts and models, and their answers side by side.

lab = await Lab.of_scenario("bad-deploy")
compare(await lab.ask("backend-architect"), await lab.ask("backend-architect", model, prompt=text))
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from nexus.errors import UsageError
from nexus.incident import Author
from nexus.library import Library
from nexus.records.stores import MemoryStore, open_kept
from nexus.records.wording import moment
from nexus.replay import Record, Trial, ask_again, opening, read_prompt, record_of, task_of
from nexus.responder.contract import Responder
from nexus.responder.llm.chat import Json
from nexus.responder.rules import RulesResponder
from nexus.view.differences import held_together, parts_of
from nexus.view.sheet import Sheet, Shown
from nexus.world import World


@dataclass(frozen=True, slots=True, repr=False)
class Lab:
    """An incident's record, and the library that its tasks are asked from."""

    record: Record
    library: Library

    def __repr__(self) -> str:
        return f"Lab({self.record.incident}, {len(self.record.tasks)} tasks)"

    @classmethod
    async def of_scenario(cls, name: str = "bad-deploy", *, seed: int | None = None, library: Library | None = None) -> Self:
        """A sandbox scenario, by name or folder, run to its end by rules, in memory. Raises WorldError.

        Its world stays there: an agent may look further than any did, and sees it as it was at the task's time.
        """
        from nexus.embedded import handle  # noqa: PLC0415 - a lab of a stored incident runs no graph
        from nexus.intake import read_alert  # noqa: PLC0415 - same
        from nexus.world.sandbox import ActionLog, open_sandbox  # noqa: PLC0415 - same

        held, store, sandbox = library or Library.default(), MemoryStore(), open_sandbox(name, seed=seed)

        def as_it_was(at: datetime) -> World:
            return open_sandbox(name, seed=seed, log=ActionLog(e for e in sandbox.log.entries() if e.at <= at)).world

        incident = await handle(
            read_alert(json.dumps(sandbox.alert_payload), now=sandbox.starts_at),
            library=held,
            world=sandbox.world,
            responder=RulesResponder(),
            records=store,
        )
        return cls(await record_of(store, incident.id, as_it_was), held)

    @classmethod
    async def of_incident(
        cls, out: str | Path, incident: str, *, library: Library | None = None, records: str | None = None
    ) -> Self:
        """An incident kept in the folder `out`, or in the database at `records`.

        Raises UsageError when it is not there, RecordsError when it cannot be read.
        """
        async with await open_kept(Path(out), records) as store:
            return cls(await record_of(store, incident), library or Library.default())

    def read(self, prompt: str | Path, agent: str, task: str | None = None, *, number: int = 1) -> str:
        """A file's text, as one for that task's prompt. Raises UsageError, naming file, line and hole, when it cannot be used."""
        return read_prompt(Path(prompt), self.record, task_of(self.record, agent, task, number), self.library)

    def tasks(self) -> Tasks:
        """What was asked of whom, in order."""
        return Tasks(self.record)

    async def prompt(self, agent: str, task: str | None = None, *, number: int = 1, prompt: str | None = None) -> Sent:
        """What a model is sent first for that agent's `number`-th task (of that kind). `prompt` is another text for its prompt.

        It is cut for a model with the default window, and without tools that a responder adds. Raises UsageError when
        there is no such task or no model is asked for it, and LibraryError when the prompt is faulty.
        """
        asked = task_of(self.record, agent, task, number)
        opened = await opening(self.record, asked, self.library, prompt)
        if opened is None:
            raise UsageError(f"no model is asked for this {asked.task} of {agent}", "the rules answer it alone; take another")
        system, user = opened.messages
        return Sent(system.text, user.text, tuple(opened.offered))

    async def ask(
        self,
        agent: str,
        responder: Responder | None = None,
        *,
        task: str | None = None,
        number: int = 1,
        prompt: str | None = None,
        label: str = "",
    ) -> Trial:
        """Ask that agent's `number`-th task (of that kind) again; rules answer when no responder is given.

        `prompt` is another text for the task's prompt. Raises UsageError when there is no such task, LibraryError when the
        prompt is faulty, and ResponderError when there is no answer.
        """
        asked = task_of(self.record, agent, task, number)
        return await ask_again(self.record, asked, responder or RulesResponder(), self.library, prompt=prompt, label=label)


@dataclass(frozen=True, slots=True, repr=False)
class Tasks(Shown):
    """Every agent's tasks, by kind, in the order in which they were first asked."""

    record: Record

    def sheets(self) -> Sequence[Sheet]:
        """One sheet: agent, task, how many there are, and when they were asked."""
        times: dict[tuple[str, str], list[datetime]] = {}
        for asked in self.record.tasks:
            times.setdefault((asked.agent, asked.task), []).append(asked.at)
        rows = tuple(
            (agent, task, str(len(at)), f"{at[0]:%H:%M:%S}" + (f" to {at[-1]:%H:%M:%S}" if at[0] != at[-1] else ""))
            for (agent, task), at in times.items()
        )
        return (Sheet(self.record.incident, ("agent", "task", "times", "asked at"), rows),)


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """What a model is sent first: its two messages, and its tools in OpenAI's notation."""

    system: str
    user: str
    tools: tuple[Json, ...]

    def __str__(self) -> str:
        return "\n".join((self.system, self.user, *(json.dumps(tool, ensure_ascii=False) for tool in self.tools)))

    def __repr__(self) -> str:
        names = ", ".join(tool["function"]["name"] for tool in self.tools)
        return f"Sent(system: {len(self.system):,} characters, user: {len(self.user):,} characters, tools: {names})"

    def _repr_html_(self) -> str:
        tools = "\n\n".join(json.dumps(tool, indent=2, ensure_ascii=False) for tool in self.tools)
        parts = {"system": self.system, "user": self.user, f"{len(self.tools)} tools": tools}
        return "".join(
            f"<details><summary>{name}, {len(text):,} characters</summary><pre>{html.escape(text)}</pre></details>"
            for name, text in parts.items()
        )


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Shown):
    """Trials side by side: what each took, where their answers differ, and what all say."""

    trials: tuple[Trial, ...]

    def sheets(self) -> Sequence[Sheet]:
        """Up to three sheets, the telling ones first."""
        labels = tuple(trial.label for trial in self.trials)
        asked = self.trials[0].asked
        title = f"{asked.task} by {asked.agent}, {moment(asked.at, seconds=True)}"
        measured = [_measures(trial) for trial in self.trials]
        taken = tuple((name, *(m[name] for m in measured)) for name in measured[0] if any(m[name] for m in measured))
        differ, same = held_together([parts_of(t.answer.model_dump(mode="json")) for t in self.trials])
        sheets = [Sheet(title, ("", *labels), taken, even=True)]
        if differ:
            sheets.append(Sheet("Where the answers differ", ("", *labels), differ, even=True, apart=True))
        if same:
            sheets.append(Sheet("What all of them say" if len(labels) > 1 else "The answer", ("", ""), same, apart=True))
        return sheets

    def data(self) -> dict[str, Any]:
        """The same for programs, as JSON."""
        asked = self.trials[0].asked
        trials = [
            {
                "label": t.label,
                "answer": t.answer.model_dump(mode="json"),
                "authorship": t.authorship.model_dump(mode="json") if t.authorship else None,
                "looks": [e.model_dump(mode="json") for e in t.looks],
                "seconds": t.seconds,
            }
            for t in self.trials
        ]
        return {
            "incident": asked.facts["incident"],
            "asked": asked.model_dump(mode="json", exclude={"facts", "catalog"}),
            "trials": trials,
        }


def compare(*trials: Trial) -> Comparison:
    """Trials side by side. Raises UsageError when there are none, or of more than one task."""
    if len({trial.asked.key for trial in trials}) != 1:
        raise UsageError("these are not trials of one task", "compare what lab.ask gave for the same task")
    return Comparison(trials)


def _measures(trial: Trial) -> dict[str, str]:
    signed = trial.authorship
    looks = [look.tool + (" (failed)" if look.failed else "") for look in trial.looks]
    measures = dict.fromkeys(("answered by", "why", "calls", "tokens", "cost", "seconds", "looks", "struck"), "")
    measures |= {"seconds": f"{trial.seconds:.2f}", "looks": "\n".join(looks)}
    if signed is None:
        alone = trial.responder == "llm"
        return measures | {"answered by": "rules" if alone else trial.responder, "why": "no model is asked for this" * alone}
    kept = f", {signed.cached_tokens:,} of them kept" if signed.cached_tokens else ""
    return measures | {
        "answered by": signed.model if signed.by is Author.MODEL else "rules",
        "why": signed.why,
        "calls": str(signed.calls),
        "tokens": f"{signed.prompt_tokens:,} in{kept}, {signed.completion_tokens:,} out",
        "cost": "price unknown" if signed.cost_usd is None else f"{signed.cost_usd:.4f} USD",
        "struck": "\n".join(signed.struck) or ("nothing" if signed.by is Author.MODEL else ""),
    }
