"""Register: every kind of connector by the word that a world file uses for it, and the module that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from nexus.errors import WorldError
from nexus.world.connectors.contract import Connector, ConnectorSettings, Site

KINDS: Mapping[str, tuple[str, str]] = {
    "prometheus": ("prometheus", ""),
    "log-files": ("log_files", ""),
    "systemd-journal": ("systemd_journal", ""),
    "loki": ("loki", ""),
    "elasticsearch": ("elasticsearch", ""),
    "git": ("git_history", ""),
    "github-deployments": ("github_deployments", ""),
    "change-webhook": ("change_webhook", ""),
    "kubernetes": ("kubernetes", "kubernetes"),
    "commands": ("commands", ""),
    "postgresql": ("postgresql", "postgres"),
    "endpoints": ("endpoints", ""),
    "dependencies": ("dependencies", ""),
    "pages": ("pages", "pages"),
    "repository": ("repository", ""),
    "slack": ("slack", "slack"),
    "apprise": ("apprise", "apprise"),
    "email": ("email", ""),
    "status-page": ("status_page", ""),
    "statuspage": ("statuspage", ""),
    "pagerduty": ("pagerduty", "pagerduty"),
    "github-issues": ("github_issues", ""),
    "jira": ("jira", "jira"),
    "backlog-file": ("backlog_file", ""),
    "mcp": ("mcp", "mcp"),
}
"""Word to module of this package, and to the extra that it needs (empty: none)."""


class ConnectorModule(Protocol):
    """What each module of this package offers."""

    Settings: type[ConnectorSettings]

    def connect(self, settings: Any, site: Site, /) -> Connector:
        """The connector; connections are made at their first use. Raises WorldError for settings that cannot work."""
        ...


def module_of(use: object) -> ConnectorModule:
    """The module for that word. Raises WorldError for a word that is none, and where its extra is not installed."""
    if not isinstance(use, str) or use not in KINDS:
        raise WorldError(f"there is no connector {use!r}", f"`use` one of {', '.join(sorted(KINDS))}")
    name, extra = KINDS[use]
    try:
        found: Any = import_module(f"nexus.world.connectors.{name}")
    except ModuleNotFoundError as error:
        if not extra or (error.name or "").startswith("nexus"):
            raise
        raise WorldError(f"the connector {use} needs {error.name}", f"pip install 'nexus-incident-response[{extra}]'") from error
    module: ConnectorModule = found
    return module
