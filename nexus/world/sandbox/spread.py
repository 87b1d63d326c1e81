"""Spread: how failures, delays and missing traffic travel along the calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nexus.world.metrics import Floats
from nexus.world.sandbox.effects import Local, Scene
from nexus.world.sandbox.shop import Component

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


def _masked(component: Component, scene: Scene, local: Local) -> Local:
    """A fallback answers in the third party's place."""
    on = scene.controlled(f"fallback/{component.name}")
    calm = Local(local.size)
    calm.errors = np.where(on > 0, 0.004, local.errors)
    calm.slower = np.where(on > 0, 1.4, local.slower)
    calm.assets = np.where(on > 0, 0.0, local.assets)
    return calm


def spread(scene: Scene) -> dict[str, Condition]:
    """Every component's condition: callees first for errors and delay, then callers first for traffic."""
    errors: dict[str, Floats] = {}
    delay: dict[str, Floats] = {}
    for component in scene.shop.callees_first:
        local = scene.local[component.name]
        if component.kind == "external":
            local = _masked(component, scene, local)
        well = 1 - local.errors
        waits = component.latency_ms * (local.slower - 1)
        assets = local.assets
        for call in component.calls:
            if call.consumes:
                continue
            often = min(1.0, call.share)
            gave_up = np.clip((delay[call.to] - TIMEOUT_MS) / 8000.0, 0.0, 0.5)
            failed = 1 - (1 - errors[call.to]) * (1 - gave_up)
            well = well * (1 - often * call.needs * failed)
            waits = waits + delay[call.to] * call.wait * min(1.0, 2.0 * call.share)
            if scene.shop.by_name[call.to].kind == "external" and component.kind == "frontend":
                broken = errors[call.to]
                assets = np.maximum(assets, broken)
                waits = waits + component.latency_ms * 9.0 * call.wait * broken
        errors[component.name] = np.clip(1 - well, 0, 1)
        delay[component.name] = np.clip(waits, 0, LONGEST_MS)
        if component.kind != "external":
            local.assets = assets
    requests = _traffic(scene, errors)
    return {
        c.name: Condition(errors[c.name], c.latency_ms + delay[c.name], requests[c.name], scene.local[c.name])
        for c in scene.shop.components
    }


def _traffic(scene: Scene, errors: dict[str, Floats]) -> dict[str, Floats]:
    wave = 1 + 0.04 * np.sin(2 * np.pi * scene.ks / 1440.0)
    flow: dict[str, Floats] = {}
    for component in reversed(scene.shop.callees_first):
        own = flow.get(component.name, np.zeros(scene.ks.shape))
        leaving = 1 - 0.35 * errors[component.name] if component.kind == "frontend" else 1.0
        own = (own + component.users * wave * leaving) * scene.local[component.name].traffic
        flow[component.name] = own
        reaches = own * (1 - scene.local[component.name].errors)
        for call in component.calls:
            if not call.consumes:
                flow[call.to] = flow.get(call.to, np.zeros(scene.ks.shape)) + reaches * call.share
    return flow
