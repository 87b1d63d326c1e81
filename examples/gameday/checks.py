"""Checks: what the incident's folder says against what Prometheus, the change log and the operators' commands say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from estate import Estate
from faults import Fault
from telling import Check

SCRAPE_S = 5.0
MINUTES_ROUNDED_S = 3.0
"""The post-mortem gives durations in tenths of a minute."""
WELL = {
    "error_rate": ("service:http_errors:ratio_rate1m", 0.02),
    "latency": ("service:http_duration_seconds:p95_rate1m", 1.0),
}
"""What has to be well at every service in the end: recording rule, and what it may be at most."""
PICTURE_BYTES = 10_000
"""A screenshot of a page with something on it is larger."""


@dataclass(frozen=True, slots=True)
class Before:
    """How everything stood before the fault's incident: nothing may differ from it where nothing was approved."""

    state: dict[str, Any]
    changes: str

    @classmethod
    def of(cls, estate: Estate) -> Before:
        """As it stands now."""
        return cls(estate.state(), (estate.folder / "changes.jsonl").read_text(encoding="utf-8"))


def moment(text: str) -> datetime:
    """A time of the incident's document."""
    return datetime.fromisoformat(text).astimezone(UTC)


def ranged(estate: Estate, expression: str, since: datetime) -> list[tuple[Mapping[str, str], list[tuple[datetime, float]]]]:
    """What Prometheus says for each second since then: labels and samples."""
    asked: dict[str, str | float] = {
        "query": expression,
        "start": since.timestamp(),
        "end": datetime.now(UTC).timestamp(),
        "step": 1,
    }
    answer = httpx.get(f"{estate.url('prometheus')}/api/v1/query_range", params=asked, timeout=20).raise_for_status().json()
    return [
        (one["metric"], [(datetime.fromtimestamp(float(at), UTC), float(value)) for at, value in one["values"]])
        for one in answer["data"]["result"]
    ]


def fired_at(estate: Estate, labels: Mapping[str, str], since: datetime) -> datetime | None:
    """When the alert of exactly those labels began to fire by Prometheus."""
    exactly = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
    found = ranged(estate, f'ALERTS{{{exactly},alertstate="firing"}}', since)
    return min((samples[0][0] for _, samples in found if samples), default=None)


def last_failure(estate: Estate, service: str, since: datetime) -> datetime | None:
    """When that service last failed a request, to the scrape."""
    counted = f'sum(http_requests_total{{service="{service}",code=~"5.."}})'
    for _, samples in ranged(estate, counted, since):
        rises = [at for (_, before), (at, after) in pairwise(samples) if after > before]
        return max(rises, default=None)
    return None


def incidents(folder: Path) -> list[dict[str, Any]]:
    """Every incident's document there."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*/incident.json"))]


def diagnosed(fault: Fault, incident: Mapping[str, Any]) -> Iterator[Check]:
    """The cause, by evidence of metrics and logs."""
    cause = incident["cause"]
    yield Check(
        "the cause is right", cause["cause"] == fault.cause, f"{cause['cause']} ({cause['status']}), expected {fault.cause}"
    )
    yield Check("the component is right", cause["component"] == fault.component, f"{cause['component']}: {cause['statement']}")
    tools = {item["tool"] for item in incident["evidence"] if not item["failed"]}
    needed = {"query_metrics", "search_logs"}
    missing = ", ".join(sorted(needed - tools))
    yield Check("metrics and logs were read", not missing, f"nothing from {missing}" if missing else ", ".join(sorted(tools)))


def acted(fault: Fault, incident: Mapping[str, Any]) -> Iterator[Check]:
    """What was done, and that somebody had approved it."""
    done = [a for a in incident["actions"] if a["result"] in {"done", "undone"}]
    told = "; ".join(f"{a['action']['kind']} {a['action']['target']} {a['action']['arguments']}" for a in done)
    yield Check("the action is right", bool(done) and done[-1]["action"]["kind"] in fault.kinds, told or "nothing was done")
    unapproved = [a for a in done if (a["approval"] or {}).get("verdict") not in {"approved", "amended"}]
    yield Check("it was approved first", bool(done) and not unapproved, f"{len(done)} actions, {len(unapproved)} not approved")
    yield Check("the incident is resolved", incident["outcome"] == "resolved", incident["outcome"])


def pictured(folder: Path, incident: Mapping[str, Any]) -> Check:
    """The screenshot of the shop at work."""
    shots = [p for item in incident["evidence"] if item["tool"] == "screenshot" for p in item["pictures"]]
    sizes = [(folder / incident["id"] / path).stat().st_size for path in shots if (folder / incident["id"] / path).is_file()]
    return Check(
        "a screenshot shows the shop", any(size > PICTURE_BYTES for size in sizes), f"{len(sizes)} pictures of {sizes} bytes"
    )


def recovered(estate: Estate) -> Iterator[Check]:
    """By Prometheus, not by the incident system."""
    for name, (rule, most) in WELL.items():
        now = estate.query(rule)
        bad = {service: round(value, 3) for service, value in now.items() if value > most}
        told = ", ".join(f"{service} {value:.3f}" for service, value in sorted(now.items()))
        yield Check(f"{name} is well everywhere", bool(now) and not bad, f"{told} (at most {most})")
    firing = sorted(alert["labels"]["alertname"] for alert in estate.alerts())
    yield Check("no alert is left", not firing, ", ".join(firing) or "none")


def timed(estate: Estate, fault: Fault, incident: Mapping[str, Any], injected: datetime) -> Iterator[Check]:
    """The post-mortem's times against Prometheus."""
    told = incident["post_mortem"]
    if told is None:
        yield Check("the post-mortem is written", holds=False, detail="there is none")
        return
    fired = fired_at(estate, incident["alert"]["labels"], injected)
    yield alike("detected when the alert fired", moment(told["detected"]), fired, SCRAPE_S)
    if told["introduced"] is None:
        yield Check("introduced when it was broken", holds=False, detail="the post-mortem does not say when")
        return
    begun = moment(told["introduced"])
    yield alike("introduced when it was broken", begun, injected, 60)
    if told["duration_minutes"] is not None:
        ended = begun + timedelta(minutes=told["duration_minutes"])
        yield alike(
            "users were well when it says", ended, last_failure(estate, fault.felt, injected), MINUTES_ROUNDED_S + 2 * SCRAPE_S
        )


def alike(what: str, told: datetime, measured: datetime | None, slack_s: float) -> Check:
    """Whether two times are the same to that many seconds."""
    if measured is None:
        return Check(what, holds=False, detail=f"{told:%H:%M:%S} told; Prometheus knows of none")
    apart = (told - measured).total_seconds()
    return Check(
        what, abs(apart) <= slack_s, f"{told:%H:%M:%S} told, {measured:%H:%M:%S} measured: {apart:+.0f} s of {slack_s:.0f}"
    )


def unchanged(estate: Estate, before: Before) -> Iterator[Check]:
    """Where nothing was approved nothing was done."""
    now = Before.of(estate)
    differing = [key for key in before.state if before.state[key] != now.state[key]]
    yield Check(
        "the shop stands as before", not differing, ", ".join(differing) or "releases, configurations, flags, disk, processes"
    )
    yield Check("the change log is as before", before.changes == now.changes, f"{len(now.changes.splitlines())} lines")
