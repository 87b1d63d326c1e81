"""Notes: a record as far as it was read, so that what is added to it later is read alone and not all of it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nexus.grounding.figures import Figures
from nexus.grounding.ledger import Ledger, entered
from nexus.grounding.names import vocabulary


class Notes:
    """The figures and words of a record."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._words: frozenset[str] = frozenset()

    def take(self, record: Iterable[Any]) -> None:
        """Read more of the record: JSON-like values and Words."""
        known = set(self._ledger.texts)
        entered(record, self._ledger)
        self._words |= vocabulary(self._ledger.texts - known)

    def copy(self) -> Notes:
        """Others that say the same, to go on from."""
        made = Notes()
        made._ledger, made._words = self._ledger.copy(), self._words
        return made

    @property
    def figures(self) -> Figures:
        """Numbers, dates and times that may be cited."""
        return self._ledger.closed()

    @property
    def words(self) -> frozenset[str]:
        """Every word of the record's strings."""
        return self._words
