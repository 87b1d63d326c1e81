"""What holds for every test: nothing leaves this machine, nobody's settings reach in, and a busy machine fails nothing."""

from __future__ import annotations

import os

from hypothesis import settings

for name in [name for name in os.environ if name.startswith(("NEXUS_", "LANGSMITH_", "LANGCHAIN_"))]:
    del os.environ[name]
os.environ["LANGSMITH_TRACING"] = "false"

settings.register_profile("nexus", deadline=None)
settings.load_profile("nexus")
