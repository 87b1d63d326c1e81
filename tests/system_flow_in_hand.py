"""The making of made-up systems: a random call graph, what goes wrong in it, and how loads, waits and failures follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nexus.world.metrics import Floats

Kind = Literal[
    "cpu", "memory", "disk", "delay", "network", "loss", "failing", "silent", "config", "earlier", "retries", "none"
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "cpu",
    "memory",
    "disk",
    "delay",
    "network",
    "loss",
    "failing",
    "silent",
    "config",
    "earlier",
    "retries",
)
STEPS = (1, 5, 15, 60, 300)

ALERT = 1_767_268_800.0
"""When the alert fired, in unix seconds."""
_NOUNS = (
    "gateway", "orders", "stock", "prices", "search", "carts", "basket", "users", "login", "mail",
    "coupons", "reviews", "shipping", "parcels", "taxes", "ads", "media", "routes", "seats", "trains",
    "tickets", "rates", "quotes", "ledger", "invoices", "profiles", "images", "feed", "posts", "friends",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Graph:
    """Services by number, callers before callees; number 0 is where users come in."""

    names: tuple[str, ...]
    stores: frozenset[int]
    edges: dict[tuple[int, int], float]
    """Calls for each request of the caller."""
    work_ms: Floats
    tail: Floats
    """Spread of a latency, in natural logarithms."""
    cpu: Floats
    passes: Floats
    """Share of its callees' failures that a service passes on."""
    entry_rps: float

    def callees(self, service: int) -> list[int]:
        return [j for i, j in self.edges if i == service]

    def callers(self, service: int) -> list[int]:
        return [i for i, j in self.edges if j == service]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong at one service while the fault is on."""

    at: int
    slower: float = 1.0
    added_ms: float = 0.0
    link_ms: float = 0.0
    loss: float = 0.0
    fails: float = 0.0
    cpu: float = 1.0
    memory: float = 1.0
    disk: float = 1.0
    drops: float = 0.0
    """Share of its calls that fall away."""
    repeats: tuple[int, float] | None = None
    """A callee that it asks so many times as often."""
    began: float = 0.0
    over: float = np.inf

    def on(self, times: Floats, span: float) -> Floats:
        """The share of the `span` up to each time in which it was on."""
        share: Floats = np.clip((np.minimum(times, self.over) - np.maximum(times - span, self.began)) / span, 0.0, 1.0)
        return share


@dataclass(slots=True)
class Flow:
    """What goes on at every service, a row each, at some times."""

    rps: Floats
    calls: dict[tuple[int, int], Floats]
    latency: Floats
    errors: Floats
    link: dict[tuple[int, int], Floats]
    lost: dict[tuple[int, int], Floats]
    on: list[tuple[Trouble, Floats]] = field(default_factory=list)

    def pending(self, service: int) -> Floats:
        """How many times as many requests as usual it holds in hand; three at most."""
        held = self.rps[service] * self.latency[service]
        more: Floats = np.clip(held / max(1e-9, float(np.median(held))) - 1, 0.0, 3.0)
        return more

    def factor(self, service: int, what: str) -> Floats:
        """What the troubles make of a resource."""
        found = np.ones(self.rps.shape[1])
        for trouble, on in self.on:
            if trouble.at == service:
                found = found * (1 + (getattr(trouble, what) - 1) * on)
        return found


def graph_of(random: np.random.Generator, names: Sequence[str] | None) -> Graph:
    size = int(random.integers(8, 31))
    stores = max(1, size // 5)
    services = size - stores
    depth = int(random.integers(2, 5))
    layer = [0, *sorted(int(n) for n in random.integers(1, depth + 1, services - 1))]
    edges: dict[tuple[int, int], float] = {}
    for callee in range(1, size):
        above = [i for i in range(services) if (callee >= services and i > 0) or (callee < services and layer[i] < layer[callee])]
        near = [i for i in above if callee >= services or layer[i] == max(layer[k] for k in above)]
        asked = int(random.choice([1, 2, 4], p=[0.55, 0.3, 0.15]))
        for caller in random.choice(near, size=min(asked, len(near)), replace=False):
            edges[int(caller), callee] = float(random.choice([0.3, 0.6, 1.0, 1.5]))
    made = names or [
        *_NOUNS[:services],
        *(f"{_NOUNS[min(i for i, j in edges if j == store)]}-db{store}" for store in range(services, size)),
    ]
    return Graph(
        names=tuple(made[:size]),
        stores=frozenset(range(services, size)),
        edges=edges,
        work_ms=random.lognormal(np.log(12), 0.7, size),
        tail=random.uniform(0.3, 0.8, size),
        cpu=random.uniform(8, 45, size),
        passes=random.uniform(0.4, 1.0, size),
        entry_rps=float(random.lognormal(np.log(60), 0.6)),
    )


def flow_of(graph: Graph, troubles: Iterable[Trouble], times: Floats, span: float, load: Floats) -> Flow:
    """Loads from the entry down, waits and failures from the leaves up."""
    size = len(graph.names)
    active = [(trouble, trouble.on(times, span)) for trouble in troubles]
    rps = np.zeros((size, times.size))
    rps[0] = graph.entry_rps * load
    calls, link, lost = dict[tuple[int, int], Floats](), dict[tuple[int, int], Floats](), dict[tuple[int, int], Floats]()
    for (caller, callee), share in sorted(graph.edges.items()):
        asked, wait, loss = rps[caller] * share, np.full(times.size, 1.0), np.zeros(times.size)
        for trouble, on in active:
            if trouble.at == caller:
                asked = asked * (1 - trouble.drops * on)
                if trouble.repeats is not None and trouble.repeats[0] == callee:
                    asked = asked * (1 + (trouble.repeats[1] - 1) * on)
            if trouble.at in {caller, callee}:
                wait, loss = wait + trouble.link_ms * on, loss + trouble.loss * on
        calls[caller, callee], link[caller, callee], lost[caller, callee] = asked, wait, loss
        rps[callee] += asked
    latency, errors = np.zeros_like(rps), np.full_like(rps, 0.001)
    for service in reversed(range(size)):
        latency[service] = graph.work_ms[service]
        well = np.ones(times.size)
        for trouble, on in active:
            if trouble.at == service:
                latency[service] = latency[service] * (1 + (trouble.slower - 1) * on) + trouble.added_ms * on
                well = well * (1 - trouble.fails * on)
        for callee in graph.callees(service):
            edge = service, callee
            each = calls[edge] / np.maximum(rps[service], 1e-9)
            latency[service] += np.minimum(each, 2.0) * (latency[callee] + link[edge])
            failing = np.clip(errors[callee] - 0.001 + lost[edge], 0, 1)
            well = well * (1 - graph.passes[service] * np.minimum(each, 1.0) * failing)
        errors[service] = np.clip(1 - well + 0.001, 0, 1)
    return Flow(rps, calls, latency, errors, link, lost, active)
