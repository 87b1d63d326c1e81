"""docs/alerts.md is true: its examples are read as it says, its tables name what the code has."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nexus.incident import Alert
from nexus.intake import generic
from nexus.intake.delivery import MOST
from nexus.intake.read import FORMATS, LIMIT, read_alert, read_delivery
from nexus.intake.signatures import SIGNED

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PAGE = (Path(__file__).parents[1] / "docs/alerts.md").read_text(encoding="utf-8")
TEMPLATE, FORM = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def table(after: str) -> list[list[str]]:
    """The rows of the first table after that text."""
    lines = PAGE.split(after, 1)[1].splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("| ---"))
    rows = []
    for line in lines[begin + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_generic_form_is_read_as_the_page_shows_it() -> None:
    shown: dict[str, Any] = json.loads(FORM)
    alert = read_alert(FORM, now=NOW)
    assert {
        name: getattr(alert, name) for name in ("title", "summary", "service", "fingerprint", "group", "source", "labels")
    } == {name: shown[name] for name in ("title", "summary", "service", "fingerprint", "group", "source", "labels")}
    assert (alert.level, alert.state.value, alert.annotations) == ("high", shown["status"], shown["annotations"])
    assert (alert.starts_at, alert.notes) == (datetime(2026, 3, 2, 11, 52, tzinfo=UTC), ())


def test_the_form_shows_every_field_of_its_table() -> None:
    rows = table("## The generic form")
    assert [row[0].strip("`") for row in rows if row[0].strip("`") not in json.loads(FORM)] == []
    assert {row[0].strip("`") for row in rows} == json.loads(FORM).keys()


FIELDS = {
    "title": generic._TITLE,
    "summary": generic._SUMMARY,
    "service": generic._SERVICE,
    "severity": generic._SEVERITY,
    "status": generic._STATE,
    "starts_at": generic._START,
    "fingerprint": generic._IDENTITY,
    "group": generic._GROUP,
}


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_other_name_of_a_field_is_on_the_page(field: str) -> None:
    row = next(row for row in table("## The generic form") if row[0] == f"`{field}`")
    named = set(re.findall(r"`([a-z_]+)`", " ".join(row[:2])))
    plain = {name for name in FIELDS[field] if name == name.lower()}
    assert plain <= named
    assert {re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name) for name in FIELDS[field]} == plain


def test_every_source_is_on_the_page_with_what_proves_its_sender() -> None:
    rows = {row[0].strip("`"): row[2] for row in table("$ nexus run")}
    assert rows.keys() == {f.NAME for f in FORMATS}
    assert {name for name, proof in rows.items() if "ignature" in proof} == SIGNED


def test_every_source_has_its_fields_on_the_page() -> None:
    named = {name for row in table("## What is read into which field") for name in re.findall(r"`(\w+)`", row[0])}
    assert named == {f.NAME for f in FORMATS}


def filled(**values: str) -> Alert:
    text = re.sub(r"\$([A-Z_]+)", lambda found: values.get(found[1], found[0]), TEMPLATE)
    return read_delivery(text, now=NOW, source="datadog").alerts[0]


def test_datadogs_template_has_all_that_is_read() -> None:
    alert = filled(
        ALERT_TITLE="[Triggered on {host:web-1}] slow", ALERT_TRANSITION="Triggered", ALERT_PRIORITY="P1", ALERT_CYCLE_KEY="77",
        AGGREG_KEY="9b", TEXT_ONLY_MSG="p95 is above 2 s", TAGS="service:checkout,env:prod", DATE="1772452620000",
        LINK="https://app.datadoghq.com/monitors/1",
    )  # fmt: skip
    assert (alert.title, alert.service, alert.level, alert.fingerprint, alert.group) == (
        "slow",
        "checkout",
        "critical",
        "77",
        "9b",
    )
    assert (alert.summary, alert.labels["env"], alert.annotations["link"][:12]) == ("p95 is above 2 s", "prod", "https://app.")
    assert (alert.starts_at, alert.notes) == (datetime(2026, 3, 2, 11, 57, tzinfo=UTC), ())
    bare = filled(ALERT_TITLE="slow", ALERT_TRANSITION="Recovered")
    assert (bare.state.value, bare.severity_label, bare.fingerprint, bare.group, bare.labels) == ("resolved", None, "", "", {})


def test_the_limits_are_as_the_page_says() -> None:
    assert f"{LIMIT // 1024 // 1024} MB a body" in PAGE
    assert f"of a group {MOST:,} alerts" in PAGE
