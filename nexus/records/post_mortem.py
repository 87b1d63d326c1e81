"""The post-mortem as Markdown: the runbook's five sections, its questions answered from the record; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from nexus.incident import ActionRecord, Claim, Evidence, Incident, PostMortem, Prevention, Status
from nexus.records.markdown import picture_href, title
from nexus.records.wording import UNKNOWN, duration, moment, safe, said, slug, table

Href = Callable[[str], str]

MOST_LINKS = 4
"""Evidence ids shown behind one sentence; all of them are in `incident.json`."""

_PREVENTION: tuple[tuple[Prevention, str], ...] = (
    ("monitoring", "What monitoring would have caught this sooner?"),
    ("testing", "What testing would have prevented this?"),
    ("process", "What process changes are needed?"),
    ("infrastructure", "What infrastructure changes are needed?"),
)
_TURNS = frozenset(
    {"opened", "classified", "diagnosed", "status", "acted", "undone", "relapsed", "escalated", "absent", "closed"}
)
_HELD = {True: "held", False: "ruled out", None: "could not be tested"}


def evidence_link(identity: str) -> str:
    """Where the folder's Markdown links an evidence id to."""
    return f"evidence/index.md#{slug(identity)}"


def post_mortem(incident: Incident, report: PostMortem, href: Href = evidence_link, picture: Href = picture_href) -> str:
    """`post-mortem.md`. `href` and `picture` say where an evidence id and a picture's path lead to."""
    writer = _Writer(incident, report, href, picture)
    return "\n".join([*writer.summary(), *writer.reconstruction(), *writer.causes(), *writer.impact(), *writer.prevention(), ""])


def cited(incident: Incident, report: PostMortem) -> tuple[Evidence, ...]:
    """The evidence that the post-mortem rests on, with those whose pictures it shows, in order."""
    claims = [report.what_failed, report.why_it_failed, report.why_not_caught, *report.five_whys]
    claims += [report.users, report.revenue, report.reputation, report.data]
    claims += [claim for group in report.prevention.values() for claim in group]
    ids = {i for claim in claims for i in claim.evidence} | set(incident.cause.evidence)
    ids |= {i for hypothesis in incident.hypotheses for i in hypothesis.evidence}
    ids |= {e.id for e in pictured(incident)}
    return tuple(e for e in incident.evidence if e.id in ids)


def pictured(incident: Incident) -> tuple[Evidence, ...]:
    """The evidence whose pictures the post-mortem shows: the last of each tool that draws, for it saw the whole incident."""
    last = {evidence.tool: evidence for evidence in incident.evidence if evidence.pictures}
    return tuple(last[tool] for tool in sorted(last))


def drawn_of_cause(incident: Incident) -> tuple[Evidence, ...]:
    """The evidence of the cause that is a picture."""
    return tuple(e for e in incident.evidence if e.pictures and e.id in incident.cause.evidence)


def _done(record: ActionRecord) -> str:
    approved = f", approved by {safe(record.approval.by)}" if record.approval else ""
    return f"{safe(str(record.action))}: {record.result.value}{approved}"


class _Writer:
    def __init__(self, incident: Incident, report: PostMortem, href: Href, picture: Href) -> None:
        self.incident = incident
        self.report = report
        self.picture = picture
        self._href = href
        self._known = {e.id for e in incident.evidence}

    def _sources(self, ids: Iterable[str]) -> str:
        links = [f"[{safe(i)}]({self._href(i)})" for i in ids if i in self._known]
        more = f" and {len(links) - MOST_LINKS} more" if len(links) > MOST_LINKS else ""
        return f" ({', '.join(links[:MOST_LINKS])}{more})" if links else ""

    def _claim(self, claim: Claim) -> str:
        text = safe(claim.text) or UNKNOWN
        if not claim.known and not text.lower().startswith(UNKNOWN):
            text = f"{UNKNOWN}: {text}"
        return text + self._sources(claim.evidence)

    def summary(self) -> Iterator[str]:
        incident, report = self.incident, self.report
        cause = incident.cause
        yield f"# Post-mortem {title(incident)}"
        yield ""
        yield f"{safe(incident.id)} · {incident.outcome.meaning} · written by Workflow Optimizer from the incident's record"
        yield ""
        named = f"{cause.cause.value.replace('_', ' ')}" + (f" in **{safe(cause.component)}**" if cause.component else "")
        done = "; ".join(_done(record) for record in incident.actions)
        facts = {
            "Severity": f"{incident.severity.value}, {incident.severity.meaning}" if incident.severity else UNKNOWN,
            "Service": safe(incident.alert.service or UNKNOWN),
            "What happened": safe(cause.statement) or UNKNOWN,
            "Cause": f"{named} ({cause.status.value}, confidence {cause.confidence:.0%})",
            "What was done": done or "nothing was changed",
            "User impact": self._impact_span(),
            "Incident open": f"{moment(incident.opened_at)} to {moment(report.resolved)}",
            "Response team": safe(", ".join(incident.team)) or UNKNOWN,
        }
        yield from table(("Summary", ""), ((f"**{name}**", value) for name, value in facts.items()))
        yield ""

    def _impact_span(self) -> str:
        minutes = self.report.duration_minutes
        return UNKNOWN if minutes is None else duration(timedelta(minutes=minutes))

    def reconstruction(self) -> Iterator[str]:
        report = self.report
        yield "## 1. Timeline reconstruction"
        yield ""
        yield f"- **When was the issue introduced?** {moment(report.introduced)}"
        yield f"- **When was it detected?** {moment(report.detected)}"
        yield f"- **When was it resolved?** {moment(report.resolved)}"
        yield f"- **Total user impact duration:** {self._impact_span()}"
        yield ""
        yield from table(("From", "To", "Took"), self._spans())
        yield ""
        for entry in self.incident.timeline:
            if entry.kind in _TURNS:
                yield f"- **{entry.at:%H:%M:%S}** {safe(said(entry.actor, entry.text))}"
        yield ""
        yield "The whole timeline is in [timeline.md](timeline.md)."
        yield ""
        of_cause = {e.tool for e in drawn_of_cause(self.incident)}
        for evidence in pictured(self.incident):
            if evidence.tool not in of_cause:
                yield from self._pictures(evidence)

    def _pictures(self, evidence: Evidence) -> Iterator[str]:
        for path in evidence.pictures:
            yield f"![{safe(evidence.id)}, {safe(evidence.tool.replace('_', ' '))}]({self.picture(path)})"
            yield ""
            yield f"*{safe(evidence.summary)}*{self._sources([evidence.id])}"
            yield ""

    def _spans(self) -> Iterator[tuple[str, str, str]]:
        report, incident = self.report, self.incident
        reached: dict[Status, datetime] = {}
        for update in incident.status_updates:
            reached.setdefault(update.status, update.at)
        points = [
            ("introduced", report.introduced),
            ("detected", report.detected),
            ("acknowledged", incident.opened_at),
            ("cause identified", reached.get(Status.IDENTIFIED)),
            ("fix in place", reached.get(Status.MONITORING)),
            ("resolved", report.resolved),
        ]
        for (before, start), (after, end) in pairwise(points):
            yield before, after, duration(end - start) if start and end else UNKNOWN

    def causes(self) -> Iterator[str]:
        report = self.report
        yield "## 2. Root cause analysis"
        yield ""
        yield f"- **What failed?** {self._claim(report.what_failed)}"
        yield f"- **Why did it fail?** {self._claim(report.why_it_failed)}"
        yield f"- **Why wasn't it caught earlier?** {self._claim(report.why_not_caught)}"
        yield ""
        for evidence in drawn_of_cause(self.incident):
            yield from self._pictures(evidence)
        yield "### Five whys"
        yield ""
        yield from (f"{number}. {self._claim(why)}" for number, why in enumerate(report.five_whys, 1))
        yield ""
        if self.incident.hypotheses:
            yield "### Explanations that were considered"
            yield ""
            rows = (
                (safe(h.statement) + self._sources(h.evidence), safe(h.test) or UNKNOWN, _HELD[h.held])
                for h in self.incident.hypotheses
            )
            yield from table(("Explanation", "Test", "Result"), rows)
            yield ""

    def impact(self) -> Iterator[str]:
        report = self.report
        yield "## 3. Impact assessment"
        yield ""
        yield f"- **Users affected:** {self._claim(report.users)}"
        yield f"- **Revenue impact:** {self._claim(report.revenue)}"
        yield f"- **Reputation impact:** {self._claim(report.reputation)}"
        yield f"- **Data impact:** {self._claim(report.data)}"
        yield ""

    def prevention(self) -> Iterator[str]:
        report = self.report
        yield "## 4. Prevention measures"
        for kind, question in _PREVENTION:
            yield ""
            yield f"**{question}**"
            yield ""
            yield from (f"- {self._claim(claim)}" for claim in report.prevention.get(kind, ()))
            if not report.prevention.get(kind):
                yield f"- {UNKNOWN}"
        yield ""
        yield "## 5. Action items"
        yield ""
        for item in report.action_items:
            own = item.reason and item.reason != self.incident.cause.statement
            reason = f" · {item.kind}: {safe(item.reason)}" if own else f" · {item.kind}"
            yield f"- **{safe(item.action)}** → {safe(item.owner)} → {item.deadline:%Y-%m-%d}{reason}"
        if not report.action_items:
            yield f"- {UNKNOWN}"
