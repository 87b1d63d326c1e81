"""A world's own looks: given to whom they are meant for, kept as text; a source that does not answer is said beside others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from world_in_hand import Measured, desk_of, errors
from world_in_hand import look as looking

from nexus.asked import approve_none
from nexus.embedded import handle
from nexus.errors import ToolError
from nexus.incident import Alert, Incident
from nexus.library import Library
from nexus.records.stores import MemoryStore
from nexus.responder.rules import RulesResponder
from nexus.tools.custom import SUMMARY, seen_as_text, tool_of
from nexus.tools.registry import TOOLS
from nexus.world import World
from nexus.world.connectors.several import SeveralMetrics
from nexus.world.looks import CustomLook
from nexus.world.simulated_people import SimulatedPeople

SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"host": {"type": "string"}}, "title": "x"}


def look(name: str = "uptime", *, needs: bool = False, agents: frozenset[str] = frozenset(), fails: bool = False) -> CustomLook:
    async def run(arguments: Mapping[str, Any]) -> str:
        if fails:
            raise ToolError("the host does not answer", "try another")
        return f"up on {arguments.get('host', 'all')}\nsecond line"

    schema = {**SCHEMA, "required": ["host"]} if needs else SCHEMA
    return CustomLook(name, f"{name} of a host", schema, run, agents)


async def test_an_own_look_is_evidence_with_its_whole_text() -> None:
    desk = desk_of(Library.default().agent("devops-automator"), looking())
    desk.give(tool_of(look()))
    seen = await desk.use("uptime", host="web-1")
    assert (seen.summary, seen.values["text"]) == ("up on web-1 second line", "up on web-1\nsecond line")
    assert desk.tools["uptime"].arguments.model_json_schema() == {"type": "object", "properties": {"host": {"type": "string"}}}


async def test_an_own_look_that_fails_is_a_failed_look() -> None:
    desk = desk_of(Library.default().agent("devops-automator"), looking())
    desk.give(tool_of(look(fails=True)))
    seen = await desk.use("uptime")
    assert (seen.failed, seen.summary) == (True, "the host does not answer: try another")


async def test_a_shipped_tools_name_stays_that_tools_and_the_own_look_is_there_beside_it() -> None:
    desk = desk_of(Library.default().agent("infrastructure-maintainer"), looking())
    desk.give(tool_of(look("search_logs")))
    assert desk.tools["search_logs"] is TOOLS["search_logs"]
    assert list(desk.given) == ["own_search_logs"]
    assert (await desk.use("own_search_logs")).summary == "up on all second line"


def test_a_long_text_has_a_short_summary() -> None:
    seen = seen_as_text("word " * 1000)
    assert len(seen.reading.summary) <= SUMMARY
    assert seen_as_text("").reading.summary == "it returned nothing"


async def investigated(*looks: CustomLook) -> Incident:
    async def own() -> list[CustomLook]:
        return list(looks)

    alert = Alert(title="it fails", service="basket", severity_label="critical", starts_at=datetime.now(UTC))
    return await handle(
        alert, library=Library.default(), world=World("bare", SimulatedPeople(), looks=own), responder=RulesResponder(),
        records=MemoryStore(), answer=approve_none, until="investigation",
    )  # fmt: skip


async def test_the_rules_take_looks_that_need_nothing_and_only_who_may_does() -> None:
    meant = look("uptime", agents=frozenset({"devops-automator"}))
    told = await investigated(meant, look("ping", needs=True))
    assert {(e.tool, e.agent) for e in told.evidence if e.tool in {"uptime", "ping"}} == {("uptime", "devops-automator")}
    (found,) = [f for f in told.findings if f.check == "uptime of a host"]
    assert found.claim == "up on all second line"


async def test_a_source_that_does_not_answer_is_said_beside_what_the_others_told() -> None:
    broken = errors("basket", 0.01, 0.6)
    metrics = SeveralMetrics([Measured([broken]), Measured(down=True)])
    desk = desk_of(Library.default().agent("infrastructure-maintainer"), looking(metrics=metrics))
    seen = await desk.use("query_metrics")
    assert not seen.failed
    assert "(metrics do not answer)" in seen.summary
    alone = desk_of(Library.default().agent("infrastructure-maintainer"), looking(metrics=SeveralMetrics([Measured(down=True)])))
    assert (await alone.use("query_metrics")).failed
