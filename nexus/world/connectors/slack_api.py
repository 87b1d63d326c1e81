"""Slack's API: calls within their time, listings page by page, errors that say what to do and hold no token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from nexus.errors import ToolError, Unavailable

PATIENCE = 10
"""Seconds for one request."""
WHOLE = 90.0
"""Seconds for one call, with its waits for the rate limit."""
RETRIES = 2
PAGE = 200
MOST_PAGES = 25
"""Pages of a listing that are looked through."""
_CREDENTIALS = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"})
_REMEDIES = {
    "channel_not_found": "check the channel's id, and invite the app to the channel",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "choose a channel that is not archived",
    "ratelimited": "Slack's rate limit was not lifted in time: try again in a minute",
    "restricted_action": "ask an administrator of the workspace to allow it to the app",
}


class SlackRefused(ToolError):
    """Slack answered with an error of its own; `error` is its word for it."""

    def __init__(self, what: str, remedy: str, error: str) -> None:
        super().__init__(what, remedy)
        self.error = error


class SlackApi:
    """The methods that we use. Requests are repeated for the rate limit alone: others may have been carried out."""

    def __init__(self, name: str, token: str, url: str) -> None:
        self.name = name
        self._client = AsyncWebClient(
            token, base_url=url, timeout=PATIENCE, retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=RETRIES)]
        )

    async def call(self, method: str, **given: Any) -> Any:
        """What a method answers. Raises SlackRefused for Slack's errors, Unavailable where it does not answer."""
        try:
            async with asyncio.timeout(WHOLE):
                return await getattr(self._client, method.replace(".", "_"))(**given)
        except SlackApiError as error:
            raise self._refusal(method, error) from None  # its text holds the whole answer
        except TimeoutError as error:
            raise Unavailable(
                f"{self.name} does not answer {method} in time: whether it was carried out is not known", "try again later"
            ) from error
        except (AttributeError, ValueError):  # how the client fails at an answer that is no JSON object
            raise self._stranger(method) from None
        except (aiohttp.ClientError, SlackClientError, OSError) as error:
            raise Unavailable(f"{self.name} does not answer {method} ({type(error).__name__})", "check the network") from error

    def _refusal(self, method: str, error: SlackApiError) -> ToolError:
        answer = getattr(error.response, "data", None)
        said = str(answer.get("error", "")) if isinstance(answer, dict) else ""
        if not said:
            return self._stranger(method)
        remedy = _REMEDIES.get(said, "see the method's errors in Slack's documentation")
        if said in _CREDENTIALS:
            remedy = "check the token, and install the app again"
        if isinstance(answer, dict) and said == "missing_scope":
            remedy = f"give the app the scope {answer.get('needed')} and install it again"
        return SlackRefused(f"{self.name} refuses {method} ({said})", remedy, said)

    def _stranger(self, method: str) -> Unavailable:
        return Unavailable(
            f"{self.name} answers {method} with something that is not Slack's", "check `url`, and proxies on the way"
        )

    async def listed(self, method: str, what: str, **given: Any) -> AsyncIterator[dict[str, Any]]:
        """Every item of a paged listing, in Slack's order."""
        cursor = None
        for _ in range(MOST_PAGES):
            page = await self.call(method, limit=PAGE, cursor=cursor, **given)
            for item in page[what]:
                yield item
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
        raise Unavailable(
            f"{self.name}: {method} has more than {MOST_PAGES * PAGE} {what}",
            "give threads a channel that only NEXUS writes to, and let it have `per_incident: thread`",
        )
