"""Names: every tool there is, so that content can be checked without loading one."""

from __future__ import annotations

TOOL_NAMES = frozenset(
    {
        "action_options",
        "api_error_rates",
        "assess_impact",
        "asset_delivery",
        "check_databases",
        "check_dependencies",
        "client_errors",
        "dry_run",
        "infrastructure_state",
        "list_changes",
        "locate_error",
        "page_load",
        "picture_metrics",
        "picture_suspect",
        "pipeline_status",
        "prepare_rollback",
        "query_metrics",
        "rank_suspects",
        "recovery",
        "regress_endpoints",
        "screenshot",
        "search_logs",
        "security_signals",
        "service_communication",
        "service_info",
        "test_patch",
    }
)
"""A test holds that the registry has exactly these."""
