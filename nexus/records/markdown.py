"""The incident as Markdown that people read: its timeline and the index of its evidence; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nexus.incident import Evidence, Incident
from nexus.records.packing import clean
from nexus.records.wording import UNKNOWN, count, duration, moment, plain, safe


def title(incident: Incident) -> str:
    """What the incident is called on paper."""
    severity = f"{incident.severity.value}: " if incident.severity else ""
    return safe(f"{severity}{incident.alert.title}")


def timeline(incident: Incident) -> str:
    """`timeline.md`: what happened, by day, minute by minute since the opening."""
    lines = [f"# Timeline of {safe(incident.id)}", "", title(incident), ""]
    lines.append(f"Opened {moment(incident.opened_at)}, {_ending(incident)}. Times are UTC; in brackets, since the opening.")
    day = None
    for entry in incident.timeline:
        if entry.at.date() != day:
            day = entry.at.date()
            lines += ["", f"## {day}", ""]
        since = duration(entry.at - incident.opened_at)
        kind = entry.kind.replace("_", " ")
        text = entry.text.removeprefix(f"{entry.actor}: ").removeprefix(f"{kind}: ")
        signed = since if since.startswith("-") else f"+{since}"  # an alert may have reached us before the incident was opened
        lines.append(f"- **{entry.at:%H:%M:%S}** ({signed}) {safe(entry.actor)} · *{kind}*: {safe(text)}")
    return "\n".join([*lines, ""])


def _ending(incident: Incident) -> str:
    if incident.ended_at is None:
        return f"not ended ({incident.outcome.meaning})"
    took = duration(incident.ended_at - incident.opened_at)
    return f"ended {moment(incident.ended_at)} after {took}: {incident.outcome.meaning}"


def evidence_index(incident: Incident) -> str:
    """`evidence/index.md`: every look at the world, in order."""
    failed = sum(e.failed for e in incident.evidence)
    lines = [f"# Evidence of {safe(incident.id)}", "", title(incident), ""]
    counted = count(len(incident.evidence), "look") + " at the world" + (f", {failed} without success" if failed else "")
    lines.append(f"{counted}. The values behind each are in the JSON file beside this index.")
    for evidence in incident.evidence:
        lines += ["", *_evidence(evidence)]
    return "\n".join([*lines, ""])


def _evidence(evidence: Evidence) -> list[str]:
    asked = arguments(evidence.arguments)
    at = moment(evidence.at, seconds=True)
    lines = [
        f"## {safe(evidence.id)}",
        "",
        f"`{code(evidence.tool)}`{asked} by {safe(evidence.agent)} at {at} · [values]({evidence.id}.json)",
        "",
        ("**Could not look.** " if evidence.failed else "") + (safe(evidence.summary) or UNKNOWN),
    ]
    for picture in evidence.pictures:
        lines += ["", f"![{safe(evidence.summary)}]({picture_href(picture, inside='evidence/')})"]
    return lines


def picture_href(path: str, *, inside: str = "") -> str:
    """A picture's path as a link from a file in the folder `inside`."""
    href = path.removeprefix(inside) if path.startswith(inside) else "../" * inside.count("/") + path
    return "".join(c if c.isalnum() or c in "-_./" else "%20" if c == " " else "_" for c in href)


def arguments(given: Mapping[str, Any]) -> str:
    """A tool's arguments in one line of code; nothing where there were none."""
    if not given:
        return ""
    return f" `{code(json.dumps(clean(given), ensure_ascii=False, sort_keys=True)[:200])}`"


def code(text: str) -> str:
    """Foreign text inside a code span."""
    return plain(text).replace("`", "'").replace("|", "/")
