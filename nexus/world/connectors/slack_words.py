"""Slack's words: a message as blocks and metadata, in which no text of ours pings anybody or is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nexus.world.connectors.contract import Message
from nexus.world.connectors.messages import in_parts, key_of, role_name

EVENT = "nexus_incident"
"""The event type of the metadata that every message of ours carries."""
LONGEST = 40_000
"""Characters of a message; Slack cuts what is longer."""
SECTION = 3_000
"""Characters of a section block; Slack refuses a longer one."""
TO = 200
"""Characters of a role or person that are shown."""
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CUT = "\n… (cut)"


def escaped(text: str) -> str:
    """Text that mrkdwn shows as it stands: `<!channel>`, `<@U1>` and links are made of < and > only."""
    return text.translate(_ESCAPES)


def sections(text: str) -> list[str]:
    """Escaped parts, none of them empty or longer than a section may be; no escape is torn."""
    parts = in_parts(text, SECTION)
    short = [p for part in parts for p in ([part] if len(escaped(part)) <= SECTION else in_parts(part, SECTION // 5))]
    return [escaped(part) for part in short if part.strip()]


def within(text: str, largest: int) -> str:
    """The text, cut where it would be longer than that once escaped; that it was cut is said."""
    if len(escaped(text)) <= largest:
        return text
    kept, room = [], largest - len(_CUT)
    for character in text:
        room -= len(escaped(character))
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + _CUT


def payload(message: Message, mentions: Mapping[str, str]) -> dict[str, Any]:
    """What chat.postMessage is given besides the channel. `mentions`: role to `<@U…>`, which alone may ping."""
    text = within(message.text.strip(), LONGEST - 5 * TO - 100)
    heading, _, rest = text.partition("\n")
    whom = {role_name(role): mention for role, mention in mentions.items()}.get(role_name(message.to), escaped(message.to[:TO]))
    lead = [f"To {whom}"] if message.to else []
    bold = [f"*{part}*" if len(part) < SECTION // 2 else part for part in sections(heading)]
    return {
        "text": "\n".join([*lead, escaped(text)]),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": part, "verbatim": True}}
            for part in (*lead, *bold, *sections(rest.strip()))
        ],
        "metadata": {"event_type": EVENT, "event_payload": {"incident": message.incident, "key": key_of(message)}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def tag_of(found: Mapping[str, Any]) -> tuple[str, str] | None:
    """Incident and key of a message of ours; None for any other."""
    metadata = found.get("metadata") or {}
    told = metadata.get("event_payload") or {}
    if metadata.get("event_type") != EVENT or "incident" not in told or "key" not in told:
        return None
    return str(told["incident"]), str(told["key"])


def channel_name(prefix: str, incident: str) -> str:
    """An incident's channel as Slack allows it: lower case letters, digits, - and _, at most 80."""
    return re.sub(r"[^a-z0-9_-]+", "-", f"{prefix}{incident}".lower())[:80]
