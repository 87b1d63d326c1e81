"""Pipeline: `pipeline_status`, what CI/CD did lately."""

from __future__ import annotations

from datetime import timedelta

from nexus.tools.need import need, since, some
from nexus.tools.readings import PipelineEntry, PipelineReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool


async def _pipeline_status(look: Look, arguments: OfComponent) -> Seen:
    runs = await need(look.world.changes, "view of CI/CD").pipelines(since(look, timedelta(hours=6)), look.at)
    mine = [r for r in runs if arguments.component in (None, r.component)]
    entries = tuple(
        PipelineEntry(component=r.component, at=r.at, version=r.version, status=r.status, detail=r.detail)
        for r in sorted(mine, key=lambda run: run.at, reverse=True)
    )
    if entries:
        failed = [e for e in entries if e.status == "failed"]
        running = [e for e in entries if e.status == "running"]
        parts = [f"{len(entries)} pipeline runs, the latest {entries[0].component} {entries[0].version} ({entries[0].status})"]
        parts += [f"failed: {some(f'{e.component} {e.version}' for e in failed)}"] if failed else ["none failed"]
        parts += [f"running now: {some(f'{e.component} {e.version}' for e in running)}"] if running else []
        summary = "; ".join(parts) + "."
    else:
        summary = "No pipeline runs are known in the hours looked at."
    return Seen(PipelineReading(summary=summary, runs=entries))


PIPELINE_STATUS = Tool(
    "pipeline_status",
    "Runs of CI/CD in the last hours, newest first, of one component or of all: version and whether it passed.",
    OfComponent,
    _pipeline_status,
)
