"""Checkpoints: LangGraph's saver on the records' own database: each channel's value is kept once, when it changes, compressed."""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)

from nexus.records.database import Database, Rows, Statement

_FIELDS = "SELECT thread, namespace, id, parent, kind, body, metadata FROM nexus_checkpoints"
_PUT = """
    INSERT INTO nexus_checkpoints (thread, namespace, id, parent, kind, body, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (thread, namespace, id) DO UPDATE SET kind = excluded.kind, body = excluded.body, metadata = excluded.metadata
"""
_PUT_CHANNEL = """
    INSERT INTO nexus_channels (thread, namespace, channel, version, kind, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_PUT_WRITE = """
    INSERT INTO nexus_writes (thread, namespace, checkpoint, task, number, path, channel, kind, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (thread, namespace, checkpoint, task, number)
"""
_PUT_WRITE_AGAIN = f"{_PUT_WRITE} DO UPDATE SET channel = excluded.channel, kind = excluded.kind, body = excluded.body"
_WRITES = """
    SELECT task, channel, kind, body, path, number FROM nexus_writes WHERE thread = ? AND namespace = ? AND checkpoint = ?
"""
_CHANNELS = "SELECT channel, version, kind, body FROM nexus_channels WHERE thread = ? AND namespace = ?"
_TABLES = ("nexus_checkpoints", "nexus_channels", "nexus_writes")


class Checkpoints(BaseCheckpointSaver[str]):
    """The graph's state after each step, by thread; the thread is the incident. Asynchronous only.

    Each method raises RecordsError when the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    def get_next_version(self, current: str | None, channel: None) -> str:  # noqa: ARG002 - the base class's
        """The number after `current`, and a random part: two branches of one thread never share a version."""
        number = int(current.partition(".")[0]) if current else 0
        return f"{number + 1:08}.{secrets.token_hex(4)}"

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:
        """Keep a checkpoint: what its step changed, and which version of everything else holds."""
        thread, namespace, parent = _where(config)
        values = checkpoint["channel_values"]
        kind, body = self._packed({**checkpoint, "channel_values": {}})
        told = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False)
        statements: list[Statement] = [
            (_PUT_CHANNEL, (thread, namespace, channel, str(version), *self._packed(values[channel])))
            for channel, version in new_versions.items()
            if channel in values
        ]
        statements.append((_PUT, (thread, namespace, checkpoint["id"], parent, kind, body, told)))
        await self._database.run(*statements)
        return _config(thread, namespace, checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep what one task of a step gave, so that it need not run again when another task of the step fails."""
        thread, namespace, checkpoint = _where(config)
        put = _PUT_WRITE_AGAIN if all(channel in WRITES_IDX_MAP for channel, _ in writes) else f"{_PUT_WRITE} DO NOTHING"
        rows = [
            (
                thread,
                namespace,
                checkpoint,
                task_id,
                WRITES_IDX_MAP.get(channel, number),
                task_path,
                channel,
                *self._packed(value),
            )
            for number, (channel, value) in enumerate(writes)
        ]
        await self._database.run(*((put, row) for row in rows))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` names, or else its thread's latest."""
        thread, namespace, _ = _where(config)
        wanted = get_checkpoint_id(config)
        query = f"{_FIELDS} WHERE thread = ? AND namespace = ?" + (" AND id = ?" if wanted else " ORDER BY id DESC LIMIT 1")
        (rows,) = await self._database.run((query, (thread, namespace, wanted) if wanted else (thread, namespace)))
        return await self._read(rows[0]) if rows else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints, newest first."""
        conditions, parameters = _narrowed(config, before)
        query = f"{_FIELDS} WHERE {' AND '.join(conditions)} ORDER BY id DESC" if conditions else f"{_FIELDS} ORDER BY id DESC"
        (rows,) = await self._database.run((query, parameters))
        left = len(rows) if limit is None else limit
        for row in rows:
            if left <= 0:
                return
            told = json.loads(row[6])
            if all(told.get(key) == value for key, value in (filter or {}).items()):
                left -= 1
                yield await self._read(row)

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread."""
        await self._database.run(*((f"DELETE FROM {table} WHERE thread = ?", (thread_id,)) for table in _TABLES))  # noqa: S608 - our own tables

    async def _read(self, row: Sequence[Any]) -> CheckpointTuple:
        thread, namespace, name, parent, kind, body, told = row
        checkpoint = cast("Checkpoint", self._unpacked(kind, body))
        versions = {channel: str(version) for channel, version in checkpoint["channel_versions"].items()}
        writes, channels = await self._database.run((_WRITES, (thread, namespace, name)), (_CHANNELS, (thread, namespace)))
        values = {c: self._unpacked(k, b) for c, version, k, b in channels if versions.get(c) == version}
        return CheckpointTuple(
            _config(thread, namespace, name),
            {**checkpoint, "channel_values": values},
            cast("CheckpointMetadata", json.loads(told)),
            _config(thread, namespace, parent) if parent else None,
            self._pending(writes),
        )

    def _pending(self, rows: Rows) -> list[PendingWrite]:
        ordered = sorted(rows, key=lambda r: writes_sort_key(r[4], r[0], r[5]))
        return [(task, channel, self._unpacked(kind, body)) for task, channel, kind, body, _, _ in ordered]

    def _packed(self, value: Any) -> tuple[str, bytes]:
        kind, body = self.serde.dumps_typed(value)
        return kind, zlib.compress(body, level=1)

    def _unpacked(self, kind: str, body: bytes) -> Any:
        return self.serde.loads_typed((kind, zlib.decompress(body)))


def _where(config: RunnableConfig) -> tuple[str, str, str | None]:
    named: Mapping[str, Any] = config["configurable"]
    return str(named["thread_id"]), str(named.get("checkpoint_ns", "")), get_checkpoint_id(config)


def _config(thread: str, namespace: str, checkpoint: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint}}


def _narrowed(config: RunnableConfig | None, before: RunnableConfig | None) -> tuple[list[str], list[str]]:
    """Conditions in SQL, and their parameters."""
    named = config["configurable"] if config else {}
    held = {
        "thread = ?": named.get("thread_id"),
        "namespace = ?": named.get("checkpoint_ns"),
        "id = ?": named.get("checkpoint_id"),
        "id < ?": get_checkpoint_id(before) if before else None,
    }
    return [sql for sql, value in held.items() if value is not None], [str(v) for v in held.values() if v is not None]
