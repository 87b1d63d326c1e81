"""Step 1 again, beside the graph: further alerts of an open incident may show that it is worse than triage found."""

from __future__ import annotations

from nexus.asking import Done, ask
from nexus.casework import Case
from nexus.guards import classified, measured, unaided
from nexus.incident import Classification, EventKind, Severity
from nexus.raising import Assessed, assessed_in, joined_in, news_for, raised
from nexus.runbook import team_for
from nexus.state import Context, State, alert_of, dump


async def reassess(context: Context, state: State) -> Assessed | None:
    """How bad the incident is by all its alerts; the commander triages the worst that nobody has looked at. None before triage.

    It is never made less bad: a resolved alert is evidence, and lowering takes a person.
    """
    events = await context.records.events(state["incident"])
    known, joined = assessed_in(events), joined_in(events)
    if known is None or known.classification.severity is Severity.P0 or len(joined) <= known.alerts:
        return known
    news = news_for(alert_of(state), joined, known)
    if news is None:
        return known
    case = Case(context, {**state, "alert": dump(news)}, "reassess", len(joined), context.world.clock.now())
    runbook = context.library.runbook
    commander = context.library.agent(runbook.roles.commander)
    done: Done[Classification] = await ask(case, commander.name, "triage", Classification, {}, free=True, suffix=".alert")
    signals = measured(done.seen, news.level)
    answer = classified(done.answer, runbook, done.known, signals) if done.answer else unaided(news.level, runbook)
    worse = raised(known.classification, answer)
    service = context.world.catalog.get(news.service)
    members = team_for(runbook, worse.severity, service is not None and service.kind == "frontend")
    team = tuple(dict.fromkeys((*known.team, *(context.library.agent(m.agent).title for m in members))))
    before, now = known.classification.severity, worse.severity
    text = f"{now.value}, raised from {before.value}: {worse.rationale}" if now is not before else f"still {now.value}"
    data = {"severity": now.value, "team": list(team), "classification": dump(worse), "assessed": len(joined)}
    await case.record(EventKind.CLASSIFIED, commander.title, f"{text} (alert {news.title})", data, at=done.ended)
    return Assessed(worse, team, len(joined))
