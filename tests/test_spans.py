"""Spans of whole incidents in the sandbox: whose parent is who, what they say by the conventions, and that contents stay out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from langchain_openai import ChatOpenAI
from model_in_hand import KEY, QUICK
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import SecretStr
from traces_in_hand import SECRET, leaky_scenario

from nexus import spans
from nexus.errors import ResponderError
from nexus.incident import Incident
from nexus.library import Library
from nexus.responder.llm.make import open_model
from nexus.responder.llm.policy import ModelPolicy
from nexus.testing import ScriptedResponder, run_scenario
from nexus.testing.diligent import diligent
from nexus.testing.model_server import Fail, ModelServer

CONVENTIONAL = {
    value
    for module in (gen_ai_attributes, error_attributes)
    for name, value in vars(module).items()
    if name.startswith(("GEN_AI", "ERROR")) and isinstance(value, str)
}
OPERATIONS = {member.value for member in gen_ai_attributes.GenAiOperationNameValues}
SAID = {value for name, value in vars(spans).items() if name.isupper() and not name.startswith("_")}


@pytest.fixture(scope="module")
def provided() -> Iterator[InMemorySpanExporter]:
    """The process's one provider, for as long as these tests run."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


@pytest.fixture
def told(provided: InMemorySpanExporter) -> InMemorySpanExporter:
    provided.clear()
    return provided


class Run(NamedTuple):
    """An incident and what was told of it."""

    incident: Incident
    finished: tuple[ReadableSpan, ...]


@pytest.fixture(scope="module")
def bad_deploy(provided: InMemorySpanExporter) -> Run:
    """A P0 incident by the rules alone, from its alert to its end."""
    provided.clear()
    incident = asyncio.run(run_scenario("bad-deploy"))
    return Run(incident, provided.get_finished_spans())


def said(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {}).get(name)


def of(finished: Sequence[ReadableSpan], operation: str) -> list[ReadableSpan]:
    return [s for s in finished if said(s, spans.OPERATION) == operation]


def parent_of(span: ReadableSpan, among: Sequence[ReadableSpan]) -> ReadableSpan:
    assert span.parent is not None
    return {s.context.span_id: s for s in among}[span.parent.span_id]


def test_the_names_are_the_conventions_own() -> None:
    foreign = {name for name in SAID if not name.startswith("nexus.")}
    assert foreign
    assert foreign <= CONVENTIONAL


def test_an_incident_is_one_trace_with_the_incident_at_its_root(bad_deploy: Run) -> None:
    incident, finished = bad_deploy
    root = next(s for s in finished if s.parent is None)
    assert root.name == f"incident {incident.id}"
    assert dict(root.attributes or {}) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "incident",
        "gen_ai.conversation.id": incident.id,
        "nexus.incident.id": incident.id,
        "nexus.severity": "P0",
        "nexus.outcome": "resolved",
    }
    assert len({s.context.trace_id for s in finished}) == 1
    assert {said(s, spans.OPERATION) for s in finished} <= OPERATIONS
    assert root.end_time == max(s.end_time or 0 for s in finished)


def test_each_agent_of_a_parallel_round_has_its_own_tools_below_it(bad_deploy: Run) -> None:
    incident, finished = bad_deploy
    owners = {e.id: e.agent for e in incident.evidence}
    tools = of(finished, "execute_tool")
    below = {str(said(t, spans.EVIDENCE)): said(parent_of(t, of(finished, "invoke_agent")), spans.AGENT_ID) for t in tools}
    assert below == owners
    assert {str(said(t, spans.EVIDENCE)): said(t, spans.TOOL_NAME) for t in tools} == {e.id: e.tool for e in incident.evidence}
    assert {t.name for t in tools} == {f"execute_tool {e.tool}" for e in incident.evidence}
    assert {said(t, spans.TOOL_TYPE) for t in tools} == {"function"}


def test_an_agents_task_says_who_was_asked_what_and_by_which_wording(bad_deploy: Run) -> None:
    incident, finished = bad_deploy
    asked = next(a for a in of(finished, "invoke_agent") if said(a, spans.AGENT_ID) == "backend-architect")
    assert asked.name == "invoke_agent Backend Architect"
    assert asked.kind is SpanKind.INTERNAL
    assert dict(asked.attributes or {}) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "Backend Architect",
        "gen_ai.agent.id": "backend-architect",
        "gen_ai.conversation.id": incident.id,
        "nexus.task": "investigate",
        "nexus.wording": Library.default().digest,
        "nexus.author": "rules",
    }


def test_what_is_sent_beside_the_graph_belongs_to_the_incident_too(bad_deploy: Run) -> None:
    incident, finished = bad_deploy
    agents = of(finished, "invoke_agent")
    beside = [a for a in agents if said(a, spans.TASK) in ("status_update", "executive_brief", "escalate")]
    assert len(beside) == len(incident.status_updates) + len(incident.briefs) + len(incident.escalations)
    assert {parent_of(a, finished).name for a in agents} == {f"incident {incident.id}"}


async def test_an_absent_agents_task_is_an_error_of_its_kind_without_its_message(told: InMemorySpanExporter) -> None:
    responder = ScriptedResponder(
        {"investigate/backend-architect": ResponderError("the script says no", "ask somebody else")},
        slow={"frontend-developer": timedelta(minutes=6)},
    )
    await run_scenario("bad-deploy", responder=responder, until="investigation")
    failed = {
        said(a, spans.AGENT_ID): a
        for a in of(told.get_finished_spans(), "invoke_agent")
        if a.status.status_code is StatusCode.ERROR
    }
    assert {agent: said(a, spans.ERROR) for agent, a in failed.items()} == {
        "backend-architect": "ResponderError",
        "frontend-developer": "TimeoutError",
    }
    assert [(a.status.description, list(a.events), said(a, spans.AUTHOR)) for a in failed.values()] == [(None, [], None)] * 2


async def test_a_look_that_could_not_be_taken_is_an_error_of_its_kind(told: InMemorySpanExporter) -> None:
    incident = await run_scenario("logs-down", until="investigation")
    failed = {
        said(t, spans.EVIDENCE): said(t, spans.ERROR)
        for t in of(told.get_finished_spans(), "execute_tool")
        if t.status.status_code is StatusCode.ERROR
    }
    assert failed == {e.id: "Unavailable" for e in incident.evidence if e.failed}
    assert failed


async def test_a_model_call_says_what_was_asked_of_the_model_and_what_it_took(told: InMemorySpanExporter) -> None:
    async with ModelServer(diligent) as server:
        policy = ModelPolicy(**{**QUICK, "base_url": server.url, "answer_tokens": 1500})
        async with open_model(policy=policy, api_key=KEY) as responder:
            incident = await run_scenario("bad-deploy", responder=responder, until="investigation")
    calls, agents = of(told.get_finished_spans(), "chat"), of(told.get_finished_spans(), "invoke_agent")
    assert len(calls) == len(server.requests)
    for call in calls:
        assert call.name == "chat m"
        assert call.kind is SpanKind.CLIENT
        assert said(call, spans.PROVIDER) == "openai"
        assert said(call, spans.MODEL) == "m"
        assert (said(call, spans.MAX_TOKENS), said(call, spans.TEMPERATURE)) == (1500, 0.0)
        assert said(call, spans.FINISH_REASONS) == ("tool_calls",)
        assert said(call, spans.CACHED_TOKENS) == 0
    for name, signed in ((spans.INPUT_TOKENS, "prompt_tokens"), (spans.OUTPUT_TOKENS, "completion_tokens")):
        assert sum(int(str(said(c, name))) for c in calls) == sum(getattr(a, signed) for a in incident.authorship)
    asking = [parent_of(c, agents) for c in calls]
    assert {said(a, spans.AUTHOR) for a in asking} == {"model"}
    assert len({said(a, spans.AGENT_ID) for a in asking}) > 3


async def test_a_model_that_refuses_is_an_error_and_the_task_is_the_rules(told: InMemorySpanExporter) -> None:
    async with ModelServer([Fail(401, f"Incorrect API key provided: {KEY}")]) as server:
        policy = ModelPolicy(**{**QUICK, "base_url": server.url})
        async with open_model(policy=policy, api_key=KEY) as responder:
            await run_scenario("bad-deploy", responder=responder, until="triage")
    [call] = of(told.get_finished_spans(), "chat")
    assert said(call, spans.ERROR) == "ModelRefused"
    assert (call.status.status_code, call.status.description, list(call.events)) == (StatusCode.ERROR, None, [])
    assert said(parent_of(call, of(told.get_finished_spans(), "invoke_agent")), spans.AUTHOR) == "rules"


async def test_a_model_of_langchains_is_not_said_to_be_openai(told: InMemorySpanExporter) -> None:
    async with ModelServer(diligent) as server:
        model = ChatOpenAI(model="theirs", base_url=server.url, api_key=SecretStr(KEY))
        async with open_model(model) as responder:
            await run_scenario("bad-deploy", responder=responder, until="triage")
    calls = of(told.get_finished_spans(), "chat")
    names = ("gen_ai.provider.name", spans.MODEL, spans.MAX_TOKENS, spans.TEMPERATURE)
    assert {tuple(said(c, name) for name in names) for c in calls} == {("langchain", "theirs", None, None)}


async def test_no_contents_are_told(told: InMemorySpanExporter, tmp_path: Path) -> None:
    folder = leaky_scenario(tmp_path / "leaky")
    async with ModelServer(diligent) as server:
        policy = ModelPolicy(**{**QUICK, "base_url": server.url})
        async with open_model(policy=policy, api_key=KEY) as responder:
            incident = await run_scenario(str(folder), responder=responder)
    assert any("[secret-" in e.summary + str(e.values) for e in incident.evidence)
    whole = "\n".join(s.to_json() for s in told.get_finished_spans())
    assert SECRET not in whole
    assert "[secret-" not in whole
    assert {name for s in told.get_finished_spans() for name in s.attributes or {}} <= SAID


async def test_an_incident_is_part_of_whatever_its_embedder_traces(told: InMemorySpanExporter) -> None:
    with trace.get_tracer("embedder").start_as_current_span("the embedder's own"):
        incident = await run_scenario("typo")
    finished = told.get_finished_spans()
    root = next(s for s in finished if s.name == f"incident {incident.id}")
    assert parent_of(root, finished).name == "the embedder's own"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "'opentelemetry.sdk' not in sys.modules and 'opentelemetry.semconv' not in sys.modules"),
        ("sys.modules['opentelemetry'] = None", "spans.incident_span('x') is spans.tool_span('a', 'b')"),
        ("", "spans.incident_span('x') is spans.tool_span('a', 'b')"),
    ],
    ids=["no SDK is loaded", "without OpenTelemetry nothing is made", "without a provider nothing is made"],
)
def test_where_nobody_traces(before: str, after: str) -> None:
    code = (
        f"import sys\n{before}\nfrom nexus import spans\nwith spans.incident_span('x') as mark: mark.set('a', 1)\nassert {after}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
