"""HTTP: how connectors speak to a service: one client each, short patience, errors that name it and never its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from nexus.errors import Unavailable

PATIENCE = 10.0
"""Seconds that an answer may take unless a connector says otherwise."""
LARGEST = 32 * 1024 * 1024
"""Bytes of an answer; a longer one is refused."""


def place_of(url: str) -> str:
    """Scheme, host and port: what may be said of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")


class HttpService:
    """One service over HTTP; the client is made at its first use and kept until `close`."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float = PATIENCE,
        verify: bool | str = True,
    ) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._given: dict[str, Any] = {"headers": dict(headers or {}), "auth": auth, "timeout": timeout, "verify": verify}
        self._client: httpx.AsyncClient | None = None

    @property
    def client(self) -> httpx.AsyncClient:
        """The client; it follows no redirects: a token goes only where it was meant to go."""
        if self._client is None:
            self._client = httpx.AsyncClient(**self._given)
        return self._client

    async def close(self) -> None:
        """Let go of its connections; used again, it opens new ones."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer, whatever its status. Raises Unavailable where there was none."""
        try:
            async with self.client.stream(method, self.url + path, **more) as response:
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise Unavailable(
                            f"{self.name} answered with more than {LARGEST // 1024 // 1024} MB", "ask for less at once"
                        )
        except httpx.HTTPError as error:
            why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise Unavailable(
                f"{self.name} at {place_of(self.url)} does not answer ({why})", "check its address and that it runs"
            ) from error
        except (httpx.InvalidURL, ValueError) as error:
            raise Unavailable(
                f"{self.name}: its address cannot be asked ({type(error).__name__})", "mend its url in the world file"
            ) from error
        headers = {k: v for k, v in response.headers.items() if k.lower() not in {"content-encoding", "content-length"}}
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)

    async def json(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of a 2xx answer. Raises Unavailable for any other, saying what the service said."""
        response = await self.answer(method, path, **more)
        if response.status_code in {401, 403}:
            raise Unavailable(
                f"{self.name} refuses us ({response.status_code})", "check its credentials in the world file, and what they allow"
            )
        if not response.is_success:
            said = " ".join(response.text[:300].split())
            raise Unavailable(
                f"{self.name} answers {response.status_code} to {path.partition('?')[0]} ({said})",
                "check its address and settings",
            )
        try:
            return response.json()
        except ValueError as error:
            raise Unavailable(
                f"{self.name} answers {path.partition('?')[0]} with no JSON", "check its address: something else may answer there"
            ) from error
