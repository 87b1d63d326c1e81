"""Who may use the service: decided from the settings alone; what is missing is named before anything listens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError
from service_in_hand import HOOK, PROTECTED, TOKENS
from starlette.datastructures import Headers

from nexus.errors import SettingsError
from nexus.service.access import ROLES, Access, Person, is_loopback
from nexus.service.origin import objection
from nexus.settings import ServiceSettings, load_settings


def access(**settings: Any) -> Access:
    return Access(ServiceSettings.model_validate(settings))


def test_a_service_on_loopback_without_tokens_and_hooks_is_open_and_says_so() -> None:
    assert access().open
    assert str(access()).startswith("open to everybody on this machine")


@pytest.mark.parametrize("settings", [{"tokens": PROTECTED["tokens"]}, {"hooks": PROTECTED["hooks"]}, PROTECTED])
def test_one_token_or_one_hook_closes_it(settings: dict[str, Any]) -> None:
    assert not access(**settings).open


def test_what_is_protected_is_said_without_a_secret() -> None:
    said = str(access(**PROTECTED))
    assert said == "tokens: 1 viewer, 1 responder, 1 approver; webhooks: generic (token), pagerduty (secret)"
    assert not any(secret in said + repr(ServiceSettings.model_validate(PROTECTED)) for secret in (HOOK, *TOKENS.values()))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "nexus.example.com", "127.0.0.1.example.com"])
def test_a_service_that_others_reach_does_not_start_without_tokens(host: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"nexus serve listens on {host}, and service.tokens names nobody")):
        access(host=host, hooks=PROTECTED["hooks"])
    assert not access(host=host, **PROTECTED).open


LOOPBACK = ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost")
ELSEWHERE = ("10.0.0.1", "", "localhost.com", "0.0.0.0", "::")


def test_only_this_machines_own_addresses_are_loopback() -> None:
    assert [is_loopback(host) for host in (*LOOPBACK, *ELSEWHERE)] == [True] * 5 + [False] * 5


def test_a_secret_for_a_sender_that_signs_nothing_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="alertmanager does not sign what it sends"):
        access(hooks={"alertmanager": {"secret": HOOK}})


def test_a_token_is_its_owners_and_nobody_elses() -> None:
    held = access(**PROTECTED)
    assert {role: held.person(token) for role, token in TOKENS.items()} == {r: Person(r, r) for r in ROLES}
    for wrong in ("", TOKENS["viewer"][:-1], TOKENS["viewer"] + "x", TOKENS["viewer"].upper(), HOOK, "\ud800"):
        assert held.person(wrong) is None


def test_each_role_may_what_the_one_before_may() -> None:
    may = {role: [Person("x", role).may(wanted) for wanted in ROLES] for role in ROLES}
    assert may == {"viewer": [True, False, False], "responder": [True, True, False], "approver": [True, True, True]}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tokens": [{"name": "a", "role": "viewer", "token": "short"}]}, "at least 16"),
        ({"tokens": [{"name": "a", "role": "admin", "token": HOOK}]}, "viewer"),
        ({"tokens": [{"name": "a\n", "role": "viewer", "token": HOOK}]}, "pattern"),
        ({"tokens": [{"name": n, "role": "viewer", "token": HOOK} for n in "ab"]}, "two tokens have the same token"),
        ({"tokens": [{"name": "a", "role": "viewer", "token": HOOK + n} for n in "ab"]}, "two tokens have the same name"),
        ({"hooks": {"pagerduty": {}}}, "give either secret"),
        ({"hooks": {"pagerduty": {"secret": HOOK, "token": HOOK}}}, "give either secret"),
        ({"hooks": {"nagios": {"token": HOOK}}}, "alertmanager"),
    ],
)
def test_settings_that_protect_nothing_are_refused_without_showing_what_they_hold(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        ServiceSettings.model_validate(settings)
    with pytest.raises(SettingsError) as told:
        load_settings(Path(), service=settings)
    assert HOOK not in str(told.value)


def test_a_secret_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "nexus.yaml").write_text("service:\n  port: 9000\n  hooks: {generic: {token: from-the-file-0123}}\n")
    monkeypatch.setenv("NEXUS_SERVICE__HOOKS__PAGERDUTY__SECRET", HOOK)
    service = load_settings(folder, service={"host": "127.0.0.2"}).service
    assert (service.host, service.port, sorted(service.hooks)) == ("127.0.0.2", 9000, ["generic", "pagerduty"])


@pytest.mark.parametrize(
    ("headers", "is_open", "fine"),
    [
        ({"host": "127.0.0.1:8030"}, True, True),
        ({"host": "localhost:8030", "origin": "http://localhost:8030"}, True, True),
        ({"host": "[::1]:8030"}, True, True),
        ({"host": "evil.example:8030"}, True, False),
        ({}, True, False),
        ({"host": "localhost@evil.example"}, True, False),
        ({"host": "127.0.0.1:8030", "origin": "http://evil.example"}, True, False),
        ({"host": "127.0.0.1:8030", "origin": "http://127.0.0.1:9999"}, True, False),
        ({"host": "127.0.0.1:8030", "origin": "null"}, True, False),
        ({"host": "127.0.0.1:8030", "x-forwarded-for": "1.2.3.4"}, True, False),
        ({"host": "nexus.example", "x-forwarded-for": "1.2.3.4"}, False, True),
        ({"host": "nexus.example", "origin": "https://nexus.example"}, False, True),
        ({"host": "nexus.example", "origin": "https://evil.example"}, False, False),
    ],
)
def test_another_sites_page_does_not_reach_the_service(headers: dict[str, str], is_open: bool, fine: bool) -> None:
    assert (objection(Headers(headers), is_open=is_open) is None) is fine


@given(host=some.text(max_size=20), origin=some.none() | some.text(max_size=20), is_open=some.booleans())
def test_whatever_the_headers_say_they_are_judged(host: str, origin: str | None, is_open: bool) -> None:
    raw = [(b"host", host.encode("latin-1", "replace"))]
    raw += [(b"origin", origin.encode("latin-1", "replace"))] if origin is not None else []
    objection(Headers(raw=raw), is_open=is_open)
