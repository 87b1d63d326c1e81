"""Verification by rules: what each look must say to count as well."""

from __future__ import annotations

from typing import Any

import pytest
from world_in_hand import FIRED

from nexus.incident import Evidence
from nexus.responder.rules.verify import Scope, judge


def seen(tool: str, *, failed: bool = False, **values: Any) -> Evidence:
    return Evidence(id="EC9-1", tool=tool, agent="EC", at=FIRED, summary="as seen", values=values, failed=failed)


def recovery(*, recovered: bool = False, worse: bool = False, abnormal: tuple[str, ...] = (), looked_at: int = 9) -> Evidence:
    return seen("recovery", looked_at=looked_at, recovered=recovered, worse=worse, abnormal=abnormal)


@pytest.mark.parametrize(
    ("evidence", "beyond_us", "expected"),
    [
        (recovery(recovered=True), set(), True),
        (recovery(recovered=True, worse=True), set(), False),
        (recovery(abnormal=("checkout",)), set(), False),
        (recovery(abnormal=("payments",)), {"payments"}, True),
        (recovery(abnormal=("payments", "checkout")), {"payments"}, False),
        (recovery(abnormal=("payments",), worse=True), {"payments"}, False),
        (recovery(looked_at=0), set(), False),
        (recovery(looked_at=0), {"payments"}, False),
    ],
)
def test_recovery(evidence: Evidence, beyond_us: set[str], expected: bool) -> None:
    assert judge(evidence, Scope(frozenset(beyond_us), {}, "checkout"))[0] is expected


@pytest.mark.parametrize(
    "tool",
    [
        "recovery",
        "infrastructure_state",
        "api_error_rates",
        "regress_endpoints",
        "test_patch",
        "check_dependencies",
        "screenshot",
    ],
)
def test_a_look_that_failed_is_neither_passed_nor_failed(tool: str) -> None:
    assert judge(seen(tool, failed=True), Scope()) == (None, "as seen")


HOT, FULL = {"component": "n1", "problem": "cpu", "detail": ""}, {"component": "db", "problem": "disk_full", "detail": ""}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, [], True),
        (None, [HOT], False),
        ({"problems": [HOT]}, [HOT], True),
        ({"problems": [HOT]}, [], True),
        ({"problems": [HOT]}, [HOT, FULL], False),
        ({"problems": []}, [FULL], False),
    ],
)
def test_infrastructure_may_not_have_a_problem_that_it_did_not_have_before(before: Any, now: list[Any], expected: bool) -> None:
    passed, detail = judge(seen("infrastructure_state", looked_at=3, problems=now), Scope(before=before or {}))
    assert passed is expected
    assert expected or "new problems: " in detail


def rate(component: str, *, abnormal: bool) -> dict[str, Any]:
    return {
        "component": component, "error_rate": 0.5, "normal_error_rate": 0.0, "latency_ms": 1, "normal_latency_ms": 1,
        "abnormal": abnormal,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], True),
        ([rate("checkout", abnormal=False)], True),
        ([rate("checkout", abnormal=True)], False),
        ([rate("payments", abnormal=True)], True),
        ([rate("payments", abnormal=True), rate("checkout", abnormal=True)], False),
    ],
)
def test_error_rates_count_but_for_what_is_beyond_us(entries: list[Any], expected: bool) -> None:
    assert judge(seen("api_error_rates", entries=entries), Scope(frozenset({"payments"})))[0] is expected


def dependency(name: str, *, failing: bool) -> dict[str, Any]:
    return {
        "name": name, "failing": failing, "error_rate": 1, "latency_ms": 1, "normal_latency_ms": 1, "status_page": "",
        "used_by": [], "fallback": "none",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("component", "failing", "expected"),
    [("payments", {"payments"}, False), ("payments", {"mail"}, True), (None, {"mail"}, False), (None, set(), True)],
)
def test_the_other_side_is_well_when_the_one_we_wait_for_is(component: str | None, failing: set[str], expected: bool) -> None:
    known = [dependency(n, failing=n in failing) for n in ("payments", "mail")]
    assert judge(seen("check_dependencies", dependencies=known), Scope(component=component))[0] is expected


@pytest.mark.parametrize("passed", [True, False])
def test_regression_and_patch_tests_say_it_themselves(passed: bool) -> None:
    assert judge(seen("regress_endpoints", passed=passed), Scope())[0] is passed
    assert judge(seen("test_patch", patch="p", passed=passed), Scope())[0] is passed


def test_a_picture_passes_by_having_been_taken() -> None:
    assert judge(seen("screenshot", shows=["/"]), Scope()) == (True, "as seen")
