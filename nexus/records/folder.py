"""The incident's folder: everything about one incident as files that people and programs read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from nexus.errors import RecordsError
from nexus.incident import ExecutiveBrief, Incident, StatusUpdate
from nexus.records.document import schema, to_json
from nexus.records.html import post_mortem_html
from nexus.records.markdown import evidence_index, timeline
from nexus.records.packing import pack
from nexus.records.paths import incident_folder, inside, write
from nexus.records.post_mortem import post_mortem
from nexus.records.wording import moment

Template = Callable[[str, Mapping[str, object]], str]
"""Fills one of the library's communication templates: its name and its holes give the text."""


def write_folder(root: Path, incident: Incident, template: Template, pictures: Mapping[str, bytes] | None = None) -> Path:
    """Write `root/<id>/` and return it; writing it again brings it up to date.

    `pictures` by path inside the folder, for stores that hold them elsewhere; others are read from the folder.
    Raises RecordsError when it cannot be written, or when an id or a path would lead out of it.
    """
    folder = incident_folder(root, incident.id)
    kept = _pictures(folder, incident, pictures or {})
    write(folder / "incident.json", to_json(incident))
    write(folder / "incident.schema.json", json.dumps(schema(), indent=2) + "\n")
    write(folder / "timeline.md", timeline(incident))
    for update in incident.status_updates:
        name = f"status/{update.number:03}-{update.status.value.lower()}.md"
        write(inside(folder, name), template("status_update", status_holes(update)))
    for brief in incident.briefs:
        write(inside(folder, f"briefs/{brief.number:03}.md"), template("executive_brief", brief_holes(brief)))
    if incident.evidence:
        write(folder / "evidence" / "index.md", evidence_index(incident))
    for evidence in incident.evidence:
        write(inside(folder, f"evidence/{evidence.id}.json"), pack(evidence, indent=2) + "\n")
    if incident.post_mortem is not None:
        write(folder / "post-mortem.md", post_mortem(incident, incident.post_mortem))
        write(folder / "post-mortem.html", post_mortem_html(incident, incident.post_mortem, kept))
    if incident.backlog:
        write(folder / "backlog.jsonl", "".join(pack(item) + "\n" for item in sorted(incident.backlog, key=lambda i: i.rank)))
    return folder


def status_holes(update: StatusUpdate) -> dict[str, object]:
    """What fills the status page's template."""
    return {
        "timestamp": moment(update.at),
        "service": update.service,
        "status": update.status.value,
        "impact": update.impact,
        "current_action": update.current_action,
        "next_update": moment(update.next_update) if update.next_update else None,
    }


def brief_holes(brief: ExecutiveBrief) -> dict[str, object]:
    """What fills the executive brief's template."""
    return {
        "timestamp": moment(brief.at),
        "situation": brief.situation,
        "cause": brief.cause,
        "action": brief.action,
        "impact": brief.impact,
        "next_update": moment(brief.next_update) if brief.next_update else None,
    }


def _pictures(folder: Path, incident: Incident, given: Mapping[str, bytes]) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    for path in (path for evidence in incident.evidence for path in evidence.pictures):
        file = inside(folder, path)
        try:
            if path in given:
                kept[path] = given[path]
                write(file, given[path])
            elif file.is_file():
                kept[path] = file.read_bytes()
        except OSError as error:
            raise RecordsError(f"{file} cannot be read ({error.strerror})", "make it readable") from error
    return kept
