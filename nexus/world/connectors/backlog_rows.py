"""BacklogRows: what every tracker is told of a piece of work besides its title, by name."""

from __future__ import annotations

from nexus.incident import BacklogItem


def rows_of(item: BacklogItem) -> dict[str, str]:
    """Owner, deadline, severity, score, incident and kind, in words."""
    return {
        "Owner": item.owner,
        "Deadline": f"{item.deadline:%Y-%m-%d}" if item.deadline else "open",
        "Severity": item.severity.value,
        "Score (RICE)": f"{item.score:g}",
        "Incident": item.incident,
        "Kind": item.kind,
    }
