"""load: customers of the shop, at a steady rate whatever it answers; every ten seconds a line says how they fared.

python load.py URL [--rate 12] [--mix FILE]     FILE may say `newsletter`: then many search for what the newsletter named
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

SEARCHES = ("green", "black", "rooibos", "earl grey", "herbal")
NEWSLETTER = ("thé vert", "café au lait")
EVERY_S = 10.0
PATIENCE_S = 8.0


@dataclass
class Tally:
    """Requests since the last line, and those that failed: by an error of the shop or by no answer at all."""

    asked: int = 0
    failed: int = 0
    waited_s: list[float] = field(default_factory=list)

    def line(self) -> str:
        """What is told."""
        ordered = sorted(self.waited_s) or [0.0]
        share = self.failed / max(1, self.asked)
        return f"{self.asked} requests, {share:.1%} failed, 95 % within {ordered[int(0.95 * (len(ordered) - 1))] * 1000:.0f} ms"


class Customers:
    """One shop's customers; `mix` is a file that says what is on their minds, looked at with every search."""

    def __init__(self, client: httpx.AsyncClient, mix: Path | None, seed: int = 7) -> None:
        self.client = client
        self.mix = mix
        self.dice = random.Random(seed)  # noqa: S311 - customers are no secret
        self.tally = Tally()

    async def home(self) -> httpx.Response:
        """Look around."""
        return await self.client.get("/")

    async def product(self) -> httpx.Response:
        """Look at one tea."""
        return await self.client.get(f"/products/{self.dice.randint(1, 8)}")

    async def search(self) -> httpx.Response:
        """Look for one."""
        newsletter = self.mix is not None and self.mix.exists() and self.mix.read_text(encoding="utf-8").strip() == "newsletter"
        terms = NEWSLETTER if newsletter and self.dice.random() < 0.7 else SEARCHES
        return await self.client.get("/search", params={"q": self.dice.choice(terms)})

    async def order(self) -> httpx.Response:
        """Buy; three in ten have a voucher."""
        voucher = "SPRING10" if self.dice.random() < 0.3 else ""
        wanted = {"product": self.dice.randint(1, 8), "quantity": self.dice.randint(1, 3), "email": "ada@example.com"}
        return await self.client.post("/order", data={**wanted, "voucher": voucher})

    async def one(self) -> None:
        """One customer does one thing."""
        things: list[Callable[[], Awaitable[httpx.Response]]] = [self.home, self.product, self.search, self.order]
        chosen = self.dice.choices(things, weights=[3, 3, 2, 2])[0]
        tally, began = self.tally, time.monotonic()
        tally.asked += 1
        try:
            failed = (await chosen()).status_code >= 500
        except httpx.HTTPError:
            failed = True
        tally.failed += failed
        tally.waited_s.append(time.monotonic() - began)

    async def come(self, rate: float) -> None:
        """Come at that many a second, for ever, on average."""
        under_way: set[asyncio.Task[None]] = set()
        due = told = time.monotonic()
        while True:
            due += self.dice.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self.one())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            if time.monotonic() - told >= EVERY_S:
                told = time.monotonic()
                sys.stdout.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {self.tally.line()}\n")
                sys.stdout.flush()
                self.tally = Tally()


async def main() -> None:
    """Read the command line and be the customers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=12, help="requests a second")
    parser.add_argument("--mix", type=Path)
    asked = parser.parse_args()
    async with httpx.AsyncClient(base_url=asked.url, timeout=PATIENCE_S) as client:
        await Customers(client, asked.mix).come(asked.rate)


if __name__ == "__main__":
    asyncio.run(main())
