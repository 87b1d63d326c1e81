"""Kubernetes' objects in the world's words: which component, which version, how much; pure, from the API's JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.utils.quantity import parse_quantity

Json = dict[str, Any]
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
RESTARTED_FOR = "nexus-incident-response/restarted-for"
"""Annotations of a template that say when its pods were last restarted, and for which of our actions."""
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
WINDOW = timedelta(minutes=15)
LOOPS = 3
"""Restarts that are counted for a container that waits in a crash loop."""


@dataclass(frozen=True, slots=True)
class Names:
    """How components are found: by the first of these labels that is there, else by the object's own name."""

    labels: tuple[str, ...]
    ours: Mapping[str, str]

    def component_of(self, thing: Json) -> str:
        """The catalog's name for whatever that object belongs to."""
        template = ((thing.get("spec") or {}).get("template") or {}).get("metadata") or {}
        every = {**(template.get("labels") or {}), **(thing["metadata"].get("labels") or {})}
        theirs = str(next((every[label] for label in self.labels if every.get(label)), thing["metadata"]["name"]))
        return self.ours.get(theirs, theirs)

    def is_labelled(self, thing: Json) -> bool:
        """Whether one of its labels says whose it is."""
        return any((thing["metadata"].get("labels") or {}).get(label) for label in self.labels)


def moment(text: str | None) -> datetime | None:
    """A time of the API; None where it gives none."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def version_of(template: Json) -> str:
    """The tag of the first container's image, or the beginning of its digest."""
    containers = (template.get("spec") or {}).get("containers") or [{}]
    image = str(containers[0].get("image", ""))
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest.removeprefix("sha256:")[:12] or "latest"


def images_of(template: Json) -> list[str]:
    """The images of all containers, in order."""
    return [str(c.get("image", "")) for c in (template.get("spec") or {}).get("containers") or []]


def bare(template: Json, *, restarts: bool = True) -> Json:
    """A template without what the cluster adds to it; `restarts` false: without what a restart adds, too."""
    kept = deepcopy(template)
    metadata = kept.get("metadata") or {}
    (metadata.get("labels") or {}).pop(HASH, None)
    metadata.pop("creationTimestamp", None)
    if not restarts:
        annotations = metadata.get("annotations") or {}
        for name in (RESTARTED_AT, RESTARTED_FOR):
            annotations.pop(name, None)
        if not annotations:
            metadata.pop("annotations", None)
    return kept


def mark_of(template: Json) -> str:
    """A short text that is the same for equal templates."""
    return hashlib.sha256(json.dumps(bare(template), sort_keys=True).encode()).hexdigest()[:16]


def revision_of(replica_set: Json) -> int:
    """The number of the rollout that it stands for; it grows when it is rolled back to."""
    told = str((replica_set["metadata"].get("annotations") or {}).get(REVISION, "0"))
    return int(told) if told.isdigit() else 0


def owned_by(owner: Json, things: Iterable[Json]) -> list[Json]:
    """Those that belong to that object."""
    uid = owner["metadata"].get("uid")
    return [t for t in things if any(o.get("uid") == uid for o in t["metadata"].get("ownerReferences") or [])]


def labels_of_versions(replica_sets: Sequence[Json]) -> dict[str, str]:
    """Name to version; where several have the same, each has its hash added."""
    versions = {rs["metadata"]["name"]: version_of(rs["spec"]["template"]) for rs in replica_sets}
    every = list(versions.values())
    return {n: v if every.count(v) == 1 else f"{v}#{n.rpartition('-')[2]}" for n, v in versions.items()}


def selected(workload: Json, pods: Iterable[Json]) -> list[Json]:
    """The pods of a workload, by its selector."""
    wanted = ((workload["spec"].get("selector") or {}).get("matchLabels") or {}).items()
    return [pod for pod in pods if wanted and wanted <= (pod["metadata"].get("labels") or {}).items()]


def restarts_of(pod: Json, at: datetime) -> int:
    """Restarts in the last 15 minutes, as far as a pod tells: all of a young pod, else one for each that ended lately."""
    started = moment((pod.get("status") or {}).get("startTime"))
    young = started is not None and started >= at - WINDOW
    total = 0
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        count = int(container.get("restartCount", 0))
        waits = (((container.get("state") or {}).get("waiting")) or {}).get("reason") == "CrashLoopBackOff"
        ended = moment((((container.get("lastState") or {}).get("terminated")) or {}).get("finishedAt"))
        lately = ended is not None and ended >= at - WINDOW
        total += count if young else min(count, LOOPS) if waits else min(count, 1) if lately else 0
    return total


def share(used: str | None, whole: str | None) -> float:
    """One quantity of another in per cent, 0 where either is not known."""
    total = _number(whole)
    return round(100 * _number(used) / total, 1) if total > 0 else 0.0


def _number(quantity: str | None) -> float:
    return float(parse_quantity(quantity)) if quantity else 0.0  # type: ignore[no-untyped-call]
