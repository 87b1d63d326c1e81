"""Follow: the incident while it runs, as `nexus serve` tells it over HTTP to everybody who may read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

QUIET = frozenset({"started", "evidence", "finding", "published", "authored", "channel"})
"""Kinds of events that are left out: who began what, each single look, and what went out to readers."""
LONGEST = 200


@dataclass
class Follower:
    """What `nexus serve` at that address knows; each line and each question is told once."""

    url: str
    told: dict[str, int] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def incidents(self) -> list[dict[str, Any]]:
        """Every incident in one line: `id`, `outcome`, `ended_at`, and `questions`, how many wait for a person."""
        found: list[dict[str, Any]] = self._get("/incidents")["incidents"]
        return found

    def lines(self, incident: str) -> Iterator[str]:
        """What has happened since the last look."""
        for event in self._get(f"/incidents/{incident}/events?after={self.told.get(incident, 0)}")["events"]:
            self.told[incident] = event["number"]
            if event["kind"] not in QUIET:
                text = event["text"].replace("\n", " ")
                short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
                yield f"{event['kind']}: {event['actor']}: {short}"

    def questions(self, incident: str) -> Iterator[str]:
        """What it asks people, and has not been told before."""
        for question in self._get(f"/incidents/{incident}/questions")["questions"]:
            if question["id"] not in self.asked:
                self.asked.add(question["id"])
                yield question["text"]

    def _get(self, path: str) -> Any:
        return httpx.get(f"{self.url}{path}", timeout=20).raise_for_status().json()
