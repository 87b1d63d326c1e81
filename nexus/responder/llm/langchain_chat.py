"""LangChainChat: any LangChain chat model that an embedder hands in, as a Chat."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from langchain_core.exceptions import LangChainException
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from nexus.errors import ModelError, ModelNonsense, ModelRefused, ModelUnreachable
from nexus.responder.llm.chat import Heard, Message, Reply, Request, ToolCall
from nexus.responder.llm.window import tokens_in, tokens_of


class LangChainChat:
    """The model as it was configured by whoever made it: its own name, limits and retries hold."""

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """What the model calls itself."""
        return str(getattr(self._model, "model_name", None) or getattr(self._model, "model", None) or self._model._llm_type)  # noqa: SLF001 - LangChain's own name for a model's kind

    async def close(self) -> None:
        """Nothing: the model is its owner's."""

    async def complete(self, request: Request, heard: Heard | None) -> Reply:
        """One answer. Raises ModelUnreachable for whatever the model raises: only its owner knows its errors."""
        said = [as_langchain(m) for m in request.messages]
        try:
            bound = self._model.bind_tools([dict(t) for t in request.tools]) if request.tools else self._model
            async with asyncio.timeout(request.seconds):
                if heard is None:
                    answer: Any = await bound.ainvoke(said)
                else:
                    answer = None
                    async for piece in bound.astream(said):
                        answer = piece if answer is None else answer + piece
                        if isinstance(piece.content, str) and piece.content:
                            heard(piece.content)
        except TimeoutError as error:
            raise ModelUnreachable(f"{request.model} gave no answer in {request.seconds:.0f} s", "rules answer") from error
        except NotImplementedError as error:
            raise ModelRefused(f"{request.model} cannot be given tools", str(error) or "hand in a model that can") from error
        except (LangChainException, Exception) as error:
            raise _unreachable(request.model, error) from error
        if not isinstance(answer, AIMessage | AIMessageChunk):
            raise ModelNonsense(f"{request.model} answered with {type(answer).__name__}", "expected was an AIMessage")
        return _reply(request, answer)


def _unreachable(model: str, error: Exception) -> ModelError:
    if isinstance(error, ModelError):
        return error
    return ModelUnreachable(f"{model} failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def as_langchain(message: Message) -> BaseMessage:
    """A message as LangChain's."""
    match message.role:
        case "system":
            return SystemMessage(message.text)
        case "user":
            return HumanMessage(message.text)
        case "tool":
            return ToolMessage(message.text, tool_call_id=message.answers)
        case "assistant":
            calls = [{"id": c.id, "name": c.name, "args": _arguments(c.arguments), "type": "tool_call"} for c in message.calls]
            return AIMessage(message.text, tool_calls=calls)


def _arguments(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _reply(request: Request, answer: AIMessage) -> Reply:
    text = answer.text if isinstance(answer.text, str) else str(answer.content)
    calls = [ToolCall(str(c["id"] or f"call-{n}"), c["name"], json.dumps(c["args"])) for n, c in enumerate(answer.tool_calls)]
    calls += [
        ToolCall(str(c["id"] or f"bad-{n}"), str(c["name"] or ""), str(c["args"] or ""))
        for n, c in enumerate(answer.invalid_tool_calls)
    ]
    usage = answer.usage_metadata
    spoken = tokens_of(text + "".join(c.arguments for c in calls))
    return Reply(
        text=text,
        calls=tuple(calls),
        finish=str(answer.response_metadata.get("finish_reason", "")),
        prompt_tokens=usage["input_tokens"] if usage else tokens_in(request.messages, request.tools),
        completion_tokens=usage["output_tokens"] if usage else spoken,
        cached_tokens=(usage.get("input_token_details") or {}).get("cache_read", 0) if usage else 0,
    )
