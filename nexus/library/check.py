"""Check: a library's folder validated whole: each file, and whether they fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nexus.library.complete import completeness_faults
from nexus.library.content import Content, read_content
from nexus.library.fault import Fault
from nexus.library.located import Located
from nexus.library.references import reference_faults
from nexus.library.templates import FACTS, TEMPLATE_FACTS, form_faults


def check_library(path: str | Path) -> list[Fault]:
    """Every fault of that folder, by file and line; empty when it can be used."""
    return content_faults(read_content(Path(path)))


def content_faults(content: Content) -> list[Fault]:
    """Every fault of what was read, each once, by file and line."""
    found = [*content.faults]
    if content.root.is_dir():
        found += _prompt_faults(content)
    if content.graph is not None:
        found += reference_faults(content.graph, content)
        found += completeness_faults(content.graph)
        found += _template_faults(content.graph)
    return sorted(dict.fromkeys(found), key=lambda fault: (fault.file, fault.line, fault.problem))


def _prompt_faults(content: Content) -> Iterator[Fault]:
    for task, known in FACTS.items():
        file = f"prompts/{task}.md"
        if task not in content.prompts:
            yield Fault(file=file, line=1, problem="prompt is missing", remedy=f"write what an agent is asked for {task}")
        elif not content.prompts[task].strip():
            yield Fault(file=file, line=1, problem="prompt is empty", remedy=f"write what an agent is asked for {task}")
        else:
            yield from form_faults(content.prompts[task], file, 1, known)
    for task in sorted(content.prompts.keys() - FACTS.keys()):
        remedy = f"tasks are {', '.join(FACTS)}"
        yield Fault(file=f"prompts/{task}.md", line=1, problem=f"no task is called {task!r}", remedy=remedy)


def _template_faults(graph: Located) -> Iterator[Fault]:
    for name, known in TEMPLATE_FACTS.items():
        text = graph.get(("templates", name))
        if isinstance(text, str):
            yield from form_faults(text, graph.file, graph.text_line(("templates", name)), known)
