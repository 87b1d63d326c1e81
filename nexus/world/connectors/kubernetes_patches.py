"""Patches: what each action changes of its object, what puts that back, and how the object shows that it was changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nexus.errors import ActionFailed
from nexus.incident import Action, ActionKind, Risk
from nexus.world.connectors.kubernetes_api import Cluster, Json
from nexus.world.connectors.kubernetes_words import (
    RESTARTED_AT,
    RESTARTED_FOR,
    bare,
    labels_of_versions,
    moment,
    owned_by,
    revision_of,
    version_of,
)
from nexus.world.connectors.kubernetes_workload import Place

EARLIER = 3
"""Releases that a rollback may go back to."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One change of an object: the patch itself, what it does in words, and what taking it back needs."""

    body: Json | list[Json]
    effect: str
    before: Json


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of a cluster's workloads. Raises ActionFailed for what cannot be done, Unavailable as the cluster does."""

    cluster: Cluster
    most_replicas: int
    opened_at: datetime

    async def options(self, component: str, place: Place, one: Json) -> list[Action]:
        """What can be done about one workload."""
        replicas, workload = int(one["spec"].get("replicas", 1)), str(place)
        every: list[Action] = []
        if place.kind == "deployment":
            every += _rollbacks(component, place, one, await self._revisions(place, one))
        if replicas > 0:
            told = f"the pods of {place} start afresh, one after another"
            every.append(_action(ActionKind.RESTART, component, told, Risk.LOW, workload=workload))
        more = replicas + max(2, replicas // 2)
        if replicas > 0 and more <= self.most_replicas:
            told = f"{place} has {replicas} replicas"
            every.append(_action(ActionKind.SCALE, component, told, Risk.LOW, workload=workload, replicas=more))
        return every

    async def of(self, action: Action, place: Place, one: Json) -> Patch:
        """The patch of that action, as the object stands now."""
        before: Json = {"workload": str(place)}
        if action.kind is ActionKind.SCALE:
            wanted, held = action.arguments["replicas"], one["spec"].get("replicas", 1)
            whole = isinstance(wanted, int) and not isinstance(wanted, bool)
            if not whole or not 1 <= wanted <= self.most_replicas:
                raise ActionFailed(f"{action}: replicas have to be 1 to {self.most_replicas}", "see `most_replicas`")
            return Patch(
                {"spec": {"replicas": wanted}}, f"{place} goes from {held} to {wanted} replicas", before | {"replicas": held}
            )
        template = one["spec"]["template"]
        if action.kind is ActionKind.RESTART:
            notes = {RESTARTED_AT: datetime.now(UTC).isoformat(timespec="seconds"), RESTARTED_FOR: action.digest}
            body = {"spec": {"template": {"metadata": {"annotations": notes}}}}
            return Patch(body, f"the pods of {place} start afresh, one after another", before)
        earlier = await self._revision(place, one, str(action.arguments["replica_set"]))
        version = version_of(earlier["spec"]["template"])
        if str(action.arguments["to_version"]).partition("#")[0] != version:
            raise ActionFailed(f"{action}: that revision is of {version}", "take exact arguments from action_options")
        current = next((rs for rs in await self._revisions(place, one) if _template(rs) == bare(template)), None)
        if current is None:
            raise ActionFailed(f"the present revision of {place} is not there yet", "wait for its rollout to begin")
        effect = f"{place} goes from {version_of(template)} to {version} ({earlier['metadata']['name']})"
        return Patch(_to(earlier), effect, before | {"replica_set": current["metadata"]["name"]})

    async def back(self, place: Place, before: Mapping[str, Any]) -> Json | list[Json] | None:
        """The patch that restores what stood before; None where there is nothing to restore."""
        if "replicas" in before:
            return {"spec": {"replicas": before["replicas"]}}
        if "replica_set" not in before:
            return None
        return _to(await self._revision(place, await self.cluster.read(*place), str(before["replica_set"])))

    async def is_made(self, action: Action, place: Place) -> bool:
        """Whether the object is as that action leaves it: its template, its replicas, or the mark of a restart."""
        one = await self.cluster.read(*place)
        if action.kind is ActionKind.SCALE:
            return bool(one["spec"].get("replicas") == action.arguments["replicas"])
        template = one["spec"]["template"]
        if action.kind is ActionKind.ROLLBACK:
            return bare(template) == _template(await self._revision(place, one, str(action.arguments["replica_set"])))
        notes = (template.get("metadata") or {}).get("annotations") or {}
        restarted = moment(notes.get(RESTARTED_AT))
        return notes.get(RESTARTED_FOR) == action.digest and restarted is not None and restarted >= self.opened_at

    async def is_back(self, place: Place, before: Mapping[str, Any]) -> bool:
        """Whether the object is as it was before."""
        one = await self.cluster.read(*place)
        if "replicas" in before:
            return bool(one["spec"].get("replicas") == before["replicas"])
        if "replica_set" not in before:
            return True
        return bare(one["spec"]["template"]) == _template(await self._revision(place, one, str(before["replica_set"])))

    async def _revisions(self, place: Place, one: Json) -> list[Json]:
        return owned_by(one, await self.cluster.listed("replica_set", place.namespace))

    async def _revision(self, place: Place, one: Json, name: str) -> Json:
        found = next((rs for rs in await self._revisions(place, one) if rs["metadata"]["name"] == name), None)
        if found is None:
            raise ActionFailed(f"{place} has no revision {name}", "take exact arguments from action_options")
        return found


def _rollbacks(component: str, place: Place, one: Json, replica_sets: Sequence[Json]) -> Iterator[Action]:
    """Earlier revisions, newest first; what differs only by a restart from what runs, or from a newer one, is none."""
    labels = labels_of_versions(replica_sets)
    seen = [bare(one["spec"]["template"], restarts=False)]
    for replica_set in sorted(replica_sets, key=revision_of, reverse=True):
        template, name = bare(replica_set["spec"]["template"], restarts=False), replica_set["metadata"]["name"]
        if template in seen:
            continue
        if len(seen) > EARLIER:
            return
        seen.append(template)
        told = f"{labels[name]} ran before (revision {revision_of(replica_set)})"
        where = {"workload": str(place), "replica_set": name, "to_version": labels[name]}
        yield _action(ActionKind.ROLLBACK, component, told, Risk.MEDIUM, **where)


def _template(replica_set: Json) -> Json:
    return bare(replica_set["spec"]["template"])


def _to(replica_set: Json) -> list[Json]:
    return [{"op": "replace", "path": "/spec/template", "value": _template(replica_set)}]


def _action(kind: ActionKind, target: str, reason: str, risk: Risk, **arguments: Any) -> Action:
    return Action(kind=kind, target=target, arguments=arguments, reason=reason, risk=risk)
