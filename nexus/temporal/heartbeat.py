"""Heartbeat: tells the server that the worker of an activity lives, so that a dead one's work is taken over soon."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

BEATS = 3
"""Beats within the time after which a silent worker counts as dead."""


class Heartbeat(Interceptor):
    """Beats during every activity that has a heartbeat timeout."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - as Temporal names it
        """As Temporal asks for it."""
        return _Beating(next)


class _Beating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - as Temporal names it
        timeout = activity.info().heartbeat_timeout
        if timeout is None:
            return await self.next.execute_activity(input)
        beating = asyncio.create_task(_beat(timeout))
        try:
            return await self.next.execute_activity(input)
        finally:
            beating.cancel()


async def _beat(silence: timedelta) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(silence.total_seconds() / BEATS)
