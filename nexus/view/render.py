"""Renderings: an incident, a list of incidents and an evaluation's table, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nexus.incident import Incident
from nexus.records.wording import UNKNOWN, count, duration, moment, plain
from nexus.view.live import SEVERITY_STYLES

Row = Mapping[str, Any]
"""One case or one system of `nexus eval --json`."""


def render_incident(incident: Incident, *, with_timeline: bool = True) -> RenderableType:
    """`nexus show`: what it was, why, what was done and how it ended."""
    parts: list[RenderableType] = [_facts(incident)]
    if incident.suspects:
        parts.append(_suspects(incident))
    if incident.actions:
        parts.append(_actions(incident))
    if incident.verification:
        parts.append(_verification(incident))
    if with_timeline:
        parts.append(_timeline(incident))
    if incident.open_questions:
        parts.append(_questions(incident))
    return Group(*parts)


def render_list(incidents: Sequence[Incident]) -> RenderableType:
    """`nexus list`: one line an incident."""
    table = _table("Id", "Severity", "Outcome", "Opened", "Took", "Cause", "Alert")
    for column in table.columns[:2]:
        column.no_wrap = True
    for incident in incidents:
        took = incident.ended_at - incident.opened_at if incident.ended_at else None
        table.add_row(
            _text(incident.id),
            _severity(incident),
            incident.outcome.value.replace("_", " "),
            moment(incident.opened_at),
            duration(took) if took else "not ended",
            _text(_cause(incident)),
            _text(incident.alert.title),
        )
    return table if incidents else Text("No incidents are recorded here.")


def render_eval_table(
    cases: Sequence[Mapping[str, Any]], summary: Mapping[str, Mapping[str, Any]] | None = None
) -> RenderableType:
    """`nexus eval`: one line a case, then a line a system; only what was not as expected is spelled out."""
    ranked = any(case.get("rank") is not None for case in cases)
    table = _table("", "Case", "System", *(("Rank",) if ranked else ()), "Expected", "Got", "Seconds")
    for case in cases:
        passed = bool(case.get("passed"))
        table.add_row(
            Text("✓", style="green") if passed else Text("✗", style="red"),
            _text(case.get("id")),
            _text(case.get("system")),
            *((_text(case.get("rank")),) if ranked else ()),
            _text(_told(case.get("expected"), None if passed else case.get("got"))),
            Text("as expected", style="dim") if passed else _text(_told(case.get("got"), case.get("expected"))),
            f"{float(case.get('seconds') or 0.0):.1f}",
        )
    good = sum(bool(case.get("passed")) for case in cases)
    parts: list[RenderableType] = [table, Text(f"{good} of {len(cases)} as expected")]
    if summary:
        totals = _table("System", "Cases", "At 1", "At 3", "At 5", "Cause")
        for system, row in summary.items():
            totals.add_row(
                _text(system), _text(row.get("n")), *(_share(row.get(name)) for name in ("at1", "at3", "at5", "cause"))
            )
        parts.append(totals)
    return Group(*parts)


def _facts(incident: Incident) -> Panel:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    took = incident.ended_at - incident.opened_at if incident.ended_at else None
    table.add_row("alert", _text(incident.alert.title))
    table.add_row("severity", _severity(incident))
    table.add_row("status", incident.status.value)
    table.add_row("outcome", f"{incident.outcome.value.replace('_', ' ')}: {incident.outcome.meaning}")
    table.add_row("opened", moment(incident.opened_at) + (f", ended after {duration(took)}" if took else ""))
    table.add_row("team", _text(", ".join(incident.team) or UNKNOWN))
    table.add_row("cause", _text(f"{_cause(incident)} ({incident.cause.status.value}, {incident.cause.confidence:.0%})"))
    table.add_row("", _text(incident.cause.statement))
    told = (("status update", incident.status_updates), ("brief", incident.briefs), ("escalation", incident.escalations))
    table.add_row("told", ", ".join(count(len(words), name) for name, words in told))
    table.add_row("evidence", count(len(incident.evidence), "look") + " at the world")
    if incident.usage.calls:
        cost = f"{incident.usage.calls} model calls, {incident.usage.prompt_tokens + incident.usage.completion_tokens} tokens"
        table.add_row("usage", f"{cost}, {incident.usage.cost_usd:.2f} USD")
    return Panel(table, title=_text(incident.id), title_align="left")


def _suspects(incident: Incident) -> Table:
    table = _table("Suspect", "Score", "Why", "Evidence")
    for suspect in incident.suspects[:5]:
        why, cited = _text("; ".join(suspect.reasons)), _text(", ".join(suspect.evidence))
        table.add_row(_text(suspect.component), f"{suspect.score:.2f}", why, cited)
    return table


def _actions(incident: Incident) -> Table:
    table = _table("Attempt", "Action", "By", "Approved by", "Result")
    for record in incident.actions:
        approved = record.approval.by if record.approval else "nobody"
        result = _text(f"{record.result.value}: {record.detail}" if record.detail else record.result.value)
        table.add_row(str(record.attempt), _text(record.action), _text(record.by), _text(approved), result)
    return table


def _verification(incident: Incident) -> Table:
    table = _table("Attempt", "Verifier", "Passed", "Checks")
    for judged in incident.verification:
        failed = "; ".join(f"{c.check}: {c.detail}" for c in judged.checks if not c.passed)
        checks = failed or count(len(judged.checks), "check") + " passed"
        passed = Text("yes", style="green") if judged.passed else Text("no", style="red")
        table.add_row(str(judged.attempt), _text(judged.agent), passed, _text(checks))
    return table


def _timeline(incident: Incident) -> Table:
    table = _table("UTC", "Since", "Who", "What")
    for entry in incident.timeline:
        if entry.kind not in ("started", "evidence"):
            since = duration(max(timedelta(), entry.at - incident.opened_at))
            table.add_row(
                f"{entry.at:%H:%M:%S}", f"+{since}", _text(entry.actor), _text(entry.text.removeprefix(f"{entry.actor}: "))
            )
    return table


def _questions(incident: Incident) -> Table:
    table = _table("Open question", "Until")
    for question in incident.open_questions:
        table.add_row(_text(question.text), moment(question.deadline))
    return table


def _cause(incident: Incident) -> str:
    named = incident.cause.cause.value.replace("_", " ")
    return f"{named} in {incident.cause.component}" if incident.cause.component else named


def _severity(incident: Incident) -> Text:
    name = incident.severity.value if incident.severity else UNKNOWN
    return Text(name, style=SEVERITY_STYLES.get(name, ""))


def _told(value: Any, other: Any) -> str:
    if not isinstance(value, Mapping):
        return UNKNOWN if value is None else str(value)
    shown = {k: v for k, v in value.items() if not isinstance(other, Mapping) or other.get(k) != v}
    return ", ".join(f"{k} {v}" for k, v in shown.items())


def _share(value: Any) -> str:
    return f"{value:.0%}" if isinstance(value, float) else "-" if value is None else str(value)


def _text(value: Any) -> Text:
    return Text(plain("" if value is None else str(value)))


def _table(*columns: str) -> Table:
    table = Table(header_style="dim", box=None, padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
