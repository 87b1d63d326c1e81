"""Investigation by rules: run each check with its tool and say what its values mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nexus.incident import Alert, Evidence, Finding
from nexus.responder.answers import Findings
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.claims import CLAIMS, Claim
from nexus.tools.readings import SuspectsReading
from nexus.tools.tool import Tool

MOST_FURTHER = 5
"""Looks of the world's own that are taken without anybody's having asked for them; an MCP server may have a hundred."""


async def investigate(task: Task, desk: Desk) -> Findings:
    """One finding a check, in the runbook's order; a look that failed is a finding that says so."""
    alert = Alert.model_validate(task.facts["alert"])
    suspect: str | None = None
    findings: list[Finding] = []
    for check in task.facts["checks"]:
        if "$suspect" in check["arguments"].values() and suspect is None and "rank_suspects" in task.agent.tools:
            suspect = _first(await desk.use("rank_suspects")) or alert.service
        arguments = {
            name: {"$component": alert.service, "$suspect": suspect or alert.service}.get(value, value)
            for name, value in check["arguments"].items()
        }
        arguments = {name: value for name, value in arguments.items() if value is not None}
        evidence = await desk.use(check["tool"], **arguments)
        if check["tool"] == "rank_suspects":
            suspect = _first(evidence) or suspect
        findings.append(finding_of(task.agent.title, check, evidence))
    own = [tool for tool in desk.given.values() if _asks_nothing(tool)]
    findings += [await _further(task.agent.title, tool, desk) for tool in own[:MOST_FURTHER]]
    return Findings(findings=tuple(findings))


async def _further(agent: str, tool: Tool, desk: Desk) -> Finding:
    """What this world's own look returned, kept for whoever can read it."""
    return finding_of(agent, {"text": tool.description}, await desk.use(tool.name))


def _asks_nothing(tool: Tool) -> bool:
    return not tool.arguments.model_json_schema().get("required")


def _first(evidence: Evidence) -> str | None:
    if evidence.failed:
        return None
    reading = SuspectsReading.model_validate({"summary": "", **evidence.values})
    return reading.suspects[0].component if reading.suspects else None


def finding_of(agent: str, check: dict[str, Any], evidence: Evidence) -> Finding:
    """What one piece of evidence says about one check."""
    if evidence.failed:
        claim = Claim(f"could not look: {evidence.summary}")
    else:
        read: Callable[[Evidence], Claim] = CLAIMS.get(evidence.tool, lambda e: Claim(e.summary))
        claim = read(evidence)
    return Finding(
        agent=agent,
        check=check["text"],
        claim=claim.text,
        evidence=(evidence.id,),
        ruled_out=claim.ruled_out,
        component=claim.component,
        abnormal=claim.abnormal,
        at=evidence.at,
    )
