"""PrometheusServer: the HTTP API of Prometheus, which Mimir, Thanos and VictoriaMetrics answer too; errors name the query."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from nexus.errors import Unavailable
from nexus.world.connectors.http import HttpService
from nexus.world.gaps import note_gap
from nexus.world.metrics import Floats

MOST_POINTS = 11_000
"""Steps that Prometheus allows in one answer."""
MOST_SERIES = 2_000
"""Series that one query may give; more is a query that does not aggregate."""

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grid:
    """Moments at which series are read: `count` from `start` (unix seconds), every `step` seconds."""

    start: int
    step: int
    count: int

    @classmethod
    def of(cls, start: datetime, end: datetime, step: int = 0) -> Grid:
        """Multiples of the step within [start, end]; without one, 15 to 60 s by the span, longer only for several days."""
        first, last = start.timestamp(), end.timestamp()
        span = max(0.0, last - first)
        chosen = step or (15 if span <= 3600 else 30 if span <= 7200 else 60)
        chosen = max(chosen, 60 * math.ceil(span / MOST_POINTS / 60)) if span / chosen >= MOST_POINTS else chosen
        begin = math.ceil(first / chosen) * chosen
        return cls(begin, chosen, max(0, math.floor((last - begin) / chosen) + 1))

    @property
    def last(self) -> int:
        """The last moment."""
        return self.start + self.step * (self.count - 1)

    def times(self) -> Floats:
        """Every moment."""
        return np.asarray(self.start + self.step * np.arange(self.count), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Found:
    """One series of an answer; NaN where nothing was sampled or the value is infinite."""

    labels: Labels
    values: Floats


class PrometheusServer:
    """Raises Unavailable for every answer that is none."""

    def __init__(self, service: HttpService) -> None:
        self._service = service

    async def names(self, start: datetime, end: datetime) -> frozenset[str]:
        """Every metric's name in that span."""
        query = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}"}
        held = await self._data("GET", "/api/v1/label/__name__/values", "the metrics' names", params=query)
        return frozenset(map(str, self._list(held, "the metrics' names")))

    async def instant(self, query: str, at: datetime) -> list[Labels]:
        """The labels of every series that the query gives then."""
        data = await self._data("POST", "/api/v1/query", query, data={"query": query, "time": f"{at.timestamp():.3f}"})
        return [self._labels(one, query) for one in self._result(data, query)]

    async def ranged(self, query: str, grid: Grid) -> list[Found]:
        """Every series that the query gives at the grid's moments."""
        asked = {"query": query, "start": str(grid.start), "end": str(grid.last), "step": str(grid.step)}
        result = self._result(await self._data("POST", "/api/v1/query_range", query, data=asked), query)
        if len(result) > MOST_SERIES:
            raise Unavailable(
                f"{self._service.name}: {_short(query)} gives {len(result)} series", "aggregate it: one series a component"
            )
        found = []
        for one in result:
            values: Floats = np.full(grid.count, np.nan)
            try:
                for moment, value in one["values"]:
                    place = round((float(moment) - grid.start) / grid.step)
                    number = float(value)
                    if 0 <= place < grid.count and math.isfinite(number):
                        values[place] = number
            except (KeyError, TypeError, ValueError) as error:
                raise self._strange(query) from error
            found.append(Found(self._labels(one, query), values))
        return found

    async def _data(self, method: str, path: str, query: str, **more: Any) -> Any:
        """The `data` of an answer; what it warns of, as Thanos does of stores that are away, is a gap."""
        response = await self._asked(method, path, query, more)
        if response.status_code in {401, 403}:
            raise Unavailable(
                f"{self._service.name} refuses us ({response.status_code})",
                "check its token, username, password and tenant in the world file",
            )
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or body.get("status") not in {"success", "error"}:
            if response.is_success:
                raise self._strange(query)
            raise Unavailable(
                f"{self._service.name} answers {response.status_code} to {_short(query)}", "check its address and that it is well"
            )
        if body["status"] == "error":
            said = _short(f"{body.get('errorType', 'error')}: {body.get('error', '')}", 300)
            remedy = "mend that query in the world file" if response.status_code in {400, 422} else "check that it is well"
            raise Unavailable(f"{self._service.name} cannot answer {_short(query)} ({response.status_code}, {said})", remedy)
        for warning in body.get("warnings") or ():
            note_gap(f"{self._service.name} warns of {_short(query)}: {_short(str(warning), 200)}")
        return body.get("data")

    async def _asked(self, method: str, path: str, query: str, more: Any) -> Any:
        try:
            return await self._service.answer(method, path, **more)
        except Unavailable as error:
            raise Unavailable(f"{error.what}, asked for {_short(query)}", error.remedy) from error

    def _result(self, data: Any, query: str) -> Sequence[Any]:
        result = self._list(data.get("result") if isinstance(data, dict) else None, query)
        if isinstance(data, dict) and data.get("resultType") not in {"vector", "matrix"}:
            raise Unavailable(
                f"{self._service.name}: {_short(query)} gives a {data.get('resultType')}", "ask for one series a component"
            )
        return result

    def _labels(self, one: Any, query: str) -> Labels:
        labels = one.get("metric") if isinstance(one, dict) else None
        if not isinstance(labels, dict):
            raise self._strange(query)
        return {str(name): str(value) for name, value in labels.items()}

    def _list(self, held: Any, query: str) -> list[Any]:
        if not isinstance(held, list):
            raise self._strange(query)
        return held

    def _strange(self, query: str) -> Unavailable:
        return Unavailable(
            f"{self._service.name} answers {_short(query)} with something else than Prometheus does",
            "check its url: for Mimir it ends in /prometheus",
        )


def _short(text: str, most: int = 160) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= most else one_line[: most - 1] + "…"
