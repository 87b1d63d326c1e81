"""Grafana: the webhook contact point: a group as Alertmanager's, with `orgId`, values and links beside it.

Grafana's documentation, "Configure webhook notifications". The text `message` lists the whole group and is kept once.
"""

from __future__ import annotations

from nexus.intake.delivery import Delivery
from nexus.intake.fields import parts
from nexus.intake.group import read_group
from nexus.intake.posted import Posted

NAME = "grafana"
_OWN = frozenset({"values", "valueString", "silenceURL", "dashboardURL", "panelURL"})


def recognises(posted: Posted) -> bool:
    """A group of alerts with what only Grafana adds."""
    if "alerts" not in posted.payload:
        return False
    return "orgId" in posted.payload or any(_OWN & entry.keys() for entry in parts(posted.payload, "alerts"))


def read(posted: Posted) -> Delivery:
    """Every alert of the group. Raises AlertError when the group holds none that can be read."""
    return read_group(posted, NAME, once=("message",))
