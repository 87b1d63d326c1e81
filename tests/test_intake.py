"""Reading alerts: every payload becomes an alert with notes on what was assumed, or one line with what to do."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake import load_alert, read_alert
from nexus.intake.moment import read_moment
from nexus.intake.read import LIMIT

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALERTS = Path(__file__).parent / "alerts"


def read(payload: Any) -> Alert:
    return read_alert(json.dumps(payload), now=NOW)


def test_an_alertmanager_group_is_led_by_its_worst_firing_alert() -> None:
    alert = load_alert(ALERTS / "alertmanager-group.json", now=NOW)
    assert (alert.title, alert.service, alert.level) == ("CheckoutErrors", "checkout", "critical")
    assert (alert.state, alert.source, alert.fingerprint) == (AlertState.FIRING, "alertmanager", "b2")
    assert alert.starts_at == datetime(2026, 3, 2, 11, 57, 30, 123456, tzinfo=UTC)
    assert alert.summary == "checkout fails for 12 % of users"
    assert alert.notes == ("a group of 3 alerts, 2 firing; the worst firing one leads",)
    assert alert.raw["groupKey"] == "{}:{team=shop}"


def test_a_group_that_is_resolved_altogether_is_read_as_resolved_with_a_note() -> None:
    alert = load_alert(ALERTS / "alertmanager-resolved.json", now=NOW)
    assert alert.state is AlertState.RESOLVED
    assert "resolved already" in alert.notes[-1]


def test_a_generic_alert_is_read_by_common_names() -> None:
    alert = load_alert(ALERTS / "generic.json", now=NOW)
    assert (alert.title, alert.service, alert.level, alert.source) == (
        "Typo on the help page",
        "help-pages",
        "low",
        "support-desk",
    )
    assert alert.starts_at == datetime(2026, 3, 2, 11, 50, tzinfo=UTC)
    assert (alert.labels, alert.notes) == ({"page": "returns", "count": "2"}, ())
    assert alert.raw["anything_else"] == {"kept": [1, 2]}


@pytest.mark.parametrize("field", ["title", "alertname", "name", "message", "summary", "description", "Title"])
def test_the_title_is_found_under_its_usual_names(field: str) -> None:
    assert read({field: "it hurts"}).title == "it hurts"


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("critical", "critical"), ("PAGE", "critical"), ("P0", "critical"), ("sev-1", "critical"), (1, "critical"),
        ("error", "high"), ("High", "high"), ("P1", "high"), ("major", "high"), ("SEV2", "high"),
        ("warning", "medium"), ("P2", "medium"), ("minor", "medium"),
        ("low", "low"), ("info", "low"), ("P3", "low"), ("purple", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_words_for_severity_are_read_as_five_levels_and_kept(word: Any, level: str) -> None:
    alert = read({"title": "x", "severity": word})
    assert alert.level == level
    assert alert.severity_label == (None if word is None else str(word))


EARLIER = datetime(2026, 3, 2, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment", "note"),
    [
        ("2026-03-02T11:30:00Z", EARLIER, ""),
        ("2026-03-02T12:30:00+01:00", EARLIER, ""),
        ("2026-03-02T11:30:00.000000001Z", EARLIER, ""),
        ("2026-03-02 11:30:00", EARLIER, "UTC is assumed"),
        (EARLIER.timestamp(), EARLIER, ""),
        (int(EARLIER.timestamp()) * 1000, EARLIER, ""),
        (int(EARLIER.timestamp()) * 10**9, EARLIER, ""),
        (str(int(EARLIER.timestamp())), EARLIER, ""),
        ("2026-03-02T12:04:00Z", NOW, ""),
        ("2026-03-02T12:06:00Z", NOW, "future"),
        ("0001-01-01T00:00:00Z", NOW, "placeholder"),
        ("0001-01-01T00:00:00+09:00", NOW, "could not be read"),
        ("yesterday", NOW, "could not be read"),
        (True, NOW, "could not be read"),
        (float("nan"), NOW, "could not be read"),
        (1e300, NOW, "could not be read"),
        ([1], NOW, "could not be read"),
        (None, NOW, "no start time"),
    ],
)
def test_a_start_time_is_read_or_assumed_with_a_note(value: object, moment: datetime, note: str) -> None:
    read_at, said = read_moment(value, NOW)
    assert read_at == moment
    assert note in said
    assert bool(note) == bool(said)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("{", "not JSON"),
        ("alert: high", "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"\x80abc", "not UTF-8"),
        ("[]", "is a list"),
        ('[{"title": "x"}]', "is a list"),
        ("7", "is a number"),
        ('"x"', "is text"),
        ("null", "is null"),
        ("true", "is a truth value"),
        ("{}", "empty object"),
        ('{"severity": "high"}', "no title"),
        ('{"title": {}, "name": []}', "no title"),
        ('{"title": "\\u0007\\ud800"}', "no title"),
        ('{"alerts": []}', "list is empty"),
        ('{"alerts": "none"}', "not a list"),
        ('{"alerts": [1, "x"]}', "is an object"),
        ('{"alerts": [{"labels": 3}]}', "alertname"),
        ("[" * 200_000, "nested too deep"),
        ('{"title": "x", "a": ' + "[" * 150 + "]" * 150 + "}", "nested more than"),
        ('{"title": "x", "n": ' + "9" * 5000 + "}", "too long"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_what_to_do(content: bytes | str, says: str) -> None:
    with pytest.raises(AlertError) as caught:
        read_alert(content, now=NOW)
    assert says in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        '{"title": "x",\r\n "service": "web"}\r\n',
        '\ufeff{"title": "x", "service": "web"}',
        '{"title": "x", "service": {"name": "web", "id": 4}}',
    ],
)
def test_windows_line_ends_a_byte_order_mark_and_nested_names_are_read(content: str) -> None:
    for form in (content, content.encode(), content.lstrip("\ufeff").encode("utf-16")):
        assert read_alert(form, now=NOW).service == "web"


def test_a_field_that_occurs_twice_is_noted() -> None:
    alert = read_alert('{"title": "x", "title": "y", "time": "2026-03-02T11:30:00Z"}', now=NOW)
    assert (alert.title, alert.notes) == ("y", ("a field occurs twice: its last value is used",))


def test_control_characters_and_lone_surrogates_leave_the_title_and_stay_in_raw() -> None:
    alert = read_alert('{"title": "a\\u0000\\u202e\\n b\\ud800 é 🚨", "v": NaN, "w": Infinity}', now=NOW)
    assert alert.title == "a b é 🚨"
    assert alert.raw["title"] == "a\x00\u202e\n b\\ud800 é 🚨"
    assert (alert.raw["v"], alert.raw["w"]) == ("nan", "inf")
    assert Alert.model_validate_json(alert.model_dump_json()) == alert


def test_a_title_of_any_length_is_cut_to_five_hundred() -> None:
    assert len(read({"title": "x" * 100_000}).title) == 500


def test_a_resolved_generic_alert_is_allowed_and_noted() -> None:
    alert = read({"title": "x", "status": "Resolved"})
    assert alert.state is AlertState.RESOLVED
    assert "resolved already" in alert.notes[-1]


def test_labels_are_read_from_objects_and_from_lists() -> None:
    assert read({"title": "x", "tags": ["env:prod", "bare", {"name": "team", "value": 3}, 7]}).labels == {
        "env": "prod",
        "bare": "",
        "team": "3",
    }
    assert read({"title": "x", "labels": {"a": None, "b": [1], "c": True}}).labels == {"a": "", "b": "[1]", "c": "true"}


def test_an_entry_of_a_group_without_a_name_is_passed_over_with_a_note() -> None:
    alert = read({"alerts": [{"status": "firing"}, 4, {"labels": {"alertname": "Real"}, "endsAt": "2026-03-02T11:00:00Z"}]})
    assert (alert.title, alert.state) == ("Real", AlertState.RESOLVED)
    assert "2 entries" in alert.notes[-1]


def test_a_file_that_is_missing_or_a_folder_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path, Path("a\0b")):
        with pytest.raises(AlertError) as caught:
            load_alert(path, now=NOW)
        assert caught.value.remedy


def test_a_file_of_fifty_megabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "big.json"
    with file.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    with pytest.raises(AlertError, match="50 MB"):
        load_alert(file, now=NOW)


def test_standard_input_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"title": "x"}')))
    assert load_alert("-", now=NOW).title == "x"
    endless = io.BytesIO(b" " * (LIMIT + 5))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=endless))
    with pytest.raises(AlertError, match="more than 10 MB"):
        load_alert("-", now=NOW)
    with pytest.raises(AlertError, match="more than 10 MB"):
        read_alert(b" " * (LIMIT + 1), now=NOW)


@given(st.datetimes() | st.datetimes(timezones=st.just(UTC)))
def test_a_start_never_lies_after_its_receipt(moment: datetime) -> None:
    assert read_moment(moment.isoformat(), NOW)[0] <= NOW + timedelta(0)
