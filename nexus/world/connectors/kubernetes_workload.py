"""Workload of a cluster: where it is, and how far its rollout has got; pure, from the API's JSON."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, get_args

from nexus.world.connectors.kubernetes_api import Changeable, Json

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class Place(NamedTuple):
    """One Deployment or StatefulSet, written kind/namespace/name."""

    kind: Changeable
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(self)


def place_of(text: Any) -> Place | None:
    """The place that was written; None for anything else."""
    parts = str(text).split("/")
    if len(parts) != 3 or parts[0] not in get_args(Changeable) or not all(NAME.fullmatch(part) for part in parts[1:]):
        return None
    return Place("deployment" if parts[0] == "deployment" else "stateful_set", parts[1], parts[2])


def is_rolled_out(place: Place, one: Json) -> bool:
    """Whether all its pods are of the present template and available, and no others are left; or it gave that up."""
    status, wanted = one.get("status") or {}, int(one["spec"].get("replicas", 1))
    if int(status.get("observedGeneration", 0)) < int(one["metadata"].get("generation", 0)):
        return False
    stuck = any(c.get("reason") == "ProgressDeadlineExceeded" for c in status.get("conditions") or [])
    available = "availableReplicas" if place.kind == "deployment" else "readyReplicas"
    counts = (status.get("updatedReplicas", 0), status.get(available, 0), status.get("replicas", 0))
    return stuck or all(int(count or 0) == wanted for count in counts)


def progress_of(place: Place, one: Json) -> str:
    """Its rollout in words."""
    status, wanted = one.get("status") or {}, int(one["spec"].get("replicas", 1))
    told = f"{int(status.get('updatedReplicas') or 0)} of {wanted} pods updated, {int(status.get('readyReplicas') or 0)} ready"
    if any(c.get("reason") == "ProgressDeadlineExceeded" for c in status.get("conditions") or []):
        return f"the rollout does not get on: {told}"
    return told if is_rolled_out(place, one) else f"the rollout goes on: {told}"
