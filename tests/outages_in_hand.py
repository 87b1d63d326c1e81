"""Small recordings of our own, for the tests that evaluate recordings: a shop whose store breaks shortly before the alert."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ALERT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
FRONT, SHOP, STORE = "front", "shop", "store"
BROKEN_FOR = 4
"""Minutes from the fault to the alert."""


def write_outage(folder: Path, *, baseline: bool = False, changes: list[dict[str, Any]] | None = None) -> Path:
    """An hour before the alert and five minutes after; the store's CPU and latency rise, its callers' latency follows."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {"service": FRONT, "alertname": "Slow", "severity": "critical", "system": "Toy shop"}
    (folder / "alert.json").write_text(
        json.dumps({"alerts": [{"status": "firing", "labels": labels, "startsAt": ALERT.isoformat()}]})
    )
    (folder / "topology.json").write_text(json.dumps({"edges": [[FRONT, SHOP], [SHOP, STORE]]}))
    (folder / "metrics.csv").write_text(_metrics(0, broken=True))
    if baseline:
        (folder / "baseline.csv").write_text(_metrics(-86_400, broken=False))
    if changes is not None:
        (folder / "changes.json").write_text(json.dumps(changes))
    return folder


def _metrics(shift: int, *, broken: bool) -> str:
    names = (f"{FRONT}__latency_p95_ms", f"{SHOP}__latency_p95_ms", f"{STORE}__latency_p95_ms", f"{STORE}__cpu_pct")
    rows = [f"time,{','.join(names)}"]
    for minute in range(-60, 6):
        wobble = (minute * 7) % 5
        bad = broken and minute >= -BROKEN_FOR
        values = (100 + wobble + 60 * bad, 80 + wobble + 70 * bad, 20 + wobble + 900 * bad, 30 + wobble + 68 * bad)
        rows.append(",".join(map(str, (int(ALERT.timestamp()) + shift + 60 * minute, *values))))
    return "\n".join(rows)


def change(service: str, minutes_before: int) -> dict[str, Any]:
    """A configuration change that many minutes before the alert."""
    at = datetime.fromtimestamp(ALERT.timestamp() - 60 * minutes_before, UTC)
    return {"time": at.isoformat(), "service": service, "kind": "config", "version": "c2", "author": "x", "summary": "y"}


def write_labels(path: Path, *entries: dict[str, Any]) -> Path:
    """The answers, a line each."""
    path.write_text("\n".join(map(json.dumps, entries)))
    return path
