"""What holds for every test: nothing leaves this machine, nobody's settings reach in, and a busy machine fails nothing."""

from __future__ import annotations

import os

from hypothesis import settings
from postgres_in_hand import postgres_database, postgres_server, postgres_url
from postgres_records_in_hand import database, second
from real_model import served_calling_model, served_real_model

__all__ = [
    "database",
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "second",
    "served_calling_model",
    "served_real_model",
]
"""Fixtures: one server of each kind for a whole session."""

for name in [name for name in os.environ if name.startswith(("NEXUS_", "LANGSMITH_", "LANGCHAIN_", "OPENAI_", "OTEL_"))]:
    del os.environ[name]
os.environ["LANGSMITH_TRACING"] = "false"

settings.register_profile("nexus", deadline=None)
settings.load_profile("nexus")
