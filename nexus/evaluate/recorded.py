"""RecordedCase: one recording investigated to its diagnosis, held against its label, with what the peers make of the same."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from nexus.errors import AlertError, WorldError
from nexus.evaluate.case import CaseResult, rank_of, run_case
from nexus.evaluate.hiding import EvidenceKind, hiding, kinds_in
from nexus.evaluate.memory import peak_mib, reset_peak
from nexus.evaluate.peers import baro, last_change, n_sigma
from nexus.incident import Incident, Word
from nexus.library import Library
from nexus.tools.need import CHANGES_BACK
from nexus.world import World
from nexus.world.open import open_world

WINDOW = timedelta(minutes=60)
"""How far before the alert metrics are read, by tools and by peers."""
LOOKED_UNTIL = timedelta(seconds=100)
"""How long after the alert suspects are ranked for the last time, where an incident does not tell."""
FIRST = 5
"""How many of each ranking are kept."""


class PeerAnswer(Word):
    """Whom a peer names, best first, and the labelled service's place in its whole ranking; None when it is not there."""

    rank: int | None
    first: tuple[str, ...] = ()


class RecordedCase(CaseResult):
    """One recording; `expected` and `got` speak of service and cause, `passed` is both right."""

    fault: str = Field(default="", description="what was injected, where the label tells")
    peak_mib: float | None = Field(default=None, description="the process's largest resident set; None: not told")
    holds: tuple[EvidenceKind, ...] = Field(default=(), description="the kinds of evidence there were to see")
    peers: dict[str, PeerAnswer] = Field(default_factory=dict)

    @property
    def service_right(self) -> bool:
        """Whether the diagnosed component is the labelled one."""
        return self.expected.get("service") is not None and self.got.get("service") == self.expected["service"]

    @property
    def cause_right(self) -> bool:
        """Whether the kind of cause is one of the labelled ones."""
        return self.got.get("cause") in self.causes

    @property
    def causes(self) -> tuple[str, ...]:
        """The kinds of cause that the label takes for right; none where it does not tell."""
        told = self.expected.get("cause")
        return () if told is None else (told,) if isinstance(told, str) else tuple(told)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What came of one recording."""

    incident: Incident
    seconds: float
    peak: float | None
    holds: frozenset[EvidenceKind]
    peers: Mapping[str, tuple[str, ...]]


def last_look(incident: Incident) -> datetime:
    """Until when the last ranking of suspects looked, and so all that the diagnosis rests on."""
    looks = [e.at for e in incident.evidence if e.tool == "rank_suspects"]
    return max(looks) if looks else incident.alert.starts_at + LOOKED_UNTIL


async def peers_of(world: World, alert_at: datetime, until: datetime) -> dict[str, tuple[str, ...]]:
    """Each peer's whole ranking, of metrics from an hour before the alert to `until` and of changes before the alert.

    The published methods are told that the trouble began at the alert: nobody is told when the fault was injected.
    """
    series = await world.metrics.series(alert_at - WINDOW, until) if world.metrics else []
    changes = await world.changes.between(alert_at - CHANGES_BACK, alert_at) if world.changes else []
    split = alert_at.timestamp()
    return {"baro": baro(series, split), "n_sigma": n_sigma(series, split), "last_change": last_change(changes, alert_at)}


async def _see(folder: Path, library: Library, without: Collection[EvidenceKind]) -> _Seen:
    reset_peak()
    begun = time.perf_counter()
    opened = open_world(f"recording:{folder}")
    world = hiding(opened.world, without)
    incident = await run_case(replace(opened, world=world), library, until="investigation")
    seconds, peak = time.perf_counter() - begun, peak_mib()
    alert_at, until = incident.alert.starts_at, last_look(incident)
    holds = await kinds_in(world, alert_at - WINDOW, until)
    return _Seen(incident, seconds, peak, holds, await peers_of(world, alert_at, until))


async def evaluate_recording(
    folder: Path, label: Mapping[str, Any], library: Library, without: Collection[EvidenceKind] = ()
) -> RecordedCase:
    """One recording, with evidence `without` these kinds; one that cannot be read is a case that failed and says why."""
    expected = {name: label[name] for name in ("service", "cause") if label.get(name) is not None}
    told = {"id": folder.name, "expected": expected, "fault": str(label.get("fault") or "")}
    try:
        seen = await _see(folder, library, without)
    except (WorldError, AlertError) as error:
        system = str(label.get("system") or "unknown")
        return RecordedCase(
            **told, system=system, passed=False, rank=None, got={"error": str(error)}, seconds=0.0, wrong=(str(error),)
        )
    incident, service = seen.incident, expected.get("service")
    case = RecordedCase(
        **told,
        system=str(label.get("system") or incident.alert.labels.get("system", "unknown")),
        passed=False,
        rank=rank_of(incident, [service]) if service else None,
        got=_diagnosed(incident),
        seconds=round(seen.seconds, 3),
        peak_mib=seen.peak,
        holds=tuple(kind for kind in EvidenceKind if kind in seen.holds),
        peers={
            name: PeerAnswer(rank=ranked.index(service) + 1 if service in ranked else None, first=ranked[:FIRST])
            for name, ranked in seen.peers.items()
        },
    )
    return case.model_copy(update={"passed": bool(expected) and _as_expected(case)})


def _diagnosed(incident: Incident) -> dict[str, Any]:
    cause = incident.cause
    return {
        "severity": incident.severity.value if incident.severity else None,
        "service": cause.component,
        "cause": cause.cause.value,
        "status": cause.status.value,
        "confidence": cause.confidence,
        "suspects": [s.component for s in incident.suspects[:FIRST]],
    }


def _as_expected(case: RecordedCase) -> bool:
    service = "service" not in case.expected or case.rank == 1
    return service and (not case.causes or case.cause_right)
