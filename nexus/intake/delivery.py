"""Delivery: what one posted body holds: every alert of it apart, and what is to be known of the body as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState

MOST = 2000
"""Alerts of one body that are read apart; the rest of a larger group stays in the first one's `raw`."""
_ORDER = {"critical": 0, "high": 1, "medium": 2, "unknown": 3, "low": 4}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One posted body. Several alerts stand in the payload's order, each with its own entry in `raw`.

    `source` names the format. `note` says what the body was when it holds no alert by design, and otherwise what of it is not
    among the alerts.
    """

    source: str
    alerts: tuple[Alert, ...] = ()
    note: str = ""

    @property
    def lead(self) -> Alert:
        """The worst firing alert, the earliest of several; the worst of all when none fires.

        Raises AlertError when the body holds no alert.
        """
        if not self.alerts:
            raise AlertError(
                f"this holds no alert: {self.note}", "there is nothing to respond to; give a notification of an alert"
            )
        return min(self._firing or self.alerts, key=lambda alert: (_ORDER[alert.level], alert.starts_at))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What whoever sees only the lead should know of the rest."""
        said = []
        if not self._firing:
            several = len(self.alerts) > 1
            said.append(
                "every alert of the group is resolved already" if several else "the source says that it is resolved already"
            )
        elif len(self.alerts) > 1:
            said.append(f"a group of {len(self.alerts)} alerts, {len(self._firing)} firing; the worst firing one leads")
        return (*said, self.note) if self.note else tuple(said)

    @property
    def _firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.state is AlertState.FIRING)
