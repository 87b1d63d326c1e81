"""Apprise: what it is given arrives, what it does not deliver is an error, and its URL is never shown.

Tested with Apprise itself, whose `json://` and `form://` services speak to a server of the test.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Reply, http_in_hand
from messages_in_hand import AT, message, outlet, site

from nexus.errors import ToolError, Unavailable, WorldError
from nexus.world.connectors import apprise
from nexus.world.connectors.apprise import Settings, connect
from nexus.world.connectors.contract import Connector

SECRET = "s3cr3t-pass"
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Apprise asks for it until Python no longer has it."""


def service(url: str, form: str = "json", **more: Any) -> Connector:
    address = url.replace("http://", f"{form}://nexus:{SECRET}@")
    return connect(Settings.model_validate({"use": "apprise", "url": address, **more}), site(Path()))


async def test_a_message_arrives_with_its_incident_and_whom_it_is_for() -> None:
    with http_in_hand({("POST", "/hook"): {}}) as server:
        receipt = await outlet(service(f"{server.url}/hook")).send(message("notice", "It is down.\nCome.", to="Studio Producer"))
        (asked,) = server.asked
    assert asked.json["title"] == "[INC-1] Studio Producer: It is down."
    assert asked.json["message"] == "It is down.\nCome."
    assert receipt == "JSON"


async def test_a_service_that_reads_html_is_given_no_markup_of_the_text() -> None:
    with http_in_hand({("POST", "/hook"): {}}) as server:
        await outlet(service(f"{server.url}/hook?format=html")).send(message("brief", "<b>all is well</b> & more"))
        (asked,) = server.asked
    assert "<b>" not in asked.json["message"]
    assert "&lt;b&gt;" in asked.json["message"]


@pytest.mark.parametrize("reply", [Reply(500), Reply(401), Reply(404)])
async def test_what_is_not_taken_was_not_sent(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with http_in_hand({("POST", "/hook"): reply}) as server, pytest.raises(ToolError, match="JSON did not take it") as raised:
        await outlet(service(f"{server.url}/hook")).send(message("brief"))
    assert SECRET not in repr(raised.value) + caplog.text


async def test_a_service_that_is_not_there_did_not_take_it() -> None:
    with http_in_hand({}) as server:
        gone = server.url
    with pytest.raises(ToolError, match="did not take it"):
        await outlet(service(f"{gone}/hook")).send(message("brief"))


async def test_a_service_that_hangs_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "PATIENCE", 0.2)
    with http_in_hand({("POST", "/hook"): Reply(hangs=True)}) as server, pytest.raises(Unavailable, match="is not known"):
        await outlet(service(f"{server.url}/hook")).send(message("brief"))


async def test_a_message_that_apprise_finds_empty_is_an_error_and_no_success() -> None:
    with http_in_hand({("POST", "/hook"): {}}) as server:
        with pytest.raises(ToolError, match="Form did not take it"):
            await outlet(service(f"{server.url}/hook", form="form")).send(message("brief", ""))
        assert not server.asked


def test_it_takes_its_kinds_and_roles() -> None:
    held = outlet(service("http://127.0.0.1:1", roles=["Studio Producer"]))
    assert held.takes(message("brief"))
    assert held.takes(message("notice", to="studio-producer"))
    assert not held.takes(message("notice", to="finance-tracker"))
    assert not held.takes(message("status"))


async def test_whether_it_was_sent_cannot_be_told_and_nothing_is_sent_to_prove_it() -> None:
    with http_in_hand({}) as server:
        connector = service(server.url)
        assert await outlet(connector).was_sent(message("brief")) is None
        (proof,) = await connector.prove(AT)
        assert not server.asked
    assert proof.ok
    assert "JSON" in proof.detail
    assert SECRET not in repr(proof)


def test_a_url_that_is_none_is_refused_and_not_shown() -> None:
    with pytest.raises(WorldError, match="cannot read its url") as raised:
        service(f"http://{SECRET}", form="nosuchservice")
    assert SECRET not in str(raised.value)


def test_the_whole_url_is_a_secret() -> None:
    settings = Settings.model_validate({"use": "apprise", "url": f"json://nexus:{SECRET}@h"})
    assert SECRET not in repr(settings)
    assert connect(settings, site(Path())).secrets == (f"json://nexus:{SECRET}@h",)
