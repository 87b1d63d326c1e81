"""References: whatever the graph names exists, and whoever is asked to do something may do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus.incident import ActionKind
from nexus.library.content import Content
from nexus.library.fault import Fault
from nexus.library.located import Located, Where
from nexus.runbook import RELEVANT_DEVELOPER
from nexus.tools.names import TOOL_NAMES

SIGNALS: Mapping[str, frozenset[str]] = {
    name: frozenset(values.split())
    for name, values in {
        "availability": "ok degraded down unknown",
        "errors": "normal elevated majority unknown",
        "latency": "normal elevated tenfold unknown",
        "feature": "core major minor cosmetic unknown",
        "data": "safe at_risk lost unknown",
        "workaround": "yes no unknown",
        "alert": "critical high medium low unknown",
        "telemetry": "full partial none",
        "now": "normal abnormal unknown",
        "security": "none attack suspected breach unknown",
    }.items()
}
"""What triage measures and the rubric may ask for, with every value there is."""

_PLACEHOLDERS = ("$component", "$suspect")
_AGENT_PLACES: tuple[tuple[Where, bool], ...] = (
    (("teams", "*", "*", "agent"), True),
    (("investigators", "*", "agent"), True),
    (("branches", "*", "steps", "*", "agent"), True),
    (("verifiers", "*", "agent"), False),
    (("escalations", "*", "to", "*"), False),
)
_DEVELOPERS = ("frontend_developer", "backend_developer")
_ROLES = ("commander", "communicator", "executive", "post_mortem", "prioritizer", *_DEVELOPERS)


def reference_faults(graph: Located, content: Content) -> Iterator[Fault]:
    """Unknown agents, tools, actions and signals; tools and actions that an agent does not list."""
    yield from _agent_faults(graph, content)
    yield from _check_faults(graph, content)
    yield from _branch_faults(graph, content)
    yield from _signal_faults(graph)


def _agent_faults(graph: Located, content: Content) -> Iterator[Fault]:
    known = content.agents.keys() | content.unread
    places = [(where, value, placeholder) for pattern, placeholder in _AGENT_PLACES for where, value in graph.each(pattern)]
    places += [(where, value, False) for role in _ROLES for where, value in graph.each(("roles", role))]
    for where, value, placeholder in places:
        if not isinstance(value, str) or value in known:
            continue
        if value != RELEVANT_DEVELOPER:
            yield graph.fault(where, f"unknown agent {value!r}", f"write agents/{value}.md, or name one that exists")
        elif not placeholder:
            yield graph.fault(where, f"{RELEVANT_DEVELOPER} cannot be used here", "name the agent itself")


def _acting(graph: Located, agent: object) -> list[str]:
    """The agents that a name stands for."""
    names = [graph.get(("roles", role)) for role in _DEVELOPERS] if agent == RELEVANT_DEVELOPER else [agent]
    return [name for name in names if isinstance(name, str)]


def _check_faults(graph: Located, content: Content) -> Iterator[Fault]:
    for table in ("investigators", "verifiers"):
        for where, spec in graph.each((table, "*", "checks", "*")):
            tool = graph.get((*where, "tool"))
            if isinstance(tool, str):
                yield from _tool_faults(graph, content, where, tool)
            for place, value in graph.each((*where, "arguments", "*")):
                if isinstance(value, str) and value.startswith("$") and value not in _PLACEHOLDERS:
                    remedy = f"write {' or '.join(_PLACEHOLDERS)}"
                    yield graph.fault(place, f"unknown placeholder {value!r} in check {_id(spec)}", remedy)


def _tool_faults(graph: Located, content: Content, where: Where, tool: str) -> Iterator[Fault]:
    place = (*where, "tool")
    if tool not in TOOL_NAMES:
        yield graph.fault(place, f"unknown tool {tool!r}", f"tools are {', '.join(sorted(TOOL_NAMES))}")
        return
    for name in _acting(graph, graph.get((*where[:2], "agent"))):
        agent = content.agents.get(name)
        if agent is not None and tool not in agent.tools:
            remedy = f"list it in agents/{name}.md, or take the check out"
            yield graph.fault(place, f"{name} does not list {tool}, which check {_id(graph.get(where))} needs", remedy)


def _id(spec: object) -> str:
    return repr(spec.get("id")) if isinstance(spec, Mapping) else "there"


def _branch_faults(graph: Located, content: Content) -> Iterator[Fault]:
    kinds = {kind.value for kind in ActionKind}
    for where, branch in graph.each(("branches", "*")):
        named = [(place, kind) for place, kind in graph.each((*where, "actions", "*")) if isinstance(kind, str)]
        for place, kind in named:
            if kind not in kinds:
                yield graph.fault(place, f"unknown action {kind!r}", f"actions are {', '.join(sorted(kinds))}")
        wanted = {kind for _, kind in named if kind in kinds}
        actors = list(_actors(graph, where))
        if not actors:
            cause = branch.get("cause") if isinstance(branch, Mapping) else None
            yield graph.fault((*where, "steps"), f"nobody acts in branch {cause!r}", "give one step the role act")
        yield from _actor_faults(graph, content, wanted, actors)


def _actors(graph: Located, branch: Where) -> Iterator[tuple[Where, str]]:
    for where, role in graph.each((*branch, "steps", "*", "role")):
        if role == "act":
            place = (*where[:-1], "agent")
            yield from ((place, name) for name in _acting(graph, graph.get(place)))


def _actor_faults(graph: Located, content: Content, wanted: set[str], actors: list[tuple[Where, str]]) -> Iterator[Fault]:
    for place, name in actors:
        agent = content.agents.get(name)
        if agent is None or not wanted:
            continue
        if not wanted & {kind.value for kind in agent.actions}:
            problem = f"{name} acts here but may not propose {', '.join(sorted(wanted))}"
            yield graph.fault(place, problem, f"list one of them in agents/{name}.md, or let somebody else act")


def _signal_faults(graph: Located) -> Iterator[Fault]:
    for where, values in graph.each(("rubric", "*", "when", "*")):
        name = str(where[-1])
        if name not in SIGNALS:
            yield graph.fault(where, f"unknown signal {name!r}", f"signals are {', '.join(SIGNALS)}")
            continue
        if values == []:
            yield graph.fault(where, f"{name} has no values, so the rule never matches", "list at least one")
        for place, each in graph.each((*where, "*")):
            if not isinstance(each, str) or each not in SIGNALS[name]:
                yield graph.fault(place, f"{name} is never {each!r}", f"its values are {', '.join(sorted(SIGNALS[name]))}")
