"""OpenAIChat: any server that speaks OpenAI's chat completions, by the openai SDK, with retries that keep to the time given."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any, cast

from nexus.errors import ModelError, ModelNonsense, ModelRefused, ModelUnreachable, SettingsError
from nexus.responder.llm.chat import Heard, Reply, Request
from nexus.responder.llm.openai_wire import Dialect, Gathered, body_of, reply_of

try:
    import openai
    from openai import AsyncOpenAI, AsyncStream, DefaultAioHttpClient
    from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
except ImportError as error:
    raise SettingsError(
        f"the llm responder needs the package {error.name or 'openai'}", "pip install 'nexus-incident-response[llm]'"
    ) from error

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone at the next try."""
LONGEST_PAUSE = 20.0
"""Seconds between two tries at the most; a server that asks for more is given up."""
CONNECT_SECONDS = 5.0
"""For a connection; how long an answer may take, each request says."""
TALKS_FOR = 12
"""Characters a token at the most: an answer longer than its limit times this has no end, whatever the server's limit."""


class OpenAIChat:
    """One client a process. `base_url` and `api_key` as the SDK reads them from the environment when not given."""

    def __init__(self, base_url: str | None = None, api_key: str | None = None) -> None:
        try:
            self._client = AsyncOpenAI(
                base_url=base_url,
                api_key=api_key,
                max_retries=0,
                http_client=DefaultAioHttpClient(),
                timeout=openai.Timeout(None, connect=CONNECT_SECONDS),
            )
        except openai.OpenAIError as error:
            raise SettingsError(
                "no key for the model", "set OPENAI_API_KEY (any word, for a server that asks for none)"
            ) from error
        self._dialects: dict[str, Dialect] = {}

    @property
    def api_key(self) -> str:
        """The key in use, so that it can be masked wherever it turns up."""
        return self._client.api_key

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def complete(self, request: Request, heard: Heard | None) -> Reply:
        """One answer. Failures that may pass are tried again, with backoff, jitter and Retry-After, within the request's time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + request.seconds
        last: Exception | None = None

        def pause(state: RetryCallState) -> float:
            nonlocal last
            last = state.outcome.exception() if state.outcome else None  # type: ignore[assignment]  # what failed was an Exception
            return _pause(last, state.attempt_number)

        def worth_it(failure: BaseException) -> bool:
            return (
                passing(failure) and loop.time() + min(_asked_pause(failure), LONGEST_PAUSE) < deadline and not _too_long(failure)
            )

        retrying = AsyncRetrying(
            retry=retry_if_exception(worth_it),
            wait=pause,
            stop=stop_after_attempt(request.tries),
            reraise=True,
            sleep=asyncio.sleep,
        )
        try:
            async with asyncio.timeout_at(deadline):
                async for attempt in retrying:
                    with attempt:
                        return await self._once(request, heard)
        except TimeoutError as error:
            so_far = f"; before that: {told(last)}" if last else ""
            raise ModelUnreachable(
                f"{request.model} gave no answer in {request.seconds:.0f} s{so_far}", "rules answer"
            ) from error
        except openai.OpenAIError as error:
            raise failed(request.model, error) from error
        except ValueError as error:  # the SDK lets what is no JSON through as json's own error
            raise ModelNonsense(f"{request.model} answered with what is no JSON", " ".join(str(error).split())[:200]) from error
        raise AssertionError("tenacity either returns or raises")

    async def _once(self, request: Request, heard: Heard | None) -> Reply:
        """One try; a server that does not know a word of the request is asked again without it."""
        dialect = self._dialects.get(request.model, Dialect())
        try:
            body = body_of(request, dialect, stream=heard is not None)
            return await (self._whole(request, body) if heard is None else self._streamed(request, body, heard))
        except openai.BadRequestError as error:
            learned = dialect.after(str(error))
            if learned == dialect:
                raise
            self._dialects[request.model] = learned
        return await self._once(request, heard)

    async def _whole(self, request: Request, body: dict[str, Any]) -> Reply:
        whole: Any = await self._client.post("/chat/completions", body=body, cast_to=cast("Any", object))
        return reply_of(request, whole)

    async def _streamed(self, request: Request, body: dict[str, Any], heard: Heard) -> Reply:
        stream: Any = await self._client.post(
            "/chat/completions", body=body, cast_to=cast("Any", object), stream=True, stream_cls=AsyncStream[Any]
        )
        gathered = Gathered()
        most = request.max_tokens * TALKS_FOR
        async with stream:
            async for chunk in stream:
                piece = gathered.take(chunk)
                if piece:
                    heard(piece)
                if gathered.length > most:
                    raise ModelNonsense(f"{request.model} talked without end", f"stopped after {gathered.length:,} characters")
        return reply_of(request, gathered.whole())


def passing(failure: BaseException) -> bool:
    """Whether another try may go better."""
    if isinstance(failure, openai.APIStatusError):
        return failure.status_code in PASSING
    return isinstance(failure, openai.APIConnectionError)


def _asked_pause(failure: BaseException | None) -> float:
    """Seconds that the server asked to wait, by Retry-After or its variant in milliseconds; 0 where it did not say."""
    if not isinstance(failure, openai.APIStatusError):
        return 0.0
    headers = failure.response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    return 0.0


def _too_long(failure: BaseException) -> bool:
    return _asked_pause(failure) > LONGEST_PAUSE


def _pause(failure: Exception | None, attempt: int) -> float:
    """What the server asked for, else doubling from half a second, with jitter so that agents do not come back all at once."""
    backoff = min(0.5 * 2 ** (attempt - 1), 8.0) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, protects nothing
    return float(max(_asked_pause(failure), backoff))


def told(error: Exception | None) -> str:
    """A failure in words: its status and the server's own message, in one line."""
    if isinstance(error, openai.APIStatusError):
        body = error.body
        message = body.get("message") if isinstance(body, Mapping) else None
        asked = _asked_pause(error)
        later = f", asked to come back in {asked:.0f} s" if asked else ""
        return f"HTTP {error.status_code}{later}: {' '.join(str(message or error.message).split())[:200]}"
    if isinstance(error, openai.APIConnectionError):
        return f"no connection: {' '.join(str(_root(error)).split())[:160]}"
    return " ".join(str(error).split())[:200]


def _root(error: BaseException) -> BaseException:
    """What began it: the SDK's transport calls a refused connection a time-out; only the cause of its cause says what it was."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def failed(model: str, error: openai.OpenAIError) -> ModelError:
    """The SDK's error as ours."""
    if passing(error):
        return ModelUnreachable(f"{model} cannot be reached", told(error))
    if isinstance(error, openai.APIStatusError):
        return ModelRefused(f"{model} refused the request", told(error))
    return ModelNonsense(f"{model} answered with what is no answer", told(error))
