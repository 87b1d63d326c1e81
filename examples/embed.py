"""NEXUS inside your own program: own library, world, responder and checkpointer; events streamed, interrupts answered.

python examples/embed.py            the graph in your hands
python examples/embed.py handle     the same incident in one call
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from nexus import Context, Library, MemoryStore, RulesResponder, approve_all, build, first_state, handle, open_world, read_alert


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a person and a clock would say; here every action is approved, no question is answered, and time passes at once."""
    if asked["kind"] == "wait":
        return {"now": asked["until"]}
    if asked["kind"] == "question":
        return {"choice": "hand_over", "by": "embed.py", "now": asked["deadline"]}
    given = [{"verdict": "approved", "digest": one["digest"], "by": "embed.py", "now": one["asked_at"]} for one in asked["asked"]]
    return {"answers": given}


async def in_your_hands() -> None:
    """Build the graph, stream what it does, answer what it asks."""
    library, opened = Library.default(), open_world("sandbox:bad-deploy")
    alert = read_alert(json.dumps(opened.alert), now=opened.world.clock.now())
    context = Context(library, opened.world, RulesResponder(), MemoryStore())
    graph = build(library).compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "INC-1"}, "recursion_limit": 1000}
    given: Any = first_state("INC-1", alert, opened.world.clock.now())
    while given is not None:
        async for update in graph.astream(given, thread, context=context, stream_mode="updates"):
            print(*(name for name in update if name != "__interrupt__"))
        asked = (await graph.aget_state(thread)).interrupts
        given = Command(resume={one.id: answer(one.value) for one in asked}) if asked else None
    print("outcome:", (await graph.aget_state(thread)).values["outcome"])


async def in_one_call() -> None:
    """The same with the driver that sends status updates, briefs and escalations by the clock."""
    opened = open_world("sandbox:bad-deploy")
    incident = await handle(
        read_alert(json.dumps(opened.alert), now=opened.world.clock.now()),
        library=Library.default(),
        world=opened.world,
        responder=RulesResponder(),
        records=MemoryStore(),
        answer=approve_all,
        listeners=[lambda event: print(event.at.time(), event.actor, event.text)],
    )
    print("outcome:", incident.outcome.value)


if __name__ == "__main__":
    asyncio.run(in_one_call() if "handle" in sys.argv else in_your_hands())
