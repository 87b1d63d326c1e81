"""The outside as small Protocols, one file a capability; implementations live in sandbox/, recording/ and connectors/."""

from nexus.world.catalog import EndpointSpec, Service, ServiceCatalog
from nexus.world.world import World

__all__ = ["EndpointSpec", "Service", "ServiceCatalog", "World"]
