"""Hypothesis, Suspect and RootCause: what may be wrong, and how sure we are."""

from __future__ import annotations

from pydantic import Field

from nexus.incident.base import Explained, Moment, Word


class Cause(Explained):
    """The branches of the runbook's decision tree."""

    DEPLOYMENT = "deployment", "a release or configuration change brought it"
    INFRASTRUCTURE = "infrastructure", "hosts, disks, databases, networks, capacity or credentials"
    CODE_BUG = "code_bug", "a defect that no recent change explains"
    EXTERNAL_DEPENDENCY = "external_dependency", "somebody else's system"
    UNKNOWN = "unknown", "the evidence does not say"


class CauseStatus(Explained):
    """How far the evidence carries."""

    CONFIRMED = "confirmed", "independent evidence agrees and the alternatives are ruled out"
    LIKELY = "likely", "the best explanation, not proven"
    INCONCLUSIVE = "inconclusive", "the evidence does not say"


class Suspect(Word):
    """A component that may be where it began; scores are comparable within one incident only."""

    component: str
    score: float
    evidence: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Hypothesis(Word):
    """One explanation that was considered, and the test it stood or failed."""

    cause: Cause
    component: str | None
    statement: str
    test: str
    held: bool | None = Field(description="None: could not be tested")
    score: float = 0.0
    evidence: tuple[str, ...] = ()


class RootCause(Word):
    """The explanation that is acted on."""

    cause: Cause = Cause.UNKNOWN
    component: str | None = None
    status: CauseStatus = CauseStatus.INCONCLUSIVE
    confidence: float = Field(default=0.0, ge=0, le=1)
    introduced_at: Moment | None = None
    statement: str = ""
    mechanism: str | None = Field(default=None, description="e.g. disk_full, bad_release, bad_config, cpu, flood, credential")
    change: str | None = Field(default=None, description="id of the change held responsible, if any")
    evidence: tuple[str, ...] = ()


class Diagnosis(Word):
    """What correlation gives: hypotheses as tested, suspects as ranked, and the cause."""

    hypotheses: tuple[Hypothesis, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    cause: RootCause = RootCause()
    ruled_out: tuple[str, ...] = ()
    nothing_wrong: bool = Field(default=False, description="every look was possible and all was well")
