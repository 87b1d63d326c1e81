"""What assess_impact makes of telemetry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from world_in_hand import (
    CATALOG,
    FIRED,
    Browsers,
    Guards,
    Hosts,
    Measured,
    Stores,
    Third,
    Traced,
    Tried,
    errors,
    latency,
    look,
    series,
)

from nexus.incident import Alert
from nexus.tools.impact import ASSESS_IMPACT
from nexus.tools.readings import ImpactReading
from nexus.tools.toll import below
from nexus.tools.tool import Look, OfComponent
from nexus.world import ServiceCatalog
from nexus.world.browser import PageHealth
from nexus.world.calls import CallStats
from nexus.world.databases import DatabaseHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.endpoints import ProbeResult
from nexus.world.infrastructure import Workload
from nexus.world.metrics import MetricKind, Series
from nexus.world.security import SecuritySignal

WELL = DatabaseHealth("orders-db", up=True, writable=True, connections=10, max_connections=100, disk_pct=40)
QUIET = [errors(name, 0.001, 0.001) for name in ("web", "gateway", "checkout", "search", "help")]


async def assess(one: Look) -> ImpactReading:
    reading = (await ASSESS_IMPACT.run(one, OfComponent())).reading
    assert isinstance(reading, ImpactReading)
    return reading


TRIED = Tried([ProbeResult("help", "GET", "/help", 0.0, 90, 0.0, 100)])


def metrics(*changed: Any) -> Measured:
    names = {(s.component, s.kind) for s in changed}
    return Measured([*changed, *(s for s in QUIET if (s.component, s.kind) not in names)])


async def test_a_core_service_that_fails_most_requests_is_down_with_a_majority_of_errors() -> None:
    reading = await assess(
        look(metrics=metrics(errors("web", 0.001, 0.8), errors("gateway", 0.001, 0.8)), databases=Stores([WELL]), endpoints=TRIED)
    )
    assert reading.signals == {
        "availability": "down", "errors": "majority", "latency": "normal", "feature": "core", "data": "safe",
        "workaround": "no", "alert": "critical", "telemetry": "full", "now": "abnormal",
    }  # fmt: skip
    assert reading.impact.users_affected == 799
    assert reading.impact.revenue_per_hour == 39950
    assert reading.hit == ("gateway", "web")


async def test_a_minor_leaf_that_fails_does_not_make_its_callers_feature_lost() -> None:
    reading = await assess(
        look(metrics=metrics(errors("search", 0.001, 0.7), errors("gateway", 0.001, 0.06), errors("web", 0.001, 0.05)))
    )
    assert (reading.signals["feature"], reading.signals["workaround"]) == ("minor", "yes")
    assert reading.impact.services == ("search",)
    assert reading.impact.users_affected == 210


async def test_a_core_service_that_fails_much_by_itself_counts_even_when_a_leaf_fails_more() -> None:
    reading = await assess(look(metrics=metrics(errors("search", 0.001, 0.9), errors("gateway", 0.001, 0.4))))
    assert (reading.signals["feature"], reading.signals["availability"], reading.signals["errors"]) == (
        "core",
        "degraded",
        "elevated",
    )


async def test_a_second_fault_beside_a_minor_one_is_not_hidden_by_it() -> None:
    reading = await assess(look(metrics=metrics(errors("search", 0.001, 0.9), errors("checkout", 0.001, 0.1))))
    assert (reading.signals["feature"], reading.signals["errors"]) == ("major", "elevated")
    assert set(reading.impact.services) == {"checkout", "search"}


async def test_ten_times_the_latency_is_tenfold_and_nobody_is_said_to_meet_errors() -> None:
    held = metrics(*QUIET, latency("checkout", 100, 1200), latency("gateway", 100, 150))
    reading = await assess(look(metrics=held))
    assert (reading.signals["latency"], reading.signals["errors"], reading.signals["feature"]) == ("tenfold", "normal", "major")
    assert reading.impact.users_affected == 0


async def test_all_well_is_normal_only_with_full_telemetry() -> None:
    assert (await assess(look(metrics=metrics(), endpoints=TRIED))).signals["now"] == "normal"
    assert (await assess(look(metrics=metrics()))).signals["now"] == "unknown"
    reading = await assess(
        look(metrics=Measured(down=True), endpoints=Tried([ProbeResult("web", "GET", "/", 0.0, 90, 0.0, 100)]))
    )
    assert (reading.signals["telemetry"], reading.signals["now"]) == ("partial", "unknown")


async def test_without_any_telemetry_everything_is_unknown() -> None:
    reading = await assess(look(metrics=Measured(down=True)))
    unknown = {"availability", "errors", "latency", "feature", "data", "workaround", "now"}
    assert all(reading.signals[name] == "unknown" for name in unknown)
    assert reading.signals["telemetry"] == "none"
    assert reading.impact.users_affected is None
    assert reading.impact.revenue_per_hour is None
    assert reading.impact.data_at_risk is None


async def test_one_bad_minute_is_not_an_incident_but_two_running_are() -> None:
    assert (await assess(look(metrics=metrics(errors("web", 0.001, 0.5, minutes=1)), endpoints=TRIED))).signals["now"] == "normal"
    assert (await assess(look(metrics=metrics(errors("web", 0.001, 0.5, minutes=2))))).signals["errors"] == "majority"


async def test_a_full_disk_puts_data_at_risk_and_corruption_loses_it() -> None:
    full = DatabaseHealth("orders-db", up=True, writable=False, connections=1, max_connections=9, disk_pct=100)
    reading = await assess(look(metrics=metrics(), databases=Stores([full])))
    assert (reading.signals["data"], reading.impact.data_at_risk, reading.impact.user_data_affected) == ("at_risk", True, None)
    corrupt = DatabaseHealth("orders-db", up=True, writable=True, connections=1, max_connections=9, disk_pct=10, corrupt=True)
    reading = await assess(look(metrics=metrics(), databases=Stores([corrupt])))
    assert (reading.signals["data"], reading.impact.user_data_affected) == ("lost", True)


async def test_a_workload_without_a_ready_replica_is_down_whatever_its_metrics_say() -> None:
    reading = await assess(look(metrics=metrics(), infrastructure=Hosts(deployed=[Workload("checkout", "1", 3, 0, 0, ())])))
    assert (reading.signals["availability"], reading.signals["feature"]) == ("down", "major")


async def test_script_errors_are_a_part_of_a_feature_and_their_users_unknown() -> None:
    page = PageHealth("home", "web", 80, 1, "x is undefined", 900, 900, 0.0, "web-2")
    reading = await assess(look(metrics=metrics(), browser=Browsers([page])))
    assert (reading.signals["feature"], reading.signals["errors"], reading.signals["availability"]) == ("minor", "elevated", "ok")
    assert reading.impact.users_affected is None


async def test_pages_without_their_assets_are_degraded_and_not_down() -> None:
    page = PageHealth("home", "web", 1, 1, "", 9000, 900, 0.95, "web-2")
    cdn = DependencyHealth(
        "cdn", up=False, error_rate=1, latency_ms=9, normal_latency_ms=9, status_page="", used_by=(), fallback="none"
    )
    reading = await assess(look(metrics=metrics(), browser=Browsers([page]), dependencies=Third([cdn])))
    assert [reading.signals[name] for name in ("availability", "feature", "latency")] == ["degraded", "core", "tenfold"]
    assert (reading.impact.users_affected, reading.impact.revenue_per_hour) == (None, None)


async def test_records_about_people_that_a_stranger_read_are_a_breach_and_affect_users() -> None:
    read = SecuritySignal(FIRED, "data_access", "accounts", "odd", records_accessed=90, personal_data=True)
    reading = await assess(look(metrics=metrics(), databases=Stores([WELL]), security=Guards([read])))
    assert (reading.impact.breach_suspected, reading.impact.user_data_affected) == (True, True)
    assert reading.signals["now"] == "abnormal"
    reading = await assess(look(metrics=metrics(), databases=Stores([WELL]), security=Guards([])))
    assert (reading.impact.breach_suspected, reading.impact.user_data_affected) == (False, False)


async def test_a_third_party_that_fails_while_all_is_well_is_still_abnormal() -> None:
    mail = DependencyHealth(
        "mail", up=False, error_rate=1, latency_ms=9, normal_latency_ms=9, status_page="", used_by=(), fallback="on"
    )
    assert (await assess(look(metrics=metrics(), dependencies=Third([mail])))).signals["now"] == "abnormal"


async def test_without_a_catalog_the_feature_is_unknown_and_the_alerts_service_gives_the_share() -> None:
    held = Measured([series("web", MetricKind.AVAILABILITY, "%", 100, 40), series("web", MetricKind.LATENCY, "s", 0.1, 0.12)])
    reading = await assess(look(catalog=ServiceCatalog(), metrics=held))
    assert (reading.signals["feature"], reading.signals["availability"], reading.signals["latency"]) == (
        "unknown",
        "down",
        "normal",
    )
    assert (reading.impact.share_of_traffic, reading.impact.users_affected) == (0.6, None)


async def test_a_success_figure_that_is_always_zero_is_not_an_outage() -> None:
    held = Measured([series("web", MetricKind.AVAILABILITY, "%", 0, 0)])
    assert (await assess(look(catalog=ServiceCatalog(), metrics=held))).hit == ()


async def test_calls_stand_in_where_there_are_no_metrics() -> None:
    minutes = [FIRED - timedelta(minutes=m) for m in range(60)]
    stats = [
        CallStats(at, "", "web", "GET /", 100, 10, 50, 90, errors=60 if at > FIRED - timedelta(minutes=5) else 0)
        for at in minutes
    ]
    reading = await assess(look(calls=Traced(stats, (("web", "gateway"),))))
    assert (reading.signals["errors"], reading.signals["telemetry"]) == ("majority", "partial")


async def test_a_components_own_client_spans_are_not_its_latency() -> None:
    minutes = [FIRED - timedelta(minutes=m) for m in range(60)]
    served = [CallStats(at, "web", "gateway", "GET /", 100, 10, 50, 90, errors=0) for at in minutes]
    spans = [
        CallStats(at, "gateway", "gateway", "GET", 900, 10, 5000 if at > FIRED - timedelta(minutes=5) else 50, 5000, errors=0)
        for at in minutes
    ]
    assert (await assess(look(calls=Traced([*served, *spans])))).hit == ()


def orders(now: float, component: str = "web", normal: float = 150) -> Series:
    return series(component, MetricKind.TRAFFIC, "1/min", normal, now, minutes=14, metric="orders_placed_per_min")


async def test_work_that_all_but_stopped_at_the_alerted_service_is_a_degraded_feature() -> None:
    alert = Alert(title="few orders", service="web", starts_at=FIRED)
    reading = await assess(look(alert, metrics=metrics(orders(3)), endpoints=TRIED))
    assert (reading.signals["now"], reading.signals["availability"], reading.signals["feature"]) == (
        "abnormal",
        "degraded",
        "core",
    )
    assert reading.hit == ("web",)
    assert (reading.impact.users_affected, reading.impact.revenue_per_hour) == (None, None)
    assert "web hardly does any more of what it is there for" in reading.summary


async def test_traffic_that_is_only_less_was_never_steady_or_is_elsewhere_is_no_standstill() -> None:
    alert = Alert(title="few orders", service="web", starts_at=FIRED)
    unsteady = orders(0)
    unsteady.values[10] = 1.0
    for one in (orders(40), orders(0, "search"), orders(0, normal=0), unsteady):
        assert (await assess(look(alert, metrics=metrics(one), endpoints=TRIED))).signals["now"] != "abnormal"


async def test_the_alerts_own_word_is_passed_on() -> None:
    alert = Alert(title="typo", severity_label="P3", starts_at=FIRED)
    assert (await assess(look(alert, metrics=metrics()))).signals["alert"] == "low"


def test_what_lies_below_a_component_survives_a_circle_of_calls() -> None:
    assert below("a", [("a", "b"), ("b", "c"), ("c", "a")]) == {"b", "c"}
    assert "orders-db" in below("web", CATALOG.edges())
