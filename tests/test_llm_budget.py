"""The ledger, its budgets and prices; the breaker; the window: pure, without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from nexus.errors import ModelNonsense, ModelRefused, ModelUnreachable, OverBudget
from nexus.incident import Authorship
from nexus.responder.llm.breaker import LONGEST, NONSENSE, Breaker
from nexus.responder.llm.budget import SHORTEST_ANSWER, Ledger, Spent
from nexus.responder.llm.chat import Message, Reply
from nexus.responder.llm.policy import Budget, ModelPolicy, Price
from nexus.responder.llm.window import capped, fitted, shortened, tokens_in, tokens_of

PRICES = {"m": Price(prompt=2.0, cached=0.5, completion=8.0)}


def reply(prompt: int, completion: int, cached: int = 0) -> Reply:
    return Reply("", (), "stop", prompt, completion, cached)


def test_a_call_is_booked_with_agent_and_incident() -> None:
    told: list[Spent] = []
    ledger = Ledger(ModelPolicy(name="m", prices=PRICES), told.append)
    meter = ledger.meter("I", "a")
    meter.settle("m", meter.reserve("m", 1000, 500), reply(900, 100, 400))
    other = ledger.meter("I", "b")
    other.settle("m", other.reserve("m", 10, 500), reply(10, 10))
    assert (meter.own.tokens, ledger.account("I", "a").tokens, ledger.account("I").tokens) == (1000, 1000, 1020)
    assert meter.own.cost == pytest.approx((500 * 2 + 400 * 0.5 + 100 * 8) / 1e6)
    assert told[-1] == Spent("I", 2, 1020, ledger.account("I").cost)


def test_a_model_without_a_price_has_an_unknown_cost() -> None:
    ledger = Ledger(ModelPolicy(name="m"))
    meter = ledger.meter("I", "a")
    meter.settle("m", meter.reserve("m", 10, 500), reply(10, 10))
    assert meter.own.cost is None


def test_a_budget_in_usd_needs_the_prices() -> None:
    with pytest.raises(ValidationError, match="a budget in USD needs the price of m"):
        ModelPolicy(name="m", incident=Budget(usd=1.0))
    assert ModelPolicy(name="m", incident=Budget(usd=1.0), prices=PRICES).incident.usd == 1.0


@pytest.mark.parametrize("whose", ["agent", "incident"])
def test_no_call_is_reserved_beyond_a_budget(whose: str) -> None:
    ledger = Ledger(ModelPolicy.model_validate({"name": "m", whose: {"tokens": 5000}}))
    meter = ledger.meter("I", "a")
    first = meter.reserve("m", 3000, 1500)
    with pytest.raises(OverBudget, match=r"budget of 5,000 tokens does not allow another call: 4,500 are used or reserved"):
        meter.reserve("m", 1000, 1500)
    meter.settle("m", first, reply(2500, 100))
    assert meter.reserve("m", 1000, 1500).completion == 1400


def test_an_answer_is_made_shorter_before_it_is_given_up() -> None:
    meter = Ledger(ModelPolicy(name="m", incident=Budget(tokens=3000))).meter("I", "a")
    assert meter.reserve("m", 2700, 2000).completion == 300
    with pytest.raises(OverBudget):
        Ledger(ModelPolicy(name="m", incident=Budget(tokens=3000))).meter("I", "a").reserve("m", 3001 - SHORTEST_ANSWER, 2000)


def test_steps_and_usd_are_budgets_too() -> None:
    steps = Ledger(ModelPolicy(name="m", agent=Budget(steps=1))).meter("I", "a")
    steps.settle("m", steps.reserve("m", 1, 1), None)
    with pytest.raises(OverBudget, match="a's budget of 1 model calls is used up"):
        steps.reserve("m", 1, 1)
    usd = Ledger(ModelPolicy(name="m", incident=Budget(usd=0.01), prices=PRICES)).meter("I", "a")
    usd.reserve("m", 1000, 500)
    with pytest.raises(OverBudget, match=r"the incident's budget of 0.01 USD does not allow another call"):
        usd.reserve("m", 1000, 500)


@given(some.lists(some.tuples(some.integers(1, 4000), some.integers(1, 4000), some.integers(0, 100)), max_size=12))
def test_what_is_used_never_exceeds_the_budget(calls: list[tuple[int, int, int]]) -> None:
    ledger = Ledger(ModelPolicy(name="m", incident=Budget(tokens=9000)))
    for prompt, answer, percent in calls:
        meter = ledger.meter("I", "a")
        try:
            reserved = meter.reserve("m", prompt, answer)
        except OverBudget:
            continue
        meter.settle("m", reserved, reply(prompt, reserved.completion * percent // 100))
    assert ledger.account("I").tokens <= 9000
    assert ledger.account("I").reserved_tokens == 0


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_model_out_of_reach_is_left_alone_and_tried_again_by_one() -> None:
    time = Time()
    breaker = Breaker(30.0, time)
    assert breaker.refuses("m") is None
    breaker.failed("m", ModelUnreachable("m cannot be reached"))
    assert breaker.refuses("m") == "m is left alone for another 30 s: m cannot be reached"
    assert breaker.refuses("other") is None
    time.now = 31
    assert breaker.refuses("m") is None
    assert breaker.refuses("m") == "m is being tried again: m cannot be reached"
    breaker.failed("m", ModelUnreachable("still not"))
    assert breaker.refuses("m") == "m is left alone for another 60 s: still not"
    time.now = 100
    assert breaker.refuses("m") is None
    breaker.succeeded("m")
    assert [breaker.refuses("m"), breaker.refuses("m")] == [None, None]


def test_the_pause_has_an_end() -> None:
    time = Time()
    breaker = Breaker(30.0, time)
    for _ in range(12):
        breaker.failed("m", ModelRefused("no"))
        time.now += LONGEST
        assert breaker.refuses("m") is None


def test_nonsense_counts_only_in_a_row_and_a_budget_not_at_all() -> None:
    breaker = Breaker(30.0, Time())
    for _ in range(NONSENSE - 1):
        breaker.failed("m", ModelNonsense("?"))
    breaker.failed("m", OverBudget("spent"))
    assert breaker.refuses("m") is None
    breaker.succeeded("m")
    for _ in range(NONSENSE - 1):
        breaker.failed("m", ModelNonsense("?"))
    assert breaker.refuses("m") is None
    breaker.failed("m", ModelNonsense("?"))
    assert breaker.refuses("m") is not None


def test_a_trial_that_ended_before_it_knew_lets_the_next_one_try() -> None:
    time = Time()
    breaker = Breaker(30.0, time)
    breaker.failed("m", ModelUnreachable("away"))
    time.now = 31
    assert breaker.refuses("m") is None
    breaker.let_go("m")
    assert breaker.refuses("m") is None


def test_an_agents_own_model_goes_before_the_tasks() -> None:
    policy = ModelPolicy(name="m", agents={"a": "big"}, tasks={"backlog": "small"})
    assert [policy.model_for(*who) for who in (("a", "backlog"), ("b", "backlog"), ("b", "plan"))] == ["big", "small", "m"]
    assert policy.models == {"m", "big", "small"}


def test_old_tool_results_are_shortened_first_and_only_as_many_as_need_be() -> None:
    said = [Message("user", "u" * 300), *(Message("tool", "x" * 3000, answers=str(n), brief="brief") for n in range(3))]
    room = tokens_in(said, []) - 500
    held = fitted(said, [], room)
    assert [m.text == "brief" for m in held] == [False, True, False, False]
    assert tokens_in(held, []) <= room
    assert fitted(said, [], 10_000) == said


def test_a_prompt_that_cannot_fit_is_refused_and_says_by_how_much() -> None:
    with pytest.raises(ModelRefused, match=r"the prompt takes about \d+ tokens and the model's window leaves 50"):
        fitted([Message("user", "u" * 3000)], [], 50)


@given(some.text(max_size=3000), some.integers(50, 400))
def test_a_capped_text_is_no_longer_than_it_may_be(text: str, most: int) -> None:
    assert len(capped(text, most)) <= max(most, 60)
    assert capped(text, most) == text or "characters left out" in capped(text, most)


def test_what_is_cut_is_said() -> None:
    cut = shortened({"a": list(range(9)), "b": "x" * 500, "c": None}, items=3, characters=100)
    assert cut["a"] == [0, 1, 2, "6 more left out"]
    assert "characters left out" in cut["b"]
    assert "c" not in cut


def test_other_scripts_take_more_tokens_a_character() -> None:
    assert tokens_of("日本語") > tokens_of("abc")


def test_what_a_process_that_died_has_spent_counts_against_the_budget() -> None:
    policy = ModelPolicy(name="m", incident=Budget(tokens=1_000))
    ledger = Ledger(policy)
    spent = Authorship.model_validate(
        {"agent": "A", "task": "triage", "by": "model", "model": "m", "at": "2026-03-02T10:00:00Z", "calls": 2,
         "prompt_tokens": 700, "completion_tokens": 200, "cost_usd": None}
    )  # fmt: skip
    ledger.catch_up("INC-1", None, [spent])
    ledger.catch_up("INC-1", None, [])
    assert (ledger.account("INC-1").steps, ledger.account("INC-1").tokens, ledger.account("INC-1").cost) == (2, 900, None)
    with pytest.raises(OverBudget, match="does not allow another call"):
        ledger.meter("INC-1", "a").reserve("m", 50, 400)
