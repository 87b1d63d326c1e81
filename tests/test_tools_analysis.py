"""The tools of analysis: each looks at a world and tells what it saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from nexus.analysis.case import Clue, Ranking, Suspicion
from nexus.analysis.edges import EdgeShift
from nexus.errors import Unavailable
from nexus.incident import Alert, Cause
from nexus.responder.llm.window import tokens_of
from nexus.tools.calls import API_ERROR_RATES, SERVICE_COMMUNICATION, broken_off
from nexus.tools.changes import LIST_CHANGES
from nexus.tools.logs import SEARCH_LOGS
from nexus.tools.metrics import QUERY_METRICS
from nexus.tools.readings import (
    ChangesReading,
    CommunicationReading,
    ErrorRatesReading,
    LogsReading,
    MetricsReading,
    Reading,
    RecoveryReading,
    SuspectsReading,
)
from nexus.tools.recovery import RECOVERY
from nexus.tools.suspects import RANK_SUSPECTS, REASON, cut, reading_of
from nexus.tools.tool import Look, Marks, Tool
from nexus.world.metrics import Floats, MetricKind, Series
from nexus.world.sandbox import open_sandbox

ALL = (QUERY_METRICS, SEARCH_LOGS, LIST_CHANGES, API_ERROR_RATES, SERVICE_COMMUNICATION, RANK_SUSPECTS, RECOVERY)


def look_at(scenario: str, minutes: float = 2, seed: int | None = None) -> Look:
    """A look at that sandbox, some minutes after its alert."""
    sandbox = open_sandbox(scenario, seed=seed)
    entry = sandbox.alert_payload["alerts"][0]
    alert = Alert(title="test", service=entry["labels"]["service"], starts_at=datetime.fromisoformat(entry["startsAt"]))
    return Look(sandbox.world, alert.starts_at + timedelta(minutes=minutes), alert)


async def see(tool: Tool, look: Look, **arguments: object) -> Reading:
    return (await tool.run(look, tool.arguments.model_validate(arguments))).reading


async def suspects(look: Look) -> SuspectsReading:
    reading = await see(RANK_SUSPECTS, look)
    assert isinstance(reading, SuspectsReading)
    return reading


async def recovery(look: Look) -> RecoveryReading:
    reading = await see(RECOVERY, look)
    assert isinstance(reading, RecoveryReading)
    return reading


@pytest.mark.parametrize("tool", ALL, ids=lambda tool: tool.name)
async def test_every_tool_gives_a_summary_and_values_that_are_json(tool: Tool) -> None:
    reading = await see(tool, look_at("bad-deploy"))
    assert reading.summary
    assert "\n" not in reading.summary
    assert reading.model_dump_json()


async def test_the_series_that_moved_name_the_failing_component() -> None:
    reading = await see(QUERY_METRICS, look_at("bad-deploy"))
    assert isinstance(reading, MetricsReading)
    assert reading.looked_at > 50
    assert "edge-gateway" in {c.component for c in reading.changed[:3]}
    only = await see(QUERY_METRICS, look_at("bad-deploy"), component="edge-gateway")
    assert isinstance(only, MetricsReading)
    assert {c.component for c in only.changed} == {"edge-gateway"}


async def test_new_errors_are_found_in_the_logs() -> None:
    reading = await see(SEARCH_LOGS, look_at("bad-deploy"))
    assert isinstance(reading, LogsReading)
    assert reading.lines > 0
    assert any(p.new and "route table" in p.example for p in reading.patterns)


async def test_changes_come_newest_first_with_their_distance_from_the_alert() -> None:
    reading = await see(LIST_CHANGES, look_at("bad-deploy"))
    assert isinstance(reading, ChangesReading)
    assert reading.changes[0].component == "edge-gateway"
    assert reading.changes[0].minutes_before == pytest.approx(13)
    nowhere = await see(LIST_CHANGES, look_at("bad-deploy"), component="nobody")
    assert isinstance(nowhere, ChangesReading)
    assert nowhere.changes == ()


async def test_rates_and_edges_put_the_abnormal_first() -> None:
    rates = await see(API_ERROR_RATES, look_at("payment-down"))
    assert isinstance(rates, ErrorRatesReading)
    assert rates.entries[0].abnormal
    assert rates.entries[0].error_rate is not None
    assert rates.entries[0].error_rate > 0.5
    edges = await see(SERVICE_COMMUNICATION, look_at("payment-down"))
    assert isinstance(edges, CommunicationReading)
    assert ("payment", "payment-provider") in {(e.caller, e.callee) for e in edges.edges if e.abnormal}


class Blip:
    """Metrics of one service whose latency rose for a minute and fell again, as while it restarts; `still`: it did not fall."""

    def __init__(self, at: datetime, *, still: bool) -> None:
        values = [100.0] * 100 + [900.0] * 4 + [900.0 if still else 100.0] * 8
        times: Floats = np.array([at.timestamp() - 15.0 * ago for ago in reversed(range(len(values)))])
        self._series = Series("web", "latency_p95_ms", MetricKind.LATENCY, "ms", times, np.array(values))

    async def series(self, start: datetime, end: datetime, components: object = None) -> list[Series]:
        del start, end, components
        return [self._series]

    async def baseline(self, components: object = None) -> list[Series]:
        del components
        return []


@pytest.mark.parametrize(("still", "abnormal"), [(False, False), (True, True)])
async def test_after_an_action_a_latency_that_fell_again_is_not_abnormal(still: bool, abnormal: bool) -> None:
    look = look_at("bad-deploy", minutes=12)
    look = replace(
        look,
        world=replace(look.world, metrics=Blip(look.at, still=still)),
        marks=Marks(alert=look.alert.starts_at, action=look.at - timedelta(minutes=6)),
    )
    rates = await see(API_ERROR_RATES, look)
    assert isinstance(rates, ErrorRatesReading)
    assert [entry.abnormal for entry in rates.entries] == [abnormal]


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize(
    ("scenario", "component", "cause", "mechanism"),
    [
        ("bad-deploy", "edge-gateway", Cause.DEPLOYMENT, "release"),
        ("disk-full", "orders-db", Cause.INFRASTRUCTURE, "disk"),
        ("payment-down", "payment-provider", Cause.EXTERNAL_DEPENDENCY, "dependency"),
    ],
)
async def test_the_culprit_is_ranked_first(scenario: str, component: str, cause: Cause, mechanism: str, seed: int | None) -> None:
    reading = await suspects(look_at(scenario, seed=seed))
    first = reading.suspects[0]
    assert (first.component, first.cause, first.mechanism) == (component, cause, mechanism)
    assert reading.separated > 0.3
    assert reading.onset is not None


async def test_before_the_trouble_there_is_no_suspect_and_all_is_well() -> None:
    look = look_at("disk-full", minutes=-170)
    calm = replace(look, alert=look.alert.model_copy(update={"starts_at": look.at - timedelta(minutes=2)}))
    assert (await suspects(calm)).suspects == ()
    assert (await recovery(calm)).recovered


async def test_a_world_without_metrics_says_so() -> None:
    look = look_at("bad-deploy")
    blind = replace(look, world=replace(look.world, metrics=None))
    with pytest.raises(Unavailable):
        await see(QUERY_METRICS, blind)
    assert (await see(API_ERROR_RATES, blind)).summary
    assert (await suspects(blind)).suspects[0].component == "edge-gateway"


async def test_a_world_that_shows_nothing_has_no_suspects_and_no_recovery() -> None:
    look = look_at("bad-deploy")
    blind = replace(look.world, metrics=None, calls=None, logs=None, endpoints=None, databases=None)
    dark = replace(look, world=replace(blind, infrastructure=None, dependencies=None, security=None, browser=None))
    with pytest.raises(Unavailable):
        await see(RANK_SUSPECTS, dark)
    seen = await recovery(dark)
    assert (seen.looked_at, seen.recovered) == (0, False)


async def test_without_metrics_recovery_goes_by_probes_and_calls() -> None:
    look = look_at("bad-deploy")
    seen = await recovery(replace(look, world=replace(look.world, metrics=None)))
    assert seen.looked_at > 0
    assert "edge-gateway" in seen.abnormal


async def test_a_good_action_leads_to_recovery_and_a_useless_one_does_not() -> None:
    for kind, healed in (("rollback", True), ("scale", False)):
        look = look_at("bad-deploy", minutes=5)
        actions = look.world.actions
        assert actions is not None
        action = next(a for a in await actions.options("edge-gateway", look.at) if a.kind == kind)
        receipt = await actions.apply(action, look.at, "key")
        later = replace(look, at=look.at + receipt.took + timedelta(minutes=6), marks=Marks(action=look.at))
        seen = await recovery(later)
        assert seen.recovered is healed
        assert not seen.worse
        assert seen.before_score > 0
        assert bool((await suspects(later)).suspects) is not healed


def ranking(count: int, name: int, text: int, score: float = 9.0) -> Ranking:
    """A ranking with names and reasons of those lengths; each reason with a log line of its own."""
    suspicions = [
        Suspicion(
            component=f"{place:02}{'n' * (name - 2)}",
            score=score - 0.5 * place,
            cause=Cause.INFRASTRUCTURE,
            cause_confidence=0.712,
            onset=1_772_445_600.0,
            mechanism="connections",
            change="chg-0123456789abcdef",
            clues=tuple(Clue("logs", f"{number} {'é' * text}", lines=("z" * 400,)) for number in range(8)),
        )
        for place in range(count)
    ]
    return Ranking(tuple(suspicions), 1_772_445_600.0, 0.5)


@pytest.mark.parametrize(("name", "text"), [(20, 60), (60, 300), (100, 2000)])
def test_a_ranking_however_long_is_read_in_fifteen_hundred_tokens(name: int, text: int) -> None:
    reading = reading_of(ranking(15, name, text))
    assert tokens_of(reading.model_dump_json()) <= 1500
    assert len(reading.suspects) == 15
    assert reading.suspects[0].reasons
    assert all(len(reason) <= REASON for entry in reading.suspects for reason in entry.reasons)


def test_the_first_five_suspects_are_told_whole_and_the_others_in_short() -> None:
    reading = reading_of(ranking(9, 12, 60))
    assert [len(s.reasons) for s in reading.suspects] == [4] * 5 + [0] * 4
    short = reading.suspects[5].model_dump(mode="json")
    assert set(short) == {"component", "score", "strong", "cause"}
    assert [s.strong for s in reading_of(ranking(3, 12, 9, score=2.0)).suspects] == [True, True, False]


def test_a_reading_reads_as_it_was_written() -> None:
    reading = reading_of(ranking(9, 12, 60))
    assert SuspectsReading.model_validate_json(reading.model_dump_json()) == reading


def test_where_no_suspect_stands_out_the_summary_says_so() -> None:
    said = reading_of(ranking(2, 5, 9, score=0.9)).summary
    assert said.startswith("no component stands out; the first to look at is 00nnn")


def test_a_cut_text_is_one_line_and_says_that_it_was_cut() -> None:
    assert cut("a\nb  c", 9) == "a b c"
    assert cut("x" * 20, 9) == "x" * 8 + "…"


async def test_callers_that_wait_for_a_slow_way_are_told_with_the_component_behind_it() -> None:
    reading = await see(SERVICE_COMMUNICATION, look_at("network-delay"))
    assert isinstance(reading, CommunicationReading)
    assert reading.waits[0].component == "catalog"
    assert reading.waits[0].ms > 5 * reading.waits[0].usual_ms
    assert "around catalog" in reading.summary
    elsewhere = await see(SERVICE_COMMUNICATION, look_at("network-delay"), component="payment")
    assert isinstance(elsewhere, CommunicationReading)
    assert elsewhere.waits == ()


async def test_a_caller_that_tries_again_and_again_is_told() -> None:
    reading = await see(SERVICE_COMMUNICATION, look_at("retry-storm"))
    assert isinstance(reading, CommunicationReading)
    assert (reading.repeats[0].caller, reading.repeats[0].callee) == ("checkout", "payment")
    assert reading.repeats[0].times > 1.7


async def test_work_that_stopped_half_way_is_told_by_calls_and_by_logs_and_is_no_recovery() -> None:
    look = look_at("silent-wrong-result")
    calls, logs = await see(SERVICE_COMMUNICATION, look), await see(SEARCH_LOGS, look)
    assert isinstance(calls, CommunicationReading)
    assert isinstance(logs, LogsReading)
    assert {e.component: set(e.callees) for e in calls.broken_off} == {"orders": {"orders-db", "order-events"}}
    assert [s.component for s in logs.silent] == ["orders"]
    assert (await recovery(look)).abnormal == ("storefront",)


def edge(caller: str, callee: str, calls: float, before: float) -> EdgeShift:
    return EdgeShift(caller, callee, calls, before, 0.0, 0.0, 9.0, 9.0)


@pytest.mark.parametrize(("calls_in", "told"), [(100.0, {"shop": ["store"]}), (10.0, {})])
def test_who_is_hardly_called_any_more_has_broken_nothing_off(calls_in: float, told: dict[str, list[str]]) -> None:
    assert broken_off([edge("web", "shop", calls_in, 100.0), edge("shop", "store", 0.0, 100.0)]) == told
