"""The floor: the reference workload with asyncio and the openai SDK's `chat.completions.create`, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from workload import INVESTIGATORS, LOOK, MODEL, PLANNER, POST_MORTEM, SYNTHESIS, TRIAGE, VERIFIERS, Answer, Role, asked

_ROLES = (TRIAGE, *INVESTIGATORS, SYNTHESIS, PLANNER, *VERIFIERS, POST_MORTEM)


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"component": {"type": "string", "description": "one component's name"}}}
    return {"type": "function", "function": {"name": name, "description": f"What {name} shows.", "parameters": parameters}}


def _format(answer: type[Answer]) -> dict[str, Any]:
    schema = {"name": answer.__name__, "schema": answer.model_json_schema(), "strict": True}
    return {"type": "json_schema", "json_schema": schema}


_TOOLS = {role: [_tool(name) for name in role.tools] for role in _ROLES}
_FORMATS = {role.answer: _format(role.answer) for role in _ROLES}
"""Built once."""


class Floor:
    """One client for all incidents; it gathers no evidence."""

    evidence = 0

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    async def incident(self) -> None:
        """One incident."""
        triage = await self._answer(TRIAGE, [])
        found = await asyncio.gather(*(self._answer(role, [triage]) for role in INVESTIGATORS))
        cause = await self._answer(SYNTHESIS, [triage, *found])
        plan = await self._answer(PLANNER, [cause])
        verified = await asyncio.gather(*(self._answer(role, [cause, plan]) for role in VERIFIERS))
        await self._answer(POST_MORTEM, [triage, cause, plan, *verified])

    async def _answer(self, role: Role, known: list[str]) -> str:
        """One agent's final answer, checked against its schema."""
        messages: list[Any] = [{"role": "system", "content": role.system}, {"role": "user", "content": asked(role, known)}]
        while True:
            message = await self._say(role, messages)
            if not message.tool_calls:
                return role.answer.model_validate_json(message.content or "").model_dump_json()
            messages.append(message.model_dump(exclude_none=True))
            messages += [{"role": "tool", "tool_call_id": call.id, "content": _look(call)} for call in message.tool_calls]

    async def _say(self, role: Role, messages: list[Any]) -> Any:
        given: dict[str, Any] = {"response_format": _FORMATS[role.answer]} | ({"tools": _TOOLS[role]} if role.tools else {})
        completion = await self._client.chat.completions.create(model=MODEL, messages=messages, **given)
        return completion.choices[0].message

    def checkpoint_bytes(self) -> int:
        """It keeps nothing."""
        return 0


def _look(call: Any) -> str:
    json.loads(call.function.arguments)
    return LOOK


@asynccontextmanager
async def opened(base_url: str) -> AsyncIterator[Floor]:
    """The implementation at work."""
    async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        yield Floor(client)
