"""CloudWatch: alarms by SNS (an envelope with the alarm as JSON in a string) and by EventBridge.

AWS documentation: CloudWatch, "Alarm events and EventBridge"; SNS, "HTTP/HTTPS notification JSON format" and "subscription
confirmation JSON format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.content import parsed
from nexus.intake.delivery import Delivery
from nexus.intake.fields import at, line, part, parts
from nexus.intake.moment import read_moment
from nexus.intake.posted import Posted
from nexus.intake.service import service_in
from nexus.intake.text import tidy, words

NAME = "cloudwatch"
_CHANGE = "CloudWatch Alarm State Change"
_STATES = {"ALARM": AlertState.FIRING, "OK": AlertState.RESOLVED}
_OF_SNS = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/[!-~]+")
_SERVICES = ("Service", "ServiceName", "FunctionName")


def recognises(posted: Posted) -> bool:
    """An alarm, alone or in an SNS envelope, or SNS asking for its subscription to be confirmed."""
    return _handshake(posted) != "" or any(True for _ in _alarms(posted))


def read(posted: Posted) -> Delivery:
    """Every alarm, or no alert with a note. Raises AlertError when an alarm has no name."""
    if handshake := _handshake(posted):
        return Delivery(NAME, note=_asked(posted.payload, handshake))
    alerts, notes = [], []
    for raw, alarm in _alarms(posted):
        told = _event(alarm) if "detail" in alarm else _message(alarm)
        if not told["title"]:
            raise AlertError("the CloudWatch alarm has no name", "send what SNS or EventBridge sends as it is")
        if alarm.get("detail-type", _CHANGE) != _CHANGE:
            notes.append(f"{line(alarm, 'detail-type')} of {told['title']} is no change of the alarm's state")
        elif told["state"] not in _STATES:
            notes.append(f"{told['title']} is in {told['state'] or 'no state'}: neither alarm nor OK")
        else:
            alerts.append(_alert(told, raw, posted.now))
    return Delivery(NAME, tuple(alerts), "; ".join(notes))


def _handshake(posted: Posted) -> str:
    """SNS' word for what it asks or tells about the subscription itself; empty for a notification and without SNS."""
    kind = line(posted.payload, "Type") or posted.headers.get("x-amz-sns-message-type", "")
    return kind if kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation") else ""


def _asked(payload: Mapping[str, Any], kind: str) -> str:
    """What SNS asks, with the address only where it is one of SNS: anybody can post a forged one."""
    address, topic = line(payload, "SubscribeURL", limit=2000), line(payload, "TopicArn", limit=300)
    if kind == "UnsubscribeConfirmation":
        return f"the subscription of {topic} was ended"
    if not _OF_SNS.fullmatch(address):
        return f"somebody asks to confirm a subscription of {topic}, with an address that is not of SNS: do not open it"
    return f"SNS asks to confirm the subscription of {topic}: if it is yours, open {address}"


def _alarms(posted: Posted) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Every alarm with its part of the payload: bare, of an SNS envelope, or of several as Lambda hands them on."""
    kept = dict(posted.kept)
    if _is_alarm(posted.payload):
        yield kept, posted.payload
    elif (alarm := _inside(posted.payload)) is not None:
        yield kept, alarm
    records = at(posted.payload, "Records")
    for record, whole in zip(records, kept["Records"], strict=True) if isinstance(records, list) else ():
        if (alarm := _inside(part(record, "Sns"))) is not None:
            yield {**kept, "Records": [whole]}, alarm


def _is_alarm(value: Mapping[str, Any]) -> bool:
    return ("AlarmName" in value and "NewStateValue" in value) or (value.get("source") == "aws.cloudwatch" and "detail" in value)


def _inside(envelope: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The alarm in an SNS envelope, None when its message is something else."""
    message = envelope.get("Message")
    if not isinstance(message, str) or "TopicArn" not in envelope:
        return None
    try:
        alarm, _ = parsed(message)
    except AlertError:
        return None
    return alarm if _is_alarm(alarm) else None


def _message(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """SNS' form of an alarm."""
    trigger = part(alarm, "Trigger")
    metrics = [part(metric, "MetricStat", "Metric") for metric in parts(trigger, "Metrics")]
    measured = trigger if line(trigger, "MetricName") else next((m for m in metrics if m), {})
    return {
        "title": line(alarm, "AlarmName", limit=500),
        "state": line(alarm, "NewStateValue"),
        "why": (line(alarm, "AlarmDescription", limit=1000), line(alarm, "NewStateReason", limit=1000)),
        "changed": alarm.get("StateChangeTime"),
        "arn": line(alarm, "AlarmArn", limit=500),
        "dimensions": words(measured.get("Dimensions")),
        "labels": {
            "namespace": line(measured, "Namespace"),
            "metric": line(measured, "MetricName"),
            "region": line(alarm, "Region"),
            "account": line(alarm, "AWSAccountId"),
        },
    }


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    """EventBridge's form of an alarm."""
    detail = part(event, "detail")
    metrics = [part(metric, "metricStat", "metric") for metric in parts(detail, "configuration", "metrics")]
    measured = next((metric for metric in metrics if metric), {})
    named = at(event, "resources")
    return {
        "title": line(detail, "alarmName", limit=500),
        "state": line(detail, "state", "value"),
        "why": (line(detail, "configuration", "description", limit=1000), line(detail, "state", "reason", limit=1000)),
        "changed": at(detail, "state", "timestamp") or event.get("time"),
        "arn": line(named[0], limit=500) if isinstance(named, list) and named else "",
        "dimensions": words(measured.get("dimensions")) | words(detail.get("alarmTags")),
        "labels": {
            "namespace": line(measured, "namespace"),
            "metric": line(measured, "name"),
            "region": line(event, "region"),
            "account": line(event, "account"),
        },
    }


def _alert(told: Mapping[str, Any], raw: dict[str, Any], now: datetime) -> Alert:
    """An alarm as an alert; its service is the dimension or tag that names one, else the first dimension."""
    dimensions = told["dimensions"]
    starts_at, note = read_moment(told["changed"], now)
    description, reason = told["why"]
    return Alert(
        title=told["title"],
        service=service_in(dimensions, *_SERVICES) or next((value for value in dimensions.values() if value), None),
        state=_STATES[told["state"]],
        severity_label=dimensions.get("severity") or None,
        summary=tidy(f"{description} {reason}", 2000),
        starts_at=starts_at,
        source=NAME,
        fingerprint=told["arn"],
        labels={name: value for name, value in told["labels"].items() if value} | dimensions,
        notes=(note,) if note else (),
        raw=raw,
    )
