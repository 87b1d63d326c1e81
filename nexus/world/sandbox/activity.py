"""Activity: how strongly a fault is at work in each minute, 0 to 1, given what was done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nexus.incident import ActionKind
from nexus.world.metrics import Floats
from nexus.world.sandbox.control import Entry, Timeline
from nexus.world.sandbox.faults import Fault, Pattern
from nexus.world.sandbox.noise import Minutes


@dataclass(frozen=True, slots=True)
class Activity:
    """`level` is 0 to 1; `size` is the share of requests that fail at full level; `began` is when each minute's spell began."""

    level: Floats
    size: Floats
    began: Floats


def is_done_by(pattern: Pattern, entry: Entry) -> bool:
    """Whether that entry is such an action."""
    action = entry.action
    if entry.kind != "apply" or action is None or action.kind is not pattern.kind or action.target != pattern.target:
        return False
    return all(_met(action.arguments.get(name), value) for name, value in pattern.arguments.items())


def _met(got: object, wanted: object) -> bool:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return isinstance(got, int | float) and got >= wanted
    return got == wanted


def holds(pattern: Pattern, control: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Whether the controls are as such an action leaves them; `first` is how they began."""
    target, wanted = pattern.target, pattern.arguments
    match pattern.kind:
        case ActionKind.FAILOVER:
            return _moved(target, wanted, control, first)
        case ActionKind.SCALE:
            now = [control.get(f"{name}/{target}") for name in wanted]
            return bool(wanted) and all(map(_met, now, wanted.values()))
        case ActionKind.HOTFIX:
            return wanted.get("patch") in control.get(f"patches/{target}", [])
        case ActionKind.LIMIT:
            return wanted.get("source") in control.get(f"limits/{target}", [])
        case ActionKind.RESTART | ActionKind.ROTATE:
            return False
    named = {
        ActionKind.ROLLBACK: (
            f"config/{target}/{wanted['key']}" if "key" in wanted else f"version/{target}",
            wanted.get("to_version"),
        ),
        ActionKind.FALLBACK: (f"fallback/{target}", wanted.get("on", True)),
        ActionKind.FLAG: (f"flag/{target}/{wanted.get('flag')}", wanted.get("on", False)),
    }
    name, value = named[pattern.kind]
    return bool(control.get(name) == value)


def _moved(target: str, wanted: Mapping[str, Any], control: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    if f"drained/{target}" in control:
        return bool(control[f"drained/{target}"])
    if "away_from" in wanted:
        return wanted["away_from"] in control.get(f"away/{target}", [])
    return bool(control.get(f"primary/{target}") != first.get(f"primary/{target}"))


def _credential_is_new(control: Mapping[str, Any], credential: str | None) -> bool:
    return bool(control.get(f"credential/{credential}", 1) > 1)


def _by_stretch(timeline: Timeline, ks: Minutes, values: list[float]) -> Floats:
    index = np.searchsorted(np.asarray(timeline.begins), ks, side="right") - 1
    return np.asarray(values, dtype=np.float64)[index]


def activity(fault: Fault, timeline: Timeline, ks: Minutes, credential: str | None = None) -> Activity:
    """How strongly the fault is at work in each of those minutes."""
    minutes = ks.astype(np.float64)
    on = minutes >= fault.start
    if fault.until is not None:
        on &= minutes < fault.until
    began = np.full(minutes.shape, fault.start)
    first, condition = timeline.controls[0], fault.only_while()
    live: list[float] = []
    sizes: list[float] = []
    since: list[float] = []
    for begins, control in zip(timeline.begins, timeline.controls, strict=True):
        there = condition is None or control.get(condition[0]) == condition[1]
        cured = any(
            _credential_is_new(control, credential) if p.kind is ActionKind.ROTATE else holds(p, control, first)
            for p in fault.cures()
        )
        since.append(begins if not live or (there and not cured and not live[-1]) else since[-1])
        live.append(float(there and not cured))
        worse = [w.size for w in fault.made_worse_by if holds(w, control, first)]
        sizes.append(max([fault.size, *worse]))
    on &= _by_stretch(timeline, ks, live) > 0
    began = np.maximum(began, _by_stretch(timeline, ks, since))
    for landed, entry in timeline.landed:
        if landed < fault.start:
            continue
        if any(p.kind is ActionKind.RESTART and is_done_by(p, entry) for p in fault.cures()):
            on &= minutes < landed
        for treatment in fault.treated_by:
            if is_done_by(treatment, entry):
                returns = landed + treatment.relapses_after
                on &= (minutes < landed) | (minutes >= returns)
                began = np.where(minutes >= returns, np.maximum(began, returns), began)
    level = np.where(on, np.clip((minutes - began + 1) / max(fault.ramp, 1.0), 0.0, 1.0), 0.0)
    return Activity(level=level, size=_by_stretch(timeline, ks, sizes), began=began)
