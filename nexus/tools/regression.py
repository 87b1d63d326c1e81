"""Regression: `regress_endpoints`, our own addresses tried against what is normal for them."""

from __future__ import annotations

from pydantic import Field

from nexus.errors import ToolError
from nexus.tools.need import need
from nexus.tools.readings import EndpointEntry, RegressionReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool
from nexus.world.endpoints import ProbeResult


class Endpoints(OfComponent):
    """Whose endpoints to try; all when neither argument names any, or when those named have none of their own."""

    components: tuple[str, ...] = Field(default=(), description="more components, besides `component`")


def passes(probe: ProbeResult) -> bool:
    """At most two errors in a hundred more than normal, and at most twice the normal latency."""
    return probe.error_rate <= probe.normal_error_rate + 0.02 and probe.latency_ms <= 2 * probe.normal_latency_ms


async def _regress_endpoints(look: Look, arguments: Endpoints) -> Seen:
    wanted = tuple(dict.fromkeys((*((arguments.component,) if arguments.component else ()), *arguments.components)))
    source = need(look.world.endpoints, "endpoints to try")
    probes = await source.probe(look.at, wanted) or await source.probe(look.at)
    if not probes:
        raise ToolError("there are no endpoints to try", "list them in the service catalog")
    entries = tuple(
        EndpointEntry(
            component=p.component,
            method=p.method,
            path=p.path,
            error_rate=p.error_rate,
            normal_error_rate=p.normal_error_rate,
            latency_ms=p.latency_ms,
            normal_latency_ms=p.normal_latency_ms,
            passed=passes(p),
            detail=p.detail,
        )
        for p in sorted(probes, key=passes)
    )
    failed = [e for e in entries if not e.passed]
    if failed:
        told = "; ".join(f"{e.method} {e.path} fails {e.error_rate:.0%} at {e.latency_ms:.0f} ms" for e in failed[:4])
        summary = f"{len(failed)} of {len(entries)} endpoints fail regression: {told}."
    else:
        summary = f"All {len(entries)} endpoints answer with normal error rate and latency."
    return Seen(RegressionReading(summary=summary, endpoints=entries, passed=not failed))


REGRESS_ENDPOINTS = Tool(
    "regress_endpoints",
    "Try the endpoints of some components, or of all, and compare error rate and latency with their normal values.",
    Endpoints,
    _regress_endpoints,
)
