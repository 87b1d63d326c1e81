"""Catalog: `service_info`, what the service catalog says of one component."""

from __future__ import annotations

from nexus.tools.need import component_of, some
from nexus.tools.readings import ServiceReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool


async def _service_info(look: Look, arguments: OfComponent) -> Seen:
    name = component_of(look, arguments.component)
    catalog = look.world.catalog
    callers, entry = catalog.callers_of(name), catalog.get(name)
    if entry is None:
        return Seen(ServiceReading(summary=f"The catalog does not list {name}.", callers=callers))
    parts = [f"{name}: {entry.kind}, tier {entry.tier}, {entry.feature} feature, owned by {entry.owner}"]
    parts += [f"calls {some(entry.calls)}"] if entry.calls else []
    parts += [f"called by {some(callers)}"] if callers else []
    parts += ["holds personal data"] if entry.personal_data else []
    return Seen(ServiceReading(summary="; ".join(parts) + ".", service=entry.model_dump(mode="json"), callers=callers))


SERVICE_INFO = Tool(
    "service_info",
    "The catalog's entry for one component: owner, kind, tier, what it calls and who calls it, users, revenue, personal data.",
    OfComponent,
    _service_info,
)
