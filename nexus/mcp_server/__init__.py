"""NEXUS as a server of the Model Context Protocol: other assistants report, follow and answer incidents through it."""

from nexus.mcp_server.server import make_server

__all__ = ["make_server"]
