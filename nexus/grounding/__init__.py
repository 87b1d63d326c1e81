"""Grounding: every figure and name of a text is checked against the record, and a sentence that says what is not there is struck."""

from nexus.grounding.check import Struck, checked
from nexus.grounding.claims import claims_cause
from nexus.grounding.ground import Ground, ground_of
from nexus.grounding.notes import Notes
from nexus.grounding.sentence import sentences

__all__ = ["Ground", "Notes", "Struck", "checked", "claims_cause", "ground_of", "sentences"]
