"""Toll: who loses what: lost features, users, revenue and the rubric's signals, judged from vitals and the catalog. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nexus.tools.vitals import Vital
from nexus.world.catalog import ServiceCatalog

CLASSES = ("core", "major", "unknown", "minor", "cosmetic")
"""Feature classes, worst first; what the catalog does not list may be major, so it stands above minor."""

_USER_KINDS = frozenset({"backend", "frontend"})


@dataclass(frozen=True, slots=True)
class Toll:
    """What the hit components cost. None: not known."""

    hit: tuple[str, ...]
    lost: tuple[str, ...]
    feature: str
    availability: str
    errors: str
    latency: str
    workaround: str
    users: int | None
    share: float | None
    revenue: float | None


def feature_of(catalog: ServiceCatalog, vital: Vital) -> str:
    """The class of what users lose; a page whose scripts fail now and then is part of a feature, not the whole of it."""
    service = catalog.get(vital.component)
    if service is None:
        return "unknown"
    only_noted = vital.noted and not (vital.failing or vital.slow or vital.bare or vital.stopped)
    return "minor" if only_noted and service.feature in {"core", "major"} else service.feature


def below(component: str, edges: Collection[tuple[str, str]]) -> frozenset[str]:
    """Everything that a component calls, directly or not."""
    found: set[str] = set()
    ahead = [component]
    while ahead:
        caller = ahead.pop()
        for one, callee in edges:
            if one == caller and callee not in found:
                found.add(callee)
                ahead.append(callee)
    return frozenset(found - {component})


def explained(vital: Vital, others: Mapping[str, Vital], edges: Collection[tuple[str, str]]) -> bool:
    """Its trouble is a lesser copy of that of something it calls, and most of its own requests are still served well."""
    if vital.down or vital.bare or vital.stopped or vital.excess >= 0.25 or vital.slowness >= 4:
        return False
    beneath = [others[name] for name in below(vital.component, edges) if name in others]
    errors = not vital.failing or any(v.excess >= 1.5 * vital.excess for v in beneath)
    latency = not vital.slow or any(v.slowness >= 1.5 * vital.slowness or v.excess >= 0.25 for v in beneath)
    return errors and latency and (vital.failing or vital.slow)


def lost_features(vitals: Mapping[str, Vital], catalog: ServiceCatalog, edges: Collection[tuple[str, str]]) -> dict[str, str]:
    """Hit components that users miss, and the class of each: no databases or third parties, no callers that pass on a little."""
    hit = {name: v for name, v in vitals.items() if v.hit}
    facing = {}
    for name, vital in hit.items():
        service = catalog.get(name)
        if service is None or service.kind in _USER_KINDS:
            facing[name] = vital
    return {name: feature_of(catalog, v) for name, v in facing.items() if not explained(v, facing, edges)}


def _affected(vitals: Mapping[str, Vital], catalog: ServiceCatalog) -> tuple[int | None, float | None]:
    """Users a minute and share of traffic that fail. Users of a service called by another such service are among the caller's."""
    peopled = {s.name: s.users_per_minute for s in catalog if s.users_per_minute}
    if not peopled:
        return None, None
    inner = {name for caller in peopled for name in below(caller, catalog.edges()) if name in peopled}
    entries = {name: users for name, users in peopled.items() if name not in inner} or peopled
    measured = [name for name in peopled if name in vitals and (vitals[name].errors is not None or vitals[name].down)]
    if not measured:
        return None, None
    at_the_door = sum(users * vitals[name].excess for name, users in entries.items() if name in vitals and vitals[name].failing)
    inside = max((peopled[name] * vitals[name].excess for name in measured if vitals[name].failing), default=0.0)
    users = max(at_the_door, inside)
    return round(users), min(1.0, users / sum(entries.values()))


def _revenue(vitals: Mapping[str, Vital], catalog: ServiceCatalog) -> float | None:
    """USD an hour: the largest figure, for figures of services that depend on each other overlap."""
    figures = [s for s in catalog if s.revenue_per_hour is not None]
    if not figures:
        return None
    hit = [s for s in figures if s.name in vitals and vitals[s.name].failing]
    return round(max((vitals[s.name].excess * (s.revenue_per_hour or 0.0) for s in hit), default=0.0), 2)


def _levels(lost: Mapping[str, str], vitals: Mapping[str, Vital], feature: str) -> tuple[str, str, str]:
    """availability, errors and latency of the worst lost class; of everything when nothing is lost."""
    judged = [vitals[name] for name in lost if lost[name] == feature]
    known = any(v.errors is not None or v.down for v in vitals.values())
    timed = any(v.latency is not None for v in vitals.values())
    worst = max((v.excess for v in judged if v.failing), default=0.0)
    gone = any(v.down or (v.failing and (v.errors or 0.0) > 0.5) for v in judged)
    availability = (
        "down"
        if gone
        else "degraded"
        if worst >= 0.05 or any(v.bare or v.stopped for v in judged)
        else "ok"
        if known
        else "unknown"
    )
    failing = any(v.failing or v.noted or v.bare for v in judged)
    majority = any(v.down or (v.errors or 0.0) >= 0.5 for v in judged if v.failing)
    errors = "majority" if majority else "elevated" if failing else "normal" if known else "unknown"
    tenfold = any(v.slow and v.slowness >= 10 for v in judged)
    slow = any(v.slow for v in judged)
    latency = "tenfold" if tenfold else "elevated" if slow else "normal" if timed else "unknown"
    return availability, errors, latency


def reckon(vitals: Mapping[str, Vital], catalog: ServiceCatalog, edges: Collection[tuple[str, str]], service: str | None) -> Toll:
    """Everything that the hit components cost; `service` stands for its users where the catalog has no figures."""
    hit = tuple(sorted((n for n, v in vitals.items() if v.hit), key=lambda n: (-vitals[n].excess, -vitals[n].slowness, n)))
    lost = lost_features(vitals, catalog, edges)
    feature = min(lost.values(), key=CLASSES.index, default="unknown")
    availability, errors, latency = _levels(lost, vitals, feature)
    entries = [catalog.get(name) for name in lost]
    known = [e for e in entries if e is not None]
    users, share = _affected(vitals, catalog)
    own = vitals.get(service) if service else None
    if users is None and own is not None and own.errors is not None:
        share = own.excess if own.failing else 0.0
    bare = any(vitals[name].bare or vitals[name].stopped for name in lost)
    if bare or (any(vitals[name].noted for name in lost) and not users):
        users, share = None, None
    return Toll(
        hit=hit,
        lost=tuple(sorted(lost, key=lambda n: (CLASSES.index(lost[n]), -vitals[n].excess, -vitals[n].slowness, n))),
        feature=feature,
        availability=availability,
        errors=errors,
        latency=latency,
        workaround="unknown" if not known or len(known) < len(entries) else "yes" if all(e.workaround for e in known) else "no",
        users=users,
        share=None if share is None else round(share, 4),
        revenue=None if bare else _revenue(vitals, catalog),
    )
