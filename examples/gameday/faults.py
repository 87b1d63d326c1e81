"""Faults: what can go wrong on a game day, how it is brought about, and what an operator would do about each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from estate import Estate
from history import BAD, GOOD, HOTFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. `alerts`: one of these has to fire; `cause`, `component` and `kinds` are what has to be found and done.

    `felt`: the service whose requests fail by it.
    """

    name: str
    title: str
    inject: Callable[[Estate], None]
    cure: Sequence[str]
    alerts: frozenset[str]
    cause: str
    component: str
    kinds: frozenset[str]
    felt: str
    passes: Callable[[Estate], None] | None = None
    """What ends by itself some minutes after the cure: another company's trouble."""


def _flag(estate: Estate, name: str, text: str) -> None:
    (estate.folder / "flags" / name).write_text(text, encoding="utf-8")


def _bad_release(estate: Estate) -> None:
    estate.command("switch", "release", "checkout", BAD, "--author", "joris", "--summary", "voucher codes are taken in any case")


def _bad_config(estate: Estate) -> None:
    summary = "payment.timeout_s: 2.0 -> 0.02"
    estate.command("switch", "config", "checkout", "config-8", "--author", "joris", "--summary", summary)


def _connections(estate: Estate) -> None:
    _flag(estate, "report", "month-end")


def _third_party(estate: Estate) -> None:
    _flag(estate, "payment-is", "failing")


def _third_party_recovers(estate: Estate) -> None:
    _flag(estate, "payment-is", "well")


def _code_bug(estate: Estate) -> None:
    _flag(estate, "mix", "newsletter")


def _disk_full(estate: Estate) -> None:
    _flag(estate, "report", "export")


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            name="bad-release",
            title="checkout's new release fails for every order without a voucher",
            inject=_bad_release,
            cure=("switch", "release", "checkout", GOOD),
            alerts=frozenset({"CheckoutErrorsHigh"}),
            cause="deployment",
            component="checkout",
            kinds=frozenset({"rollback"}),
            felt="checkout",
        ),
        Fault(
            name="bad-config",
            title="checkout's new configuration gives the payment provider 20 ms where it needs 60",
            inject=_bad_config,
            cure=("switch", "config", "checkout", "config-7"),
            alerts=frozenset({"CheckoutErrorsHigh", "PaymentsFail"}),
            cause="deployment",
            component="checkout",
            kinds=frozenset({"rollback"}),
            felt="checkout",
        ),
        Fault(
            name="connections-exhausted",
            title="the month-end report takes a database connection for each region and gives none back",
            inject=_connections,
            cure=("connections", "--end", "reports"),
            alerts=frozenset({"DatabaseConnectionsNearLimit"}),
            cause="infrastructure",
            component="database",
            kinds=frozenset({"restart", "scale"}),
            felt="catalog",
        ),
        Fault(
            name="third-party",
            title="the payment provider answers 503",
            inject=_third_party,
            cure=("fallback", "on"),
            alerts=frozenset({"PaymentsFail", "CheckoutErrorsHigh"}),
            cause="external_dependency",
            component="payment",
            kinds=frozenset({"fallback"}),
            felt="checkout",
            passes=_third_party_recovers,
        ),
        Fault(
            name="code-bug",
            title="a newsletter names teas with accents in their names, and the search of seven hours ago knows ASCII only",
            inject=_code_bug,
            cure=("hotfix", "catalog", HOTFIX),
            alerts=frozenset({"CatalogErrorsHigh"}),
            cause="code_bug",
            component="catalog",
            kinds=frozenset({"hotfix"}),
            felt="catalog",
        ),
        Fault(
            name="disk-full",
            title="an export for the accountants fills the host's data volume, which checkout's journal is on",
            inject=_disk_full,
            cure=("disk", "--to", "64"),
            alerts=frozenset({"DiskNearlyFull", "CheckoutErrorsHigh"}),
            cause="infrastructure",
            component="shop-1",
            kinds=frozenset({"scale"}),
            felt="checkout",
        ),
    )
}
"""Every fault by its name."""
