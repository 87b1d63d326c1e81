"""Breaker: a model that fails is left alone for a while, so that the next agents do not wait; then one of them tries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from nexus.errors import ModelError, ModelNonsense, OverBudget

NONSENSE = 3
"""Tasks answered with nonsense in a row after which a model is left alone: one alone may be the task's difficulty."""
LONGEST = 600.0
"""Seconds that a model is left alone at the most."""


MOST = 240
"""Characters of the reason that are repeated."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """One model's health: closed while `until` is None; `pauses` in a row double the pause."""

    until: float | None = None
    pauses: int = 0
    nonsense: int = 0
    why: str = ""
    trying: bool = False


def after_failure(circuit: Circuit, error: ModelError, now: float, pause: float) -> Circuit:
    """What a failed task does to it; going over budget says nothing about the model."""
    if isinstance(error, OverBudget):
        return replace(circuit, trying=False)
    if isinstance(error, ModelNonsense) and circuit.nonsense + 1 < NONSENSE and not circuit.trying:
        return replace(circuit, nonsense=circuit.nonsense + 1)
    wait = min(pause * 2**circuit.pauses, max(LONGEST, pause))
    return Circuit(until=now + wait, pauses=circuit.pauses + 1, nonsense=circuit.nonsense, why=str(error)[:MOST])


class Breaker:
    """The circuits of all models of one process. `now` in seconds, monotonic."""

    def __init__(self, pause: float, now: Callable[[], float]) -> None:
        self._pause = pause
        self._now = now
        self._circuits: dict[str, Circuit] = {}

    def refuses(self, model: str) -> str | None:
        """Why that model is not asked now, or None; after the pause one task may try it while the others still go without."""
        circuit = self._circuits.get(model, Circuit())
        if circuit.until is None:
            return None
        left = circuit.until - self._now()
        if left > 0:
            return f"{model} is left alone for another {left:.0f} s: {circuit.why}"
        if circuit.trying:
            return f"{model} is being tried again: {circuit.why}"
        self._circuits[model] = replace(circuit, trying=True)
        return None

    def succeeded(self, model: str) -> None:
        """The model answered a task."""
        self._circuits.pop(model, None)

    def failed(self, model: str, error: ModelError) -> None:
        """The model failed a task."""
        self._circuits[model] = after_failure(self._circuits.get(model, Circuit()), error, self._now(), self._pause)

    def let_go(self, model: str) -> None:
        """A task that was to try the model ended before it knew."""
        circuit = self._circuits.get(model)
        if circuit is not None:
            self._circuits[model] = replace(circuit, trying=False)
