"""KubernetesInfrastructure: nodes with their conditions and use, workloads with their replicas and restarts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from nexus.errors import Unavailable
from nexus.world.connectors.kubernetes_api import Cluster, Json
from nexus.world.connectors.kubernetes_words import Names, restarts_of, selected, share, version_of
from nexus.world.gaps import note_gap
from nexus.world.infrastructure import NodeState, Workload

PRESSED_DISK = 90.0
PRESSED_MEMORY = 99.0
"""What is said of a node under pressure where nothing measures it: kubelets report pressure from about there on."""


class KubernetesInfrastructure:
    """The cluster now; it cannot look into the past."""

    def __init__(self, cluster: Cluster, namespaces: Sequence[str], names: Names) -> None:
        self._cluster = cluster
        self._namespaces = namespaces
        self._names = names

    async def nodes(self, at: datetime) -> list[NodeState]:  # noqa: ARG002 - a cluster knows only now
        """Every node. CPU and memory are 0 where the cluster has no metrics API; of disks it knows pressure alone."""
        nodes, usage, pods = await asyncio.gather(self._cluster.nodes(), self._usage(), self._pods())
        used = {one["metadata"]["name"]: one.get("usage") or {} for one in usage}
        hosted: dict[str, set[str]] = defaultdict(set)
        for pod in pods:
            hosted[str((pod.get("spec") or {}).get("nodeName"))].add(self._names.component_of(pod))
        return [_node(node, used.get(node["metadata"]["name"], {}), hosted[node["metadata"]["name"]]) for node in nodes]

    async def workloads(self, at: datetime) -> list[Workload]:
        """Every Deployment and StatefulSet."""
        pods, *lists = await asyncio.gather(
            self._pods(),
            *(self._cluster.listed("deployment", namespace) for namespace in self._namespaces),
            *(self._cluster.listed("stateful_set", namespace) for namespace in self._namespaces),
        )
        return [self._workload(one, pods, at) for some in lists for one in some]

    async def _usage(self) -> list[Json]:
        """What nodes use; where that cannot be read, nodes are still worth telling of."""
        try:
            return await self._cluster.usage() or []
        except Unavailable as error:
            note_gap(error.what)
            return []

    async def _pods(self) -> list[Json]:
        """Pods that are there; what has run to its end is not."""
        found = await asyncio.gather(*(self._cluster.listed("pod", namespace) for namespace in self._namespaces))
        ended = {"Succeeded", "Failed"}
        return [pod for pods in found for pod in pods if (pod.get("status") or {}).get("phase") not in ended]

    def _workload(self, one: Json, pods: Sequence[Json], at: datetime) -> Workload:
        same = [pod for pod in pods if pod["metadata"].get("namespace") == one["metadata"].get("namespace")]
        mine = selected(one, same)
        return Workload(
            component=self._names.component_of(one),
            version=version_of(one["spec"]["template"]),
            replicas=int(one["spec"].get("replicas", 1)),
            ready=int((one.get("status") or {}).get("readyReplicas") or 0),
            restarts_15m=sum(restarts_of(pod, at) for pod in mine),
            nodes=tuple(sorted({str(p["spec"]["nodeName"]) for p in mine if (p.get("spec") or {}).get("nodeName")})),
        )


def _node(node: Json, used: Mapping[str, str], components: set[str]) -> NodeState:
    status = node.get("status") or {}
    conditions = {c["type"]: c["status"] for c in status.get("conditions") or []}
    whole = status.get("allocatable") or {}
    memory = share(used.get("memory"), whole.get("memory"))
    return NodeState(
        name=node["metadata"]["name"],
        ready=conditions.get("Ready") == "True",
        cpu_pct=share(used.get("cpu"), whole.get("cpu")),
        memory_pct=max(memory, PRESSED_MEMORY) if conditions.get("MemoryPressure") == "True" else memory,
        disk_pct=PRESSED_DISK if conditions.get("DiskPressure") == "True" else 0.0,
        components=tuple(sorted(components)),
    )
