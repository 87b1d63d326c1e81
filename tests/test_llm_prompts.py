"""Each agent's prompt exactly as its model sees it, as a Markdown snapshot; and how many tokens it takes.

`pytest tests/test_llm_prompts.py --force-regen` writes the snapshots anew after a wanted change of wording.
"""

from __future__ import annotations

import json

import pytest
from model_in_hand import LIBRARY, recorded
from pytest_regressions.file_regression import FileRegressionFixture

from nexus.replay import opening, task_of
from nexus.responder.llm.opening import Opening
from nexus.responder.llm.window import tokens_in, tokens_of

CASES = [
    ("infrastructure-maintainer", "triage", "bad-deploy"),
    ("infrastructure-maintainer", "investigate", "bad-deploy"),
    ("infrastructure-maintainer", "correlate", "bad-deploy"),
    ("infrastructure-maintainer", "plan", "disk-full"),
    ("infrastructure-maintainer", "verify", "bad-deploy"),
    ("devops-automator", "investigate", "bad-deploy"),
    ("devops-automator", "plan", "bad-deploy"),
    ("backend-architect", "investigate", "bad-deploy"),
    ("backend-architect", "plan", "search-null"),
    ("frontend-developer", "investigate", "bad-deploy"),
    ("support-responder", "status_update", "bad-deploy"),
    ("executive-summary-generator", "executive_brief", "bad-deploy"),
    ("evidence-collector", "verify", "bad-deploy"),
    ("api-tester", "verify", "bad-deploy"),
    ("workflow-optimizer", "post_mortem", "bad-deploy"),
    ("sprint-prioritizer", "backlog", "bad-deploy"),
    ("studio-producer", "escalate", "bad-deploy"),
    ("finance-tracker", "escalate", "bad-deploy"),
    ("legal-compliance-checker", "escalate", "leaked-credential"),
    ("project-shepherd", "escalate", "major-outage-long"),
]
ALLOWED = 3_000
"""Tokens that system message and tools of an investigator may take together in each step."""


async def opening_of(agent: str, task: str, scenario: str) -> Opening:
    """What the model is sent first."""
    record = await recorded(scenario)
    opened = await opening(record, task_of(record, agent, task), LIBRARY)
    assert opened is not None
    return opened


def markdown(request: Opening) -> str:
    """The request as people review it."""
    system, user = request.messages
    tools = json.dumps(request.offered, ensure_ascii=False)
    functions = [t["function"] for t in request.offered]
    listed = "\n".join(
        f"- `{f['name']}`: {f['description']}\n  `{json.dumps(f['parameters'], ensure_ascii=False)}`" for f in functions
    )
    counted = f"system {tokens_of(system.text)}, tools {tokens_of(tools)}, task {tokens_of(user.text)}"
    return f"Tokens, about: {counted}\n\n# SYSTEM\n\n{system.text}\n# TOOLS\n\n{listed}\n\n# USER\n\n{user.text}"


@pytest.mark.parametrize(("agent", "task", "scenario"), CASES, ids=[f"{a}.{t}" for a, t, _ in CASES])
async def test_the_prompt_is_as_it_was_reviewed(
    agent: str, task: str, scenario: str, file_regression: FileRegressionFixture
) -> None:
    request = await opening_of(agent, task, scenario)
    file_regression.check(markdown(request), extension=".md", basename=f"{agent}.{task}")


@pytest.mark.parametrize(("agent", "task", "scenario"), [c for c in CASES if c[1] == "investigate"], ids=str)
async def test_an_investigators_system_message_and_tools_take_at_most_three_thousand_tokens(
    agent: str, task: str, scenario: str
) -> None:
    request = await opening_of(agent, task, scenario)
    assert tokens_in(request.messages[:1], request.offered) <= ALLOWED


async def test_what_is_sent_is_the_same_to_the_letter_each_time() -> None:
    first, second = [await opening_of("devops-automator", "plan", "bad-deploy") for _ in range(2)]
    assert first == second


@pytest.mark.parametrize("agent", ["support-responder", "executive-summary-generator", "studio-producer", "finance-tracker"])
async def test_writers_are_shown_nothing_that_strangers_wrote(agent: str) -> None:
    task = {"support-responder": "status_update", "executive-summary-generator": "executive_brief"}.get(agent, "escalate")
    request = await opening_of(agent, task, "bad-deploy")
    shown = "\n".join(m.text for m in request.messages)
    for theirs in ("IllegalStateException", "route table", "m.okafor", "ShopErrorBudgetBurn", "most requests fail"):
        assert theirs not in shown
    assert {t["function"]["name"] for t in request.offered} <= {"assess_impact", "service_info", "submit"}


def test_every_agent_of_the_library_has_its_snapshot() -> None:
    assert {agent for agent, _, _ in CASES} == set(LIBRARY.agents)
