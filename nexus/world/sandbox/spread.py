"""Spread: how failures, delays and missing traffic travel along the calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nexus.world.metrics import Floats
from nexus.world.sandbox.scene import Local, Scene
from nexus.world.sandbox.shop import Call, Component

TIMEOUT_MS = 3000.0
"""Beyond this a caller begins to give up."""

LONGEST_MS = 9000.0
"""Nobody waits longer."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One component in each minute, as it is seen from outside; noise not yet added."""

    errors: Floats
    latency_ms: Floats
    requests: Floats
    local: Local
    calls: Mapping[Call, Floats]
    """How often it makes each of its calls in each minute."""

    @property
    def awaited_ms(self) -> Floats:
        """The latency that its callers see: its own and the way there and back."""
        return self.latency_ms + self.local.transit_ms

    @property
    def given_up(self) -> Floats:
        """Share of calls to it for which callers do not wait to the end."""
        return impatience(self.awaited_ms)


def impatience(waited_ms: Floats) -> Floats:
    """Share of callers that give up after so long."""
    return np.clip((waited_ms - TIMEOUT_MS) / 8000.0, 0.0, 0.5)


def _tried(failed: Floats, tries: Floats) -> Floats:
    """Calls made for each that is wanted, where a failed one is tried again, up to `tries` times in all."""
    surely = failed > 0.999
    return np.where(surely, tries, (1 - failed**tries) / (1 - np.where(surely, 0.0, failed)))


def _masked(component: Component, scene: Scene, local: Local) -> Local:
    """A fallback answers in the third party's place."""
    on = scene.controlled(f"fallback/{component.name}")
    calm = Local(local.size)
    calm.errors = np.where(on > 0, 0.004, local.errors)
    calm.slower = np.where(on > 0, 1.4, local.slower)
    calm.assets = np.where(on > 0, 0.0, local.assets)
    return calm


@dataclass(frozen=True, slots=True)
class _Felt:
    """What one call means for a caller: calls for each request, share of requests that it fails, ms that it makes them wait."""

    often: Floats
    failing: Floats
    waits_ms: Floats


def _felt(call: Call, local: Local, scene: Scene, errors: Floats, delay: Floats) -> _Felt:
    """`local` is the caller's; `errors` and `delay` are the callee's."""
    usual = scene.shop.by_name[call.to].latency_ms
    late = delay + scene.local[call.to].transit_ms
    failed = 1 - (1 - errors) * (1 - impatience(late))
    reached = 1 - local.skipped.get(call.to, np.zeros(local.size))
    often = call.share * reached
    if call.to in local.tries:
        tries = local.tries[call.to]
        tried = _tried(failed, tries)
        late = late * tried + usual * (tried - 1)
        often, failed = often * tried, failed**tries
    failing = min(1.0, call.share) * call.needs * failed * reached
    return _Felt(often, failing, (late * reached - usual * (1 - reached)) * call.wait * min(1.0, 2.0 * call.share))


def spread(scene: Scene) -> dict[str, Condition]:
    """Every component's condition: callees first for errors and delay, then callers first for traffic."""
    errors: dict[str, Floats] = {}
    delay: dict[str, Floats] = {}
    often: dict[str, dict[Call, Floats]] = {}
    for component in scene.shop.callees_first:
        local = scene.local[component.name]
        if component.kind == "external":
            local = _masked(component, scene, local)
        well = 1 - local.errors
        waits = component.latency_ms * (local.slower - 1)
        assets = local.assets
        made = often.setdefault(component.name, {})
        for call in component.calls:
            if call.consumes:
                continue
            felt = _felt(call, local, scene, errors[call.to], delay[call.to])
            made[call] = felt.often
            well = well * (1 - felt.failing)
            waits = waits + felt.waits_ms
            if scene.shop.by_name[call.to].kind == "external" and component.kind == "frontend":
                broken = errors[call.to]
                assets = np.maximum(assets, broken)
                waits = waits + component.latency_ms * 9.0 * call.wait * broken
        errors[component.name] = np.clip(1 - well, 0, 1)
        delay[component.name] = np.clip(waits, -0.8 * component.latency_ms, LONGEST_MS)
        if component.kind != "external":
            local.assets = assets
    requests, calls = _traffic(scene, errors, often)
    return {
        c.name: Condition(errors[c.name], c.latency_ms + delay[c.name], requests[c.name], scene.local[c.name], calls[c.name])
        for c in scene.shop.components
    }


def _traffic(
    scene: Scene, errors: Mapping[str, Floats], often: Mapping[str, Mapping[Call, Floats]]
) -> tuple[dict[str, Floats], dict[str, dict[Call, Floats]]]:
    """Requests at each component, and how often it makes each of its calls, in each minute."""
    wave = 1 + 0.04 * np.sin(2 * np.pi * scene.ks / 1440.0)
    flow: dict[str, Floats] = {}
    calls: dict[str, dict[Call, Floats]] = {}
    for component in reversed(scene.shop.callees_first):
        own = flow.get(component.name, np.zeros(scene.ks.shape))
        leaving = 1 - 0.35 * errors[component.name] if component.kind == "frontend" else 1.0
        own = (own + component.users * wave * leaving) * scene.local[component.name].traffic
        flow[component.name] = own
        reaches = own * (1 - scene.local[component.name].errors)
        made = calls[component.name] = {call: reaches * share for call, share in often[component.name].items()}
        for call, count in made.items():
            flow[call.to] = flow.get(call.to, np.zeros(scene.ks.shape)) + count
    return flow, calls
