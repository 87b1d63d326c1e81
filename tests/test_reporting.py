"""A person's report: what its words say of where and since when, and the incident that it begins."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nexus.cli import app
from nexus.errors import AlertError
from nexus.intake.report import begun_in, report_body, service_in

NOW = datetime(2026, 5, 4, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("checkout is slow since noon", (4, 12, 0)),
        ("nothing works since midnight", (4, 0, 0)),
        ("since about 13:45 the page hangs", (4, 13, 45)),
        ("since 9.05 no logins", (4, 9, 5)),
        ("broken since 23:50", (3, 23, 50)),
        ("slow for 20 minutes", (4, 14, 10)),
        ("gone for about 2 hours", (4, 12, 30)),
        ("since 25:00 it is strange", None),
        ("checkout is slow", None),
        ("it was fine at the noon meeting", None),
    ],
)
def test_when_it_began_is_read_from_the_words(text: str, begun: tuple[int, int, int] | None) -> None:
    found = begun_in(text, NOW)
    assert (found and (found.day, found.hour, found.minute)) == begun


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("Checkout is slow", "checkout"),
        ("the checkout-db is full", "checkout-db"),
        ("checkouts are slow", None),
        ("everything is slow", None),
    ],
)
def test_where_it_is_is_read_from_the_catalogs_names(text: str, service: str | None) -> None:
    assert service_in(text, ["checkout", "checkout-db", "web"]) == service


def test_a_report_is_an_incident_that_is_handled_to_its_end(tmp_path: Path) -> None:
    out = str(tmp_path / "incidents")
    done = CliRunner().invoke(
        app,
        ["report", "checkout is slow", "--world", "sandbox:bad-flag", "--out", out, "--approve", "auto"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    last = done.output.strip().splitlines()[-1]
    assert last.startswith("opened INC-")
    assert f"--out {out}" in last
    (folder,) = Path(out).glob("INC-*")
    assert "checkout is slow" in (folder / "incident.json").read_text(encoding="utf-8")


def test_a_report_without_words_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", " ", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_severity_that_is_none_is_refused_before_anything_begins(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", "it is slow", "--severity", "urgent", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "urgent is no severity: say one of P0, P1, P2, P3" in done.output
    assert not list(tmp_path.iterdir())


def test_a_report_says_where_and_since_when_wherever_it_comes_from() -> None:
    told = json.loads(report_body("checkout is slow since noon\nfor me", None, None, "ada", NOW, names=["checkout", "web"]))
    assert told["title"] == "checkout is slow since noon"
    assert (told["service"], told["starts_at"]) == ("checkout", "2026-05-04T12:00:00+00:00")
    assert json.loads(report_body("checkout is slow", "web", "P1", "ada", NOW, names=["checkout"]))["service"] == "web"
    with pytest.raises(AlertError, match="the report is empty"):
        report_body("  ", None, None, "ada", NOW)
