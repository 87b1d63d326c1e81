"""Alerts as they come in, whoever sent them; one file a format, `read` chooses among them."""

from nexus.intake.delivery import Delivery
from nexus.intake.read import load_alert, read_alert, read_delivery
from nexus.intake.signatures import SIGNED, verify

__all__ = ["SIGNED", "Delivery", "load_alert", "read_alert", "read_delivery", "verify"]
