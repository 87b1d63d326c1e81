"""Records the histories that are replayed: `python tests/histories/record.py` runs today's versions of the graph again.

A version that was released keeps the history that it had: name only the new ones.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from temporal_in_hand import a_fleet, a_server, an_opening  # noqa: E402 - beside this folder

MACHINE = re.compile(r'(?<="identity": ")[^"]*|(?<="name": ")\d+@[^"]*')
"""A worker's process and machine, which are nobody's concern."""
RUNS: dict[str, dict[str, Any]] = {
    "graph-1-bad-deploy": {"scenario": "bad-deploy", "graph": 1},
    "graph-2-search-null": {"scenario": "search-null", "graph": 2},
    "graph-2-nobody-answers": {"scenario": "metrics-down", "graph": 2, "approve": "ask"},
}
"""Name to scenario and what else the incident was begun with."""


async def record(names: list[str]) -> None:
    """Run these incidents and keep their histories."""
    with tempfile.TemporaryDirectory() as folder:
        async with a_server(Path(folder)) as server, a_fleet(Path(folder), await server.client(), "a") as fleet:
            for name in names:
                given = dict(RUNS[name])
                incident = await fleet.begin(an_opening(given.pop("scenario"), name, **given))
                await fleet.ended(incident)
                history = await fleet.client.get_workflow_handle(incident).fetch_history()
                text = MACHINE.sub("", history.to_json())
                (HERE / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:] or list(RUNS)))
