"""A tiny HTTP service in hand: a test states its answers by method and path, and reads what was asked of it.

It listens on loopback in a thread of its own, so tests of both kinds and clients that block can use it:

    with http_in_hand({("GET", "/api/things"): {"things": []}}) as service:
        ...  # ask service.url + "/api/things"
    assert service.asked[0].query == {"page": ["1"]}
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived; `headers` by lower-case name."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, list[str]]:
        """The body of a form, as a query."""
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `body` is sent as it is when bytes or text, else as JSON. `hangs`: no answer while the service lives."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False


Answer = Any
"""A Reply; JSON for a 200; a function of Asked that gives one of these; what `replies` makes of several, one a request."""


class HttpInHand:
    """The service; `answers` may be changed while it runs, and what they do not name is a 404."""

    def __init__(self, answers: Mapping[tuple[str, str], Answer]) -> None:
        self.answers: dict[tuple[str, str], Answer] = dict(answers)
        self.asked: list[Asked] = []
        self.url = ""
        self.ended = threading.Event()
        self._turns: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def asked_of(self, method: str, path: str) -> list[Asked]:
        """The requests of that method and path, in order."""
        return [one for one in self.asked if (one.method, one.path) == (method, path)]

    def reply_to(self, asked: Asked) -> Reply:
        key = (asked.method, asked.path)
        with self._lock:
            self.asked.append(asked)
            answer = self.answers.get(key, Reply(404, {"message": f"{asked.method} {asked.path} is not in hand"}))
            if isinstance(answer, list) and answer and isinstance(answer[0], Reply):
                turn = self._turns.get(key, 0)
                self._turns[key] = turn + 1
                answer = answer[min(turn, len(answer) - 1)]
        if callable(answer):
            answer = answer(asked)
        return answer if isinstance(answer, Reply) else Reply(200, answer)


def replies(*answers: Any) -> list[Reply]:
    """Answers in turn; the last one stays."""
    return [one if isinstance(one, Reply) else Reply(200, one) for one in answers]


@contextmanager
def http_in_hand(answers: Mapping[tuple[str, str], Answer]) -> Iterator[HttpInHand]:
    """The service while the block runs."""
    service = HttpInHand(answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        service.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(service: HttpInHand) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def answer(self) -> None:
            parts = urlsplit(self.path)
            reply = service.reply_to(
                Asked(
                    self.command,
                    parts.path,
                    parse_qs(parts.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                )
            )
            if reply.hangs:
                service.ended.wait()
                self.close_connection = True
                return
            self._send(reply)

        def _send(self, reply: Reply) -> None:
            body, kind = _bytes_of(reply.body)
            self.send_response(reply.status)
            for name, value in {"Content-Type": kind, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server uses
            """Says nothing: a test reads `asked`."""

    methods: Sequence[str] = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
    send: Callable[[Any], None] = Handler.answer
    for method in methods:
        setattr(Handler, f"do_{method}", send)
    return Handler


def _bytes_of(body: Any) -> tuple[bytes, str]:
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body).encode(), "application/json"
