"""Changes: the scenario's, the shop's release history, and what NEXUS itself has changed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from nexus.incident import ActionKind
from nexus.world.changes import Change, ChangeKind, PipelineRun
from nexus.world.sandbox.control import Entry, initial
from nexus.world.sandbox.scenario import ChangeSpec
from nexus.world.sandbox.simulation import Simulation

_KINDS: dict[ActionKind, ChangeKind] = {
    ActionKind.ROLLBACK: "deployment",
    ActionKind.HOTFIX: "deployment",
    ActionKind.FLAG: "flag",
}


def _id(*parts: object) -> str:
    return "chg-" + hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=4).hexdigest()


class SandboxChanges:
    """Deployments, configuration, flags and pipelines."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Changes made in [start, end], oldest first."""
        self._sim.answering("changes", end)
        told = [self._told(spec) for spec in self._sim.scenario.changes]
        done = [self._done(entry) for entry in self._sim.log.entries() if entry.sets]
        found = [c for c in (*self.history(), *told, *done) if start <= c.at <= end]
        return sorted(found, key=lambda c: c.at)

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        """Pipeline runs begun in [start, end], oldest first: ten minutes before the deployment."""
        self._sim.answering("changes", end)
        runs: list[PipelineRun] = []
        for spec in self._sim.scenario.changes:
            at = self._sim.moment(spec.at - 10)
            if spec.kind == "deployment" and start <= at <= end:
                detail = {"passed": "all stages passed", "failed": "one stage failed", "running": "still running"}[spec.pipeline]
                runs.append(PipelineRun(spec.component, at, spec.version, spec.pipeline, detail))
        return sorted(runs, key=lambda r: r.at)

    def history(self) -> list[Change]:
        """Releases of the last weeks: what runs now came days ago."""
        found: list[Change] = []
        first = initial(self._sim.shop, self._sim.scenario)
        for component in self._sim.shop.components:
            current = first.get(f"version/{component.name}")
            known = [*component.releases] if current in component.releases else [*component.releases, current]
            for back, (version, previous) in enumerate(zip(known[:0:-1], known[-2::-1], strict=True)):
                days = 3 + int(_id(component.name, version)[-2:], 16) % 4 + 9 * back
                at = self._sim.starts_at - timedelta(days=days, hours=5)
                told = f"{component.name} {version}"
                found.append(
                    Change(_id(told), at, component.name, "deployment", str(version), str(previous), "release-bot", told)
                )
        return found

    def _told(self, spec: ChangeSpec) -> Change:
        first = initial(self._sim.shop, self._sim.scenario)
        name = {"deployment": f"version/{spec.component}", "config": f"config/{spec.component}/{spec.key}"}.get(spec.kind, "")
        off = "off" if spec.version == "on" else "on"
        previous = spec.previous or (off if spec.kind == "flag" else str(first.get(name, "")))
        summary = spec.summary or " ".join(filter(None, (spec.component, spec.key, spec.version)))
        if spec.key and spec.key not in summary:
            summary = f"{spec.key}: {summary}"
        at, mark = self._sim.moment(spec.at), _id(spec.component, spec.kind, spec.key, spec.version)
        return Change(mark, at, spec.component, spec.kind, spec.version, previous, spec.author, summary)

    def _done(self, entry: Entry) -> Change:
        action = entry.action
        if action is None:
            return Change(_id(entry.key), entry.at, _component(entry.sets), "infrastructure", "undo", "", "nexus", entry.detail)
        kind = "config" if "key" in action.arguments else _KINDS.get(action.kind, "infrastructure")
        version = str(action.arguments.get("to_version", action.arguments.get("patch", action.kind.value)))
        return Change(_id(entry.key), entry.at, action.target, kind, version, "", "nexus", entry.detail)


def _component(sets: dict[str, object]) -> str:
    return next(iter(sets)).split("/")[1]
