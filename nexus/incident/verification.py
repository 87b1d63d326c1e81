"""Verification: one verifier's judgement of the world after a change."""

from __future__ import annotations

from nexus.incident.base import Moment, Word


class CheckResult(Word):
    """One of a verifier's checks; None: it could not look."""

    check: str
    passed: bool | None
    detail: str
    evidence: tuple[str, ...] = ()


class Verification(Word):
    """A verifier passes only when every check passed; a check that could not look is no pass."""

    agent: str
    attempt: int
    passed: bool
    worse: bool = False
    checks: tuple[CheckResult, ...]
    at: Moment
