"""Checking: whether a scenario fits its shop; what does not is a WorldError naming file, field and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nexus.errors import ActionFailed, WorldError
from nexus.incident import Action, ActionKind
from nexus.world.sandbox import faults as f
from nexus.world.sandbox.control import changed, initial
from nexus.world.sandbox.orders import Clerk
from nexus.world.sandbox.scenario import ChangeSpec, Measure, Scenario
from nexus.world.sandbox.shop import Shop


def check(path: Path, scenario: Scenario, shop: Shop) -> None:
    """Raise WorldError for the first thing that does not fit."""
    for field, wrong, remedy in _faults(scenario, shop):
        raise WorldError(f"{path}: {field}: {wrong}", remedy)


def _faults(scenario: Scenario, shop: Shop) -> Iterator[tuple[str, str, str]]:
    names = ", ".join(sorted(shop.by_name))
    for number, change in enumerate(scenario.changes):
        yield from _change(f"changes.{number}", change, shop, names)
    for number, fault in enumerate(scenario.faults):
        field = f"faults.{number}"
        component = shop.by_name.get(fault.where)
        if component is None:
            yield f"{field}.where", f"there is no {fault.where}", f"take one of {names}"
            continue
        if component.kind not in fault.kinds:
            fitting = ", ".join(c.name for c in shop.of_kind(*fault.kinds))
            yield f"{field}.where", f"{fault.where} is a {component.kind}", f"this fault happens at one of {fitting}"
        yield from _bound(field, fault, scenario, shop)
        yield from _patterns(field, fault, scenario, shop)
    for number, measure in enumerate(scenario.measures):
        yield from _measure(f"measures.{number}", measure, shop, names)
    for wanted in scenario.expect.component:
        if wanted not in shop.by_name:
            yield "expect.component", f"there is no {wanted}", f"take one of {names}"


def _measure(field: str, measure: Measure, shop: Shop, names: str) -> Iterator[tuple[str, str, str]]:
    if measure.component not in shop.by_name:
        yield f"{field}.component", f"there is no {measure.component}", f"take one of {names}"
    callees = _callees(shop, measure.caller)
    if measure.callee not in callees:
        called = ", ".join(callees) or "nothing"
        yield f"{field}.callee", f"{measure.caller} does not call {measure.callee}", f"it calls {called}"


def _callees(shop: Shop, caller: str) -> tuple[str, ...]:
    component = shop.by_name.get(caller)
    return tuple(call.to for call in component.calls if not call.consumes) if component else ()


def _change(field: str, change: ChangeSpec, shop: Shop, names: str) -> Iterator[tuple[str, str, str]]:
    component = shop.by_name.get(change.component)
    if component is None:
        yield f"{field}.component", f"there is no {change.component}", f"take one of {names}"
    elif change.kind == "deployment" and not component.releases:
        yield f"{field}.component", f"{change.component} has no releases", "take a backend or a frontend"
    if change.kind in ("config", "flag") and not change.key:
        yield f"{field}.key", f"a {change.kind} change needs one", "name the configuration key or the flag"
    elif change.kind == "config" and not change.previous and component and change.key not in component.config:
        yield (
            f"{field}.previous",
            f"{change.component} knows no {change.key}, so what it was before is unknown",
            "write `previous`",
        )
    if change.kind == "flag" and change.version not in ("on", "off"):
        yield f"{field}.version", f"{change.version!r} is not a flag's value", "write on or off, in quotes"


def _bound(field: str, fault: f.Fault, scenario: Scenario, shop: Shop) -> Iterator[tuple[str, str, str]]:
    condition = fault.only_while()
    if isinstance(fault, f.ConsumerStuck) and fault.where not in shop.consumers(fault.queue):
        yield f"{field}.queue", f"{fault.where} does not take from {fault.queue}", "name a queue and one of its consumers"
    if isinstance(fault, f.Defect) and fault.page and fault.page not in shop.by_name[fault.where].pages:
        yield (
            f"{field}.page",
            f"{fault.where} has no page {fault.page}",
            "take one of " + ", ".join(shop.by_name[fault.where].pages),
        )
    called = _callees(shop, fault.where)
    if isinstance(fault, f.Defect):
        yield from _silent(field, fault, shop, called)
    if isinstance(fault, f.RetryStorm) and fault.to not in called:
        yield f"{field}.to", f"{fault.where} does not call {fault.to}", f"take one of {', '.join(called)}"
    if condition is None:
        return
    name, value = condition
    ever = [initial(shop, scenario).get(name)]
    ever += [c[1] for x in scenario.changes for c in [changed(x.component, x.kind, x.key, x.version, x.previous)] if c[0] == name]
    ever += [p.arguments.get("to_version") for x in scenario.faults for p in x.made_worse_by]
    if value not in ever and not (name.startswith("version/") and value in shop.by_name[fault.where].releases):
        yield field, f"{name} is never {value!r}, so the fault never shows", "add the change that brings it"


def _silent(field: str, fault: f.Defect, shop: Shop, called: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    strange = [callee for callee in fault.skips if callee not in called]
    if fault.skips and shop.by_name[fault.where].kind == "frontend":
        yield f"{field}.skips", f"{fault.where} is a frontend", "let a backend skip what it calls"
    elif strange:
        yield f"{field}.skips", f"{fault.where} does not call {strange[0]}", f"take some of {', '.join(called)}"
    if fault.tells and not fault.skips:
        yield f"{field}.tells", "nothing is skipped, so the line would never go", "write `skips`, or leave it out"


def _patterns(field: str, fault: f.Fault, scenario: Scenario, shop: Shop) -> Iterator[tuple[str, str, str]]:
    clerk, control = Clerk(shop, scenario), initial(shop, scenario)
    for where, patterns in (
        ("cured_by", fault.cured_by or ()),
        ("treated_by", fault.treated_by),
        ("made_worse_by", fault.made_worse_by),
    ):
        for number, pattern in enumerate(patterns):
            place = f"{field}.{where}.{number}"
            if pattern.target not in shop.by_name:
                yield f"{place}.target", f"there is no {pattern.target}", "take one of " + ", ".join(sorted(shop.by_name))
            elif where == "made_worse_by" and pattern.kind in (ActionKind.RESTART, ActionKind.ROTATE):
                yield f"{place}.kind", f"a {pattern.kind.value} leaves no state that could make it worse", "take another kind"
            elif pattern.arguments and pattern.kind is not ActionKind.SCALE:
                try:
                    clerk.order(Action(kind=pattern.kind, target=pattern.target, arguments=pattern.arguments), control)
                except ActionFailed as error:
                    yield f"{place}.arguments", error.what, "write the arguments as action_options would give them"
