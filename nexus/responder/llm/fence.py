"""Fence: what a tool returned, between marks that nobody outside can know, capped, with its evidence id."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from nexus.incident import Evidence
from nexus.responder.llm.window import capped, told

MOST = 6_000
"""Characters of one tool's result that a model is shown."""
BRIEF = 300
"""Characters that stay of it when the window gets tight."""

SHARE = 0.8
"""Characters for each token of the window that one kind of a prompt's data may take: about a quarter of it."""

Nonce = Callable[[], str]


def nonce() -> str:
    """A word that text from outside cannot guess."""
    return secrets.token_hex(8)


class Fence:
    """One conversation's marks, and how much stands between them for a model that takes `window` tokens."""

    def __init__(self, word: str, window: int) -> None:
        self.word = word
        self._room = int(window * SHARE)

    def most(self, texts: int, at_most: int) -> int:
        """Characters of each of so many texts that together take their share of the window."""
        return min(at_most, self._room // max(texts, 1))

    def around(self, text: str, label: str) -> str:
        """The text between the marks; marks inside it lose their brackets."""
        inside = text.replace("⟦", "[").replace("⟧", "]")
        return f"⟦data {self.word} {label}⟧\n{inside}\n⟦end {self.word}⟧"

    def evidence(self, evidence: Evidence, most: int = MOST) -> str:
        """One look, as the model reads it."""
        if evidence.failed:
            return self.around(f"could not look: {capped(evidence.summary, BRIEF * 2)}", self._label(evidence))
        summary = capped(evidence.summary, BRIEF * 2)
        values = told(evidence.values, max(most - len(summary), BRIEF))
        return self.around(f"{summary}\n{values}", self._label(evidence))

    def brief(self, evidence: Evidence) -> str:
        """The same in one sentence."""
        return self.around(capped(evidence.summary, BRIEF), self._label(evidence))

    @staticmethod
    def _label(evidence: Evidence) -> str:
        return f"evidence {evidence.id} {evidence.tool}"
