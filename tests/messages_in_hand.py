"""Messages and backlog items in hand, and the site that a connector is given: what outlets are tested with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nexus.incident import BacklogItem, Severity
from nexus.world.catalog import Service, ServiceCatalog
from nexus.world.connectors.contract import BacklogTarget, Connector, Message, MessageKind, Outlet, Site
from nexus.world.journal import MemoryJournal

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CATALOG = ServiceCatalog(
    services=(
        Service(name="web", kind="frontend"),
        Service(name="checkout"),
        Service(name="search", feature="minor"),
        Service(name="orders-db", kind="database"),
    )
)


def site(folder: Path, catalog: ServiceCatalog = CATALOG) -> Site:
    return Site(folder=folder, catalog=catalog, journal=MemoryJournal(), opened_at=AT)


def message(
    kind: MessageKind = "status", text: str = "Hello.", *, to: str = "", key: str = "1", incident: str = "INC-1"
) -> Message:
    return Message(kind=kind, incident=incident, to=to, text=text, at=AT, key=f"{incident}/{key}")


def status(number: int, word: str, *, impact: str = "", service: str = "checkout", incident: str = "INC-1") -> Message:
    """A status update as the library's template writes it, a quarter of an hour after the one before."""
    at = AT + timedelta(minutes=15 * number)
    lines = [
        f"{at:%Y-%m-%d %H:%M UTC} — {service} Incident",
        f"Status: {word}",
        f"Impact: {impact or f'About 420 users a minute (63 % of traffic) see errors in {service}.'}",
        "Current action: We are investigating the cause.",
    ]
    if word != "Resolved":
        lines.append(f"Next update: {at + timedelta(minutes=15):%Y-%m-%d %H:%M UTC}")
    return Message(kind="status", incident=incident, to="", text="\n".join(lines), at=at, key=f"{incident}/status:{number}")


def outlet(connector: Connector) -> Outlet:
    assert connector.outlet is not None
    return connector.outlet


def backlog(connector: Connector) -> BacklogTarget:
    assert connector.backlog is not None
    return connector.backlog


def item(key: str = "INC-1:A1", title: str = "Alert on failing checkouts", severity: Severity = Severity.P1) -> BacklogItem:
    return BacklogItem(
        key=key,
        rank=1,
        title=title,
        owner="Backend Architect",
        deadline=datetime(2026, 3, 16, tzinfo=UTC),
        severity=severity,
        score=12.5,
        incident="INC-1",
    )
