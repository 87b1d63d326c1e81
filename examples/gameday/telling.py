"""Telling: what a game day prints: each step with the time since it began, and the table of what was checked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to hold; `detail` is what was seen."""

    what: str
    holds: bool
    detail: str


@dataclass
class Teller:
    """Says what happens, with the time of day and the seconds since the beginning."""

    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """One step."""
        sys.stdout.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {time.monotonic() - self.began:+6.0f} s  {text}\n")
        sys.stdout.flush()

    def table(self, checks: Iterable[Check]) -> None:
        """Everything that was checked."""
        held = list(checks)
        wide = max((len(check.what) for check in held), default=0)
        sys.stdout.write("\n")
        for check in held:
            sys.stdout.write(f"  {'holds' if check.holds else 'FAILS':6}{check.what:{wide}}  {check.detail}\n")
        sys.stdout.write(f"\n{sum(check.holds for check in held)} of {len(held)} checks hold\n")
        sys.stdout.flush()
