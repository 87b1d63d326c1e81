"""A delivery: every alert of a group apart and kept, the one that leads, times and zones, and one identity for one trouble."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.incident.alert import identity_of
from nexus.intake.delivery import MOST, Delivery
from nexus.intake.read import LIMIT, read_alert, read_delivery

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ZERO = "0001-01-01T00:00:00Z"


def entry(number: int, **more: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": f"Alert{number}", "service": f"service-{number}", "severity": "warning"},
        "annotations": {"summary": f"trouble {number}"},
        "startsAt": "2026-03-02T11:50:00Z",
        "endsAt": ZERO,
        "fingerprint": f"f{number}",
        **more,
    }


def group(entries: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": "{}:{team=shop}",
        "commonLabels": {"team": "shop"},
        "commonAnnotations": {"runbook": "https://runbooks.example/" + "x" * 400},
        "alerts": entries,
        **more,
    }


def read(payload: object, **more: Any) -> Delivery:
    return read_delivery(json.dumps(payload), now=NOW, **more)


FORTY = [entry(n, **({"status": "resolved", "endsAt": "2026-03-02T11:55:00Z"} if n % 3 == 0 else {})) for n in range(40)]


def test_a_group_of_forty_alerts_is_kept_whole() -> None:
    delivery = read(group(FORTY))
    assert [a.title for a in delivery.alerts] == [f"Alert{n}" for n in range(40)]
    assert [a.fingerprint for a in delivery.alerts] == [f"f{n}" for n in range(40)]
    assert [a.raw["alerts"] for a in delivery.alerts] == [[one] for one in FORTY]
    assert {a.group for a in delivery.alerts} == {"{}:{team=shop}"}
    assert all(a.raw["commonLabels"] == {"team": "shop"} and a.labels["team"] == "shop" for a in delivery.alerts)
    assert read_alert(json.dumps(group(FORTY)), now=NOW).raw == group(FORTY)


def test_a_group_of_forty_alerts_is_not_stored_forty_times() -> None:
    stored = sum(len(json.dumps(alert.raw)) for alert in read(group(FORTY)).alerts)
    common = len(json.dumps(group([])))
    assert stored < len(json.dumps(group(FORTY))) + 41 * common


def test_what_grafana_says_of_the_whole_group_is_kept_once() -> None:
    message = "Firing: " + ", ".join(f"Alert{n}" for n in range(40))
    alerts = read(group(FORTY, orgId=1, message=message)).alerts
    assert [a.raw.get("message") for a in alerts] == [message] + [None] * 39
    assert {a.raw["orgId"] for a in alerts} == {1}


def test_firing_and_resolved_mixed_are_told_apart() -> None:
    delivery = read(group(FORTY))
    over = [a.title for a in delivery.alerts if a.state is AlertState.RESOLVED]
    assert over == [f"Alert{n}" for n in range(0, 40, 3)]
    assert delivery.lead.title == "Alert1"
    assert delivery.remarks == ("a group of 40 alerts, 26 firing; the worst firing one leads",)


def test_the_worst_firing_alert_leads_and_of_equals_the_earliest() -> None:
    graver = {"alertname": "Grave", "severity": "critical"}
    early = entry(2, labels=graver, startsAt="2026-03-02T11:40:00Z")
    late = entry(1, labels=graver)
    over = entry(3, labels=graver, status="resolved", startsAt="2026-03-02T11:00:00Z")
    delivery = read(group([entry(0), late, early, over]))
    assert delivery.lead.fingerprint == "f2"
    assert delivery.lead is delivery.alerts[2]


def test_of_a_group_that_is_over_the_worst_leads() -> None:
    over = [entry(n, status="resolved", labels={"alertname": "A", "severity": word}) for n, word in enumerate(("low", "page"))]
    delivery = read(group(over))
    assert delivery.lead.fingerprint == "f1"
    assert delivery.remarks == ("every alert of the group is resolved already",)


def test_one_alert_that_fires_needs_no_remark() -> None:
    assert read(group([entry(1)])).remarks == ()
    assert read(group([entry(1, status="resolved")])).remarks == ("the source says that it is resolved already",)


def test_entries_that_cannot_be_read_stay_with_the_first_alert() -> None:
    nameless = {"status": "firing", "labels": {"severity": "critical"}}
    delivery = read(group([nameless, entry(1), 7, entry(2)]))
    assert [a.raw["alerts"] for a in delivery.alerts] == [[entry(1), nameless, 7], [entry(2)]]
    assert delivery.note == "2 entries of the group have no name or are no objects and were passed over"


def test_alerts_that_the_sender_left_out_are_noted() -> None:
    assert read(group([entry(1)], truncatedAlerts=12)).note == "the sender left out 12 alerts of the group"
    assert read(group([entry(1)], truncatedAlerts=True)).note == ""


def test_of_an_endless_group_the_first_are_read_and_the_rest_is_kept() -> None:
    entries = [{"labels": {"alertname": str(n)}} for n in range(MOST + 3)]
    delivery = read(group(entries))
    assert len(delivery.alerts) == MOST
    assert delivery.alerts[0].raw["alerts"] == [entries[0], *entries[MOST:]]
    assert delivery.note == f"3 entries of the group are beyond the first {MOST} and were passed over"


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (ZERO, "firing"),
        ("0001-01-01T00:00:00.000Z", "firing"),
        ("0001-01-01T01:00:00+01:00", "firing"),
        ("", "firing"),
        (None, "firing"),
        ("later", "firing"),
        ("2026-03-02T12:04:00Z", "firing"),
        ("2026-03-02T13:59:00+01:00", "firing"),
        ("2026-03-02T12:59:00+01:00", "resolved"),
        ("2026-03-02T11:59:00", "resolved"),
        ("2026-03-02T11:59:59.999999999Z", "resolved"),
    ],
)
def test_without_a_status_an_alert_goes_on_until_its_end_has_come(ends: str | None, state: str) -> None:
    assert read(group([entry(1, status=None, endsAt=ends)])).alerts[0].state.value == state


def test_a_status_goes_before_the_end() -> None:
    assert read(group([entry(1, endsAt="2026-03-02T11:00:00Z")])).alerts[0].state is AlertState.FIRING
    assert read(group([entry(1, status="Resolved", endsAt=ZERO)])).alerts[0].state is AlertState.RESOLVED


@pytest.mark.parametrize(
    "starts", ["2026-03-02T11:50:00Z", "2026-03-02T13:50:00+02:00", "2026-03-02T06:20:00-05:30", "2026-03-02T11:50:00.000+0000"]
)
def test_a_start_in_any_zone_is_the_same_start_in_utc(starts: str) -> None:
    alert = read(group([entry(1, startsAt=starts)])).alerts[0]
    assert (alert.starts_at, alert.notes) == (datetime(2026, 3, 2, 11, 50, tzinfo=UTC), ())


def test_the_receiver_may_stand_in_any_zone() -> None:
    west = datetime.fromisoformat("2026-03-02T04:00:00-08:00")
    assert read_delivery(json.dumps({"title": "x"}), now=west).alerts[0].starts_at == NOW


def test_a_zero_start_is_the_time_of_receipt_with_a_note() -> None:
    alert = read(group([entry(1, startsAt=ZERO)])).alerts[0]
    assert (alert.starts_at, alert.notes) == (NOW, ("the start time is a placeholder: the time of receipt is used",))


def test_a_field_that_occurs_twice_is_noted_on_every_alert() -> None:
    text = json.dumps(group([entry(1), entry(2)]))[:-1] + ', "version": "4"}'
    notes = {alert.notes for alert in read_delivery(text, now=NOW).alerts}
    assert notes == {("a field occurs twice: its last value is used",)}


def test_a_body_is_bounded_as_a_file_is() -> None:
    with pytest.raises(AlertError, match="more than 10 MB"):
        read_delivery(b" " * (LIMIT + 1), now=NOW)


def alert(**more: Any) -> Alert:
    return Alert(**{"title": "slow", "service": "web", "starts_at": NOW, "labels": {"host": "web-1"}, **more})


@pytest.mark.parametrize(
    "same",
    [
        {"state": AlertState.RESOLVED},
        {"severity_label": "low", "labels": {"host": "web-1", "Severity": "low", "status": "resolved"}},
        {"starts_at": datetime(2026, 3, 1, tzinfo=UTC), "summary": "again", "annotations": {"a": "b"}, "raw": {"a": 1}},
        {"group": "another"},
    ],
)
def test_an_alert_without_a_key_is_known_by_what_does_not_change(same: dict[str, Any]) -> None:
    assert identity_of(alert()) == identity_of(alert(**same))


@pytest.mark.parametrize(
    "other",
    [
        {"title": "slower"},
        {"service": None},
        {"source": "shop"},
        {"labels": {"host": "web-2"}},
        {"labels": {}},
        {"fingerprint": "1"},
    ],
)
def test_another_trouble_is_another_identity(other: dict[str, Any]) -> None:
    assert identity_of(alert()) != identity_of(alert(**other))


def test_the_key_of_the_source_is_all_that_counts_where_there_is_one() -> None:
    assert identity_of(alert(fingerprint="1")) == identity_of(alert(fingerprint="1", title="fast", service=None, labels={}))
    assert identity_of(alert(fingerprint="1")) != identity_of(alert(fingerprint="1", source="shop"))
    assert len(identity_of(alert(title="é\u2028" * 200))) == 16


def test_a_generic_alert_is_known_by_its_deduplication_key() -> None:
    one = read({"title": "down", "dedup_key": "disk:web-1", "id": "event-1", "group": "storage"}).alerts[0]
    two = read({"title": "up again", "dedup_key": "disk:web-1", "id": "event-2", "status": "ok"}).alerts[0]
    assert identity_of(one) == identity_of(two)
    assert (one.fingerprint, one.group) == ("disk:web-1", "storage")
