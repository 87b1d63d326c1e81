"""Starting: what it costs a fresh interpreter to import the engine, and to print a command's help, beside importing LangGraph."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass

STATEMENTS = {
    "empty": "pass",
    "langgraph": "import langgraph.graph",
    "engine": "from nexus import handle, SqliteStore, open_model, Library, World",
    "help": "import sys; sys.argv = ['nexus', '--help']; from nexus.cli import main; main()",
}


@dataclass(frozen=True, slots=True)
class Starting:
    """Processor seconds of a whole interpreter that does nothing but this."""

    empty: float
    langgraph: float
    engine: float
    help: float


def starting(times: int) -> Starting:
    """Medians of interleaved tries; the first, which may write byte code, does not count."""
    tries: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(times + 1):
        for name, statement in STATEMENTS.items():
            tries[name].append(_processor(statement))
    return Starting(**{name: statistics.median(all_of[1:]) for name, all_of in tries.items()})


def _processor(statement: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
