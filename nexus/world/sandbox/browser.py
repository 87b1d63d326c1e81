"""Browser: pages as real browsers report them, and pictures of them."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from nexus.errors import Unavailable
from nexus.world.browser import PageHealth
from nexus.world.sandbox import faults as f
from nexus.world.sandbox.noise import normal
from nexus.world.sandbox.shop import Component
from nexus.world.sandbox.simulation import Frame, Simulation

_SERVED_BY = {"checkout": "checkout", "cart": "cart", "product": "catalog", "product-gallery": "catalog"}
"""Pages that show nothing when that service fails."""


class SandboxBrowser:
    """Pages, by the last full minute."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def pages(self, at: datetime) -> list[PageHealth]:
        """Every watched page."""
        self._sim.answering("browser", at)
        frame = self._sim.frame_at(at)
        return [self._page(c, page, frame) for c in self._sim.shop.of_kind("frontend") for page in c.pages]

    async def screenshot(self, page: str, at: datetime) -> bytes:
        """A PNG of the page. Raises Unavailable for a page that nobody watches."""
        from nexus.world.sandbox.pictures import PageView, draw_page  # noqa: PLC0415  # matplotlib costs a second to import

        health = next((p for p in await self.pages(at) if p.page == page), None)
        if health is None:
            raise Unavailable(f"page {page} is not watched", "take one that client_errors lists")
        frame = self._sim.frame_at(at)
        served_by = _SERVED_BY.get(page, health.component)
        failing = max(frame.now(name)[0] for name in (health.component, served_by) if name in frame.conditions)
        noisy = health.script_errors_per_min > 4 * health.normal_script_errors_per_min + 2
        script_error = health.top_error if noisy else ""
        return draw_page(PageView(page, at, health.load_ms, health.assets_failing_share, failing, script_error))

    def _page(self, c: Component, page: str, frame: Frame) -> PageHealth:
        sim, condition = self._sim, frame.conditions[c.name]
        noise = float(normal(sim.seed, f"page {page}", frame.ks)[-1])
        normal_rate = c.script_errors / len(c.pages)
        rate, top = normal_rate * (1 + 0.15 * noise), "ResizeObserver loop limit exceeded"
        for fault, act in frame.faults:
            if isinstance(fault, f.Defect) and fault.where == c.name and act.level[-1] > 0 and fault.page in ("", page):
                rate += fault.script_errors * float(act.level[-1]) / (1 if fault.page else len(c.pages))
                top = f"{fault.error} at {fault.file}:{fault.line}"
        load = float(condition.latency_ms[-1]) * (1 + 0.03 * noise)
        version = str(frame.timeline.at(float(frame.ks[-1])).get(f"version/{c.name}", ""))
        share = float(np.clip(condition.local.assets[-1] + 0.001, 0, 1))
        return PageHealth(
            page, c.name, round(rate, 2), round(normal_rate, 2), top, round(load, 1), c.latency_ms, round(share, 4), version
        )
