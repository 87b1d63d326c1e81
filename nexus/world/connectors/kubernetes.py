"""Kubernetes: nodes, workloads, rollouts and configuration of a cluster, and rolling back, restarting and scaling in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from nexus.errors import ActionError, Unavailable
from nexus.incident import Action, ActionKind
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.kubernetes_actions import KubernetesActions
from nexus.world.connectors.kubernetes_api import Cluster
from nexus.world.connectors.kubernetes_changes import KubernetesChanges
from nexus.world.connectors.kubernetes_infrastructure import KubernetesInfrastructure
from nexus.world.connectors.kubernetes_patches import Patches
from nexus.world.connectors.kubernetes_words import Names

Offered = Literal["rollback", "restart", "scale"]


class Settings(ConnectorSettings):
    """One cluster, and the namespaces of it that matter."""

    use: Literal["kubernetes"]
    kubeconfig: Path | None = Field(default=None, description="from the world file's folder; kubectl's own when not given")
    context: str = Field(default="", description="of the kubeconfig; its current one when not given")
    in_cluster: bool = Field(default=False, description="NEXUS runs in a pod: its service account is used")
    namespaces: tuple[str, ...] = Field(default=("default",), min_length=1, description="namespaces to look at and act in")
    component_labels: tuple[str, ...] = Field(
        default=("app.kubernetes.io/name", "app"), description="labels that name a component, the first that is there"
    )
    components: dict[str, str] = Field(default_factory=dict, description="a label's value to the catalog's component")
    actions: tuple[Offered, ...] = Field(default=("rollback", "restart", "scale"), description="what may be done; empty: nothing")
    most_replicas: int = Field(default=20, ge=1, description="that a workload is scaled to at most")
    wait: float = Field(default=120, ge=0, le=1800, description="seconds that a rollout is waited for")


def connect(settings: Settings, site: Site) -> Connector:
    """That cluster; nothing is asked of it yet."""
    path = None if settings.kubeconfig is None else site.folder / settings.kubeconfig
    cluster = Cluster(settings.title, path, settings.context, in_cluster=settings.in_cluster)
    names = Names(settings.component_labels, settings.components)
    infrastructure = KubernetesInfrastructure(cluster, settings.namespaces, names)
    changes = KubernetesChanges(cluster, settings.namespaces, names)
    patches = Patches(cluster, settings.most_replicas, site.opened_at)
    kinds = [ActionKind(kind) for kind in settings.actions]
    actions = KubernetesActions(patches, settings.namespaces, names, kinds, settings.wait)

    async def prove(at: datetime) -> Sequence[Proof]:
        tried = [
            _counted("nodes", lambda: infrastructure.nodes(at), "its role has to list nodes"),
            _counted("workloads", lambda: infrastructure.workloads(at), "check `namespaces`"),
            _counted("changes of 30 days", lambda: changes.between(at - timedelta(days=30), at), "check `namespaces`"),
            _proof_of_usage(cluster),
        ]
        if settings.actions:
            tried.append(_proof_of_actions(infrastructure, actions, at))
        return await asyncio.gather(*tried)

    return Connector(
        name=settings.title,
        prove=prove,
        close=cluster.close,
        infrastructure=infrastructure,
        changes=changes,
        actions=actions if settings.actions else None,
    )


async def _counted(what: str, ask: Callable[[], Awaitable[Sequence[object]]], remedy: str) -> Proof:
    try:
        found = await ask()
    except Unavailable as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    return Proof(what, ok=bool(found), detail=f"{len(found)} {what}" if found else f"no {what}", remedy="" if found else remedy)


async def _proof_of_usage(cluster: Cluster) -> Proof:
    what = "use of nodes"
    try:
        found = await cluster.usage()
    except Unavailable as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    if not found:
        return Proof(
            what, ok=False, detail="the cluster has no metrics API: CPU and memory read 0", remedy="install metrics-server"
        )
    return Proof(what, ok=True, detail=f"{len(found)} nodes measured")


async def _proof_of_actions(infrastructure: KubernetesInfrastructure, actions: KubernetesActions, at: datetime) -> Proof:
    """A dry run of the first change that is offered for anything."""
    what = "changes, tried by the server without keeping them"
    try:
        action = await _any_action(infrastructure, actions, at)
        if action is None:
            return Proof(what, ok=False, detail="nothing can be done about any workload", remedy="check `namespaces`")
        tried = await actions.dry_run(action, at)
    except (Unavailable, ActionError) as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    return Proof(
        what, ok=tried.ok, detail=f"{action}: {tried.effect}", remedy="" if tried.ok else "its role has to patch workloads"
    )


async def _any_action(infrastructure: KubernetesInfrastructure, actions: KubernetesActions, at: datetime) -> Action | None:
    for component in dict.fromkeys(w.component for w in await infrastructure.workloads(at)):
        for action in await actions.options(component, at):
            return action
    return None
