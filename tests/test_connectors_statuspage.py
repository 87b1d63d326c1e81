"""Statuspage: an incident is made once, followed by its updates and resolved; each update is posted once by its key.

Tested against a server that keeps incidents as the Statuspage API v1 is documented (developer.statuspage.io: pages, incidents,
components, rate limit): not against Atlassian's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Asked, HttpInHand, Reply, http_in_hand
from messages_in_hand import AT, message, outlet, site, status

from nexus.errors import ToolError, Unavailable
from nexus.world.connectors import statuspage
from nexus.world.connectors.contract import Connector
from nexus.world.connectors.statuspage import Settings, connect

TOKEN = "89a229ce-secret"
BASE = "/v1/pages/kctbh9vrtdwd"


@dataclass
class Page:
    """Incidents, newest first, and the components' names by id."""

    service: HttpInHand
    incidents: list[dict[str, Any]] = field(default_factory=list)
    components: dict[str, str] = field(default_factory=lambda: {"c1": "Checkout", "c2": "Website"})

    def __post_init__(self) -> None:
        self.service.answers |= {
            ("GET", BASE): {"id": "kctbh9vrtdwd", "name": "Example Shop"},
            ("GET", f"{BASE}/components"): lambda _: [{"id": i, "name": n} for i, n in self.components.items()],
            ("GET", f"{BASE}/incidents"): self.list,
            ("POST", f"{BASE}/incidents"): self.create,
        }

    def list(self, asked: Asked) -> list[dict[str, Any]]:
        limit, page = int(asked.query["limit"][0]), int(asked.query["page"][0])
        return self.incidents[limit * (page - 1) : limit * page]

    def create(self, asked: Asked) -> Reply:
        told = {"id": f"i{len(self.incidents)}", "shortlink": f"https://stspg.io/i{len(self.incidents)}", "incident_updates": []}
        self.incidents.insert(0, told)
        self.service.answers["GET", f"{BASE}/incidents/{told['id']}"] = lambda _: told
        self.service.answers["PATCH", f"{BASE}/incidents/{told['id']}"] = lambda asked: self.update(asked, told)
        return Reply(201, self.update(asked, told))

    def update(self, asked: Asked, told: dict[str, Any]) -> dict[str, Any]:
        given = asked.json["incident"]
        assert all(isinstance(value, dict) for value in given["metadata"].values())
        told["components"] = [{"id": i, "name": self.components[i], "status": s} for i, s in given["components"].items()]
        told["incident_updates"] = [{"body": given["body"], "status": given.get("status")}, *told["incident_updates"]]
        told |= {name: given[name] for name in ("name", "status", "metadata") if name in given}
        return told


@pytest.fixture
def page() -> Iterator[Page]:
    with http_in_hand({}) as service:
        yield Page(service)


@pytest.fixture
async def shown(page: Page) -> Any:
    connector = public(page)
    yield connector
    await connector.close()


def public(page: Page, **more: Any) -> Connector:
    told = {"use": "statuspage", "page_id": "kctbh9vrtdwd", "token": TOKEN, "url": f"{page.service.url}/v1"}
    components = {"checkout": "c1", "web": "c2"}
    return connect(Settings.model_validate({**told, "components": components, **more}), site(Path()))


async def test_an_incident_is_made_updated_and_resolved(page: Page, shown: Connector) -> None:
    held = outlet(shown)
    assert await held.send(status(0, "Investigating")) == "https://stspg.io/i0"
    await held.send(status(1, "Identified", impact="About 4 users a minute see errors in checkout and web."))
    await held.send(status(2, "Monitoring"))
    (incident,) = page.incidents
    assert {c["id"]: c["status"] for c in incident["components"]} == {"c1": "degraded_performance", "c2": "degraded_performance"}
    await held.send(status(3, "Resolved"))
    assert incident["name"] == "checkout incident"
    assert incident["status"] == "resolved"
    assert [u["status"] for u in incident["incident_updates"]] == ["resolved", "monitoring", "identified", "investigating"]
    assert {c["id"]: c["status"] for c in incident["components"]} == {"c1": "operational", "c2": "operational"}
    assert incident["incident_updates"][-1]["body"].startswith("Impact: About 420 users a minute")
    assert "Status:" not in incident["incident_updates"][-1]["body"]
    assert page.service.asked[0].headers["authorization"] == f"OAuth {TOKEN}"


async def test_an_update_is_posted_once_for_its_key_also_by_another_process(page: Page, shown: Connector) -> None:
    first = status(0, "Investigating")
    assert await outlet(shown).was_sent(first) is False
    await outlet(shown).send(first)
    other = public(page)
    assert await outlet(other).was_sent(first) is True
    assert await outlet(other).was_sent(status(1, "Identified")) is False
    await outlet(other).send(first)
    await outlet(other).send(status(1, "Identified"))
    await outlet(other).send(status(0, "Investigating", incident="INC-2"))
    await other.close()
    assert [len(incident["incident_updates"]) for incident in page.incidents] == [1, 2]


async def test_an_incident_is_found_behind_many_newer_ones(page: Page, shown: Connector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuspage, "PAGE", 2)
    await outlet(shown).send(status(0, "Investigating"))
    page.incidents[:0] = [{"id": f"x{n}", "metadata": {} if n else None} for n in range(5)]
    other = public(page)
    await outlet(other).send(status(1, "Identified"))
    await other.close()
    assert len(page.incidents[-1]["incident_updates"]) == 2


async def test_metadata_of_others_stays(page: Page, shown: Connector) -> None:
    await outlet(shown).send(status(0, "Investigating"))
    page.incidents[0]["metadata"]["jira"] = {"issue_id": "value"}
    await outlet(shown).send(status(1, "Identified"))
    assert page.incidents[0]["metadata"]["jira"] == {"issue_id": "value"}


async def test_a_text_of_another_template_is_posted_whole_and_changes_no_status(page: Page, shown: Connector) -> None:
    await outlet(shown).send(status(0, "Identified"))
    await outlet(shown).send(message("status", "Es brennt.\nWir löschen."))
    assert page.incidents[0]["incident_updates"][0] == {"body": "Es brennt.\n\nWir löschen.", "status": None}
    assert page.incidents[0]["status"] == "identified"
    assert [c["status"] for c in page.incidents[0]["components"]] == ["partial_outage"]


async def test_subscribers_are_told_unless_they_shall_not_be(page: Page) -> None:
    quiet = public(page, notify=False)
    await outlet(quiet).send(status(0, "Investigating"))
    await quiet.close()
    assert page.service.asked_of("POST", f"{BASE}/incidents")[0].json["incident"]["deliver_notifications"] is False


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(401, {"error": "Could not authenticate"}), "refuses us"),
        (Reply(422, {"error": ["Name is too long"]}), "Name is too long"),
        (Reply(420, {"error": "too many requests"}), "60 requests a minute"),
        (Reply(429, {"error": "too many requests"}), "60 requests a minute"),
        (Reply(500), "answers 500"),
    ],
)
async def test_what_is_refused_was_not_posted(page: Page, shown: Connector, reply: Reply, why: str) -> None:
    page.service.answers["POST", f"{BASE}/incidents"] = reply
    with pytest.raises(Unavailable, match=why) as raised:
        await outlet(shown).send(status(0, "Investigating"))
    assert TOKEN not in repr(raised.value)


async def test_a_page_that_is_not_there_is_told(page: Page, shown: Connector) -> None:
    del page.service.answers["GET", f"{BASE}/incidents"]
    with pytest.raises(ToolError, match="answers 404"):
        await outlet(shown).send(status(0, "Investigating"))


async def test_the_proof_reads_and_posts_nothing(page: Page, shown: Connector) -> None:
    proofs = await shown.prove(AT)
    assert [(proof.ok, proof.detail) for proof in proofs] == [
        (True, "Example Shop: it has no incidents yet; that they can be written is only seen by posting"),
        (True, "it is Checkout"),
        (True, "it is Website"),
    ]
    assert {asked.method for asked in page.service.asked} == {"GET"}


async def test_a_component_that_the_page_does_not_have_is_named(page: Page) -> None:
    connector = public(page, components={"search": "c9"})
    failed = [proof for proof in await connector.prove(AT) if not proof.ok]
    await connector.close()
    assert [(p.what, p.detail, p.remedy) for p in failed] == [
        ("the component of search", "the page has no component c9", "take one of c1, c2")
    ]


async def test_a_token_that_is_refused_is_said_by_the_proof(page: Page, shown: Connector) -> None:
    page.service.answers["GET", BASE] = Reply(401, {"error": "Could not authenticate"})
    (proof,) = await shown.prove(AT)
    assert not proof.ok
    assert "refuses us (401)" in proof.detail


def test_it_takes_status_updates_alone(page: Page) -> None:
    held = outlet(public(page))
    assert held.takes(status(0, "Investigating"))
    assert not any(held.takes(message(kind)) for kind in ("channel", "brief", "notice"))
