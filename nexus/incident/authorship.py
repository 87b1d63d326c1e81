"""Authorship: who answered one task, a model or the rules, why, by which wording, and at what cost."""

from __future__ import annotations

from pydantic import Field

from nexus.incident.base import Explained, Moment, Word


class Author(Explained):
    """Who thinks."""

    MODEL = "model", "a language model, within what the guards allow"
    RULES = "rules", "the rules, from what the tools measured"


class Authorship(Word):
    """One task's answer: `by` rules with a reason in `why` when a model was asked and the rules took over."""

    agent: str
    task: str
    by: Author
    model: str = Field(default="", description="the model that was to answer; empty where none is configured")
    why: str = Field(default="", description="why the rules took the task over")
    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = Field(default=0, description="of the prompt's tokens, those that the server had kept")
    completion_tokens: int = 0
    cost_usd: float | None = Field(default=0.0, description="None: no price is configured for the model")
    seconds: float = Field(default=0.0, description="spent on the model, by the wall clock")
    claims: int = Field(default=0, description="sentences and choices that the model gave")
    struck: tuple[str, ...] = Field(default=(), description="of these, what did not stand, and why")
    wording: dict[str, str] = Field(default_factory=dict, description="hash of the agent's file and of the prompt's")
    at: Moment
