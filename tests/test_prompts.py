"""Every prompt, filled with the facts that the steps really give."""

import json

import pytest

from nexus.embedded import handle
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.stores import MemoryStore
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules import Answer, RulesResponder
from nexus.world.open import open_world


class Prompting(RulesResponder):
    """Fills the prompt of each task before the rules answer it."""

    def __init__(self) -> None:
        self.filled: dict[str, str] = {}

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        self.filled[task.name] = task.library.prompt(task.name, task.facts)
        return await super().respond(task, schema, desk)


@pytest.mark.parametrize("scenario", ["bad-deploy", "search-null"])
async def test_the_facts_of_every_task_fill_its_prompt(scenario: str) -> None:
    library = Library.default()
    opened = open_world(f"sandbox:{scenario}")
    responder = Prompting()
    alert = read_alert(json.dumps(opened.alert), now=opened.world.clock.now())
    await handle(alert, library=library, world=opened.world, responder=responder, records=MemoryStore())
    assert set(responder.filled) >= {
        "triage",
        "investigate",
        "correlate",
        "plan",
        "verify",
        "status_update",
        "post_mortem",
        "backlog",
    }
    assert all(alert.title in text or "INC-" in text for text in responder.filled.values())
