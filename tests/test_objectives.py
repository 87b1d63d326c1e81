"""The catalog's objectives against metrics: a breach has to last, in the objective's own unit, and ends when it holds again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from nexus.intake.read import read_delivery
from nexus.objectives import alert_body, breaches_of, longest_of, news_of
from nexus.records.stores import MemoryStore
from nexus.watching import check
from nexus.world import World
from nexus.world.catalog import Objective, Service, ServiceCatalog
from nexus.world.metrics import MetricKind, Series
from nexus.world.simulated_people import SimulatedPeople

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ERRORS = Objective(kind="errors", at_most=0.02, for_minutes=5)


def series(*values: float, kind: MetricKind = MetricKind.ERRORS, unit: str = "share", name: str = "error_rate") -> Series:
    """One sample a minute, the last of them now."""
    times = NOW.timestamp() - 60.0 * np.arange(len(values), dtype=np.float64)[::-1]
    return Series("basket", name, kind, unit, times, np.array(values, dtype=np.float64))


def catalog(*objectives: Objective) -> ServiceCatalog:
    return ServiceCatalog(services=(Service(name="basket", objectives=objectives),))


BAD, NAN = 0.5, float("nan")


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ((0.0,) * 10, None),
        ((0.0, 0.0, 0.0, BAD, BAD, BAD), None),
        ((0.0, *(BAD,) * 6), 5),
        ((*(BAD,) * 9, 0.0), None),
        ((BAD, 0.0, *(BAD,) * 7), 6),
        ((BAD,) * 10, 9),
        ((BAD, NAN, BAD, NAN, NAN, BAD, BAD), 6),
        ((*(BAD,) * 8, *(NAN,) * 7), None),
        ((NAN,) * 9, None),
        ((BAD,), None),
    ],
    ids=["well", "too short", "long enough", "over", "broken before", "all along", "gaps", "no longer sampled", "nothing", "one"],
)
def test_a_breach_lasts_as_long_as_the_objective_allows(values: tuple[float, ...], since: int | None) -> None:
    found = breaches_of(catalog(ERRORS), [series(*values)], NOW)
    assert [round((NOW - breach.since).total_seconds() / 60) for breach in found] == ([] if since is None else [since])


@pytest.mark.parametrize(
    ("objective", "one", "broken"),
    [
        (ERRORS, series(*(3.0,) * 9, unit="%"), True),
        (ERRORS, series(*(1.0,) * 9, unit="%"), False),
        (ERRORS, series(*(50.0,) * 9, unit="1/min"), False),
        (Objective(kind="latency", at_most=300), series(*(0.4,) * 9, kind=MetricKind.LATENCY, unit="s"), True),
        (Objective(kind="latency", at_most=300), series(*(200.0,) * 9, kind=MetricKind.LATENCY, unit="ms"), False),
        (Objective(kind="availability", at_least=0.99), series(*(95.0,) * 9, kind=MetricKind.AVAILABILITY, unit="%"), True),
        (
            Objective(kind="saturation", metric="disk", at_most=90),
            series(*(95.0,) * 9, kind=MetricKind.SATURATION, unit="%", name="disk"),
            True,
        ),
        (
            Objective(kind="saturation", metric="cpu", at_most=90),
            series(*(95.0,) * 9, kind=MetricKind.SATURATION, unit="%", name="disk"),
            False,
        ),
    ],
)
def test_units_are_the_objectives_own(objective: Objective, one: Series, broken: bool) -> None:
    assert bool(breaches_of(catalog(objective), [one], NOW)) is broken


def test_only_the_services_own_series_count() -> None:
    other = ServiceCatalog(services=(Service(name="search", objectives=(ERRORS,)),))
    assert breaches_of(other, [series(*(BAD,) * 9)], NOW) == []


def test_looks_reach_beyond_the_longest_patience() -> None:
    patient = Objective(kind="errors", at_most=0.1, for_minutes=30)
    assert longest_of(catalog(ERRORS, patient)) == timedelta(minutes=65)


def test_a_breach_is_news_when_it_begins_and_when_it_ends() -> None:
    now = breaches_of(catalog(ERRORS), [series(*(BAD,) * 9)], NOW)
    begun, held = news_of({}, now)
    again, still = news_of(held, now)
    ended, nothing = news_of(still, [])
    assert (len(begun), again, len(ended), nothing) == (1, [], 1, {})
    assert [json.loads(body)["status"] for body in (*begun, *ended)] == ["firing", "resolved"]


def test_intake_reads_a_breach_as_an_alert_of_its_service() -> None:
    (breach,) = breaches_of(catalog(ERRORS), [series(*(BAD,) * 9)], NOW)
    firing = read_delivery(alert_body(breach), now=NOW, source="generic").lead
    over = read_delivery(alert_body(breach, over=True), now=NOW, source="generic").lead
    assert (firing.service, firing.level, firing.state.value, over.state.value) == ("basket", "high", "firing", "resolved")
    assert firing.fingerprint == over.fingerprint
    assert firing.summary == "error_rate is 0.5, to be at most 0.02, for 5 minutes or longer"


class Meter:
    """Metrics of which the test says what they are."""

    def __init__(self) -> None:
        self.now: list[Series] = []

    async def series(self, *_: Any) -> list[Series]:
        return self.now

    async def baseline(self, *_: Any) -> list[Series]:
        return []


async def test_a_check_puts_what_is_news_into_the_inbox() -> None:
    meter, records = Meter(), MemoryStore()
    world = World("shop", SimulatedPeople(), catalog=catalog(ERRORS), metrics=meter)
    broken = await check(world, records, {}, NOW)
    meter.now = [series(*(BAD,) * 9)]
    broken = await check(world, records, broken, NOW)
    broken = await check(world, records, broken, NOW)
    (delivered,) = await records.inbox.waiting()
    assert delivered.source == "watch"
    assert len(broken) == 1
