"""Agent: who acts, as one Markdown file says it: front matter, then instructions."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from nexus.incident import ActionKind, Word
from nexus.library.fault import Fault
from nexus.library.located import Located, parse, read_text, schema_faults
from nexus.tools.names import TOOL_NAMES

_FENCE = "---"


class Agent(Word):
    """One agent of the runbook; `tools` and `actions` are all it may use and propose."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", description="kebab case, the file's name without .md")
    title: str = Field(min_length=1)
    role: str = Field(min_length=1, description="one sentence")
    tools: tuple[str, ...]
    actions: tuple[ActionKind, ...]
    instructions: str = Field(min_length=1, description="Markdown: what the agent is told")


def read_agent(path: Path, file: str) -> tuple[Agent | None, list[Fault]]:
    """The agent of that file and what is wrong with it; None when it cannot be used at all."""
    text, faults = read_text(path, file)
    lines = text.splitlines()
    if faults:
        return None, faults
    end = next((n for n, line in enumerate(lines[1:], start=1) if line.rstrip() == _FENCE), None)
    if not lines or lines[0].rstrip() != _FENCE or end is None:
        return None, [Fault(file=file, line=1, problem="no front matter", remedy="begin with YAML between two lines of ---")]
    tree, faults = parse("\n".join(lines[1:end]) + "\n", file, first_line=2)
    if tree is None:
        return None, faults
    body = "\n".join(lines[end + 1 :]).strip()
    if not body:
        faults.append(Fault(file=file, line=end + 1, problem="no instructions", remedy="say below the front matter what to do"))
    faults += _vocabulary_faults(tree, path.stem)
    agent, schema = schema_faults(tree, Agent, {"instructions": body or "none"})
    return agent, faults + schema


def _vocabulary_faults(tree: Located, stem: str) -> list[Fault]:
    found = []
    name = tree.get(("name",))
    if isinstance(name, str) and name != stem:
        found.append(tree.fault(("name",), f"name {name!r} is not the file's", f"call it {stem}, or rename the file"))
    for key in ("tools", "actions"):
        seen: set[str] = set()
        for where, value in tree.each((key, "*")):
            if not isinstance(value, str):
                continue
            if value in seen:
                found.append(tree.fault(where, f"{value!r} is listed twice under {key}", "list it once"))
            seen.add(value)
            if key == "tools" and value not in TOOL_NAMES:
                found.append(tree.fault(where, f"unknown tool {value!r}", f"tools are {', '.join(sorted(TOOL_NAMES))}"))
    return found
