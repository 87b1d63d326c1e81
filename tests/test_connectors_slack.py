"""Slack: an incident's messages are in one place, found again after a crash, and no text pings anybody.

Tested with the official client against a server that keeps channels and messages as Slack's documentation of its Web API
describes them (docs.slack.dev: chat.postMessage, conversations.*, auth.test, rate limits, message metadata).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Asked, HttpInHand, Reply, http_in_hand, replies
from hypothesis import given
from hypothesis import strategies as st
from messages_in_hand import AT, message, outlet, site, status
from pydantic import ValidationError

from nexus.errors import ToolError, Unavailable, WorldError
from nexus.world.connectors import slack_api
from nexus.world.connectors.contract import Connector
from nexus.world.connectors.slack import Settings, connect
from nexus.world.connectors.slack_words import LONGEST, SECTION, channel_name, payload

TOKEN = "xoxb-1-secret"
HOME = "C0123ABCDEF"
SCOPES = "chat:write,channels:read,channels:history,channels:manage,channels:join"


@dataclass
class Workspace:
    """Channels by id, with their messages, newest last."""

    service: HttpInHand
    names: dict[str, str] = field(default_factory=lambda: {HOME: "incidents"})
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {HOME: []})
    page: int = 100

    def __post_init__(self) -> None:
        given = {
            "chat.postMessage": self.post,
            "chat.getPermalink": self.link,
            "conversations.history": self.history,
            "conversations.replies": self.replies,
            "conversations.list": self.list,
            "conversations.create": self.create,
            "conversations.invite": lambda _: {"ok": False, "error": "already_in_channel"},
            "conversations.info": lambda _: {
                "ok": True,
                "channel": {"name": "incidents", "is_member": True, "is_archived": False},
            },
            "auth.test": lambda _: Reply(200, {"ok": True, "user": "nexus", "team": "Example"}, {"x-oauth-scopes": SCOPES}),
        }
        for method, answer in given.items():
            self.service.answers["POST", f"/api/{method}"] = answer
            self.service.answers["GET", f"/api/{method}"] = answer

    def post(self, asked: Asked) -> dict[str, Any]:
        told = asked.json
        if told["channel"] not in self.messages:
            return {"ok": False, "error": "channel_not_found"}
        ts = f"17724528{sum(map(len, self.messages.values())):02}.000100"
        self.messages[told["channel"]].append({"ts": ts, "type": "message", **told})
        return {"ok": True, "channel": told["channel"], "ts": ts}

    def link(self, asked: Asked) -> dict[str, Any]:
        channel, ts = asked.query["channel"][0], asked.query["message_ts"][0]
        return {"ok": True, "permalink": f"https://example.slack.com/archives/{channel}/p{ts.replace('.', '')}"}

    def paged(self, asked: Asked, what: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        begin = int(asked.query.get("cursor", ["0"])[0])
        rest = begin + self.page < len(items)
        following = {"next_cursor": str(begin + self.page) if rest else ""}
        return {"ok": True, what: items[begin : begin + self.page], "response_metadata": following}

    def history(self, asked: Asked) -> dict[str, Any]:
        told = [m for m in self.messages[asked.query["channel"][0]] if "thread_ts" not in m]
        return self.paged(asked, "messages", self.seen(asked, told[::-1]))

    def replies(self, asked: Asked) -> dict[str, Any]:
        ts = asked.query["ts"][0]
        return self.paged(
            asked,
            "messages",
            self.seen(asked, [m for m in self.messages[asked.query["channel"][0]] if ts in (m["ts"], m.get("thread_ts"))]),
        )

    def seen(self, asked: Asked, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Without asking for it, metadata is not shown."""
        shown = asked.query.get("include_all_metadata") in (["1"], ["true"], ["True"])
        return told if shown else [{k: v for k, v in m.items() if k != "metadata"} for m in told]

    def list(self, asked: Asked) -> dict[str, Any]:
        return self.paged(asked, "channels", [{"id": i, "name": n, "is_member": True} for i, n in self.names.items()])

    def create(self, asked: Asked) -> dict[str, Any]:
        name = _given(asked)["name"]
        if name in self.names.values():
            return {"ok": False, "error": "name_taken"}
        channel = f"C0000000{len(self.names)}"
        self.names[channel], self.messages[channel] = name, []
        return {"ok": True, "channel": {"id": channel, "name": name}}


def _given(asked: Asked) -> dict[str, Any]:
    """Arguments as the client sends them: in the query or in a form."""
    return {name: values[0] for name, values in {**asked.query, **asked.form}.items()}


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with http_in_hand({}) as service:
        yield Workspace(service)


def slack(workspace: Workspace, **more: Any) -> Connector:
    told = {"use": "slack", "token": TOKEN, "channel": HOME, "url": f"{workspace.service.url}/api/"}
    return connect(Settings.model_validate({**told, **more}), site(Path()))


async def test_an_incidents_first_message_begins_its_thread_and_the_others_go_there(workspace: Workspace) -> None:
    held = outlet(slack(workspace))
    link = await held.send(message("channel", "P1: checkout is down", key="channel"))
    await held.send(status(0, "Investigating"))
    await held.send(message("brief", "It is down."))
    await held.send(message("channel", "P2: search is slow", key="channel", incident="INC-2"))
    told = workspace.messages[HOME]
    assert [m.get("thread_ts") for m in told] == [None, told[0]["ts"], told[0]["ts"], None]
    assert link == f"https://example.slack.com/archives/{HOME}/p{told[0]['ts'].replace('.', '')}"


async def test_another_process_finds_the_thread_again_however_much_was_written_since(workspace: Workspace) -> None:
    workspace.page = 2
    await outlet(slack(workspace)).send(message("channel", "P1: checkout is down", key="channel"))
    first = workspace.messages[HOME][0]["ts"]
    workspace.messages[HOME] += [{"ts": f"177245289{n}.0", "text": "a person", "type": "message"} for n in range(5)]
    held = outlet(slack(workspace))
    await held.send(status(0, "Investigating"))
    assert workspace.messages[HOME][-1]["thread_ts"] == first
    link = await held.send(message("channel", "P1: checkout is down", key="channel"))
    assert first.replace(".", "") in link
    assert len(workspace.messages[HOME]) == 7


@pytest.mark.parametrize("per_incident", ["thread", "channel"])
async def test_what_was_sent_can_be_told_by_its_key(workspace: Workspace, per_incident: str) -> None:
    workspace.page = 1
    assert await outlet(slack(workspace, per_incident=per_incident)).was_sent(status(0, "Investigating")) is False
    held = outlet(slack(workspace, per_incident=per_incident))
    for sent in (message("channel", "P1: checkout is down", key="channel"), status(0, "Investigating"), status(1, "Identified")):
        await held.send(sent)
    again = outlet(slack(workspace, per_incident=per_incident))
    assert await again.was_sent(message("channel", key="channel")) is True
    assert await again.was_sent(status(1, "Identified")) is True
    assert await again.was_sent(status(2, "Identified")) is False
    assert await again.was_sent(status(1, "Identified", incident="INC-2")) is False


async def test_an_incident_can_have_a_channel_of_its_own(workspace: Workspace) -> None:
    opened = message("channel", "P1: checkout is down", key="channel")
    held = outlet(slack(workspace, per_incident="channel", channel=None, invite=["U1", "U2"]))
    assert await held.send(opened) == "#incident-inc-1"
    await held.send(status(0, "Investigating"))
    again = outlet(slack(workspace, per_incident="channel", channel=None, invite=["U1", "U2"]))
    assert await again.send(opened) == "#incident-inc-1"
    await again.send(status(1, "Identified"))
    assert list(workspace.names.values()) == ["incidents", "incident-inc-1"]
    assert [m["metadata"]["event_payload"]["key"] for m in workspace.messages["C00000001"]] == [
        "channel/INC-1/channel",
        "status/INC-1/status:0",
        "status/INC-1/status:1",
    ]
    assert _given(workspace.service.asked_of("POST", "/api/conversations.invite")[0])["users"] == "U1,U2"


async def test_a_notice_pings_the_one_who_is_named_for_that_role(workspace: Workspace) -> None:
    held = outlet(slack(workspace, mentions={"Infrastructure Maintainer": "<@U123>"}))
    await held.send(message("notice", "It needs people.", to="infrastructure-maintainer", key="1"))
    await held.send(message("notice", "It needs people.", to="Studio <!channel>", key="2"))
    leads = [m["blocks"][0]["text"]["text"] for m in workspace.messages[HOME]]
    assert leads == ["To <@U123>", "To Studio &lt;!channel&gt;"]


def test_it_takes_the_kinds_and_roles_that_it_is_told(workspace: Workspace) -> None:
    held = outlet(slack(workspace, kinds=["notice"], roles=["Studio Producer"]))
    assert held.takes(message("notice", to="studio-producer"))
    assert not held.takes(message("notice", to="finance-tracker"))
    assert not held.takes(message("status"))
    assert all(outlet(slack(workspace)).takes(message(kind)) for kind in ("channel", "status", "brief", "notice"))


HOSTILE = [
    "",
    "<!channel>",
    "<@U1>",
    "<https://evil.example|all is well>",
    "&lt;!here&gt;",
    "&" * 4000,
    "x" * 50_000,
    "a\n" * 9000,
]


@given(words=st.text(max_size=200), hostile=st.sampled_from(HOSTILE))
def test_no_text_pings_links_or_is_too_long(words: str, hostile: str) -> None:
    told = payload(message("notice", words + hostile, to=words + hostile[:9]), {})
    shown = [block["text"]["text"] for block in told["blocks"]]
    for text in (told["text"], *shown):
        assert "<" not in text
        assert ">" not in text
    assert all(0 < len(text) <= SECTION for text in shown)
    assert len(shown) <= 50
    assert len(told["text"]) <= LONGEST
    assert all(block["text"]["verbatim"] for block in told["blocks"])


@given(st.text(max_size=120))
def test_a_channels_name_is_one_that_slack_allows(incident: str) -> None:
    name = channel_name("incident-", incident)
    assert len(name) <= 80
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


async def test_the_rate_limit_is_waited_for(workspace: Workspace) -> None:
    limited = Reply(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "0"})
    workspace.service.answers["POST", "/api/chat.postMessage"] = replies(limited, {"ok": True, "ts": "1.0"})
    await outlet(slack(workspace)).send(status(0, "Investigating"))
    assert len(workspace.service.asked_of("POST", "/api/chat.postMessage")) == 2


async def test_a_rate_limit_that_lasts_is_given_up(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_api, "WHOLE", 0.3)
    workspace.service.answers["POST", "/api/chat.postMessage"] = Reply(
        429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "3600"}
    )
    with pytest.raises(Unavailable, match=r"chat\.postMessage in time"):
        await outlet(slack(workspace)).send(status(0, "Investigating"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"ok": False, "error": "not_in_channel"}, "invite the app"),
        ({"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "users:read"}, "scope chat:write"),
        ({"ok": False, "error": "invalid_auth"}, "check the token"),
        (Reply(502, "<html>bad gateway</html>"), "not Slack's"),
        (Reply(200, "<html>a proxy</html>"), "not Slack's"),
        (Reply(200, b"\xff"), "not Slack's"),
    ],
)
async def test_what_slack_refuses_says_what_to_do_and_shows_no_token(workspace: Workspace, answer: Any, why: str) -> None:
    workspace.service.answers["POST", "/api/chat.postMessage"] = answer
    with pytest.raises(ToolError, match=why) as raised:
        await outlet(slack(workspace)).send(status(0, "Investigating"))
    assert TOKEN not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert len(workspace.service.asked_of("POST", "/api/chat.postMessage")) == 1


async def test_a_message_that_was_cut_off_is_not_posted_twice(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_api, "WHOLE", 0.3)
    workspace.service.answers["POST", "/api/chat.postMessage"] = Reply(hangs=True)
    with pytest.raises(Unavailable, match="whether it was carried out is not known"):
        await outlet(slack(workspace)).send(status(0, "Investigating"))
    assert len(workspace.service.asked_of("POST", "/api/chat.postMessage")) == 1


async def test_a_link_that_is_not_given_does_not_undo_a_message(workspace: Workspace) -> None:
    workspace.service.answers["GET", "/api/chat.getPermalink"] = {"ok": False, "error": "message_not_found"}
    assert (await outlet(slack(workspace)).send(status(0, "Investigating"))).startswith(f"{HOME}/")


async def test_the_proof_reads_what_an_outlet_needs_and_posts_nothing(workspace: Workspace) -> None:
    proofs = await slack(workspace).prove(AT)
    assert [proof.ok for proof in proofs] == [True, True, True]
    assert proofs[0].detail == "it is nexus's in Example"
    assert workspace.messages == {HOME: []}


@pytest.mark.parametrize(
    ("method", "answer", "detail"),
    [
        ("auth.test", {"ok": False, "error": "token_revoked"}, "token_revoked"),
        ("auth.test", Reply(200, {"ok": True}, {"x-oauth-scopes": "chat:write,groups:read"}), "it lacks channels:history"),
        ("conversations.info", {"ok": False, "error": "channel_not_found"}, "channel_not_found"),
        ("conversations.info", {"ok": True, "channel": {"name": "incidents", "is_member": False}}, "does not have the app"),
        ("conversations.info", {"ok": True, "channel": {"name": "old", "is_member": True, "is_archived": True}}, "is archived"),
    ],
)
async def test_what_is_missing_is_said_by_the_proof(workspace: Workspace, method: str, answer: Any, detail: str) -> None:
    for verb in ("GET", "POST"):
        workspace.service.answers[verb, f"/api/{method}"] = answer
    failed = [proof for proof in await slack(workspace).prove(AT) if not proof.ok]
    assert len(failed) == 1
    assert detail in failed[0].detail
    assert failed[0].remedy


async def test_a_channel_that_is_taken_and_cannot_be_used_is_told(workspace: Workspace) -> None:
    workspace.service.answers["POST", "/api/conversations.create"] = {"ok": False, "error": "name_taken"}
    with pytest.raises(ToolError, match="#incident-inc-1 exists and cannot be used"):
        await outlet(slack(workspace, per_incident="channel")).send(status(0, "Investigating"))


def test_closed_in_between_it_can_be_used_from_one_event_loop_after_the_other(workspace: Workspace) -> None:
    connector = slack(workspace)

    async def several(first: int) -> None:
        await asyncio.gather(*(outlet(connector).send(status(n, "Investigating")) for n in range(first, first + 3)))
        await connector.close()

    for first in (0, 3):
        asyncio.run(several(first))
    told = workspace.messages[HOME]
    assert [m.get("thread_ts") for m in told] == [None, *[told[0]["ts"]] * 5]


def test_settings_that_cannot_work_are_refused(workspace: Workspace) -> None:
    with pytest.raises(WorldError, match="threads need a channel"):
        slack(workspace, channel=None)
    with pytest.raises(ValidationError, match="channel"):
        slack(workspace, channel="#incidents")
    with pytest.raises(ValidationError, match="mentions"):
        slack(workspace, mentions={"Finance Tracker": "@ana"})
    assert slack(workspace).secrets == (TOKEN,)
