"""KubernetesChanges: rollouts from the revisions of Deployments, and ConfigMaps from when their fields were last changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from nexus.world.changes import Change, ChangeKind, PipelineRun
from nexus.world.connectors.kubernetes_api import Cluster, Json
from nexus.world.connectors.kubernetes_words import (
    Names,
    bare,
    images_of,
    labels_of_versions,
    moment,
    owned_by,
    revision_of,
)

CAUSE = "kubernetes.io/change-cause"
LEADER = "control-plane.alpha.kubernetes.io/leader"
"""An annotation of ConfigMaps that are renewed all the time, to elect a leader, and configure nothing."""
REUSED = "deployment.kubernetes.io/revision-history"


class KubernetesChanges:
    """Rollouts and configuration of some namespaces; a cluster knows of no pipelines."""

    def __init__(self, cluster: Cluster, namespaces: Sequence[str], names: Names) -> None:
        self._cluster = cluster
        self._namespaces = namespaces
        self._names = names

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Changes made in [start, end], oldest first, as far as the cluster still has their revisions."""
        found = await asyncio.gather(*(self._of(namespace) for namespace in self._namespaces))
        made = [change for changes in found for change in changes if start <= change.at <= end]
        return sorted(made, key=lambda change: change.at)

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:  # noqa: ARG002 - part of the contract
        """None."""
        return []

    async def _of(self, namespace: str) -> list[Change]:
        deployments, replica_sets, stateful_sets, config_maps = await asyncio.gather(
            self._cluster.listed("deployment", namespace),
            self._cluster.listed("replica_set", namespace),
            self._cluster.listed("stateful_set", namespace),
            self._cluster.listed("config_map", namespace),
        )
        made = [c for d in deployments for c in rollouts_of(d, owned_by(d, replica_sets), self._names.component_of(d))]
        for config_map in config_maps:
            users = [w for w in (*deployments, *stateful_sets) if config_map["metadata"]["name"] in config_maps_in(w)]
            owners = {self._names.component_of(w) for w in users}
            if not owners and self._names.is_labelled(config_map):
                owners = {self._names.component_of(config_map)}
            made += [change for component in sorted(owners) for change in config_of(config_map, component)]
        return made


def rollouts_of(deployment: Json, replica_sets: Sequence[Json], component: str) -> Iterator[Change]:
    """Each revision but the first as a change: of a release, of configuration in the template, or a restart."""
    ordered = sorted(replica_sets, key=revision_of)
    labels = labels_of_versions(ordered)
    for before, after in pairwise(ordered):
        newest = after is ordered[-1]
        at = _rolled_out_at(deployment, after, newest=newest)
        if at is None:
            continue
        kind, word = _kind_of(before["spec"]["template"], after["spec"]["template"])
        name, number = after["metadata"]["name"], revision_of(after)
        cause = (after["metadata"].get("annotations") or {}).get(CAUSE, "")
        yield Change(
            id=f"rollout-{name}-{number}",
            at=at,
            component=component,
            kind=kind,
            version=labels[name],
            previous=labels[before["metadata"]["name"]],
            author=_who(deployment) if newest else "",
            summary=cause or f"{component}: {word} {labels[name]}, revision {number}",
        )


def _kind_of(before: Json, after: Json) -> tuple[ChangeKind, str]:
    if images_of(before) != images_of(after):
        return "deployment", "rollout of"
    if bare(before, restarts=False) != bare(after, restarts=False):
        return "config", "new template of"
    return "infrastructure", "restart of"


def _rolled_out_at(deployment: Json, replica_set: Json, *, newest: bool) -> datetime | None:
    """When a revision was rolled out; of one that was rolled back to, when that last made progress, or nothing."""
    if REUSED not in (replica_set["metadata"].get("annotations") or {}):
        return moment(replica_set["metadata"].get("creationTimestamp"))
    if not newest:
        return None
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return next((moment(c.get("lastUpdateTime")) for c in conditions if c.get("type") == "Progressing"), None)


def _who(thing: Json) -> str:
    """Who last changed an object's own fields."""
    return max(_edits(thing), default=(None, ""), key=lambda edit: str(edit[0]))[1]


def _edits(thing: Json) -> list[tuple[datetime, str]]:
    """When, and by which program, an object's fields were changed; its status is not counted."""
    fields = thing["metadata"].get("managedFields") or []
    told = [(moment(f.get("time")), str(f.get("manager", ""))) for f in fields if f.get("subresource") is None and f.get("time")]
    return [(at, who) for at, who in told if at is not None and who != "kube-controller-manager"]


def config_of(config_map: Json, component: str) -> Iterator[Change]:
    """The last change by each program that changed a ConfigMap after it was made."""
    metadata = config_map["metadata"]
    if LEADER in (metadata.get("annotations") or {}):
        return
    name = f"{metadata.get('namespace', '')}/{metadata['name']}"
    for at, who in _edits(config_map):
        version = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        told = f"ConfigMap {metadata['name']} changed by {who or 'somebody'}"
        yield Change(f"configmap-{name}-{component}-{version}", at, component, "config", version, "", who, told)


def config_maps_in(workload: Json) -> set[str]:
    """Names of the ConfigMaps that a workload's pods read."""
    spec = workload["spec"]["template"].get("spec") or {}
    found: set[str] = set()
    for volume in spec.get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        found |= {_name(source.get("configMap")) for source in sources}
    for container in (*(spec.get("containers") or []), *(spec.get("initContainers") or [])):
        found |= {_name(source.get("configMapRef")) for source in container.get("envFrom") or []}
        found |= {_name((e.get("valueFrom") or {}).get("configMapKeyRef")) for e in container.get("env") or []}
    return found - {""}


def _name(reference: dict[str, Any] | None) -> str:
    return str((reference or {}).get("name", ""))
