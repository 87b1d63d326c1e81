"""Read: from bytes to an Alert: size, encoding, JSON, then the first format that recognises it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from nexus.errors import AlertError
from nexus.incident import Alert
from nexus.intake import alertmanager, generic
from nexus.intake.text import storable

LIMIT = 10 * 1024 * 1024
"""Bytes; a larger alert is refused unread."""
DEPTH = 100
"""Nesting; deeper payloads are refused."""


class Format(Protocol):
    """One source's way to write alerts: a module of this package."""

    NAME: str

    def recognises(self, payload: Mapping[str, Any], /) -> bool:
        """Whether the payload is written this way."""
        ...

    def read(self, payload: Mapping[str, Any], now: datetime, /) -> Alert:
        """The payload as an alert. Raises AlertError when it cannot be one."""
        ...


FORMATS: tuple[Format, ...] = (alertmanager, generic)
"""Tried in this order; the last one recognises everything."""
_TOO_LARGE = f"send only the alert itself, {LIMIT // 1024 // 1024} MB at most"


def load_alert(path: str | Path, *, now: datetime | None = None) -> Alert:
    """The alert in that file, or on standard input for `-`. Raises AlertError with what to do."""
    moment = now or datetime.now(UTC)
    if str(path) == "-":
        return read_alert(_bounded(sys.stdin.buffer, "standard input"), now=moment)
    file = Path(path)
    try:
        if file.is_dir():
            raise AlertError(f"{file} is a folder", "name the alert's JSON file")
        if file.stat().st_size > LIMIT:
            raise AlertError(f"{file} is {file.stat().st_size / 1024 / 1024:.0f} MB", _TOO_LARGE)
        with file.open("rb") as stream:
            content = _bounded(stream, str(file))
    except FileNotFoundError as error:
        raise AlertError(f"there is no file {file}", "check the path, or use - for standard input") from error
    except (OSError, ValueError) as error:
        raise AlertError(f"{file} cannot be read ({error})", "check the path and its permissions") from error
    return read_alert(content, now=moment)


def _bounded(stream: BinaryIO, name: str) -> bytes:
    content = stream.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise AlertError(f"{name} holds more than {LIMIT // 1024 // 1024} MB", _TOO_LARGE)
    return content


def read_alert(source: bytes | str, *, now: datetime) -> Alert:
    """The alert in that content; `notes` say what had to be assumed. Raises AlertError with what to do."""
    if len(source) > LIMIT:
        raise AlertError(f"the alert holds more than {LIMIT // 1024 // 1024} MB", _TOO_LARGE)
    payload, notes = _parse(_decode(source))
    if _depth_over(payload, DEPTH):
        raise AlertError(f"the alert is nested more than {DEPTH} deep", "send the alert without wrapping")
    chosen = next(f for f in FORMATS if f.recognises(payload))
    alert = chosen.read(payload, now.astimezone(UTC))
    return alert.model_copy(update={"raw": storable(payload), "notes": (*alert.notes, *notes)})


def _decode(source: bytes | str) -> str:
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    encoding = "utf-16" if source[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        raise AlertError("the alert is not UTF-8 text", "save it as UTF-8") from error


def _parse(text: str) -> tuple[Mapping[str, Any], list[str]]:
    if not text.strip():
        raise AlertError("the alert is empty", "send a JSON object")
    notes: list[str] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        kept = dict(pairs)
        if len(kept) < len(pairs) and not notes:
            notes.append("a field occurs twice: its last value is used")
        return kept

    try:
        payload = json.loads(text, object_pairs_hook=keep)
    except json.JSONDecodeError as error:
        raise AlertError(
            f"the alert is not JSON ({error.msg}, line {error.lineno}, column {error.colno})", "send a JSON object"
        ) from error
    except RecursionError as error:
        raise AlertError("the alert is nested too deep", "send the alert without wrapping") from error
    except ValueError as error:
        raise AlertError("the alert holds a number that is too long", "send numbers of ordinary size") from error
    if not isinstance(payload, Mapping):
        kind = {list: "a list", str: "text", bool: "a truth value", type(None): "null"}.get(type(payload), "a number")
        raise AlertError(f"the alert is {kind}", "send one JSON object" + (", not a list of them" if kind == "a list" else ""))
    if not payload:
        raise AlertError("the alert is an empty object", "give it at least a title")
    return payload, notes


def _depth_over(value: Any, limit: int) -> bool:
    """Whether lists and objects nest deeper than `limit`; itself without recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            v for held in level for v in (held.values() if isinstance(held, Mapping) else held if isinstance(held, list) else ())
        ]
        if not level:
            return False
    return True
