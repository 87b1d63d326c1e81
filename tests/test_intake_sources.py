"""Each source's deliveries, from fixtures written after its own documentation: what is read into which field, what is no alert.

The documents are named in docs/alerts.md; nobody's real system sent these.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nexus.errors import AlertError
from nexus.incident import Alert
from nexus.incident.alert import identity_of
from nexus.intake.delivery import Delivery
from nexus.intake.read import FORMATS, read_alert, read_delivery

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALERTS = Path(__file__).parent / "alerts"
FIXTURES = sorted(path.stem for path in ALERTS.glob("*.json"))
ARN = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:"
SHOP = '{}/{team="blue"}:{grafana_folder="Shop"}'


def body(name: str) -> bytes:
    return (ALERTS / f"{name}.json").read_bytes()


def payload(name: str) -> Any:
    return json.loads(body(name))


def delivered(name: str, **more: Any) -> Delivery:
    return read_delivery(body(name), now=NOW, **more)


def told(name: str, **changes: Any) -> Delivery:
    return read_delivery(json.dumps({**payload(name), **changes}), now=NOW)


def line(alert: Alert) -> tuple[Any, ...]:
    began = f"{alert.starts_at:%H:%M:%S}"
    return (
        alert.title,
        alert.service,
        alert.state.value,
        alert.severity_label,
        alert.level,
        began,
        alert.fingerprint,
        alert.group,
    )


READ: dict[str, list[tuple[Any, ...]]] = {
    "grafana-group": [
        ("HighMemory", "search", "firing", "warning", "medium", "11:51:03", "c6eadffa33fcdf37", SHOP),
        ("HighErrors", "cart", "firing", "critical", "critical", "11:56:00", "bc97ff14869b13e3", SHOP),
        ("HighErrors", "basket", "resolved", "critical", "critical", "11:10:00", "17ff14869b13e3bc", SHOP),
    ],
    "grafana-test": [
        ("TestAlert", None, "firing", None, "unknown", "11:59:58", "57c6d9296de2ad39", "test-57c6d9296de2ad39-1772452798")
    ],
    "pagerduty-triggered": [
        ("checkout answers slowly", "checkout", "firing", "high", "high", "11:56:27", "PGR0VU2", "PGR0VU2")
    ],
    "pagerduty-priority-updated": [
        ("checkout answers slowly", "checkout", "firing", "P1", "critical", "11:56:27", "PGR0VU2", "PGR0VU2")
    ],
    "pagerduty-resolved": [
        ("checkout answers slowly", "checkout", "resolved", "P1", "critical", "11:56:27", "PGR0VU2", "PGR0VU2")
    ],
    "opsgenie-create": [
        ("payment declines every card", "payment", "firing", "P1", "critical", "11:57:00",
         "052652ac-5d1c-464a-812a-7dd18bbfba8c", "payment-declines")
    ],
    "opsgenie-update-priority": [
        ("payment declines every card", "payment", "firing", "P2", "high", "11:57:00",
         "052652ac-5d1c-464a-812a-7dd18bbfba8c", "payment-declines")
    ],
    "opsgenie-close": [
        ("payment declines every card", "payment-api", "resolved", "P1", "critical", "11:57:00",
         "052652ac-5d1c-464a-812a-7dd18bbfba8c", "payment-declines")
    ],
    "datadog-triggered": [
        ("checkout answers slowly", "checkout", "firing", "P2", "high", "11:57:00",
         "7716548234055550000", "9bd4ac313a4d1e8fae2482df7b77628")
    ],
    "datadog-recovered": [
        ("checkout answers slowly", "checkout", "resolved", "P2", "high", "11:59:40",
         "7716548234055550000", "9bd4ac313a4d1e8fae2482df7b77628")
    ],
    "datadog-default-template": [("checkout answers slowly", "web-1", "firing", "warning", "medium", "11:57:00", "", "")],
    "datadog-no-data": [
        ("checkout answers slowly", "checkout", "firing", "error", "high", "11:57:00", "148275309 host:web-2", "")
    ],
    "cloudwatch-sns-alarm": [
        ("checkout-errors", "checkout", "firing", None, "unknown", "11:57:00", f"{ARN}checkout-errors", "")
    ],
    "cloudwatch-sns-ok": [
        ("checkout-errors", "checkout", "resolved", None, "unknown", "11:59:00", f"{ARN}checkout-errors", "")
    ],
    "cloudwatch-sns-metric-math": [("traffic", "i-0abc", "firing", None, "unknown", "11:57:00", f"{ARN}traffic", "")],
    "cloudwatch-lambda-records": [
        ("checkout-errors", "checkout", "firing", None, "unknown", "11:57:00", f"{ARN}checkout-errors", ""),
        ("queue-age", "checkout", "resolved", None, "unknown", "11:57:00", f"{ARN}queue-age", ""),
    ],
    "cloudwatch-event-alarm": [
        ("checkout-errors", "checkout", "firing", None, "unknown", "11:57:00", f"{ARN}checkout-errors", "")
    ],
    "cloudwatch-event-ok": [
        ("checkout-errors", "checkout", "resolved", None, "unknown", "11:57:00", f"{ARN}checkout-errors", "")
    ],
    "cloudwatch-event-tagged": [
        ("checkout-errors", "checkout-api", "firing", "critical", "critical", "11:57:00", f"{ARN}checkout-errors", "")
    ],
    "cloudwatch-event-composite": [
        ("shop-aggregated", None, "firing", None, "unknown", "11:57:00", f"{ARN}shop-aggregated", "")
    ],
    "sentry-issue-alert": [
        ("ZeroDivisionError: division by zero", "cart", "firing", "error", "high", "11:56:17", "1117540176", "1117540176")
    ],
    "sentry-issue-created": [
        ("ZeroDivisionError: division by zero", "cart", "firing", "fatal", "critical", "11:50:37", "1117540176", "1117540176")
    ],
    "sentry-issue-resolved": [
        ("ZeroDivisionError: division by zero", "cart", "resolved", "fatal", "critical", "11:50:37", "1117540176", "1117540176")
    ],
    "sentry-metric-critical": [("Too many errors", "cart", "firing", "critical", "critical", "11:54:40", "4", "7")],
    "sentry-metric-warning": [("Too many errors", "cart", "firing", "warning", "medium", "11:54:40", "4", "7")],
    "sentry-metric-resolved": [("Too many errors", "cart", "resolved", None, "unknown", "11:54:40", "4", "7")],
}  # fmt: skip
"""Title, service, state, the source's word, level, start, fingerprint, group."""

NOTED = {
    "pagerduty-ping": "test ping",
    "pagerduty-acknowledged": "incident.acknowledged",
    "pagerduty-annotated": "incident.annotated",
    "pagerduty-merged": "merged into another",
    "pagerduty-service-updated": "service.updated",
    "opsgenie-acknowledge": "Acknowledge",
    "opsgenie-add-note": "AddNote",
    "cloudwatch-sns-confirmation": "if it is yours, open https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription",
    "cloudwatch-sns-unsubscribed": "was ended",
    "cloudwatch-event-configuration": "Configuration Change",
    "cloudwatch-event-insufficient-data": "neither alarm nor OK",
    "sentry-issue-assigned": "assigned",
}
"""What is no alert by design, and what its note says."""
ELSEWHERE = {"alertmanager-group", "alertmanager-resolved", "generic"}
"""Fixtures of other tests."""


def test_every_fixture_is_expected_to_be_something() -> None:
    assert READ.keys() | NOTED.keys() | ELSEWHERE == set(FIXTURES)


@pytest.mark.parametrize("name", sorted(READ))
def test_an_alert_is_read_into_its_fields(name: str) -> None:
    delivery = delivered(name)
    assert [line(alert) for alert in delivery.alerts] == READ[name]
    assert delivery.note == ""
    assert {delivery.source, *(alert.source for alert in delivery.alerts)} == {name.partition("-")[0]}
    assert not any(alert.notes for alert in delivery.alerts)


@pytest.mark.parametrize("name", sorted(NOTED))
def test_what_is_no_alert_by_design_says_what_it_is(name: str) -> None:
    delivery = delivered(name)
    assert (delivery.source, delivery.alerts) == (name.partition("-")[0], ())
    assert NOTED[name] in delivery.note
    with pytest.raises(AlertError, match="holds no alert") as caught:
        read_alert(body(name), now=NOW)
    assert delivery.note in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("name", FIXTURES)
def test_the_source_that_is_named_reads_the_same_and_no_other_one_does(name: str) -> None:
    own = name.partition("-")[0]
    assert delivered(name, source=own) == delivered(name)
    for other in ("pagerduty", "sentry", "opsgenie", "cloudwatch", "datadog"):
        if other != own:
            with pytest.raises(AlertError, match=f"no payload of {other}") as caught:
                delivered(name, source=other)
            assert caught.value.remedy


def test_a_source_that_does_not_exist_is_said_with_those_that_do() -> None:
    with pytest.raises(AlertError, match=r"no source 'nagios'.*pagerduty.*generic"):
        delivered("generic", source="nagios")


def test_the_generic_source_reads_what_another_one_would_have_taken() -> None:
    told = {"title": "it hurts", "alerts": [{"labels": {"alertname": "x"}}]}
    assert read_delivery(json.dumps(told), now=NOW, source="generic").alerts[0].title == "it hurts"
    assert read_delivery(json.dumps(told), now=NOW).alerts[0].title == "x"


@pytest.mark.parametrize("name", FIXTURES)
def test_what_was_sent_is_kept_whole(name: str) -> None:
    alerts = delivered(name).alerts
    if len(alerts) == 1:
        assert alerts[0].raw == payload(name)
        assert read_alert(body(name), now=NOW).raw == payload(name)
    for alert in alerts:
        assert read_delivery(json.dumps(alert.raw), now=NOW).alerts[:1] == (alert,)


@pytest.mark.parametrize(
    ("fires", "ends"),
    [
        ("pagerduty-triggered", "pagerduty-resolved"),
        ("pagerduty-priority-updated", "pagerduty-resolved"),
        ("opsgenie-create", "opsgenie-close"),
        ("datadog-triggered", "datadog-recovered"),
        ("cloudwatch-sns-alarm", "cloudwatch-sns-ok"),
        ("cloudwatch-sns-alarm", "cloudwatch-event-ok"),
        ("cloudwatch-event-tagged", "cloudwatch-event-ok"),
        ("sentry-issue-alert", "sentry-issue-resolved"),
        ("sentry-metric-critical", "sentry-metric-warning"),
        ("sentry-metric-critical", "sentry-metric-resolved"),
    ],
)
def test_the_same_trouble_has_one_identity_however_it_stands(fires: str, ends: str) -> None:
    first, last = delivered(fires).alerts[0], delivered(ends).alerts[0]
    assert identity_of(first) == identity_of(last)
    assert (first.fingerprint, first.group) == (last.fingerprint, last.group)


@pytest.mark.parametrize("source", ["grafana", "alertmanager"])
def test_an_alert_of_a_group_has_one_identity_however_it_stands(source: str) -> None:
    entry = payload("grafana-group")["alerts"][0]
    over = {**entry, "status": "resolved", "endsAt": "2026-03-02T11:59:00Z"}
    first, last = (read_delivery(json.dumps({"alerts": [e]}), now=NOW, source=source).alerts[0] for e in (entry, over))
    assert (first.state.value, last.state.value) == ("firing", "resolved")
    assert identity_of(first) == identity_of(last)


def test_no_two_troubles_of_the_fixtures_have_one_identity() -> None:
    troubles = {(a.source, a.title, a.fingerprint) for name in FIXTURES for a in delivered(name).alerts}
    identities = {identity_of(a) for name in FIXTURES for a in delivered(name).alerts}
    assert len(identities) == len(troubles)


def test_the_names_of_the_sources_are_what_they_are_known_by() -> None:
    assert [f.NAME for f in FORMATS] == [
        "pagerduty", "sentry", "opsgenie", "cloudwatch", "grafana", "alertmanager", "datadog", "generic",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "part", "says"),
    [
        ("pagerduty-triggered", {"event": {"event_type": "incident.triggered", "data": {"id": "P1"}}}, "incident has no title"),
        ("opsgenie-create", {"alert": {"alertId": "1"}}, "no message"),
        ("sentry-issue-created", {"data": {"issue": {"id": "1"}}}, "issue has no title"),
        ("cloudwatch-event-alarm", {"detail": {"state": {"value": "ALARM"}}}, "alarm has no name"),
        ("datadog-triggered", {"alert_title": ""}, "no title"),
    ],
)
def test_a_delivery_without_what_names_the_trouble_is_refused(name: str, part: dict[str, Any], says: str) -> None:
    with pytest.raises(AlertError, match=says) as caught:
        told(name, **part)
    assert caught.value.remedy


@pytest.mark.parametrize("title", [True, {"name": "x"}, ["x"], None, "", "\u200b"])
def test_what_is_no_text_is_no_title(title: object) -> None:
    event = payload("pagerduty-triggered")["event"]
    event["data"]["title"] = title
    with pytest.raises(AlertError, match="no title"):
        told("pagerduty-triggered", event=event)


class TestPagerDuty:
    @pytest.mark.parametrize(
        ("kind", "alerts"),
        [
            ("triggered", 1), ("reopened", 1), ("escalated", 1), ("priority_updated", 1), ("resolved", 1), ("acknowledged", 0),
            ("unacknowledged", 0), ("delegated", 0), ("reassigned", 0), ("responder.added", 0), ("responder.replied", 0),
            ("status_update_published", 0), ("a_kind_of_next_year", 0),
        ],
    )  # fmt: skip
    def test_an_event_tells_of_trouble_or_its_end_or_is_noted(self, kind: str, alerts: int) -> None:
        event = {**payload("pagerduty-triggered")["event"], "event_type": f"incident.{kind}"}
        delivery = told("pagerduty-triggered", event=event)
        assert (len(delivery.alerts), kind in delivery.note) == (alerts, not alerts)

    def test_an_incident_that_was_resolved_meanwhile_is_resolved_whatever_the_event(self) -> None:
        event = payload("pagerduty-priority-updated")["event"]
        event["data"]["status"] = "resolved"
        assert told("pagerduty-triggered", event=event).alerts[0].state.value == "resolved"

    @pytest.mark.parametrize(("word", "level"), [("P1", "critical"), ("P3", "medium"), ("P5", "low"), ("SEV-2", "high")])
    def test_its_priorities_count_from_one(self, word: str, level: str) -> None:
        event = payload("pagerduty-priority-updated")["event"]
        event["data"]["priority"]["summary"] = word
        alert = told("pagerduty-triggered", event=event).alerts[0]
        assert (alert.severity_label, alert.level) == (word, level)

    def test_labels_and_link_are_there(self) -> None:
        alert = delivered("pagerduty-priority-updated").alerts[0]
        assert alert.labels == {"service": "checkout", "urgency": "high", "priority": "P1", "team": "Shop", "number": "212"}
        assert alert.annotations == {"link": "https://shop.pagerduty.com/incidents/PGR0VU2"}


class TestOpsgenie:
    def test_tags_details_and_entity_are_labels(self) -> None:
        alert = delivered("opsgenie-create").alerts[0]
        assert alert.labels == {"service": "payment", "tier1": "", "region": "eu-1", "entity": "payment-api"}
        assert alert.summary == "declined: 100 % since 11:55"

    def test_an_action_that_a_team_made_up_is_noted(self) -> None:
        assert "Restart it" in told("opsgenie-create", action="Restart it").note


class TestDatadog:
    @pytest.mark.parametrize(
        ("transition", "state"),
        [
            ("Triggered", "firing"), ("Re-Triggered", "firing"), ("Warn", "firing"), ("Re-Warn", "firing"), ("No Data", "firing"),
            ("Re-No Data", "firing"), ("Renotify", "firing"), ("Recovered", "resolved"), ("$ALERT_TRANSITION", "firing"),
        ],
    )  # fmt: skip
    def test_every_transition_is_a_state(self, transition: str, state: str) -> None:
        assert told("datadog-triggered", alert_transition=transition).alerts[0].state.value == state

    def test_the_title_tells_the_transition_where_nothing_else_does(self) -> None:
        over = told("datadog-default-template", title="[Recovered on {host:web-1}] checkout answers slowly").alerts[0]
        warned = delivered("datadog-default-template").alerts[0]
        assert (over.title, over.state.value) == (warned.title, "resolved")
        assert identity_of(over) == identity_of(warned)

    def test_other_hosts_are_other_troubles(self) -> None:
        other = told("datadog-default-template", title="[Warn on {host:web-9}] checkout answers slowly").alerts[0]
        assert identity_of(other) != identity_of(delivered("datadog-default-template").alerts[0])

    def test_a_priority_in_brackets_is_no_transition(self) -> None:
        sent = told("datadog-triggered", alert_title="[P3] checkout answers slowly", alert_transition="", alert_type="success")
        assert (sent.alerts[0].title, sent.alerts[0].state.value) == ("checkout answers slowly", "resolved")

    def test_a_bracket_that_is_part_of_the_name_stays(self) -> None:
        assert told("datadog-triggered", alert_title="[checkout] slow").alerts[0].title == "[checkout] slow"

    @pytest.mark.parametrize(
        ("fields", "word", "level"),
        [
            ({"alert_priority": "P1"}, "P1", "critical"),
            ({"alert_priority": "P3"}, "P3", "medium"),
            ({"alert_priority": "", "alert_type": "warning"}, "warning", "medium"),
            ({"alert_priority": "$ALERT_PRIORITY", "alert_type": "error"}, "error", "high"),
            ({"alert_priority": "normal", "alert_type": "", "alert_transition": "Re-Warn"}, "warning", "medium"),
            ({"alert_priority": "", "alert_type": ""}, None, "unknown"),
        ],
    )
    def test_priority_goes_before_type_and_transition(self, fields: dict[str, str], word: str | None, level: str) -> None:
        alert = told("datadog-triggered", **fields).alerts[0]
        assert (alert.severity_label, alert.level) == (word, level)

    def test_names_count_without_case_and_underscores(self) -> None:
        shouted = {name.upper(): value for name, value in payload("datadog-triggered").items()}
        assert line(read_delivery(json.dumps(shouted), now=NOW).alerts[0]) == READ["datadog-triggered"][0]


class TestCloudWatch:
    def test_the_reason_is_in_the_summary_and_the_dimensions_are_labels(self) -> None:
        alert = delivered("cloudwatch-sns-alarm").alerts[0]
        assert alert.summary.startswith("checkout fails Threshold Crossed")
        assert alert.labels["Stage"] == "prod"
        assert alert.labels["metric"] == "Errors"

    def test_an_event_inside_an_sns_message_is_read(self) -> None:
        inner = payload("cloudwatch-event-alarm")
        assert line(told("cloudwatch-sns-alarm", Message=json.dumps(inner)).alerts[0]) == READ["cloudwatch-event-alarm"][0]

    def test_raw_delivery_is_read(self) -> None:
        inner = payload("cloudwatch-sns-alarm")["Message"]
        alert = read_delivery(inner, now=NOW, headers={"X-Amz-Sns-Rawdelivery": "true"}).alerts[0]
        assert line(alert) == READ["cloudwatch-sns-alarm"][0]

    @pytest.mark.parametrize("message", ["good morning", "[]", "{}", '{"a": ' * 200 + "1" + "}" * 200, "[" * 100_000])
    def test_an_sns_message_that_is_no_alarm_is_generic_by_its_subject(self, message: str) -> None:
        sent = told("cloudwatch-sns-alarm", Message=message, Subject="from the shop")
        assert (sent.source, sent.alerts[0].title) == ("generic", "from the shop")

    @pytest.mark.parametrize(
        "address",
        [
            "https://evil.example/?Action=ConfirmSubscription",
            "http://sns.eu-central-1.amazonaws.com/",
            "https://sns.eu-central-1.amazonaws.com.evil.example/",
            "https://sns.eu-central-1.amazonaws.com@evil.example/",
            "https://sns.eu-central-1.amazonaws.com/?a=1 https://evil.example/",
            "https://evil.example/?sns.eu-central-1.amazonaws.com/x",
            7,
        ],
    )
    def test_a_confirmation_with_somebody_elses_address_does_not_show_it(self, address: object) -> None:
        note = told("cloudwatch-sns-confirmation", SubscribeURL=address).note
        assert "do not open it" in note
        assert "evil" not in note

    def test_the_header_tells_a_confirmation_as_well(self) -> None:
        sent = {name: value for name, value in payload("cloudwatch-sns-confirmation").items() if name != "Type"}
        headers = {"X-Amz-SNS-Message-Type": "SubscriptionConfirmation"}
        assert "if it is yours" in read_delivery(json.dumps(sent), now=NOW, headers=headers).note

    def test_records_keep_what_stands_beside_them(self) -> None:
        sent = {**payload("cloudwatch-lambda-records"), "beside": 1}
        alerts = read_delivery(json.dumps(sent), now=NOW).alerts
        assert [a.raw for a in alerts] == [{"Records": [record], "beside": 1} for record in sent["Records"]]


class TestSentry:
    @pytest.mark.parametrize("resource", ["installation", "comment", "error", "seer"])
    def test_other_resources_are_no_alerts(self, resource: str) -> None:
        sent = json.dumps({"action": "created", "data": {resource: {"id": "1"}}, "installation": {"uuid": "1"}})
        delivery = read_delivery(sent, now=NOW, headers={"Sentry-Hook-Resource": resource})
        assert (delivery.alerts, delivery.note) == ((), f"Sentry's {resource} created is no alert")

    def test_the_header_agrees_with_the_data_it_came_with(self) -> None:
        headers = {"SENTRY-HOOK-RESOURCE": "event_alert"}
        assert delivered("sentry-issue-alert", headers=headers) == delivered("sentry-issue-alert")

    def test_actions_on_an_issue_that_are_peoples_work_are_noted(self) -> None:
        assert "archived" in told("sentry-issue-created", action="archived").note

    def test_tags_and_rule_are_labels_and_the_project_is_found_in_the_address(self) -> None:
        labels = delivered("sentry-issue-alert").alerts[0].labels
        assert (labels["environment"], labels["rule"], labels["project"]) == ("production", "Page us", "cart")

    def test_projects_of_any_kind_can_be_stored(self) -> None:
        data = payload("sentry-metric-critical")["data"]
        data["metric_alert"]["projects"] = "\ud800 cart\n"
        alert = told("sentry-metric-critical", data=data).alerts[0]
        assert (alert.labels["projects"], alert.service) == ("cart", None)
        assert Alert.model_validate_json(alert.model_dump_json()) == alert

    def test_a_service_among_the_tags_goes_before_the_project(self) -> None:
        data = payload("sentry-issue-alert")["data"]
        data["event"]["tags"].append(["service", "cart-worker"])
        assert told("sentry-issue-alert", data=data).alerts[0].service == "cart-worker"
