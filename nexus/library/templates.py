"""Templates: texts with holes, filled strictly: an unfilled hole is an error that names it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nexus.errors import LibraryError
from nexus.library.fault import Fault

_EVERY_TASK = ("incident", "alert", "severity", "classification", "time")
_BULLETIN = ("status", "service", "cause", "plan", "actions", "impact", "current_action", "next_update", "outcome")
_RECORD = (
    "timeline", "cause", "hypotheses", "findings", "actions", "verification", "impact", "absences", "team", "opened_at",
    "resolved_at",
)  # fmt: skip

FACTS: Mapping[str, frozenset[str]] = {
    task: frozenset((*_EVERY_TASK, *own))
    for task, own in {
        "triage": (),
        "investigate": ("checks", "round", "window_minutes", "ruled_out"),
        "correlate": ("findings", "absences", "round", "rounds", "evidence", "earlier_attempts", "verifications"),
        "plan": ("cause", "branch", "attempt", "excluded", "earlier_attempts"),
        "verify": ("plan", "actions", "checks", "attempt"),
        "status_update": (*_BULLETIN,),
        "executive_brief": (*_BULLETIN,),
        "escalate": ("rule", "condition", "asked", "cause", "status", "actions", "opened_at"),
        "post_mortem": (*_RECORD, "sections", "owners"),
        "backlog": ("action_items", "owners", "opened_at"),
    }.items()
} | {"system": frozenset({"title", "role", "instructions"})}
"""What the engine knows when it asks each task: the holes that its prompt may have. `system` introduces each agent to a model."""

TEMPLATE_FACTS: Mapping[str, frozenset[str]] = {
    "status_update": frozenset({"timestamp", "service", "status", "impact", "current_action", "next_update"}),
    "executive_brief": frozenset({"timestamp", "situation", "cause", "action", "impact", "next_update"}),
}
"""The holes of the two communication templates."""


def _shown(value: Any) -> Any:
    if value is None:
        return "unknown"
    return as_json(value) if isinstance(value, Mapping | list | tuple) else value


def as_json(value: Any) -> str:
    """A value as JSON: a newline or a quote in it can end neither its string nor the fence around it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, finalize=_shown
    )
    made.filters["json"] = as_json
    return made


_ENVIRONMENT = _environment()


class Form:
    """One text with holes. Raises LibraryError when its syntax is wrong."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        try:
            self._template: Template = _ENVIRONMENT.from_string(text)
            self.holes: frozenset[str] = frozenset(meta.find_undeclared_variables(_ENVIRONMENT.parse(text)))
        except TemplateSyntaxError as error:
            raise LibraryError(f"{file}:{error.lineno}: {error.message}", "correct the template's syntax") from error

    def fill(self, facts: Mapping[str, Any]) -> str:
        """The text with its holes filled. Raises LibraryError when one stays open."""
        missing = sorted(self.holes - facts.keys())
        if missing:
            raise LibraryError(f"{self.file}: nothing fills {{{{ {missing[0]} }}}}", f"give {', '.join(missing)}")
        try:
            return self._template.render(facts).strip() + "\n"
        except UndefinedError as error:
            raise LibraryError(f"{self.file}: {error.message}", "give that fact, or take the hole out") from error
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise LibraryError(f"{self.file}: cannot be filled ({error})", "correct the expression in the template") from error


def form_faults(text: str, file: str, first_line: int, known: Collection[str]) -> Iterator[Fault]:
    """What is wrong with a text with holes whose first line is line `first_line` of the file."""
    try:
        tree = _ENVIRONMENT.parse(text)
        _ENVIRONMENT.compile(tree)
        unknown = meta.find_undeclared_variables(tree) - set(known)
    except TemplateSyntaxError as error:
        line = first_line + error.lineno - 1
        problem = f"template syntax: {error.message}"
        yield Fault(file=file, line=line, problem=problem, remedy="correct it, or write {{ '{{' }} for literal braces")
        return
    for name in sorted(unknown):
        line = min((n.lineno for n in tree.find_all(nodes.Name) if n.name == name), default=1)
        yield Fault(
            file=file,
            line=first_line + line - 1,
            problem=f"unknown hole {{{{ {name} }}}}",
            remedy=f"holes here are {', '.join(sorted(known))}",
        )
