"""Quick library: the shipped agents, prompts and graphs with shorter waits, so that a game day takes minutes and not an hour.

Only these clocks differ. Everywhere else the runbook's own are law.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CLOCKS = {"watch_for": "2m", "watch_every": "30s", "external_check_every": "30s"}
"""What a fix is watched for, how often, and how often the other side of an external cause is looked at."""


def write_library(folder: Path) -> list[str]:
    """Copy it there; each difference as a line."""
    for name in ("agents", "prompts", "graphs"):
        shutil.copytree(ROOT / name, folder / name)
    file = folder / "graphs" / "incident.yaml"
    text, differences = file.read_text(encoding="utf-8"), []
    for clock, quick in CLOCKS.items():
        found = re.search(rf"^  {clock}: (\S+)$", text, re.MULTILINE)
        if found is None:
            raise KeyError(f"graphs/incident.yaml has no clock {clock}")
        text = text[: found.start(1)] + quick + text[found.end(1) :]
        differences.append(f"{clock} is {quick} here; in the runbook it is {found[1]}")
    file.write_text(text, encoding="utf-8")
    return differences
