"""The tools against the simulated shop: severity's floor in every shipped scenario, and calm before each."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from nexus.incident import Severity
from nexus.intake import read_alert
from nexus.library import Library
from nexus.runbook import floor_for
from nexus.tools.registry import TOOLS
from nexus.tools.tool import Look
from nexus.world.sandbox.opening import open_sandbox, scenario_names

RUNBOOK = Library.default().runbook


async def use(tool: str, look: Look, **arguments: Any) -> Any:
    """The reading of one use."""
    one = TOOLS[tool]
    return (await one.run(look, one.arguments.model_validate(arguments))).reading


@pytest.mark.parametrize("seed", [23])
@pytest.mark.parametrize("name", list(scenario_names()))
async def test_the_floor_is_a_severity_that_the_scenario_expects_and_all_was_well_before(name: str, seed: int) -> None:
    sandbox = open_sandbox(name, seed=seed)
    begins = sandbox.starts_at
    alert = read_alert(json.dumps(sandbox.alert_payload), now=begins)
    look = Look(sandbox.world, begins, alert)
    impact, security = await use("assess_impact", look), await use("security_signals", look)
    floor, because = floor_for(RUNBOOK, impact.signals | {"security": security.security})
    expected: tuple[Severity, ...] = sandbox.scenario.expect.severity
    assert floor in expected, because
    if "metrics" in name:
        return
    calm = begins - timedelta(minutes=110)
    earlier = await use("assess_impact", Look(sandbox.world, calm, alert.model_copy(update={"starts_at": calm})))
    assert (earlier.hit, earlier.signals["now"]) == ((), "normal")


async def test_every_tool_that_needs_no_more_than_a_component_can_look_at_the_shop() -> None:
    sandbox = open_sandbox("bad-deploy")
    alert = read_alert(json.dumps(sandbox.alert_payload), now=sandbox.starts_at)
    look = Look(sandbox.world, sandbox.starts_at, alert)
    for name in ("check_dependencies", "check_databases", "infrastructure_state", "pipeline_status", "client_errors", "page_load",
                 "asset_delivery", "regress_endpoints", "locate_error", "service_info", "action_options"):  # fmt: skip
        assert (await use(name, look)).summary
    rollback = await use("prepare_rollback", look, component="edge-gateway")
    assert rollback.possible
    dry = await use("dry_run", look, **rollback.action.model_dump())
    assert dry.ok
    assert dry.before
    assert not (await use("regress_endpoints", look, component="orders-db")).passed
