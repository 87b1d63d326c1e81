"""Questions: what people are asked, and their answers, so that any process may ask and any other may answer."""

from __future__ import annotations

import json
from typing import Any

from nexus.incident import Question
from nexus.records.database import Database
from nexus.records.packing import clean, pack, unpack

_ASK = """
    INSERT INTO nexus_questions (incident, id, body) VALUES (?, ?, ?)
    ON CONFLICT (incident, id) DO NOTHING
"""
_ANSWER = "UPDATE nexus_questions SET answer = ? WHERE incident = ? AND id = ? AND answer IS NULL RETURNING id"
_ANSWERED = "SELECT answer FROM nexus_questions WHERE incident = ? AND id = ?"
_OPEN = "SELECT body FROM nexus_questions WHERE incident = ? AND answer IS NULL ORDER BY arrival"


class Questions:
    """The questions of all incidents in one database. Raises RecordsError when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, incident: str, question: Question) -> None:
        """Put a question; put again, it stays as it was."""
        await self._database.run((_ASK, (clean(incident), clean(question.id), pack(question))))

    async def answer(self, incident: str, question: str, answer: dict[str, Any]) -> bool:
        """Answer it, once; False when it is not open: answered already, or never asked."""
        body = json.dumps(clean(answer))
        (rows,) = await self._database.run((_ANSWER, (body, clean(incident), clean(question))), to_disk=True)
        return bool(rows)

    async def answered(self, incident: str, question: str) -> dict[str, Any] | None:
        """The answer; None while there is none."""
        (rows,) = await self._database.run((_ANSWERED, (clean(incident), clean(question))))
        found: dict[str, Any] | None = json.loads(rows[0][0]) if rows and rows[0][0] else None
        return found

    async def open(self, incident: str) -> list[Question]:
        """What waits for an answer, in the order in which it was asked."""
        (rows,) = await self._database.run((_OPEN, (clean(incident),)))
        return [unpack(Question, body) for (body,) in rows]
