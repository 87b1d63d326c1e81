"""ModelPolicy: which model answers what, how long it may take, and what it may cost; the `model` section of nexus.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from nexus.incident import Word

RULES = "rules"
"""In place of a model's name: no model is asked."""
BY_RULES = {"backlog": RULES}
"""Tasks that are arithmetic more than judgement."""


class Price(Word):
    """USD for a million tokens."""

    prompt: float = Field(ge=0)
    cached: float | None = Field(
        default=None, ge=0, description="for prompt tokens that the server had kept; as prompt when not set"
    )
    completion: float = Field(ge=0)

    def of(self, prompt: int, cached: int, completion: int) -> float:
        """What one call costs, in USD; `cached` of the `prompt` tokens were kept."""
        kept = self.prompt if self.cached is None else self.cached
        return ((prompt - cached) * self.prompt + cached * kept + completion * self.completion) / 1e6


class Budget(Word):
    """What may be spent; None: no limit."""

    tokens: int | None = Field(default=None, gt=0, description="in and out")
    usd: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0, description="model calls")


class ModelPolicy(Word):
    """How models are used."""

    name: str | None = Field(default=None, description="the model, as the server calls it")
    agents: dict[str, str] = Field(default_factory=dict, description="agent's name to its own model")
    tasks: dict[str, str] = Field(
        default_factory=dict,
        description="task to its own model, say a cheap one, or to `rules` (as `backlog` is unless set); an agent's goes first",
    )
    base_url: str | None = Field(default=None, description="OPENAI_BASE_URL when not set")
    window: int = Field(default=32_000, ge=2_000, description="tokens that the model takes, answer included")
    windows: dict[str, int] = Field(default_factory=dict, description="model to its own window")
    answer_tokens: int = Field(default=2_000, ge=64, description="the longest answer of one call")
    temperature: float | None = Field(default=0.0, ge=0, le=2, description="None: the server's own")
    calls_only: bool = Field(default=False, description="ask the server to let the model call tools only; helps small ones")
    stream: bool | None = Field(default=None, description="None: where somebody watches")
    steps: int = Field(default=8, ge=1, le=50, description="model calls for one task")
    looks: int = Field(default=12, ge=0, le=100, description="tool calls for one task, beyond the runbook's own checks")
    seconds: dict[str, float] = Field(
        default_factory=lambda: {"triage": 60.0, "status_update": 45.0, "executive_brief": 45.0, "escalate": 60.0},
        description="task to the longest that its model may take; others have `task_seconds`",
    )
    task_seconds: float = Field(default=150.0, gt=0)
    call_seconds: float = Field(default=60.0, gt=0, description="the longest that one call may take")
    tries: int = Field(default=4, ge=1, le=10, description="of one call that fails for a passing reason")
    pause: float = Field(
        default=30.0, ge=0, description="seconds that a model is left alone after it failed; doubled while it fails"
    )
    agent: Budget = Field(default_factory=Budget, description="for each agent in one incident")
    incident: Budget = Field(default_factory=lambda: Budget(tokens=2_000_000), description="for all agents in one incident")
    prices: dict[str, Price] = Field(default_factory=dict, description="model to its price")

    @model_validator(mode="after")
    def _priced(self) -> Self:
        limited = self.agent.usd is not None or self.incident.usd is not None
        unpriced = sorted(self.models - self.prices.keys())
        if limited and unpriced:
            raise ValueError(f"a budget in USD needs the price of {', '.join(unpriced)}: give prices, or a budget in tokens")
        return self

    @property
    def models(self) -> frozenset[str]:
        """Every model that may be asked."""
        return frozenset(filter(None, (self.name, *self.agents.values(), *self.tasks.values()))) - {RULES}

    def model_for(self, agent: str, task: str) -> str | None:
        """The agent's own model, else the task's, else the one for all; None where the rules answer."""
        named = self.agents.get(agent) or self.tasks.get(task) or BY_RULES.get(task) or self.name
        return None if named == RULES else named

    def window_of(self, model: str) -> int:
        """Tokens that the model takes, answer included."""
        return self.windows.get(model, self.window)

    def seconds_for(self, task: str) -> float:
        """The longest that the model may take over a task."""
        return self.seconds.get(task, self.task_seconds)

    def cost(self, model: str, tokens: Mapping[str, int]) -> float | None:
        """USD of one call by its `prompt`, `cached` and `completion` tokens; None when the model's price is not known."""
        price = self.prices.get(model)
        return None if price is None else price.of(tokens["prompt"], tokens["cached"], tokens["completion"])
