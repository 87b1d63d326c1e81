"""Logs: structlog on standard error, for operators; the incident's own story is in its record, not here."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Lines for people at a terminal, JSON in a pipe. `level` is debug, info, warning or error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is then: it may be closed or another by that time
        cache_logger_on_first_use=True,
    )
