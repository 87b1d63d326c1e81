"""Library: the runbook's content, whole and checked, as the engine reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from nexus.errors import LibraryError
from nexus.library.agent import Agent
from nexus.library.check import content_faults
from nexus.library.content import GRAPH, read_content
from nexus.library.templates import FACTS, Form, form_faults
from nexus.runbook import Runbook

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Agents by name, prompts by task, the runbook; `digest` changes with any of its texts, `hashes` are those of each file."""

    root: Path
    agents: dict[str, Agent]
    prompts: dict[str, str]
    runbook: Runbook
    digest: str
    hashes: dict[str, str] = field(default_factory=dict)
    _forms: dict[str, Form] = field(default_factory=dict, repr=False)

    @classmethod
    def default(cls) -> Self:
        """The library that comes with the package. Raises LibraryError when the installation lacks it or it is faulty."""
        return cls.open(cls.default_root())

    @staticmethod
    def default_root() -> Path:
        """The folder of the library that comes with the package: the wheel's, else the checkout's. Raises LibraryError."""
        for root in (_PACKAGE / "_library", _PACKAGE.parent):
            if (root / GRAPH).is_file():
                return root
        raise LibraryError("the library that comes with nexus is not there", "reinstall, or name a folder with --library")

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The library in that folder. Raises LibraryError with the first fault and how many there are."""
        content = read_content(Path(path))
        faults = content_faults(content)
        if faults or content.runbook is None:
            first = faults[0]
            more = f" (and {len(faults) - 1} more: `nexus check` lists them)" if len(faults) > 1 else ""
            raise LibraryError(f"{first.file}:{first.line}: {first.problem}", first.remedy + more)
        return cls(
            root=content.root,
            agents=content.agents,
            prompts=content.prompts,
            runbook=content.runbook,
            digest=_digest(content.texts),
            hashes={file: _digest({file: text}) for file, text in content.texts.items()},
        )

    def agent(self, name: str) -> Agent:
        """The agent of that name. Raises LibraryError when there is none."""
        if name not in self.agents:
            raise LibraryError(f"no agent is called {name!r}", f"agents are {', '.join(self.agents)}")
        return self.agents[name]

    def prompt(self, name: str, facts: Mapping[str, Any]) -> str:
        """What is asked for that task, with its holes filled. Raises LibraryError, naming hole and file, when one is not."""
        if name not in self.prompts:
            raise LibraryError(f"no prompt is called {name!r}", f"prompts are {', '.join(self.prompts)}")
        return self._form(f"prompts/{name}.md", self.prompts[name]).fill(facts)

    def with_prompt(self, task: str, text: str) -> Self:
        """The same library with another prompt for that task. Raises LibraryError, naming file and hole, when it is faulty."""
        if task not in self.prompts:
            raise LibraryError(f"no prompt is called {task!r}", f"prompts are {', '.join(self.prompts)}")
        file = f"prompts/{task}.md"
        for fault in form_faults(text, file, 1, FACTS[task]):
            raise LibraryError(f"{fault.file}:{fault.line}: {fault.problem}", fault.remedy)
        hashes = {**self.hashes, file: _digest({file: text})}
        whole = _digest(hashes)
        return replace(self, prompts={**self.prompts, task: text}, hashes=hashes, digest=whole, _forms={})

    def wording(self, agent: str, task: str) -> dict[str, str]:
        """The hashes of the files that together say what that agent is asked in that task."""
        files = (f"agents/{agent}.md", f"prompts/{task}.md", "prompts/system.md")
        return {file: self.hashes[file] for file in files if file in self.hashes}

    def template(self, name: str, facts: Mapping[str, Any]) -> str:
        """A communication template, filled. Raises LibraryError, naming hole and file, when a hole stays open."""
        texts = {str(key): text for key, text in self.runbook.templates.items()}
        if name not in texts:
            raise LibraryError(f"no template is called {name!r}", f"templates are {', '.join(texts)}")
        return self._form(f"{GRAPH} (templates.{name})", texts[name]).fill(facts)

    def _form(self, file: str, text: str) -> Form:
        if file not in self._forms:
            self._forms[file] = Form(text, file)
        return self._forms[file]


def _digest(texts: Mapping[str, str]) -> str:
    whole = hashlib.sha256()
    for file in sorted(texts):
        whole.update(f"{file}\0{texts[file]}\0".encode())
    return whole.hexdigest()[:12]
