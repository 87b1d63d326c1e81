"""Probing: an address tried over HTTP, bounded in time and size; redirects are not followed and no cookies are kept."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from pydantic import SecretStr

LARGEST = 1024 * 1024
"""Bytes of an answer that are read; the rest is left."""


@dataclass(frozen=True, slots=True)
class Try:
    """What one request came to. `said` is its status, or why there was none (`status` is 0 then)."""

    right: bool
    status: int
    said: str
    ms: float
    body: bytes = b""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Tries:
    """Several tries as one: latency is the middle of those that went right, or of all where none did."""

    error_rate: float
    latency_ms: float
    detail: str
    answered: bool
    """Whether any of them had a status, be it a wrong one."""


def is_right(status: int, expect: Collection[int]) -> bool:
    """Whether that status is as it should be: one of those, or below 500 and not 404 where none is named."""
    return status in expect if expect else status < 500 and status != 404


def together(tries: Sequence[Try]) -> Tries:
    """What several tries of one address say of it."""
    wrong = Counter(t.said for t in tries if not t.right)
    told = ", ".join(f"{number} × {said}" for said, number in wrong.most_common())
    return Tries(
        error_rate=round(wrong.total() / len(tries), 4),
        latency_ms=round(statistics.median([t.ms for t in tries if t.right] or [t.ms for t in tries]), 1),
        detail=f"of {len(tries)} tries {told}" if told else f"{len(tries)} tries, all answered",
        answered=any(t.status for t in tries),
    )


class Prober:
    """Requests to any address; the client is made at its first use and kept until `close`."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Let go of its connections; used again, it opens new ones."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def one(
        self, method: str, address: str, headers: Mapping[str, SecretStr] | None = None, expect: Collection[int] = ()
    ) -> Try:
        """One request, whatever becomes of it."""
        began = time.perf_counter()
        given = {name: value.get_secret_value() for name, value in (headers or {}).items()}
        try:
            async with asyncio.timeout(self._timeout_s):
                status, kind, body = await self._answer(method, address, given)
        except TimeoutError:
            return Try(right=False, status=0, said=f"no answer in {self._timeout_s:g} s", ms=self._timeout_s * 1000)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = " ".join(str(error).split())[:100] or type(error).__name__
            return Try(right=False, status=0, said=why, ms=(time.perf_counter() - began) * 1000)
        return Try(is_right(status, expect), status, str(status), (time.perf_counter() - began) * 1000, body, kind)

    async def _answer(self, method: str, address: str, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        if self._client is None:
            jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
            self._client = httpx.AsyncClient(cookies=jar, timeout=self._timeout_s)
        body = bytearray()
        async with self._client.stream(method, address, headers=headers) as response:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    break
            return response.status_code, response.headers.get("content-type", ""), bytes(body[:LARGEST])
