"""The status page: each update once, whole files whatever happens, nobody's markup, and readable for everybody.

Tested against the file system and Chromium, which shows the pages.
"""

from __future__ import annotations

import asyncio
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from debian_in_hand import program
from hypothesis import given
from hypothesis import strategies as st
from messages_in_hand import AT, message, outlet, site, status
from playwright.async_api import async_playwright

from nexus.errors import ToolError
from nexus.world.connectors.contract import Connector
from nexus.world.connectors.messages import in_parts, read
from nexus.world.connectors.status_page import Settings, connect
from nexus.world.connectors.status_page_html import incident_page, index_page, page_of
from nexus.world.connectors.status_page_record import PageRecord, with_update


def page(folder: Path, **more: Any) -> Connector:
    return connect(Settings.model_validate({"use": "status-page", "heading": "Example Shop", **more}), site(folder))


def told(folder: Path) -> Any:
    return json.loads((folder / "status" / "status.json").read_text())


async def test_an_update_is_on_the_front_page_and_on_its_incidents_page_newest_first(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    receipt = await held.send(status(0, "Investigating"))
    await held.send(status(1, "Identified"))
    assert receipt == str(tmp_path / "status" / "incidents" / "INC-1.html")
    for name in ("index.html", "incidents/INC-1.html"):
        text = (tmp_path / "status" / name).read_text()
        assert text.index("2 Mar 2026, 12:15 UTC</time></div>") < text.index("2 Mar 2026, 12:00 UTC</time></div>")
        assert "About 420 users a minute (63 % of traffic) see errors in checkout." in text
        assert "checkout incident" in text
    assert told(tmp_path)["incidents"][0]["status"] == "Identified"


async def test_only_the_newest_update_promises_a_next_one(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    for number in range(3):
        await held.send(status(number, "Investigating"))
    assert re.findall(r"Next update:</b> (\S+ \S+)", (tmp_path / "status" / "index.html").read_text()) == ["2026-03-02 12:45"]


async def test_an_update_sent_again_is_there_once_and_it_can_be_told_that_it_is(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    first = status(0, "Investigating")
    assert await held.was_sent(first) is False
    await held.send(first)
    again = outlet(page(tmp_path))
    assert await again.was_sent(first) is True
    assert await again.was_sent(status(1, "Investigating")) is False
    await again.send(first)
    assert len(told(tmp_path)["incidents"][0]["updates"]) == 1


async def test_pages_that_a_crash_left_old_are_made_again_when_the_update_is_asked_for(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    await held.send(status(0, "Investigating"))
    folder = tmp_path / "status"
    before = {name: (folder / name).read_bytes() for name in ("index.html", "incidents/INC-1.html")}
    await held.send(status(1, "Resolved"))
    for name, content in before.items():
        (folder / name).write_bytes(content)
    assert await outlet(page(tmp_path)).was_sent(status(1, "Resolved")) is True
    assert "No open incidents" in (folder / "index.html").read_text()
    assert "Resolved" in (folder / "incidents" / "INC-1.html").read_text()


async def test_a_resolved_incident_becomes_history_and_opens_again_when_it_comes_back(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    await held.send(status(0, "Investigating"))
    await held.send(status(6, "Resolved"))
    index = (tmp_path / "status" / "index.html").read_text()
    assert "No open incidents" in index
    assert "resolved after 1 h 30 min" in index
    await held.send(status(7, "Investigating"))
    assert "1 open incident" in (tmp_path / "status" / "index.html").read_text()


async def test_components_are_those_that_people_use_and_stand_as_open_incidents_say(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    await held.send(
        status(0, "Investigating", impact="About 4 users a minute see errors in checkout and web. Please search later.")
    )
    await held.send(status(1, "Monitoring", incident="INC-2", service="search"))

    def states() -> dict[str, str]:
        return {c["name"]: c["state"] for c in told(tmp_path)["components"]}

    assert states() == {"web": "affected", "checkout": "affected", "search": "recovering"}
    await held.send(status(2, "Resolved"))
    assert states() == {"web": "well", "checkout": "well", "search": "recovering"}


async def test_components_can_be_chosen_and_have_public_names(tmp_path: Path) -> None:
    held = outlet(page(tmp_path, components={"checkout": "Paying & delivery"}, url="https://status.example/"))
    receipt = await held.send(status(0, "Investigating"))
    assert receipt == "https://status.example/incidents/INC-1.html"
    index = (tmp_path / "status" / "index.html").read_text()
    assert "Paying &amp; delivery incident" in index
    assert "<li><span>web</span>" not in index


async def test_it_takes_status_updates_and_nothing_that_is_for_few(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    assert held.takes(status(0, "Investigating"))
    assert not any(held.takes(message(kind)) for kind in ("channel", "brief", "notice"))


async def test_a_text_of_another_template_is_shown_as_it_is_and_stays_open(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    await held.send(message("status", "Es brennt.\nWir löschen."))
    index = (tmp_path / "status" / "index.html").read_text()
    assert "1 open incident" in index
    assert "<p>Es brennt.</p>" in index
    assert "<p>Wir löschen.</p>" in index


class _Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


_PLAIN = _Tags(index_page(with_update(PageRecord(page="p"), status(0, "Identified"), {"checkout": "c"}), 5))


@given(st.text(max_size=80), st.sampled_from(["", "<script>alert(1)</script>", '" onclick="x', "</title><img src=x onerror=x>"]))
def test_no_text_becomes_markup(words: str, hostile: str) -> None:
    text = words + hostile
    record = PageRecord(page=text)
    record = with_update(record, status(0, "Identified", impact=f"x{text}", service="s" + text), {"checkout": text})
    record = with_update(record, message("status", text, incident=text or "I"), {"checkout": text})
    for rendered in (index_page(record, 5), incident_page(record, record.incidents[0])):
        seen = _Tags(rendered)
        assert seen.tags <= _PLAIN.tags | {"a", "ul", "h3"}
        assert not any(name.startswith("on") or name == "src" for name, _ in seen.attributes)
        assert all(
            value.startswith(("index", "incidents/", "../", "#", "data:,", "status.json"))
            for n, value in seen.attributes
            if n == "href"
        )


@given(st.text(min_size=1, max_size=40))
def test_no_incident_leads_out_of_its_folder(incident: str) -> None:
    if incident.encode("utf-8", "ignore").decode() == incident:
        path = page_of(incident)
        assert path.count("/") == 1
        assert Path("/srv/status", path).resolve().parent == Path("/srv/status/incidents")


@given(st.text(alphabet="ab \n", max_size=60), st.integers(1, 9))
def test_parts_lose_nothing_but_space_and_none_is_too_long(text: str, largest: int) -> None:
    parts = in_parts(text, largest)
    assert all(len(part) <= largest for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_label_is_not_read_into_a_sentence() -> None:
    bulletin = read("heading\nImpact: none: really\nsee https://x.example/: there")
    assert bulletin.lines == (("Impact", "none: really"), ("", "see https://x.example/: there"))
    assert bulletin.status is None


async def test_two_incidents_at_once_from_two_processes_are_both_there(tmp_path: Path) -> None:
    held = [outlet(page(tmp_path)) for _ in range(2)]
    sent = [held[n % 2].send(status(n // 2, "Investigating", incident=f"INC-{n % 2}")) for n in range(8)]
    await asyncio.gather(*sent)
    assert sorted(len(incident["updates"]) for incident in told(tmp_path)["incidents"]) == [4, 4]
    assert not list((tmp_path / "status").glob(".new-*"))


async def test_a_torn_record_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "status").mkdir()
    (tmp_path / "status" / "status.json").write_text('{"incidents": [{}]}')
    connector = page(tmp_path)
    with pytest.raises(ToolError, match="no record of a status page"):
        await outlet(connector).send(status(0, "Investigating"))
    (proof,) = await connector.prove(AT)
    assert not proof.ok
    assert told(tmp_path) == {"incidents": [{}]}


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("a file")
    connector = page(tmp_path)
    with pytest.raises(ToolError, match="cannot be written"):
        await outlet(connector).send(status(0, "Investigating"))
    (proof,) = await connector.prove(AT)
    assert not proof.ok


async def test_a_page_that_cannot_be_replaced_leaves_nothing_behind_and_is_made_later(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    index = tmp_path / "status" / "index.html"
    index.mkdir(parents=True)
    with pytest.raises(ToolError, match="cannot be written"):
        await held.send(status(0, "Investigating"))
    assert not list((tmp_path / "status").glob(".new-*"))
    index.rmdir()
    assert await held.was_sent(status(0, "Investigating")) is True
    assert "1 open incident" in index.read_text()


async def test_the_proof_counts_and_makes_nothing(tmp_path: Path) -> None:
    connector = page(tmp_path)
    (proof,) = await connector.prove(AT)
    assert proof.ok
    assert not (tmp_path / "status").exists()
    await outlet(connector).send(status(0, "Investigating"))
    (proof,) = await connector.prove(AT)
    assert "1 incidents are on it, 1 of them open" in proof.detail


async def test_chromium_shows_it_without_asking_anybody_on_a_phone_and_in_the_dark(tmp_path: Path) -> None:
    held = outlet(page(tmp_path))
    await held.send(status(0, "Investigating", service="a-service-whose-name-is-" + "very-" * 9 + "long"))
    await held.send(status(1, "Resolved", incident="INC/2 #?", service="search"))
    asked: list[str] = []
    heard: list[str] = []
    async with async_playwright() as driver:
        chromium = program("chromium", "chromium")
        browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        shown = await browser.new_page(viewport={"width": 320, "height": 600}, color_scheme="dark")
        shown.on("request", lambda request: asked.append(request.url))
        shown.on("console", lambda said: heard.append(said.text))
        await shown.goto((tmp_path / "status" / "index.html").as_uri())
        assert await shown.evaluate("document.documentElement.scrollWidth") == 320
        assert await shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 20, 26)"
        await shown.get_by_role("link", name="search incident").click()
        assert await shown.get_by_role("heading", level=1).inner_text() == "search incident"
        await shown.get_by_role("link", name="Example Shop").click()
        assert await shown.get_by_role("heading", level=1).inner_text() == "1 open incident"
        await browser.close()
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert heard == []
