"""StoredJournal: what was done to a simulated world and said in it, kept with the records, for every process alike."""

from __future__ import annotations

from nexus.records.database import Database
from nexus.records.packing import clean

_ADD = "INSERT INTO nexus_journal (scope, key, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_STANDS = "SELECT body FROM nexus_journal WHERE scope = ? AND key = ?"
_SINCE = "SELECT arrival, key, body FROM nexus_journal WHERE scope = ? AND arrival > ? ORDER BY arrival"


class StoredJournal:
    """One world's journal; `scope` names the world. Raises RecordsError when the database does not answer."""

    def __init__(self, database: Database, scope: str) -> None:
        self._database = database
        self._scope = clean(scope)

    async def add(self, key: str, body: str) -> str:
        """Add an entry, unless its key is there; the body that stands."""
        where = (self._scope, clean(key))
        rows = await self._database.run((_ADD, (*where, clean(body))), (_STANDS, where))
        return str(rows[1][0][0])

    async def since(self, arrival: int = 0) -> list[tuple[int, str, str]]:
        """Entries that arrived later than that number: arrival, key and body, in order."""
        (rows,) = await self._database.run((_SINCE, (self._scope, arrival)))
        return [(int(number), str(key), str(body)) for number, key, body in rows]
