"""Messages: what every outlet reads out of one: whom it is for, its key beyond its kind, its status and its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from nexus.incident import Status
from nexus.world.connectors.contract import ConnectorSettings, Message, MessageKind

_LINE = re.compile(r"(?P<label>[A-Z][A-Za-z ]{1,30}):\s+(?P<text>\S.*)")
_SERVICE = re.compile(r"—\s+(?P<service>.+?)\s+Incident$")


class OutletSettings(ConnectorSettings):
    """What every outlet that reaches chosen people may be told besides: which messages are its own."""

    kinds: tuple[MessageKind, ...] = Field(description="which kinds of message it takes: channel, status, brief, notice")
    roles: tuple[str, ...] = Field(default=(), description="roles or people whose notices it takes; empty: everybody's")

    def takes(self, message: Message) -> bool:
        """Whether this message is for it: by kind and, for a notice, by whom it is to."""
        if message.kind not in self.kinds:
            return False
        return message.kind != "notice" or not self.roles or role_name(message.to) in map(role_name, self.roles)


def role_name(name: str) -> str:
    """A role as it is compared: `studio-producer` and `Studio Producer` are one."""
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold()))


def key_of(message: Message) -> str:
    """The message's key beyond its kind: the same again is the same message."""
    return f"{message.kind}/{message.key}"


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A message as it reads: its first line, what it says of the status and the service, and its other lines by label.

    `status` and `service` are None where the text, whose template is the library's to change, does not say them.
    A line without a label has an empty one.
    """

    heading: str
    status: Status | None
    service: str | None
    lines: tuple[tuple[str, str], ...]

    def line(self, label: str) -> str:
        """The text of that label; empty where there is none."""
        return next((text for found, text in self.lines if found == label), "")


def read(text: str) -> Bulletin:
    """A message's text as a bulletin; every text is one."""
    heading, *rest = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    lines: list[tuple[str, str]] = []
    for line in rest:
        found = _LINE.fullmatch(line)
        lines.append((found["label"], found["text"]) if found else ("", line))
    said = next((value for label, value in lines if label == "Status"), "")
    status = next((status for status in Status if status.value.casefold() == said.casefold()), None)
    service = _SERVICE.search(heading)
    return Bulletin(heading, status, service["service"] if service else None, tuple(lines))


def named_in(bulletin: Bulletin, names: Iterable[str]) -> tuple[str, ...]:
    """Components that it is about: its service, and those in the first sentence of its impact, which is our own wording."""
    impact = re.split(r"[.;]\s", bulletin.line("Impact"), maxsplit=1)[0]
    return tuple(
        name
        for name in names
        if name == bulletin.service or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", impact) is not None
    )


def in_parts(text: str, largest: int) -> list[str]:
    """The text in parts of at most that many characters, broken at line ends or spaces where there are any; never none."""
    parts = []
    while len(text) > largest:
        cut = max(text.rfind("\n", 1, largest + 1), 0) or max(text.rfind(" ", 1, largest + 1), 0) or largest
        parts.append(text[:cut])
        text = text[cut:].lstrip("\n ") if text[cut] in "\n " else text[cut:]
    return [*parts, text] if text or not parts else parts


def markdown_text(text: str) -> str:
    """Text that Markdown and HTML show as it stands, on one line; it mentions nobody."""
    return re.sub(r"([\\`*_\[\]<>&#|~])", r"\\\1", " ".join(text.split())).replace("@", "@\u200b")
