"""NEXUS on the reference workload with everything on: the engine's `handle`, records and checkpoints in SQLite, events, masking,
grounding, gate, and a model's answers on top of the rules'.

The runbook is the shipped one but for the two pictures, which the others do not draw; posts and briefs are written by rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from canned_world import alert_of, canned_world
from stored import checkpoint_bytes_of_records
from workload import MODEL

from nexus.embedded import handle
from nexus.incident import Incident, Outcome
from nexus.library import Library
from nexus.records.store import Store
from nexus.records.stores import SqliteStore
from nexus.responder.llm.make import open_model
from nexus.responder.llm.policy import RULES, ModelPolicy
from nexus.responder.llm.responder import LlmResponder

BY_RULES = {"status_update": RULES, "executive_brief": RULES, "escalate": RULES, "backlog": RULES}
API_KEY = "sk-reference-1f7c2a9e04d8"
"""As long as keys are, since it is looked for in everything that leaves."""
PICTURE = "picture_metrics"


def library_of(shipped: Library, *, pictures: bool, checks: int = 0) -> Library:
    """The shipped library; without pictures, verifiers look at the metrics instead. `checks`: so many further looks in all."""
    agents, runbook = dict(shipped.agents), shipped.runbook
    if not pictures:
        for name in ("evidence-collector", "workflow-optimizer"):
            tools = (*(t for t in agents[name].tools if t != PICTURE), "query_metrics")
            agents[name] = agents[name].model_copy(update={"tools": tools})
        verifiers = tuple(
            v.model_copy(update={"checks": tuple(c for c in v.checks if c.tool != PICTURE)}) for v in runbook.verifiers
        )
        runbook = runbook.model_copy(update={"verifiers": verifiers})
    if checks:
        chosen = [i for i in runbook.investigators if i.agent == "infrastructure-maintainer"]
        pattern = chosen[0].checks[0].model_copy(update={"tool": "service_info", "arguments": {"component": "checkout"}})
        more = tuple(pattern.model_copy(update={"id": f"more-{n}", "text": f"Look at part {n}"}) for n in range(checks))
        first, *others = runbook.investigators
        runbook = runbook.model_copy(
            update={"investigators": (first.model_copy(update={"checks": (*first.checks, *more)}), *others)}
        )
    return replace(shipped, agents=agents, runbook=runbook)


class Nexus:
    """One responder and one store for all incidents; each has a world of its own."""

    def __init__(self, library: Library, responder: LlmResponder, records: Store, path: Path, look_takes: timedelta) -> None:
        self._library = library
        self._responder = responder
        self._records = records
        self._path = path
        self._look_takes = look_takes
        self._count = 0
        self.evidence = 0

    async def incident(self) -> None:
        """One incident, resolved."""
        self._count += 1
        alert, world = alert_of(self._count), canned_world(self._count, self._look_takes)
        ended = await handle(alert, library=self._library, world=world, responder=self._responder, records=self._records)
        self.evidence = len(ended.evidence)
        _checked(ended)

    def checkpoint_bytes(self) -> int:
        """Bytes of checkpoints that the records hold."""
        return checkpoint_bytes_of_records(self._path)


def _checked(ended: Incident) -> None:
    """Raises AssertionError when it did not end well or an answer of the model was lost to the rules."""
    assert ended.outcome is Outcome.RESOLVED, ended.outcome
    lost = [f"{a.agent}, {a.task}: {a.why}" for a in ended.authorship if a.why]
    assert not lost, lost


@asynccontextmanager
async def opened(base_url: str, *, pictures: bool = False, checks: int = 0) -> AsyncIterator[Nexus]:
    """The implementation at work. `checks`: further looks of an investigator, which then take no time and a large window."""
    window = 4_000_000 if checks else 32_000
    policy = ModelPolicy(name=MODEL, base_url=base_url, tasks=BY_RULES, window=window, incident={"tokens": None})
    library = library_of(Library.default(), pictures=pictures, checks=checks)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "records.sqlite"
        async with await SqliteStore.open(path) as records, open_model(policy=policy, api_key=API_KEY) as responder:
            yield Nexus(library, responder, records, path, timedelta(0) if checks else timedelta(seconds=20))
