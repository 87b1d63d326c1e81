"""Outbox: every outgoing effect, written down before it leaves and settled once it has arrived, so that a crash doubles none."""

from __future__ import annotations

from nexus.incident import Effect, EffectState, Event
from nexus.records.database import Database
from nexus.records.packing import clean, pack, unpack
from nexus.records.rows import adding

_BEGIN = "INSERT INTO nexus_effects (incident, key, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING key"
_AS_IT_STANDS = "SELECT body FROM nexus_effects WHERE incident = ? AND key = ?"
_SETTLE = "UPDATE nexus_effects SET body = ? WHERE incident = ? AND key = ?"
_ALL = "SELECT body FROM nexus_effects WHERE incident = ? ORDER BY arrival"


class Outbox:
    """The effects of all incidents in one database. Raises RecordsError when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, effect: Effect, *events: Event) -> Effect | None:
        """Write down that an effect is about to leave, with events, in one; on disk before this returns.

        None: it is begun now. Else the one that was begun under that key before, perhaps by a process that died.
        """
        known = (clean(effect.incident), clean(effect.key))
        begin = (_BEGIN, (*known, pack(effect)))
        rows = await self._database.run(begin, *(adding(event) for event in events), (_AS_IT_STANDS, known), to_disk=True)
        return None if rows[0] else unpack(Effect, rows[-1][0][0])

    async def settle(self, effect: Effect, *events: Event) -> list[Event]:
        """Write down what became of it, with events, in one; the events that were new."""
        statement = (_SETTLE, (pack(effect), clean(effect.incident), clean(effect.key)))
        rows = await self._database.run(statement, *(adding(e) for e in events), to_disk=True)
        return [event for event, row in zip(events, rows[1:], strict=True) if row]

    async def effect(self, incident: str, key: str) -> Effect | None:
        """One effect as it stands."""
        (rows,) = await self._database.run((_AS_IT_STANDS, (clean(incident), clean(key))))
        return unpack(Effect, rows[0][0]) if rows else None

    async def effects(self, incident: str, *states: EffectState) -> list[Effect]:
        """The incident's effects in the order in which they were begun; only those in one of `states`, if any is named."""
        (rows,) = await self._database.run((_ALL, (clean(incident),)))
        found = [unpack(Effect, body) for (body,) in rows]
        return [effect for effect in found if not states or effect.state in states]
