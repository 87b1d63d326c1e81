"""Alertmanager: the webhook of version 4.

Prometheus' documentation, alerting/latest/configuration, `webhook_config`.
"""

from __future__ import annotations

from nexus.intake.delivery import Delivery
from nexus.intake.group import read_group
from nexus.intake.posted import Posted

NAME = "alertmanager"


def recognises(posted: Posted) -> bool:
    """A group of alerts."""
    return "alerts" in posted.payload


def read(posted: Posted) -> Delivery:
    """Every alert of the group. Raises AlertError when the group holds none that can be read."""
    return read_group(posted, NAME)
