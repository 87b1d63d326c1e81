"""Complete: the graph's tables have every row that the engine will look for, and none twice."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from nexus.incident import Cause, Risk, Severity
from nexus.library.fault import Fault
from nexus.library.located import Located, Where

_SECTIONS = ("timeline", "root_cause", "impact", "prevention", "action_items")
_TEMPLATES = ("status_update", "executive_brief")
_BRANCHES = tuple(cause.value for cause in Cause if cause is not Cause.UNKNOWN)

_KEYED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("levels", tuple(level.value for level in Severity), "severity"),
    ("teams", tuple(level.value for level in Severity), "severity"),
    ("approvals", tuple(risk.value for risk in Risk), "risk"),
    ("templates", _TEMPLATES, "template"),
)
_LISTED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("branches", "cause", _BRANCHES),
    ("post_mortem", "id", _SECTIONS),
)
_UNIQUE: tuple[tuple[Where, str], ...] = (
    (("teams", "*"), "agent"),
    (("investigators",), "agent"),
    (("investigators", "*", "checks"), "id"),
    (("branches",), "cause"),
    (("verifiers",), "agent"),
    (("verifiers", "*", "checks"), "id"),
    (("escalations",), "id"),
    (("post_mortem",), "id"),
)


def completeness_faults(graph: Located) -> Iterator[Fault]:
    """Rows that are missing and rows that are there twice."""
    yield from _missing(graph)
    yield from _empty(graph)
    for table_at, field in _UNIQUE:
        for where, _ in graph.each(table_at):
            yield from _twice(graph, where, field)


def _missing(graph: Located) -> Iterator[Fault]:
    for table, rows, what in _KEYED:
        if isinstance(graph.get((table,)), dict):
            present = {where[-1] for where, _ in graph.each((table, "*"))}
            for row in rows:
                if row not in present:
                    yield graph.fault((table,), f"{table} has no {what} {row}", f"add {row}")
    for table, field, rows in _LISTED:
        if isinstance(graph.get((table,)), list):
            listed = {value for _, value in graph.each((table, "*", field)) if isinstance(value, Hashable)}
            for row in rows:
                if row not in listed:
                    yield graph.fault((table,), f"{table} has no {field} {row}", f"add {row}")


def _empty(graph: Located) -> Iterator[Fault]:
    for where, team in graph.each(("teams", "*")):
        if team == []:
            yield graph.fault(where, f"the team of {where[-1]} is empty", "name at least one agent")
    for table in ("rubric", "investigators", "verifiers"):
        if graph.get((table,)) == []:
            yield graph.fault((table,), f"{table} is empty", "add a row")


def _twice(graph: Located, table: Where, field: str) -> Iterator[Fault]:
    seen: dict[Hashable, int] = {}
    for where, value in graph.each((*table, "*", field)):
        if not isinstance(value, Hashable):
            continue
        if value in seen:
            problem = f"{field} {value!r} is in {'.'.join(str(key) for key in table)} twice"
            yield graph.fault(where, problem, f"the first is on line {seen[value]}; take one out")
        else:
            seen[value] = graph.line(where)
