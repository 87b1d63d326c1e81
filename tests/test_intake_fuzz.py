"""Whatever is posted is read or refused: no exception but AlertError, and what is read can be stored and known again.

INTAKE_EXAMPLES sets how many payloads each test makes up; a run of 10,000 takes a few minutes.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexus.errors import AlertError
from nexus.incident import Alert
from nexus.incident.alert import identity_of
from nexus.intake.delivery import Delivery
from nexus.intake.read import FORMATS, read_alert, read_delivery

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FIXTURES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((Path(__file__).parent / "alerts").glob("*.json"))}
EXAMPLES = int(os.environ.get("INTAKE_EXAMPLES", "150"))
HARD = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_in(inner)


NAMES = st.sampled_from(sorted(set(keys_in(FIXTURES)) | {"resolved", "dedup_key", "incident_key", "labels", "priority"}))
TELLING = (
    "\ud800", "", "2026-03-02T11:00:00Z", "0001-01-01T00:00:00Z", "firing", "resolved", "OK", "ALARM", "Close", "P1", 10**40,
    "aws.cloudwatch", "SubscriptionConfirmation", "incident.resolved", "pagey.ping", "$ALERT_TITLE", "[Triggered] [", "[" * 50,
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(TELLING)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)
HEADERS = st.dictionaries(
    st.sampled_from(["Sentry-Hook-Resource", "x-amz-sns-message-type"]),
    st.sampled_from(["event_alert", "issue", "metric_alert", "installation", "SubscriptionConfirmation", "Notification"])
    | st.text(max_size=5),
    max_size=2,
)
SOURCES = st.none() | st.sampled_from([f.NAME for f in FORMATS])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a payload where something can be put."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A source's own payload, up to four places of which hold something else, or nothing; those inside a JSON string too."""
    payload = copy.deepcopy(draw(st.sampled_from(list(FIXTURES.values()))))
    inner = json.loads(payload["Message"]) if str(payload.get("Message", "")).startswith("{") and draw(st.booleans()) else None
    for _ in range(draw(st.integers(1, 4))):
        held, key = draw(st.sampled_from(list(places(inner or payload)) or [(payload, "title")]))
        if isinstance(held, dict) and draw(st.booleans()):
            held.pop(key, None)
        else:
            held[key] = draw(VALUES)
    if inner is not None:
        payload["Message"] = json.dumps(inner)
    return payload


def reads_or_refuses(read: Callable[[], Delivery | Alert]) -> None:
    try:
        found = read()
    except AlertError as error:
        refusal = error
    else:
        holds(found if isinstance(found, Delivery) else Delivery("file", (found,)))
        return
    assert refusal.remedy
    assert "\n" not in str(refusal)


def holds(delivery: Delivery) -> None:
    assert delivery.alerts or delivery.note
    assert "\n" not in delivery.note
    for alert in delivery.alerts:
        assert alert.title
        assert alert.raw
        assert alert.starts_at <= NOW
        again = Alert.model_validate_json(alert.model_dump_json())
        assert again == alert
        assert identity_of(again) == identity_of(alert)
    if delivery.alerts:
        assert delivery.lead in delivery.alerts


@HARD
@given(VALUES, HEADERS, SOURCES)
def test_whatever_json_comes_it_is_read_or_refused(payload: Any, headers: dict[str, str], source: str | None) -> None:
    reads_or_refuses(partial(read_delivery, json.dumps(payload), now=NOW, headers=headers, source=source))


@HARD
@given(damaged(), HEADERS, SOURCES)
def test_a_damaged_payload_of_a_source_is_read_or_refused(payload: Any, headers: dict[str, str], source: str | None) -> None:
    reads_or_refuses(partial(read_delivery, json.dumps(payload), now=NOW, headers=headers, source=source))


@HARD
@given(damaged())
def test_a_damaged_file_is_read_or_refused(payload: Any) -> None:
    reads_or_refuses(partial(read_alert, json.dumps(payload), now=NOW))


@HARD
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_whatever_bytes_come_they_are_read_or_refused(content: bytes | str) -> None:
    reads_or_refuses(partial(read_delivery, content, now=NOW))
