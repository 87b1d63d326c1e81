"""Making an LlmResponder: from a model's name at an OpenAI-compatible server, or from a LangChain chat model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from nexus.errors import SettingsError
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.llm.responder import LlmResponder, Watcher
from nexus.tools.tool import Tool

if TYPE_CHECKING:
    from nexus.responder.llm.chat import Chat


def open_model(
    model: str | BaseChatModel | None = None,
    *,
    policy: ModelPolicy | None = None,
    tools: Mapping[str, Sequence[BaseTool]] | None = None,
    watcher: Watcher | None = None,
    api_key: str | None = None,
) -> LlmResponder:
    """A responder over that model; it must be closed.

    `model` is a name at the server that `policy.base_url` or OPENAI_BASE_URL names (the key is OPENAI_API_KEY), or any LangChain
    chat model; None takes the policy's. `tools` gives agents, by name, LangChain tools that only look.
    Raises SettingsError when no model is named, a key is missing or the extra `llm` is not installed.
    """
    held = policy or ModelPolicy()
    secrets: tuple[str, ...] = ()
    chat: Chat
    if isinstance(model, BaseChatModel):
        from nexus.responder.llm.langchain_chat import LangChainChat  # noqa: PLC0415 - only for who hands one in

        chat = LangChainChat(model)
        held = held.model_copy(update={"name": held.name or chat.name, "agents": {}, "tasks": {}})
    else:
        held = held if model is None else held.model_copy(update={"name": model})
        if held.name is None:
            raise SettingsError("no model is named", "give --model NAME, NEXUS_MODEL, or model.name in nexus.yaml")
        from nexus.responder.llm.openai_chat import OpenAIChat  # noqa: PLC0415 - the openai SDK is an extra

        chat = opened = OpenAIChat(held.base_url, api_key)
        secrets = (opened.api_key,)
    return LlmResponder(chat, held, tools=_adapted(tools or {}), watcher=watcher, secrets=secrets)


def _adapted(tools: Mapping[str, Sequence[BaseTool]]) -> dict[str, list[Tool]]:
    if not tools:
        return {}
    from nexus.responder.llm.langchain_tools import as_tool  # noqa: PLC0415 - only for who gives some

    return {agent: [as_tool(tool) for tool in own] for agent, own in tools.items()}
