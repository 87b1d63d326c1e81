"""Signatures: a right one is known in each source's own way, everything else is refused, nothing raises."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.intake.signatures import SIGNED, verify

SECRET = "shop-sécret"
BODY = '{"title": "é hurts"}'.encode()
STAMP = "1772452800"


def digest(body: bytes = BODY, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


STAMPED = {"X-Grafana-Alerting-Timestamp": STAMP, "X-Grafana-Alerting-Signature": digest(f"{STAMP}:".encode() + BODY)}
RIGHT: list[tuple[str, dict[str, str]]] = [
    ("pagerduty", {"X-PagerDuty-Signature": f"v1={digest()}"}),
    ("pagerduty", {"X-PagerDuty-Signature": f"v1={digest(secret='old')},v1={digest()}"}),
    ("pagerduty", {"X-PagerDuty-Signature": f"v2=abc, v1={digest()}"}),
    ("sentry", {"Sentry-Hook-Signature": digest()}),
    ("grafana", {"X-Grafana-Alerting-Signature": digest()}),
    ("grafana", STAMPED),
    ("generic", {"X-Hub-Signature-256": f"sha256={digest()}"}),
]


def test_a_signature_is_as_openssl_computes_it() -> None:
    """`printf '{"title": "it hurts"}' | openssl dgst -sha256 -hmac secret`."""
    known = "abf3bc7a229307cf7f3f56df7ec4171eca5a95790a40ea94313ed9a5f68864d2"
    body = b'{"title": "it hurts"}'
    assert verify("sentry", "secret", body, {"sentry-hook-signature": known})


@pytest.mark.parametrize(("source", "headers"), RIGHT)
def test_a_right_signature_is_known_whatever_the_case_of_its_header(source: str, headers: dict[str, str]) -> None:
    assert verify(source, SECRET, BODY, headers)
    assert verify(source, SECRET, BODY, {name.lower(): value for name, value in headers.items()})
    assert verify(source, SECRET, BODY, {name.upper(): value for name, value in headers.items()})
    assert source in SIGNED


@pytest.mark.parametrize(("source", "headers"), RIGHT)
def test_another_body_secret_or_source_is_refused(source: str, headers: dict[str, str]) -> None:
    assert not verify(source, SECRET, BODY + b" ", headers)
    assert not verify(source, SECRET + " ", BODY, headers)
    for other in SIGNED - {source}:
        assert not verify(other, SECRET, BODY, headers)


@pytest.mark.parametrize(("source", "headers"), RIGHT)
def test_a_changed_missing_or_empty_signature_is_refused(source: str, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        assert not verify(source, SECRET, BODY, {**headers, name: value[:-1]})
        assert not verify(source, SECRET, BODY, {**headers, name: value[:-1] + ("0" if value[-1] != "0" else "1")})
        assert not verify(source, SECRET, BODY, {**headers, name: ""})
        assert not verify(source, SECRET, BODY, {**headers, name: "sha256=é"})
        assert not verify(source, SECRET, BODY, {**headers, name: "v1=\ud800"})
        assert not verify(source, SECRET, BODY, {**headers, name: "\ud800"})
    assert not verify(source, SECRET, BODY, {})


@pytest.mark.parametrize("source", sorted(SIGNED))
def test_nobody_signs_with_an_empty_secret(source: str) -> None:
    empty = digest(secret="")
    headers = {
        "x-pagerduty-signature": f"v1={empty}",
        "sentry-hook-signature": empty,
        "x-grafana-alerting-signature": empty,
        "x-hub-signature-256": f"sha256={empty}",
    }
    assert not verify(source, "", BODY, headers)


@pytest.mark.parametrize("source", ["alertmanager", "opsgenie", "datadog", "cloudwatch", "nagios", ""])
def test_a_source_that_does_not_sign_is_never_verified(source: str) -> None:
    assert source not in SIGNED
    assert not any(verify(source, SECRET, BODY, headers) for _, headers in RIGHT)


def test_a_body_signed_with_its_time_does_not_pass_with_another_time_or_none() -> None:
    assert not verify("grafana", SECRET, BODY, {**STAMPED, "X-Grafana-Alerting-Timestamp": "1772452801"})
    assert not verify("grafana", SECRET, BODY, {name: value for name, value in STAMPED.items() if "Timestamp" not in name})


@given(st.sampled_from(sorted(SIGNED)), st.text(), st.binary(), st.text())
def test_no_header_makes_a_verification_raise_or_pass(source: str, secret: str, body: bytes, value: str) -> None:
    names = ("x-pagerduty-signature", "sentry-hook-signature", "x-grafana-alerting-signature", "x-hub-signature-256")
    headers = dict.fromkeys((*names, "x-grafana-alerting-timestamp"), value)
    assert not verify(source, secret, body, headers)
