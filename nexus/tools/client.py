"""Client: `client_errors`, `page_load` and `asset_delivery`: what real browsers report, each tool judging its own aspect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nexus.tools.need import need
from nexus.tools.readings import PageEntry, PagesReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool
from nexus.world.browser import PageHealth

Judge = Callable[[PageHealth], bool]
Tell = Callable[[PageHealth], str]


def script_errors_abnormal(page: PageHealth) -> bool:
    """Three times the normal rate and at least two a minute more."""
    rate, normal = page.script_errors_per_min, page.normal_script_errors_per_min
    return rate >= 3 * normal and rate >= normal + 2


def load_abnormal(page: PageHealth) -> bool:
    """Twice the normal time and at least half a second more."""
    return page.load_ms >= 2 * page.normal_load_ms and page.load_ms >= page.normal_load_ms + 500


def assets_abnormal(page: PageHealth) -> bool:
    """More than one asset in fifty fails to arrive."""
    return page.assets_failing_share > 0.02


def _tell_errors(page: PageHealth) -> str:
    rate, normal = page.script_errors_per_min, page.normal_script_errors_per_min
    where = f", in {page.release}" if page.release else ""
    return f"{page.page}: {rate:.0f} errors a minute in the browser, normally {normal:.1f}{where}; mostly {page.top_error!r}"


def _tell_load(page: PageHealth) -> str:
    return f"{page.page} loads in {page.load_ms:.0f} ms (normally {page.normal_load_ms:.0f})"


def _tell_assets(page: PageHealth) -> str:
    return f"{page.page}: {page.assets_failing_share:.0%} of assets do not arrive"


def _page_tool(judge: Judge, tell: Tell, well: str) -> Callable[[Look, OfComponent], Awaitable[Seen]]:
    async def run(look: Look, arguments: OfComponent) -> Seen:
        pages = await need(look.world.browser, "reports from browsers").pages(look.at)
        entries = [
            PageEntry(
                page=p.page,
                component=p.component,
                script_errors_per_min=p.script_errors_per_min,
                normal_script_errors_per_min=p.normal_script_errors_per_min,
                top_error=p.top_error,
                load_ms=p.load_ms,
                normal_load_ms=p.normal_load_ms,
                assets_failing_share=p.assets_failing_share,
                release=p.release,
                abnormal=judge(p),
            )
            for p in pages
            if arguments.component in (None, p.component)
        ]
        entries.sort(key=lambda e: not e.abnormal)
        bad = [tell(p) for p in pages if judge(p) and arguments.component in (None, p.component)]
        summary = "; ".join(bad[:4]) + "." if bad else f"{well} on all {len(entries)} watched pages."
        return Seen(PagesReading(summary=summary, pages=tuple(entries)))

    return run


CLIENT_ERRORS = Tool(
    "client_errors",
    "Script errors that real browsers report, by page, against their normal rate.",
    OfComponent,
    _page_tool(script_errors_abnormal, _tell_errors, "Script errors are at their normal rate"),
)
PAGE_LOAD = Tool(
    "page_load",
    "How long pages take to load in real browsers, against their normal time.",
    OfComponent,
    _page_tool(load_abnormal, _tell_load, "Load time is normal"),
)
ASSET_DELIVERY = Tool(
    "asset_delivery",
    "Whether images, scripts and styles arrive from the CDN, by page.",
    OfComponent,
    _page_tool(assets_abnormal, _tell_assets, "Assets arrive"),
)
