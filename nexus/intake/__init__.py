"""Alerts as they come in, whoever sent them; one file a format, `read` chooses among them."""

from nexus.intake.read import load_alert, read_alert

__all__ = ["load_alert", "read_alert"]
