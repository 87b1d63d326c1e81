"""Spans: what takes how long in an incident, by OpenTelemetry's conventions for generative AI; nothing where nobody traces.

Names, ids, counts and kinds of error go into a span, and nothing else: prompts, answers and results may hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

try:
    from opentelemetry import trace
except ImportError:
    _TRACER = None
else:
    _TRACER = trace.get_tracer("nexus")

OPERATION = "gen_ai.operation.name"
WORKFLOW = "gen_ai.workflow.name"
CONVERSATION = "gen_ai.conversation.id"
AGENT_ID = "gen_ai.agent.id"
AGENT_NAME = "gen_ai.agent.name"
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
PROVIDER = "gen_ai.provider.name"
MODEL = "gen_ai.request.model"
MAX_TOKENS = "gen_ai.request.max_tokens"
TEMPERATURE = "gen_ai.request.temperature"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
ERROR = "error.type"

INCIDENT = "nexus.incident.id"
SEVERITY = "nexus.severity"
OUTCOME = "nexus.outcome"
TASK = "nexus.task"
AUTHOR = "nexus.author"
WORDING = "nexus.wording"
EVIDENCE = "nexus.evidence.id"

Value = str | int | float | bool | list[str]


class Mark(Protocol):
    """A span under way."""

    def set(self, name: str, value: Value) -> None:
        """Say something more about it."""
        ...

    def fail(self, kind: str) -> None:
        """It went wrong; `kind` is one of few: the error's class, never its message."""
        ...


Held = AbstractContextManager[Mark]
"""While held, the work is under way, and what begins meanwhile is part of it. An exception that ends it is its kind of error."""


class _Untraced(Held):
    """Where OpenTelemetry is not installed, or no provider is set."""

    def __enter__(self) -> Mark:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def set(self, name: str, value: Value) -> None:
        """Nothing."""

    def fail(self, kind: str) -> None:
        """Nothing."""


_UNTRACED = _Untraced()


class _Traced(Held):
    """A span of OpenTelemetry's."""

    __slots__ = ("_held", "_span")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._held = trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False)

    def __enter__(self) -> Self:
        self._held.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self.fail(kind.__name__)
        self._held.__exit__(None, None, None)

    def set(self, name: str, value: Value) -> None:
        """An attribute."""
        self._span.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        """Its status, without a description."""
        self._span.set_attribute(ERROR, kind)
        self._span.set_status(trace.StatusCode.ERROR)


def span(name: str, attributes: Mapping[str, Value], *, client: bool = False) -> Held:
    """A span inside the one under way here; `client`: it asks another system and waits."""
    if _TRACER is None:
        return _UNTRACED
    kind = trace.SpanKind.CLIENT if client else trace.SpanKind.INTERNAL
    begun = _TRACER.start_span(name, attributes=attributes, kind=kind)
    return _Traced(begun) if begun.get_span_context().is_valid else _UNTRACED


def incident_span(incident: str) -> Held:
    """One incident, from its alert to its end or to where it waits."""
    about = {OPERATION: "invoke_workflow", WORKFLOW: "incident", CONVERSATION: incident, INCIDENT: incident}
    return span(f"incident {incident}", about)


def agent_span(name: str, title: str, *, incident: str, task: str, wording: str) -> Held:
    """One agent's task: the agent's name in the library and its title, and the digest of the library that words it."""
    return span(
        f"invoke_agent {title}",
        {
            OPERATION: "invoke_agent", AGENT_NAME: title, AGENT_ID: name, CONVERSATION: incident, TASK: task, WORDING: wording,
        },
    )  # fmt: skip


def tool_span(tool: str, evidence: str) -> Held:
    """One look with a tool, by the id of the evidence that it brings."""
    return span(f"execute_tool {tool}", {OPERATION: "execute_tool", TOOL_NAME: tool, TOOL_TYPE: "function", EVIDENCE: evidence})


def chat_span(provider: str, model: str, limits: Mapping[str, Value]) -> Held:
    """One call of a model; `limits` are what the request asks of it, by their conventional names."""
    return span(f"chat {model}", {OPERATION: "chat", PROVIDER: provider, MODEL: model, **limits}, client=True)
