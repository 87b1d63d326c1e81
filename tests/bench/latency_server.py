"""The model's server, in a process of its own so that its CPU is not the client's: `python latency_server.py` prints its address.

`http://127.0.0.1:PORT/NAME/MILLISECONDS/v1` is a base URL whose answers take that long, the server's own work included. What was
asked under NAME is counted, and `GET …/NAME/MILLISECONDS/counts` tells it and begins anew.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from scripted import reply_to

from nexus.testing.replies import Say


@dataclass
class Counts:
    """What one implementation asked for; `fixed` is bytes of system prompt and tools of each investigator's call."""

    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    prompt_bytes: int = 0
    fixed: list[int] = field(default_factory=list)


class Server:
    """Answers completions by the script, each after its base URL's latency."""

    def __init__(self) -> None:
        self._counts: dict[str, Counts] = defaultdict(Counts)
        self._number = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request."""
        arrived = asyncio.get_running_loop().time()
        _, name, milliseconds, *rest = request.path.split("/")
        if rest == ["counts"]:
            return web.json_response(asdict(self._counts.pop(name, Counts())))
        counts = self._counts[name]
        counts.calls += 1
        counts.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)
        try:
            raw = await request.read()
            body = json.loads(raw)
            self._measure(counts, raw, body)
            answer = json.dumps(self._completion(body)).encode()
            await asyncio.sleep(arrived + float(milliseconds) / 1000 - asyncio.get_running_loop().time())
        finally:
            counts.in_flight -= 1
        return web.Response(body=answer, content_type="application/json")

    def _measure(self, counts: Counts, raw: bytes, body: Mapping[str, Any]) -> None:
        counts.prompt_bytes += len(raw)
        system, user = (
            next((str(m["content"]) for m in body["messages"] if m["role"] == role), "") for role in ("system", "user")
        )
        investigates = len(body.get("tools", ())) == 3 if "response_format" in body else "# Investigate" in user
        if investigates and len(counts.fixed) < 64:
            counts.fixed.append(len(system.encode()) + len(json.dumps(body["tools"], ensure_ascii=False).encode()))

    def _completion(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self._number += 1
        say = reply_to(body)
        message: dict[str, Any] = {"role": "assistant", "content": say.text or None}
        if say.calls:
            message["tool_calls"] = [
                {
                    "id": f"call_{self._number}_{n}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for n, call in enumerate(say.calls)
            ]
        return {
            "id": f"chatcmpl-{self._number}",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": _finish(say)}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020},
        }


def _finish(say: Say) -> str:
    return "tool_calls" if say.calls else "stop"


@contextmanager
def served() -> Iterator[str]:
    """The server in a process of its own; its address."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def main() -> None:
    """Serve until the process is ended."""
    runner = web.ServerRunner(web.Server(Server().handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(site.name, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
