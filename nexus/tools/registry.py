"""Registry: every tool by its name; an agent's front matter lists those it may use."""

from __future__ import annotations

from nexus.tools.calls import API_ERROR_RATES, SERVICE_COMMUNICATION
from nexus.tools.catalog import SERVICE_INFO
from nexus.tools.changes import LIST_CHANGES
from nexus.tools.client import ASSET_DELIVERY, CLIENT_ERRORS, PAGE_LOAD
from nexus.tools.code import LOCATE_ERROR, TEST_PATCH
from nexus.tools.health import CHECK_DATABASES, CHECK_DEPENDENCIES, INFRASTRUCTURE_STATE
from nexus.tools.impact import ASSESS_IMPACT
from nexus.tools.logs import SEARCH_LOGS
from nexus.tools.metrics import QUERY_METRICS
from nexus.tools.options import ACTION_OPTIONS, DRY_RUN, PREPARE_ROLLBACK
from nexus.tools.pictures import PICTURE_METRICS, SCREENSHOT
from nexus.tools.pipeline import PIPELINE_STATUS
from nexus.tools.recovery import RECOVERY
from nexus.tools.regression import REGRESS_ENDPOINTS
from nexus.tools.security import SECURITY_SIGNALS
from nexus.tools.suspect_picture import PICTURE_SUSPECT
from nexus.tools.suspects import RANK_SUSPECTS
from nexus.tools.tool import Tool

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        ASSESS_IMPACT,
        QUERY_METRICS,
        SEARCH_LOGS,
        LIST_CHANGES,
        API_ERROR_RATES,
        SERVICE_COMMUNICATION,
        RANK_SUSPECTS,
        RECOVERY,
        PICTURE_METRICS,
        PICTURE_SUSPECT,
        SCREENSHOT,
        SECURITY_SIGNALS,
        CHECK_DEPENDENCIES,
        CHECK_DATABASES,
        INFRASTRUCTURE_STATE,
        PIPELINE_STATUS,
        PREPARE_ROLLBACK,
        CLIENT_ERRORS,
        PAGE_LOAD,
        ASSET_DELIVERY,
        REGRESS_ENDPOINTS,
        LOCATE_ERROR,
        TEST_PATCH,
        SERVICE_INFO,
        ACTION_OPTIONS,
        DRY_RUN,
    )
}
"""All tools; none of them changes the world."""
