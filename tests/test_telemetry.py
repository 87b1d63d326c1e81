"""The command's traces: to a real OTLP/HTTP receiver, by the standard variables, and never in the incident's way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from traces_in_hand import python, receiver

from nexus.telemetry import PATIENCE, Trouble, objection, telemetry, wanted
from nexus.testing.model_server import refused_url

TYPO = ("--world", "sandbox:typo", "--approve", "auto", "--quiet")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass
class Collector:
    """What an OTLP receiver got."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)


@asynccontextmanager
async def collector(*, status: int = 200, seconds: float = 0.0) -> AsyncIterator[Collector]:
    got = Collector()

    async def take(request: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        got.paths.add(request.path)
        for resource in ExportTraceServiceRequest.FromString(await request.read()).resource_spans:
            got.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            got.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(status=status)

    async with receiver(take) as url:
        got.url = url
        yield got


@pytest.mark.parametrize(
    ("environment", "exporters"),
    [
        ({}, ()),
        ({ENDPOINT: "http://c:4318"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, ("otlp",)),
        ({ENDPOINT: " "}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console"}, ("console",)),
        ({"OTEL_TRACES_EXPORTER": "console, otlp,console"}, ("console", "otlp")),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: "http://c:4318"}, ()),
        ({"OTEL_TRACES_EXPORTER": "", ENDPOINT: "http://c:4318"}, ("otlp",)),
        ({"OTEL_SDK_DISABLED": "True", ENDPOINT: "http://c:4318"}, ()),
        ({"OTEL_SDK_DISABLED": "false", ENDPOINT: "http://c:4318"}, ("otlp",)),
        ({"OTEL_SERVICE_NAME": "ops"}, ()),
    ],
)
def test_only_the_standard_variables_send_traces(environment: dict[str, str], exporters: tuple[str, ...]) -> None:
    assert wanted(environment) == exporters


@pytest.mark.parametrize(
    ("exporters", "environment", "says"),
    [
        (("otlp", "console"), {}, ""),
        (("otlp",), {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ""),
        (("console",), {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ""),
        (("otlp",), {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "not by grpc"),
        (
            ("otlp",),
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            "",
        ),
        (("zipkin",), {}, "OTEL_TRACES_EXPORTER names zipkin: give otlp, console or none"),
    ],
)
def test_what_cannot_be_had_is_said(exporters: tuple[str, ...], environment: dict[str, str], says: str) -> None:
    against = objection(exporters, environment)
    assert says in against
    assert bool(says) == bool(against)


async def test_an_incidents_spans_arrive_at_the_collector(tmp_path: Path) -> None:
    async with collector() as got:
        done = await python("-m", "nexus.run", *TYPO, "--out", str(tmp_path), given={ENDPOINT: got.url})
    assert (done.status, done.err) == (0, "")
    assert got.paths == {"/v1/traces"}
    assert got.services == {"nexus"}
    [root] = [span for span in got.spans if not span.parent_span_id]
    assert root.name.startswith("incident INC-")
    assert {a.key: a.value.string_value for a in root.attributes}["nexus.outcome"] == "backlogged"
    assert {span.name for span in got.spans} >= {"invoke_agent Infrastructure Maintainer", "execute_tool assess_impact"}
    assert {span.trace_id for span in got.spans} == {root.trace_id}


async def test_an_evaluations_spans_arrive_too_one_trace_an_incident() -> None:
    scenarios = Path(__file__).parent.parent / "nexus" / "world" / "sandbox" / "scenarios" / "typo"
    async with collector() as got:
        given = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{got.url}/own/path", "OTEL_SERVICE_NAME": "ops-drill"}
        done = await python("-m", "nexus.cli", "eval", "sandbox", str(scenarios), given=given)
    assert (done.status, done.err) == (0, "")
    assert (got.paths, got.services) == ({"/own/path"}, {"ops-drill"})
    assert len([span for span in got.spans if not span.parent_span_id]) == 1


@pytest.mark.parametrize("kind", ["dead", "refusing", "hanging"])
async def test_a_collector_that_is_away_costs_a_line_and_little_time(kind: str, tmp_path: Path) -> None:
    hangs = 600.0 if kind == "hanging" else 0.0
    async with collector(status=403, seconds=hangs) as got:
        url = refused_url() if kind == "dead" else got.url
        begun = time.monotonic()
        done = await python("-m", "nexus.run", *TYPO, "--out", str(tmp_path), given={ENDPOINT: url})
        took = time.monotonic() - begun
    assert done.status == 0
    assert "backlogged" in done.out
    [line] = done.err.splitlines()
    assert line.startswith("nexus: warning: not all traces were delivered (")
    assert line.endswith(f"check {ENDPOINT}")
    assert took < 60 + PATIENCE


async def test_spans_on_the_console_leave_standard_output_to_the_command(tmp_path: Path) -> None:
    done = await python("-m", "nexus.run", *TYPO, "--out", str(tmp_path), given={"OTEL_TRACES_EXPORTER": "console"})
    assert done.status == 0
    assert len(done.out.splitlines()) == 1
    assert '"name": "invoke_agent Infrastructure Maintainer"' in done.err


def test_what_an_exporter_tries_again_is_no_loss() -> None:
    trouble = Trouble()
    for logger, level in (("opentelemetry.exporter.otlp", logging.WARNING), ("opentelemetry.sdk", logging.WARNING)):
        assert trouble.told == ""
        trouble.handle(logging.LogRecord(logger, level, "", 0, "%s speaks", (logger,), None))
    assert (trouble.told, trouble.count) == ("opentelemetry.sdk speaks", 2)


def test_an_exporter_that_is_not_known_is_a_warning(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with telemetry():
        pass
    warning = "nexus: warning: no traces: OTEL_TRACES_EXPORTER names zipkin: give otlp, console or none\n"
    assert capsys.readouterr().err == warning


async def test_a_value_that_the_sdk_refuses_is_a_warning(tmp_path: Path) -> None:
    given = {"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_SCHEDULE_DELAY": "-1"}
    done = await python("-m", "nexus.run", *TYPO, "--out", str(tmp_path), given=given)
    assert done.status == 0
    [line] = done.err.splitlines()
    assert line.startswith("nexus: warning: no traces: schedule_delay")
    assert line.endswith("mend the OTEL_ variables")


@pytest.mark.parametrize("missing", ["opentelemetry", "opentelemetry.exporter.otlp"])
async def test_without_the_extra_one_line_says_what_to_install(missing: str, tmp_path: Path) -> None:
    code = f"import sys, runpy; sys.modules[{missing!r}] = None; runpy.run_module('nexus.run', run_name='__main__')"
    done = await python("-c", code, *TYPO, "--out", str(tmp_path), given={ENDPOINT: refused_url()})
    assert done.status == 0
    assert "backlogged" in done.out
    [line] = done.err.splitlines()
    assert line.endswith("is not installed: pip install 'nexus-incident-response[otel]'")


async def test_a_provider_that_is_set_already_stays(tmp_path: Path) -> None:
    code = (
        "import sys, runpy\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))\n"
        "trace.set_tracer_provider(provider)\n"
        "runpy.run_module('nexus.run', run_name='__main__')\n"
    )
    async with collector() as got:
        done = await python("-c", code, *TYPO, "--out", str(tmp_path), given={ENDPOINT: got.url})
    assert done.status == 0
    assert '"name": "invoke_agent Infrastructure Maintainer"' in done.err
    assert got.spans == []
