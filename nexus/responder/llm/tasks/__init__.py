"""What a model is asked in each task, and what its answer comes to beside what the rules say."""

from __future__ import annotations

from typing import Any

from nexus.responder.llm.tasks.correlate import CORRELATE
from nexus.responder.llm.tasks.inform import ESCALATE, EXECUTIVE_BRIEF, STATUS_UPDATE
from nexus.responder.llm.tasks.investigate import INVESTIGATE
from nexus.responder.llm.tasks.learn import BACKLOG, POST_MORTEM
from nexus.responder.llm.tasks.part import Part
from nexus.responder.llm.tasks.plan import PLAN
from nexus.responder.llm.tasks.triage import TRIAGE
from nexus.responder.llm.tasks.verify import VERIFY

PARTS: dict[str, Part[Any, Any]] = {
    "triage": TRIAGE,
    "investigate": INVESTIGATE,
    "correlate": CORRELATE,
    "plan": PLAN,
    "verify": VERIFY,
    "status_update": STATUS_UPDATE,
    "executive_brief": EXECUTIVE_BRIEF,
    "escalate": ESCALATE,
    "post_mortem": POST_MORTEM,
    "backlog": BACKLOG,
}
"""A model's part in each task, by the prompt's name."""
