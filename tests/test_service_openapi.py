"""The OpenAPI document is true: schemathesis asks for all that it describes, rightly and wrongly, and compares."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import schemathesis_in_hand  # noqa: F401 - it mends what the line above needs
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from service_in_hand import HOOK, PROTECTED, TOKENS, listening, site_of
from test_service_incidents import filled

from nexus.records.stores import MemoryStore
from nexus.service import create_app

DOCUMENT: dict[str, Any] = create_app(site_of(MemoryStore(), **PROTECTED)).openapi()
OPERATIONS = [(path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()]
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """A service on a port, with two incidents."""
    address: list[str] = []
    listens, done = threading.Event(), threading.Event()

    async def serve() -> None:
        site = site_of(await filled(MemoryStore()), **PROTECTED, port=0)
        async with listening(site) as url:
            address.append(url)
            listens.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert listens.wait(30)
    yield address[0]
    done.set()
    thread.join()


def check(path: str, method: str, mode: GenerationMode, served: str) -> None:
    """Ask a few times; every answer is one that the document tells of, and fits its schema."""
    hook = path.startswith("/hooks")
    headers = {"Authorization": f"Bearer {HOOK if hook else TOKENS['approver']}"}
    vendors_own = [positive_data_acceptance] if hook else []  # what an alert holds is for the senders to document

    @settings(max_examples=8, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def asked(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=served, headers=headers, timeout=20, excluded_checks=vendors_own)

    asked()


@pytest.mark.xdist_group("service-openapi")
@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method, _ in OPERATIONS])
def test_the_service_does_what_its_document_says(path: str, method: str, served: str) -> None:
    check(path, method, GenerationMode.POSITIVE, served)


@pytest.mark.xdist_group("service-openapi")
@pytest.mark.parametrize("path", ["/reports", "/hooks/{source}"])
def test_what_the_document_does_not_allow_is_refused(path: str, served: str) -> None:
    check(path, "post", GenerationMode.NEGATIVE, served)


def test_every_operation_says_what_it_is_and_how_it_is_refused() -> None:
    for path, method, operation in OPERATIONS:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        wrong = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert path == "/health" or wrong, where
        for answer in wrong.values():
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Problem"}, where


def test_every_operation_but_health_and_webhooks_asks_for_a_token() -> None:
    open_to_all = {path for path, _, operation in OPERATIONS if "security" not in operation}
    assert open_to_all == {"/health", "/ready", "/hooks/changes", "/hooks/{source}"}


def test_every_field_of_what_is_sent_says_what_it_is() -> None:
    sent = ("Report", "Approve", "Reject", "Amend", "Choose")
    fields = {
        (name, field): told for name in sent for field, told in DOCUMENT["components"]["schemas"][name]["properties"].items()
    }
    assert not [where for where, told in fields.items() if "description" not in told]
