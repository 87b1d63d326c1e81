"""Every shipped scenario, through the whole engine, against its expectation; with other seeds too."""

from pathlib import Path

import pytest

from nexus.evaluate import evaluate_sandbox, evaluate_scenario, run_case
from nexus.incident import CauseStatus, Outcome
from nexus.library import Library
from nexus.records.document import to_json
from nexus.world.open import open_world
from nexus.world.sandbox import scenario_names

LIBRARY = Library.default()
NAMES = sorted(scenario_names())


@pytest.mark.parametrize("name", NAMES)
async def test_a_scenario_ends_as_expected(name: str) -> None:
    result = await evaluate_scenario(name, LIBRARY)
    assert result.wrong == ()


@pytest.mark.parametrize("name", NAMES)
async def test_another_seed_gives_the_same_outcome(name: str) -> None:
    result = await evaluate_scenario(name, LIBRARY, seed=23)
    assert result.wrong == ()


async def test_a_scenario_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "scenario.yaml").write_text("title: [")
    done = await evaluate_sandbox([broken, "typo"], LIBRARY)
    assert [(c.id, c.passed) for c in done.cases] == [("broken", False), ("typo", True)]
    assert "scenario.yaml" in done.cases[0].wrong[0]


def test_the_runbooks_eighteen_situations_are_among_them() -> None:
    wanted = (
        "bad-deploy config-change disk-full cpu-contention search-null script-error payment-down cdn-down typo flapping "
        "disk-after-deploy two-faults metrics-down rollback-broken relapse leaked-credential traffic-flood nothing-fixes"
    )
    assert set(wanted.split()) <= set(NAMES)


@pytest.mark.parametrize("name", ["typo", "flapping", "metrics-down"])
async def test_nothing_is_confirmed_where_nothing_is_wrong_or_telemetry_is_missing(name: str) -> None:
    incident = await run_case(open_world(f"sandbox:{name}"), LIBRARY)
    assert incident.cause.status is not CauseStatus.CONFIRMED


async def test_the_same_seed_gives_the_same_incident_to_the_letter() -> None:
    first = await run_case(open_world("sandbox:disk-full", seed=5), LIBRARY)
    second = await run_case(open_world("sandbox:disk-full", seed=5), LIBRARY)
    assert to_json(first) == to_json(second)


async def test_what_nothing_fixes_is_tried_three_times_and_handed_over_with_everything_taken_back() -> None:
    opened = open_world("sandbox:nothing-fixes")
    assert opened.world.actions is not None
    before = await opened.world.actions.state(opened.world.clock.now())
    incident = await run_case(opened, LIBRARY)
    assert incident.outcome is Outcome.HANDED_OVER
    assert [a.attempt for a in incident.actions] == [1, 2, 3]
    assert {a.result.value for a in incident.actions} == {"undone"}
    assert incident.handed_over_to
    assert incident.ended_at is not None
    after = await opened.world.actions.state(incident.ended_at)
    assert after == before
