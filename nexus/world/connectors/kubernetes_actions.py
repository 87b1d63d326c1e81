"""KubernetesActions: roll back, restart and scale; the server tries each patch first, and the object shows what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from nexus.errors import ActionFailed, ActionUnknown, Unavailable
from nexus.incident import Action, ActionKind, DryRun
from nexus.world.connectors.kubernetes_api import Changeable, Cluster, Json, NotReached, Refused
from nexus.world.connectors.kubernetes_patches import Patch, Patches
from nexus.world.connectors.kubernetes_words import Names, mark_of
from nexus.world.connectors.kubernetes_workload import Place, is_rolled_out, place_of, progress_of

PAUSE = 1.0
ARGUMENTS: Mapping[ActionKind, frozenset[str]] = {
    ActionKind.ROLLBACK: frozenset({"workload", "replica_set", "to_version"}),
    ActionKind.RESTART: frozenset({"workload"}),
    ActionKind.SCALE: frozenset({"workload", "replicas"}),
}
"""What each kind of action says; in this order they are offered."""


class KubernetesActions:
    """Changes to Deployments and StatefulSets of some namespaces; a rollout is waited for so many seconds."""

    def __init__(
        self,
        patches: Patches,
        namespaces: Sequence[str],
        names: Names,
        kinds: Sequence[ActionKind],
        wait: float,
    ) -> None:
        self._cluster: Cluster = patches.cluster
        self._patches = patches
        self._namespaces = namespaces
        self._names = names
        self._kinds = kinds
        self._wait = wait

    async def options(self, component: str, at: datetime) -> list[Action]:  # noqa: ARG002 - a cluster knows only now
        """Earlier releases first, then a restart and more replicas, of each of the component's workloads."""
        try:
            mine = [(place, one) for place, one in await self._workloads() if self._names.component_of(one) == component]
            offered = [action for place, one in mine for action in await self._patches.options(component, place, one)]
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        return sorted((a for a in offered if a.kind in self._kinds), key=lambda a: list(ARGUMENTS).index(a.kind))

    def owns(self, action: Action) -> bool:
        """Whether it is of a kind that is offered, for a workload of these namespaces."""
        if action.kind not in self._kinds or set(action.arguments) != ARGUMENTS[action.kind]:
            return False
        place = place_of(action.arguments["workload"])
        return place is not None and place.namespace in self._namespaces

    async def dry_run(self, action: Action, at: datetime) -> DryRun:  # noqa: ARG002 - same
        """What the server says to the patch; it keeps nothing of it."""
        place = self._place(action)
        patch = await self._patch(action, place)
        try:
            await self._cluster.patch(*place, patch.body, dry=True)
        except Refused as refused:
            return DryRun(ok=False, effect=f"the server would not do it: {refused.what}")
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        return DryRun(ok=True, effect=patch.effect, touches=(action.target,), before=patch.before)

    async def carry_out(self, action: Action) -> str:
        """Patch the object, and wait a while for the rollout."""
        place = self._place(action)
        patch = await self._patch(action, place)
        await self._patched(place, patch.body, str(action), lambda: self.is_done(action))
        return f"{patch.effect}; {await self._waited(place)}"

    async def take_back(self, before: Mapping[str, Any]) -> str:
        """Put the template or the number of replicas back that stood before."""
        place = _earlier(before)
        try:
            body = await self._patches.back(place, before)
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        if body is None:
            return "nothing to restore"
        await self._patched(place, body, f"taking back the change of {place}", lambda: self.is_back(before))
        return f"{place} is as it was; {await self._waited(place)}"

    async def is_done(self, action: Action) -> bool | None:
        """Whether the object is as that action leaves it; None where that cannot be told."""
        try:
            return await self._patches.is_made(action, self._place(action))
        except (Unavailable, ActionFailed):
            return None

    async def is_back(self, before: Mapping[str, Any]) -> bool | None:
        """Whether the object is as it was before; None where that cannot be told."""
        try:
            return await self._patches.is_back(_earlier(before), before)
        except (Unavailable, ActionFailed):
            return None

    async def state(self, at: datetime) -> dict[str, Any]:  # noqa: ARG002 - same
        """Template and replicas of every workload."""
        try:
            found = await self._workloads()
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        return {
            str(p): {"template": mark_of(one["spec"]["template"]), "replicas": one["spec"].get("replicas")} for p, one in found
        }

    async def _workloads(self) -> list[tuple[Place, Json]]:
        kinds: tuple[Changeable, ...] = get_args(Changeable)
        asked = [(kind, namespace) for namespace in self._namespaces for kind in kinds]
        lists = await asyncio.gather(*(self._cluster.listed(kind, namespace) for kind, namespace in asked))
        return [(Place(*where, one["metadata"]["name"]), one) for where, some in zip(asked, lists, strict=True) for one in some]

    async def _patch(self, action: Action, place: Place) -> Patch:
        """The action's patch. Raises ActionFailed where the cluster does not say what stands now."""
        try:
            one = await self._cluster.read(*place)
            if self._names.component_of(one) != action.target:
                raise ActionFailed(f"{place} is not of {action.target}", "take exact arguments from action_options")
            return await self._patches.of(action, place, one)
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error

    async def _patched(
        self, place: Place, body: Json | list[Json], what: str, stands: Callable[[], Awaitable[bool | None]]
    ) -> None:
        """Make it so. An answer that says nothing is no failure where the object shows that it was made."""
        try:
            await self._cluster.patch(*place, body, dry=False)
        except Unavailable as error:
            if isinstance(error, NotReached) or (isinstance(error, Refused) and error.status < 500):
                raise ActionFailed(f"{what}: {error.what}", error.remedy) from error
            if await stands() is not True:
                raise ActionUnknown(f"{what}: {error.what}", "look at the workload") from error

    async def _waited(self, place: Place) -> str:
        """How far the rollout got in the time that it is waited for."""
        until = time.monotonic() + self._wait
        while True:
            try:
                one = await self._cluster.read(*place)
            except Unavailable as error:
                return f"its rollout cannot be followed ({error.what})"
            if is_rolled_out(place, one) or time.monotonic() >= until:
                return progress_of(place, one)
            await asyncio.sleep(min(PAUSE, self._wait))

    def _place(self, action: Action) -> Place:
        place = place_of(action.arguments.get("workload")) if self.owns(action) else None
        if place is None:
            raise ActionFailed(f"{action} cannot be done", "take exact arguments from action_options")
        return place


def _earlier(before: Mapping[str, Any]) -> Place:
    """The workload that a change was made to."""
    place = place_of(before.get("workload"))
    if place is None:
        raise ActionFailed("the undo names no workload", "pass the dry run's `before`")
    return place
