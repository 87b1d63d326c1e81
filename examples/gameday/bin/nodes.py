"""nodes: the shop's one host as JSON: processor, memory, its data volume, and what runs there.

The shop shares this machine with whatever else goes on here; its host is counted as what its own processes use of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

import disk
from place import SERVICES, ask_supervisor, say

NAME = "shop-1"
SPAN_S = 1.0


def processor_s(processes: Iterable[int]) -> float:
    """Processor time that those processes have used so far."""
    ticks = 0
    for pid in processes:
        try:
            told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        ticks += int(told[11]) + int(told[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def processor_pct(processes: list[int]) -> float:
    """What they use of all processors, over a second."""
    before = processor_s(processes)
    time.sleep(SPAN_S)
    return 100 * (processor_s(processes) - before) / SPAN_S / (os.cpu_count() or 1)


def memory_pct(processes: Iterable[int]) -> float:
    """Their share of the machine's memory."""
    pages = 0
    for pid in processes:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # same
    return 100 * pages / os.sysconf("SC_PHYS_PAGES")


if __name__ == "__main__":
    own = [life["pid"] for life in ask_supervisor(do="list").values()]
    node = {"name": NAME, "ready": True, "cpu_pct": round(processor_pct(own), 1), "memory_pct": round(memory_pct(own), 1)}
    used = round(100 * disk.used_mb() / disk.size_mb(), 1)
    say(json.dumps([{**node, "disk_pct": used, "components": [*SERVICES, "database"]}]))
