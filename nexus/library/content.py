"""Content: everything in a library's folder as read, each file on its own; what cannot be read is a fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nexus.library.agent import Agent, read_agent
from nexus.library.fault import Fault
from nexus.library.located import Located, parse, read_text, schema_faults
from nexus.runbook import Runbook

GRAPH = "graphs/incident.yaml"


@dataclass(slots=True)
class Content:
    """What was read; `graph` is None when it is not YAML, `runbook` when it does not fit the schema."""

    root: Path
    texts: dict[str, str] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    prompts: dict[str, str] = field(default_factory=dict)
    graph: Located | None = None
    runbook: Runbook | None = None
    faults: list[Fault] = field(default_factory=list)


def read_content(root: Path) -> Content:
    """Read the folder whole; nothing is raised."""
    content = Content(root=root)
    if not root.is_dir():
        content.faults.append(
            Fault(file=str(root), line=1, problem="no such folder", remedy="name one that holds agents/, prompts/ and graphs/")
        )
        return content
    _read_agents(content)
    _read_prompts(content)
    _read_graph(content)
    return content


def _files(content: Content, folder: str) -> list[Path]:
    found = sorted((content.root / folder).glob("*.md"))
    if not found:
        content.faults.append(Fault(file=folder, line=1, problem="holds no .md file", remedy=f"put the library's {folder} there"))
    return found


def _read_agents(content: Content) -> None:
    for path in _files(content, "agents"):
        file = f"agents/{path.name}"
        content.texts[file], _ = read_text(path, file)
        agent, faults = read_agent(path, file)
        content.faults += faults
        if agent is None:
            content.unread.add(path.stem)
        else:
            content.agents[path.stem] = agent


def _read_prompts(content: Content) -> None:
    for path in _files(content, "prompts"):
        file = f"prompts/{path.name}"
        text, faults = read_text(path, file)
        content.faults += faults
        content.texts[file] = text
        content.prompts[path.stem] = text


def _read_graph(content: Content) -> None:
    text, faults = read_text(content.root / GRAPH, GRAPH)
    content.faults += faults
    if faults:
        return
    content.texts[GRAPH] = text
    content.graph, faults = parse(text, GRAPH)
    content.faults += faults
    if content.graph is not None:
        content.runbook, faults = schema_faults(content.graph, Runbook, {})
        content.faults += faults
