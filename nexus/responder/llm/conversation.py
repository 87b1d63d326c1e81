"""Conversation: one task put to a model: it looks with tools, several at once, and submits; what is wrong is sent back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from nexus.errors import ModelError, ModelNonsense
from nexus.incident import Evidence, Word
from nexus.responder.desk import Desk
from nexus.responder.llm.budget import Meter
from nexus.responder.llm.chat import Chat, Heard, Json, Message, Reply, Request, ToolCall
from nexus.responder.llm.fence import Fence
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.llm.prompt import SUBMIT
from nexus.responder.llm.tasks.part import Merged
from nexus.responder.llm.traced import traced
from nexus.responder.llm.window import capped, fitted, tokens_in
from nexus.tools.tool import Tool

Asked = TypeVar("Asked", bound=Word)
Final = TypeVar("Final", bound=Word)

RETURNS = 2
"""Times that an answer is sent back: for its form, for what it claims, or because it was none."""
AT_ONCE = 8
"""Tool calls taken from one reply."""


@dataclass(slots=True)
class Conversation(Generic[Asked, Final]):
    """`merge` says what an answer comes to; `time_left`, whether it may still look; `offered` are its tools and `submit`."""

    chat: Chat
    policy: ModelPolicy
    model: str
    meter: Meter
    desk: Desk
    fence: Fence
    tools: Mapping[str, Tool]
    offered: list[Json]
    asks: type[Asked]
    merge: Callable[[Asked], Awaitable[Merged[Final]]]
    messages: list[Message]
    time_left: Callable[[], bool]
    heard: Heard | None = None
    returned: int = 0
    looks: int = 0
    done: dict[str, str] = field(default_factory=dict)
    best: Merged[Final] | None = None

    async def run(self) -> Merged[Final]:
        """The answer as it may stand; an earlier one, less what was objected to, where a later one fails. Raises a ModelError."""
        try:
            return await self._converse()
        except ModelError:
            if self.best is None:
                raise
            return self.best

    async def _converse(self) -> Merged[Final]:
        for step in range(self.policy.steps):
            must = SUBMIT if step == self.policy.steps - 1 or not self.time_left() else None
            merged = await self._take(await self._say(must))
            if merged is not None:
                return merged
        raise ModelNonsense(f"{self.model} did not submit an answer in {self.policy.steps} steps", "rules answer")

    async def _say(self, must: str | None) -> Reply:
        room = self.policy.window_of(self.model) - self.policy.answer_tokens
        sent = fitted([self._masked(m) for m in self.messages], self.offered, room)
        reserved = self.meter.reserve(self.model, tokens_in(sent, self.offered), self.policy.answer_tokens)
        reply: Reply | None = None
        request = Request(
            model=self.model, messages=sent, tools=self.offered, max_tokens=reserved.completion, seconds=self.policy.call_seconds,
            tries=self.policy.tries, must=must, calls_only=self.policy.calls_only, temperature=self.policy.temperature,
        )  # fmt: skip
        try:
            reply = await traced(self.chat, request, self.heard, self.desk.vault.mask)
        finally:
            self.meter.settle(self.model, reserved, reply)
        return reply

    def _masked(self, message: Message) -> Message:
        """The last look for secrets before anything leaves; what came through tools and facts is masked already."""
        mask = self.desk.vault.mask
        calls = tuple(ToolCall(c.id, c.name, mask(c.arguments)) for c in message.calls)
        return Message(message.role, mask(message.text), calls, message.answers, mask(message.brief))

    async def _take(self, reply: Reply) -> Merged[Final] | None:
        """What a reply comes to: an answer that stands, or None with more messages to go on with."""
        submitted = next((c for c in reply.calls if c.name == SUBMIT), None)
        given = submitted.arguments if submitted else _object_in(reply.text) if not reply.calls else None
        objections: tuple[str, ...] = ()
        if given is not None:
            merged, objections = await self._judge(given, reply)
            if merged is not None and (not objections or self.returned >= RETURNS):
                return merged
            self.best = merged or self.best
        elif not reply.calls:
            cut = reply.finish in ("length", "cut off")
            objections = ("your answer was cut off: be shorter" if cut else "that was text; answer by calling `submit`",)
        self.messages.append(Message("assistant", reply.text, tuple(_well_formed(c) for c in reply.calls)))
        if objections:
            self._send_back(objections)
        await self._answer_calls(reply.calls, submitted, objections)
        if objections and not submitted:
            self.messages.append(Message("user", _objecting(objections)))
        return None

    def _send_back(self, objections: tuple[str, ...]) -> None:
        if self.returned >= RETURNS:
            raise ModelNonsense(f"{self.model} was sent back {RETURNS} times and still: {objections[0]}", "rules answer")
        self.returned += 1

    async def _judge(self, given: str, reply: Reply) -> tuple[Merged[Final] | None, tuple[str, ...]]:
        try:
            answer = self.asks.model_validate(_loads(given))
        except ValidationError as error:
            return None, tuple(_in_words(e) for e in error.errors()[:5])
        except ValueError as error:
            cut = reply.finish in ("length", "cut off")
            return None, ("your answer was cut off: be shorter" if cut else f"the arguments are no JSON object: {error}",)
        merged = await self.merge(answer)
        return merged, merged.objections

    async def _answer_calls(self, calls: tuple[ToolCall, ...], submitted: ToolCall | None, objections: tuple[str, ...]) -> None:
        """A tool message for every call, in order; the looks that are worth it are taken at once."""
        wanted: list[tuple[ToolCall, dict[str, Any], str]] = []
        replies: dict[int, tuple[str, str]] = {}
        for index, call in enumerate(calls):
            if call is submitted:
                replies[index] = (_objecting(objections), "")
            elif call.name == SUBMIT:
                replies[index] = ("one answer at a time", "")
            else:
                arguments, refusal = self._checked(call, len(wanted))
                if refusal:
                    replies[index] = (refusal, "")
                else:
                    wanted.append((call, arguments, _key(call.name, arguments)))
                    self.done[wanted[-1][2]] = ""
        brought = await self._look(wanted)
        for index, call in enumerate(calls):
            text, brief = replies.get(index) or brought[id(call)]
            self.messages.append(Message("tool", text, answers=call.id, brief=brief))

    async def _look(self, wanted: list[tuple[ToolCall, dict[str, Any], str]]) -> dict[int, tuple[str, str]]:
        if not wanted:
            return {}
        self.looks += len(wanted)
        seen: list[Evidence] = await self.desk.use_together([(call.name, arguments) for call, arguments, _ in wanted])
        for (_, _, key), evidence in zip(wanted, seen, strict=True):
            self.done[key] = evidence.id
        return {id(call): (self.fence.evidence(e), self.fence.brief(e)) for (call, _, _), e in zip(wanted, seen, strict=True)}

    def _checked(self, call: ToolCall, wanted: int) -> tuple[dict[str, Any], str]:
        """The call's arguments, and why it is not made, if so."""
        if call.name not in self.tools:
            return {}, f"there is no tool {capped(call.name, 60)!r}; yours are {', '.join(self.tools) or 'none'} and {SUBMIT}"
        try:
            arguments = _loads(call.arguments)
            self.tools[call.name].arguments.model_validate(arguments)
        except ValueError as error:
            words = (
                [_in_words(e) for e in error.errors()[:3]] if isinstance(error, ValidationError) else [f"no JSON object: {error}"]
            )
            return {}, f"{call.name}: {'; '.join(words)}"
        earlier = self.done.get(_key(call.name, arguments))
        if earlier is not None:
            return {}, f"the same look was taken already, its result stands above{f' as {earlier}' if earlier else ''}"
        if wanted >= AT_ONCE or self.looks + wanted >= self.policy.looks:
            return {}, "no more looks: submit what you have"
        if not self.time_left():
            return {}, "no time left for looking: submit what you have"
        return arguments, ""

    def remember(self, seen: list[Evidence]) -> None:
        """Looks that were taken before the model was asked."""
        self.done |= {_key(e.tool, e.arguments): e.id for e in seen}


def _key(name: str, arguments: Mapping[str, Any]) -> str:
    given = {k: v for k, v in sorted(arguments.items()) if v not in (None, "")}
    return f"{name} {json.dumps(given, sort_keys=True, default=str)}"


def _loads(text: str) -> dict[str, Any]:
    """A JSON object. Raises ValueError for anything else."""
    try:
        value = json.loads(text or "{}")
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__}")  # noqa: TRY004 - to the model both are arguments of the wrong form
    return value


def _well_formed(call: ToolCall) -> ToolCall:
    """The call as it goes into the history: some servers refuse a history whose arguments are no JSON."""
    try:
        _loads(call.arguments)
    except ValueError:
        return ToolCall(call.id, call.name, "{}")
    return call


def _object_in(text: str) -> str | None:
    """The JSON object that is all of a text, fenced or not: some models answer so instead of calling `submit`."""
    bare = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    return bare if bare.startswith("{") and bare.endswith("}") else None


def _in_words(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "answer"
    return f"{capped(where, 80)}: {capped(str(error['msg']), 160)}"


def _objecting(objections: tuple[str, ...]) -> str:
    return "Sent back:\n" + "\n".join(f"- {o}" for o in objections) + "\nCorrect that and call `submit` again."
