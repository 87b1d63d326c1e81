"""Schema: the tables of the records, version by version, in words that every database takes."""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE nexus_events (
        arrival {ARRIVAL}, incident TEXT NOT NULL, key TEXT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL,
        UNIQUE (incident, key)
    );
    CREATE INDEX nexus_events_in_order ON nexus_events (incident, at, arrival);
    CREATE TABLE nexus_evidence (
        arrival {ARRIVAL}, incident TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL,
        UNIQUE (incident, id)
    );
    CREATE TABLE nexus_documents (incident TEXT PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE nexus_claims (incident TEXT PRIMARY KEY)
    """,
    """
    CREATE TABLE nexus_tasks (
        arrival {ARRIVAL}, incident TEXT NOT NULL, key TEXT NOT NULL, at BIGINT NOT NULL, body {BYTES} NOT NULL,
        UNIQUE (incident, key)
    )
    """,
    """
    ALTER TABLE nexus_claims ADD COLUMN body TEXT;
    ALTER TABLE nexus_claims ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
    CREATE TABLE nexus_pictures (incident TEXT NOT NULL, path TEXT NOT NULL, png {BYTES} NOT NULL, PRIMARY KEY (incident, path));
    CREATE TABLE nexus_effects (
        arrival {ARRIVAL}, incident TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
        UNIQUE (incident, key)
    );
    CREATE TABLE nexus_questions (
        arrival {ARRIVAL}, incident TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, answer TEXT,
        UNIQUE (incident, id)
    );
    CREATE TABLE nexus_journal (
        arrival {ARRIVAL}, scope TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
        UNIQUE (scope, key)
    );
    CREATE INDEX nexus_journal_in_order ON nexus_journal (scope, arrival);
    CREATE TABLE nexus_checkpoints (
        thread TEXT NOT NULL, namespace TEXT NOT NULL, id TEXT NOT NULL, parent TEXT, kind TEXT NOT NULL, body {BYTES} NOT NULL,
        metadata TEXT NOT NULL, PRIMARY KEY (thread, namespace, id)
    );
    CREATE TABLE nexus_channels (
        thread TEXT NOT NULL, namespace TEXT NOT NULL, channel TEXT NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL,
        body {BYTES} NOT NULL, PRIMARY KEY (thread, namespace, channel, version)
    );
    CREATE TABLE nexus_writes (
        thread TEXT NOT NULL, namespace TEXT NOT NULL, checkpoint TEXT NOT NULL, task TEXT NOT NULL, number BIGINT NOT NULL,
        path TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (thread, namespace, checkpoint, task, number)
    )
    """,
    """
    CREATE TABLE nexus_deliveries (
        arrival {ARRIVAL}, id TEXT NOT NULL, source TEXT NOT NULL, received BIGINT NOT NULL, size BIGINT NOT NULL,
        handled BIGINT, outcome TEXT, headers TEXT NOT NULL, body TEXT NOT NULL,
        UNIQUE (id)
    );
    CREATE INDEX nexus_deliveries_waiting ON nexus_deliveries (arrival) WHERE handled IS NULL
    """,
)
"""Each brings the schema one version further; the version is the number of those applied. Never change one that was released."""


def statements_of(migration: str, *, arrival: str, to_bytes: str) -> list[str]:
    """A migration's statements in one database's own words for a counting key and for bytes."""
    return [part for part in migration.format(ARRIVAL=arrival, BYTES=to_bytes).split(";") if part.strip()]
