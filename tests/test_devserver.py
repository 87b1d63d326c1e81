"""The graph that `langgraph dev` serves: no configuration, any alert, stops at its first interrupt and goes on when answered."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from nexus.devserver import KEPT, Bench, Choice, make
from nexus.library import Library

ROOT = Path(__file__).parents[1]


def thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}, "recursion_limit": 500}


def test_the_served_graph_has_no_checkpointer_of_its_own() -> None:
    assert make().checkpointer is None
    assert make() is make()


def test_langgraph_json_names_what_is_served() -> None:
    named = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))
    assert named["graphs"]["incident"]["path"] == "nexus.devserver:make"


def test_the_drawing_of_the_served_graph_shows_the_incident_inside() -> None:
    nodes = make().get_graph(xray=True).nodes
    assert "receive" in nodes
    assert "incident:triage" in nodes


async def test_without_input_the_worlds_own_alert_is_investigated_up_to_the_first_interrupt() -> None:
    graph = make().copy(update={"checkpointer": InMemorySaver()})
    config = thread("without-input")
    await graph.ainvoke({}, config)
    state = await graph.aget_state(config)
    assert state.values["incident"] == "INC-without-"
    assert state.values["alert"]["service"] == "edge-gateway"
    assert [i.value["kind"] for i in state.interrupts] == ["wait"]
    await graph.ainvoke(Command(resume={"now": state.interrupts[0].value["until"]}), config)
    later = await graph.aget_state(config)
    assert later.interrupts
    assert later.interrupts[0].value != state.interrupts[0].value


async def test_an_alert_as_monitoring_sends_it_is_enough() -> None:
    graph = make().copy(update={"checkpointer": InMemorySaver()})
    config = thread("own-alert")
    alert = json.loads((ROOT / "examples" / "alerts" / "typo.json").read_text(encoding="utf-8"))
    await graph.ainvoke({"alert": alert}, config, context=Choice(world="sandbox:typo"))
    state = await graph.aget_state(config)
    assert not state.interrupts
    assert state.values["outcome"] == "backlogged"


async def test_a_thread_keeps_its_world_and_the_oldest_goes_first() -> None:
    bench = Bench(Library.default())
    first, _ = await bench.context(thread("0"), None)
    again, _ = await bench.context(thread("0"), Choice(world="sandbox:typo"))
    assert again is first
    for number in range(1, KEPT + 1):
        await bench.context(thread(str(number)), Choice(world="sandbox:typo"))
    anew, _ = await bench.context(thread("0"), None)
    assert anew is not first


def ask(address: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """`langgraph dev` on a free port of this machine; it is stopped by its own process group."""
    pytest.importorskip("langgraph_api", reason="the extra dev-server is not installed")
    (tmp_path / "langgraph.json").write_bytes((ROOT / "langgraph.json").read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("langgraph"))
    command = [program, "dev", "--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            yield await_ok(f"http://127.0.0.1:{port}", process, tmp_path / "log")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def await_ok(address: str, process: subprocess.Popen[bytes], log: Path) -> str:
    give_up = time.monotonic() + 90
    while time.monotonic() < give_up and process.poll() is None:
        try:
            ask(f"{address}/ok")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)  # another process starts; there is nothing to wait on but its port
        else:
            return address
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def test_langgraph_dev_serves_the_graph_to_its_first_interrupt(server: str) -> None:
    made = ask(f"{server}/threads", {})["thread_id"]
    ask(f"{server}/threads/{made}/runs/wait", {"assistant_id": "incident", "input": {}})
    state = ask(f"{server}/threads/{made}/state")
    assert state["next"] == ["incident"]
    assert [i["value"]["kind"] for i in state["interrupts"]] == ["wait"]
    assert state["values"]["alert"]["service"] == "edge-gateway"
