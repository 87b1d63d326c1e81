"""Model calls in LangSmith: a real command against a receiver of its ingest; what arrives, and that no secret does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Part
from pathlib import Path
from typing import Any, cast

import pytest
import zstandard
from aiohttp import web
from model_in_hand import KEY
from traces_in_hand import SECRET, Ended, leaky_scenario, python, receiver

from nexus.responder.llm.chat import Request
from nexus.responder.llm.traced import limits_of, switched_on
from nexus.testing.diligent import diligent
from nexus.testing.model_server import Fail, ModelServer

INFO = {
    "instance_flags": {"zstd_compression_enabled": True},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
        "scale_up_nthreads_limit": 16,
        "scale_up_qsize_trigger": 1000,
    },
}


@dataclass
class Ingested:
    """What a receiver of LangSmith's ingest got: whole bodies, and of each run what was said of it, by its id."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The model calls."""
        return [run for run in self.runs.values() if run["run_type"] == "llm"]


def parts_of(kind: str, body: bytes) -> Iterator[Part]:
    whole = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    yield from (part for part in whole.walk() if not part.is_multipart())


@asynccontextmanager
async def langsmith() -> AsyncIterator[Ingested]:
    got = Ingested()

    async def take(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(INFO)
        body = await request.read()
        if request.headers.get("Content-Encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        got.bodies.append(body)
        for part in parts_of(request.headers["Content-Type"], body):
            _, number, *rest = str(part.get_param("name", header="Content-Disposition")).split(".")
            value = json.loads(cast("bytes", part.get_payload(decode=True)))
            run = got.runs.setdefault(number, {})
            run.update({rest[0]: value} if rest else {k: v for k, v in value.items() if v is not None})
        return web.json_response({}, status=202)

    async with receiver(take) as url:
        got.url = url
        yield got


async def handled(got: Ingested, server: ModelServer, world: str, out: Path, *more: str) -> Ended:
    given = {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": got.url,
        "LANGSMITH_API_KEY": "test",
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": KEY,
    }
    command = ("--world", world, "--approve", "auto", "--quiet", "--model", "m", "--out", str(out), *more)
    return await python("-m", "nexus.run", *command, given=given)


async def test_model_calls_are_runs_inside_langgraphs_and_no_secret_leaves(tmp_path: Path) -> None:
    folder = leaky_scenario(tmp_path / "leaky")
    async with langsmith() as got, ModelServer(diligent) as server:
        done = await handled(got, server, f"sandbox:{folder}", tmp_path / "out", "--until", "mitigation")
    assert (done.status, done.err) == (0, "")
    assert len(got.calls) == len(server.requests)
    sent = [request.body["messages"] for request in server.requests]
    for run in got.calls:
        usage = run["outputs"]["usage_metadata"]
        assert run["name"] == "chat m"
        assert usage["input_tokens"] > usage["output_tokens"] > 0
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert run["extra"]["metadata"]["ls_model_name"] == "m"
        assert [(m["role"], m["content"]) for m in run["inputs"]["messages"]] in [
            [(m["role"], m["content"]) for m in messages] for messages in sent
        ]
        assert run["outputs"]["choices"][0]["message"]["tool_calls"]
    nested = [run for run in got.calls if run.get("parent_run_id")]
    assert {got.runs[run["parent_run_id"]]["name"] for run in nested} >= {"triage", "correlate", "plan"}
    whole = b"".join(got.bodies)
    assert b"[secret-" in whole
    assert SECRET.encode() not in whole
    assert KEY.encode() not in whole


async def test_of_a_call_that_failed_langsmith_hears_the_kind_and_not_the_servers_words(tmp_path: Path) -> None:
    async with langsmith() as got, ModelServer([Fail(401, f"Incorrect API key provided: {KEY}")]) as server:
        done = await handled(got, server, "sandbox:typo", tmp_path)
    assert done.status == 0
    assert [run["error"] for run in got.calls] == ["ModelRefused"]
    assert KEY.encode() not in b"".join(got.bodies)


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"LANGSMITH_TRACING": "true"}, True),
        ({"LANGCHAIN_TRACING_V2": "true"}, True),
        ({"LANGSMITH_TRACING": "false"}, False),
        ({"LANGSMITH_API_KEY": "test"}, False),
    ],
)
def test_langsmith_is_told_only_where_it_is_switched_on(environment: dict[str, str], on: bool) -> None:
    assert switched_on(environment) is on


def test_a_request_without_a_temperature_says_none() -> None:
    request = Request("m", [], [], max_tokens=50, seconds=5.0)
    assert limits_of(request) == {"gen_ai.request.max_tokens": 50}
