"""Renderings: an incident and a list of incidents, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nexus.answering import numbered, ways_of, what_of
from nexus.incident import Author, Incident
from nexus.incident.incident import usage_of
from nexus.records.wording import UNKNOWN, cost_text, count, duration, moment, plain
from nexus.view.cells import table_of, text_of
from nexus.view.live import SEVERITY_STYLES


def render_incident(incident: Incident, *, with_timeline: bool = True, flags: str | None = None) -> RenderableType:
    """`nexus show`: what it was, why, what was done and how it ended.

    `flags`: what a command says to find the incident; where it is given, open questions come with the commands to answer them.
    """
    parts: list[RenderableType] = [_facts(incident)]
    if incident.suspects:
        parts.append(_suspects(incident))
    if incident.actions:
        parts.append(_actions(incident))
    if incident.verification:
        parts.append(_verification(incident))
    if incident.authorship:
        parts.append(_authorship(incident))
    if with_timeline:
        parts.append(_timeline(incident))
    if incident.open_questions:
        parts.append(_questions(incident, flags))
    return Group(*parts)


def render_list(incidents: Sequence[Incident]) -> RenderableType:
    """`nexus list`: one line an incident."""
    table = table_of("Id", "Severity", "Outcome", "Opened", "Took", "Cause", "Alert")
    for column in table.columns[:2]:
        column.no_wrap = True
    for incident in incidents:
        took = incident.ended_at - incident.opened_at if incident.ended_at else None
        table.add_row(
            text_of(incident.id),
            _severity(incident),
            incident.outcome.value.replace("_", " "),
            moment(incident.opened_at),
            duration(took) if took is not None else "not ended",
            text_of(_cause(incident)),
            text_of(incident.alert.title),
        )
    return table if incidents else Text("No incidents are recorded here.")


def _facts(incident: Incident) -> Panel:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    took = incident.ended_at - incident.opened_at if incident.ended_at else None
    table.add_row("alert", text_of(incident.alert.title))
    table.add_row("severity", _severity(incident))
    table.add_row("status", incident.status.value)
    table.add_row("outcome", f"{incident.outcome.value.replace('_', ' ')}: {incident.outcome.meaning}")
    table.add_row("opened", moment(incident.opened_at) + (f", ended after {duration(took)}" if took else ""))
    table.add_row("team", text_of(", ".join(incident.team) or UNKNOWN))
    table.add_row("cause", text_of(f"{_cause(incident)} ({incident.cause.status.value}, {incident.cause.confidence:.0%})"))
    table.add_row("", text_of(incident.cause.statement))
    told = (("status update", incident.status_updates), ("brief", incident.briefs), ("escalation", incident.escalations))
    table.add_row("told", ", ".join(count(len(words), name) for name, words in told))
    table.add_row("evidence", count(len(incident.evidence), "look") + " at the world")
    if incident.usage.calls:
        usage = incident.usage
        table.add_row("models", cost_text(usage.calls, usage.tokens, usage.cost_usd))
    return Panel(table, title=text_of(incident.id), title_align="left")


def _suspects(incident: Incident) -> Table:
    table = table_of("Suspect", "Score", "Why", "Evidence")
    for suspect in incident.suspects[:5]:
        why, cited = text_of("; ".join(suspect.reasons)), text_of(", ".join(suspect.evidence))
        table.add_row(text_of(suspect.component), f"{suspect.score:.2f}", why, cited)
    return table


def _actions(incident: Incident) -> Table:
    table = table_of("Attempt", "Action", "By", "Approved by", "Result")
    for record in incident.actions:
        approved = record.approval.by if record.approval else "nobody"
        result = text_of(f"{record.result.value}: {record.detail}" if record.detail else record.result.value)
        table.add_row(str(record.attempt), text_of(record.action), text_of(record.by), text_of(approved), result)
    return table


def _verification(incident: Incident) -> Table:
    table = table_of("Attempt", "Verifier", "Passed", "Checks")
    for judged in incident.verification:
        failed = "; ".join(f"{c.check}: {c.detail}" for c in judged.checks if not c.passed)
        checks = failed or count(len(judged.checks), "check") + " passed"
        passed = Text("yes", style="green") if judged.passed else Text("no", style="red")
        table.add_row(str(judged.attempt), text_of(judged.agent), passed, text_of(checks))
    return table


def _authorship(incident: Incident) -> Table:
    """By agent: what a model answered and what the rules took over, and what that cost."""
    table = table_of("Agent", "By model", "By rules", "Calls", "Tokens", "USD", "Seconds", "Struck", "Why rules")
    for agent in dict.fromkeys(a.agent for a in incident.authorship):
        own = [a for a in incident.authorship if a.agent == agent]
        used = usage_of(own)
        modelled = [a for a in own if a.by is Author.MODEL]
        table.add_row(
            text_of(agent), str(len(modelled)), str(len(own) - len(modelled)), str(used.calls), f"{used.tokens:,}",
            "-" if used.cost_usd is None else f"{used.cost_usd:.4f}", f"{sum(a.seconds for a in own):.1f}",
            f"{sum(len(a.struck) for a in own)} of {sum(a.claims for a in own)}",
            text_of("; ".join(dict.fromkeys(a.why for a in own if a.why))),
        )  # fmt: skip
    return table


def _timeline(incident: Incident) -> Table:
    table = table_of("UTC", "Since", "Who", "What")
    for entry in incident.timeline:
        if entry.kind not in ("started", "evidence"):
            since = duration(max(timedelta(), entry.at - incident.opened_at))
            table.add_row(
                f"{entry.at:%H:%M:%S}", f"+{since}", text_of(entry.actor), text_of(entry.text.removeprefix(f"{entry.actor}: "))
            )
    return table


def _questions(incident: Incident, flags: str | None) -> RenderableType:
    table = table_of("", "Open question", "Until")
    ways: list[Text] = []
    for number, question in numbered(incident.open_questions).items():
        table.add_row(str(number), text_of(what_of(question)), moment(question.deadline))
        if flags is not None:
            command, how = ways_of(incident.id, question, flags)
            ways += [text_of(f"{number}: {command}"), Text(plain(how), style="dim")]
    return Group(table, *ways)


def _cause(incident: Incident) -> str:
    named = incident.cause.cause.value.replace("_", " ")
    return f"{named} in {incident.cause.component}" if incident.cause.component else named


def _severity(incident: Incident) -> Text:
    name = incident.severity.value if incident.severity else UNKNOWN
    return Text(name, style=SEVERITY_STYLES.get(name, ""))
