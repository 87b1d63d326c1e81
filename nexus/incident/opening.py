"""Opening: all that an incident was begun with, so that another process can go on with it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nexus.incident.alert import Alert
from nexus.incident.base import Moment, Word


class Surroundings(Word):
    """How an incident's world and library are opened again; empty where only its embedder can open them."""

    world: str = Field(default="", description="as --world names it")
    seed: int | None = None
    library: str = Field(default="", description="folder; empty for the shipped one")


class Opening(Word):
    """What an incident was begun with. `graph` is the version of the graph that it keeps to the end."""

    incident: str
    alert: Alert
    opened_at: Moment
    surroundings: Surroundings = Surroundings()
    graph: int
    engine: Literal["embedded", "temporal"] = "embedded"
    approve: Literal["auto", "ask", "never"] = "ask"
    until: str | None = None
    simulated: bool = Field(default=False, description="its world's time is not the clock's on the wall")
    pace: float = Field(default=1.0, description="seconds of the incident in one second, in simulated worlds")
