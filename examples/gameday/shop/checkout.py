"""checkout: takes orders, charges them at the payment provider, keeps a journal; can sell on account while nobody can charge."""

from __future__ import annotations

import json
import os
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI, HTTPException
from prometheus_client import Counter, Histogram
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field
from service import Pool, application, database, log, log_to_file, serve, settings
from volume import Volume

NAME = "checkout"
VOUCHERS = {"SPRING10": 10, "FRIENDS20": 20}
"""Percent off, by code."""
CHARGES = Counter("payment_requests_total", "Charges tried at the payment provider", ["service", "outcome"])
CHARGE_TIME = Histogram("payment_request_duration_seconds", "Time that the payment provider took", ["service"])


class Order(BaseModel):
    """What a customer sends."""

    product: int
    quantity: int = Field(ge=1, le=20)
    email: str
    voucher: str | None = None


class PaymentFailed(Exception):
    """The provider did not take the charge."""


def discount(voucher: str | None) -> int:
    """Percent off; an unknown code is worth nothing."""
    if voucher is None:
        return 0
    return VOUCHERS.get(voucher, 0)


def total(price: Decimal, order: Order) -> Decimal:
    """What the order costs."""
    return (price * order.quantity * (100 - discount(order.voucher)) / 100).quantize(Decimal("0.01"))


class Provider:
    """The payment provider, and what is done while it is away: `fallback` is a file that says `on` while we sell on account."""

    def __init__(self, url: str, timeout_s: float, fallback: Path) -> None:
        self.client = httpx.Client(base_url=url, timeout=timeout_s)
        self.timeout_s = timeout_s
        self.fallback = fallback

    def away(self) -> bool:
        """Whether we do without it; somebody said so."""
        return self.fallback.read_text(encoding="utf-8").strip() == "on"

    def charge(self, order: int, amount: Decimal) -> None:
        """Take the money. Raises PaymentFailed."""
        began = time.perf_counter()
        try:
            self.client.post("/charges", json={"order": order, "amount": str(amount)}).raise_for_status()
        except httpx.TimeoutException as error:
            CHARGES.labels(NAME, "timeout").inc()
            raise PaymentFailed(f"payment provider gave no answer within payment.timeout_s = {self.timeout_s}") from error
        except httpx.HTTPError as error:
            CHARGES.labels(NAME, "failed").inc()
            raise PaymentFailed(f"payment provider: {error}") from error
        else:
            CHARGES.labels(NAME, "ok").inc()
        finally:
            CHARGE_TIME.labels(NAME).observe(time.perf_counter() - began)


def charge_later(pool: Pool, provider: Provider) -> None:
    """Charge what was sold on account, as soon as the fallback is off: for ever, a few at a time."""
    while True:
        time.sleep(2)
        if provider.away():
            continue
        try:
            with pool.connection() as connection:
                open_ones = connection.execute(
                    "SELECT id, amount FROM orders WHERE state = 'pay later' ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED"
                ).fetchall()
                for one in open_ones:
                    provider.charge(one["id"], one["amount"])
                    connection.execute("UPDATE orders SET state = 'paid' WHERE id = %s", (one["id"],))
        except (PaymentFailed, psycopg.Error, PoolTimeout) as error:
            log.warning("orders on account wait longer: %s", error)


def routes(app: FastAPI, pool: Pool, provider: Provider, journal: Volume) -> None:
    """Take an order, tell of one."""
    shelf = httpx.Client(base_url=os.environ["CATALOG_URL"], timeout=2)

    @app.post("/orders", status_code=201)
    def take(order: Order) -> dict[str, Any]:
        product = shelf.get(f"/products/{order.product}").raise_for_status().json()
        amount = total(Decimal(product["price"]), order)
        later = provider.away()
        state = "pay later" if later else "open"
        with pool.connection() as connection:
            made = connection.execute(
                "INSERT INTO orders (product, quantity, email, amount, state) VALUES (%s, %s, %s, %s, %s) RETURNING id",
                (order.product, order.quantity, order.email, amount, state),
            ).fetchone()
        assert made is not None
        number = made["id"]
        journal.append("orders.jsonl", json.dumps({"order": number, "product": product["name"], "amount": str(amount)}))
        if not later:
            provider.charge(number, amount)
            with pool.connection() as connection:
                connection.execute("UPDATE orders SET state = 'paid' WHERE id = %s", (number,))
        return {"order": number, "product": product["name"], "amount": str(amount), "state": "pay later" if later else "paid"}

    @app.get("/orders/{number}")
    def tell(number: int) -> dict[str, Any]:
        with pool.connection() as connection:
            found = connection.execute(
                "SELECT id, product, quantity, amount, state FROM orders WHERE id = %s", (number,)
            ).fetchone()
        if found is None:
            raise HTTPException(404, "no such order")
        return found


def main() -> None:
    """Wire it up and serve."""
    log_to_file(NAME)
    checkout, pool = application(NAME), database(NAME)
    provider = Provider(os.environ["PAYMENT_URL"], settings()["payment"]["timeout_s"], Path(os.environ["FALLBACK"]))
    threading.Thread(target=charge_later, args=(pool, provider), daemon=True).start()
    routes(checkout, pool, provider, Volume(Path(os.environ["JOURNAL"])))
    serve(checkout)


if __name__ == "__main__":
    main()
