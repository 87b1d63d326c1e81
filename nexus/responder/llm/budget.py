"""Ledger: what each agent and each incident has spent on models; a call is reserved before it is made and settled after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nexus.errors import OverBudget
from nexus.incident import Authorship
from nexus.responder.llm.chat import Reply
from nexus.responder.llm.policy import Budget, ModelPolicy


@dataclass(slots=True)
class Account:
    """What was spent, what is reserved for calls under way, and how many calls there were."""

    steps: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    priced: bool = True
    reserved_tokens: int = 0
    reserved_usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost(self) -> float | None:
        """USD; None when a model without a price was used."""
        return round(self.usd, 6) if self.priced else None


@dataclass(frozen=True, slots=True)
class Spent:
    """A change of the ledger, for whoever watches: an incident's account after it."""

    incident: str
    calls: int
    tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class Reserved:
    """What one call may take at the most; `completion` tokens of it for its answer."""

    tokens: int
    usd: float
    completion: int


SHORTEST_ANSWER = 200
"""Tokens below which an answer is not worth asking for."""


class Meter:
    """One task's hand on the ledger: its own account, its agent's and its incident's."""

    def __init__(self, ledger: Ledger, incident: str, agent: str) -> None:
        self.own = Account()
        self._ledger = ledger
        self._incident = incident
        self._agent = agent

    def _accounts(self) -> Iterator[tuple[Account, Budget, str]]:
        policy = self._ledger.policy
        yield self._ledger.account(self._incident, self._agent), policy.agent, f"{self._agent}'s budget"
        yield self._ledger.account(self._incident), policy.incident, "the incident's budget"
        yield self.own, Budget(), ""

    def reserve(self, model: str, prompt: int, completion: int) -> Reserved:
        """Take what a call may cost at the most; its answer may be shorter than wanted where little is left.

        Raises OverBudget, naming the budget and what is left of it.
        """
        for account, budget, whose in self._accounts():
            if budget.tokens is not None:
                left = budget.tokens - account.tokens - account.reserved_tokens
                if left - prompt < SHORTEST_ANSWER:
                    taken, wanted = budget.tokens - left, prompt + SHORTEST_ANSWER
                    used = f"{taken:,} are used or reserved, and the next call takes about {wanted:,}"
                    raise OverBudget(f"{whose} of {budget.tokens:,} tokens does not allow another call", used)
                completion = min(completion, left - prompt)
            if budget.steps is not None and account.steps >= budget.steps:
                raise OverBudget(
                    f"{whose} of {budget.steps} model calls is used up", "raise it in nexus.yaml, or let the rules answer"
                )
        usd = self._ledger.policy.cost(model, {"prompt": prompt, "cached": 0, "completion": completion}) or 0.0
        for account, budget, whose in self._accounts():
            spent = account.usd + account.reserved_usd
            if budget.usd is not None and spent + usd > budget.usd:
                used = f"{spent:.4f} are used or reserved, and the next call may cost {usd:.4f}"
                raise OverBudget(f"{whose} of {budget.usd:g} USD does not allow another call", used)
        reserved = Reserved(prompt + completion, usd, completion)
        for account, _, _ in self._accounts():
            account.steps += 1
            account.reserved_tokens += reserved.tokens
            account.reserved_usd += usd
        return reserved

    def settle(self, model: str, reserved: Reserved, reply: Reply | None) -> None:
        """Give back what was reserved and book what the call took; None: it gave no answer."""
        cost = None
        if reply is not None:
            used = {"prompt": reply.prompt_tokens, "cached": reply.cached_tokens, "completion": reply.completion_tokens}
            cost = self._ledger.policy.cost(model, used)
        for account, _, _ in self._accounts():
            account.reserved_tokens -= reserved.tokens
            account.reserved_usd -= reserved.usd
            if reply is not None:
                account.prompt_tokens += reply.prompt_tokens
                account.cached_tokens += reply.cached_tokens
                account.completion_tokens += reply.completion_tokens
                account.usd += cost or 0.0
                account.priced = account.priced and cost is not None
        total = self._ledger.account(self._incident)
        self._ledger.told(Spent(self._incident, total.steps, total.tokens, total.cost))


class Ledger:
    """The accounts of all incidents that this process handles. `told` hears of each call."""

    def __init__(self, policy: ModelPolicy, told: Callable[[Spent], None] = lambda _: None) -> None:
        self.policy = policy
        self.told = told
        self._accounts: dict[tuple[str, str | None], Account] = {}

    def account(self, incident: str, agent: str | None = None) -> Account:
        """An agent's account in that incident, or the incident's whole."""
        return self._accounts.setdefault((incident, agent), Account())

    def catch_up(self, incident: str, agent: str | None, recorded: Iterable[Authorship]) -> None:
        """Take in what the record says was spent, by a process that died or by others of a fleet: an account never shrinks."""
        account, told = self.account(incident, agent), [signed for signed in recorded if signed.calls]
        account.steps = max(account.steps, sum(signed.calls for signed in told))
        account.prompt_tokens = max(account.prompt_tokens, sum(signed.prompt_tokens for signed in told))
        account.cached_tokens = max(account.cached_tokens, sum(signed.cached_tokens for signed in told))
        account.completion_tokens = max(account.completion_tokens, sum(signed.completion_tokens for signed in told))
        account.usd = max(account.usd, sum(signed.cost_usd or 0.0 for signed in told))
        account.priced = account.priced and all(signed.cost_usd is not None for signed in told)

    def meter(self, incident: str, agent: str) -> Meter:
        """A task's hand on its accounts."""
        return Meter(self, incident, agent)
