"""Action, Plan, Approval and the record of what was done: changes are typed and never free text."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import Field

from nexus.incident.base import Explained, Moment, Word


class ActionKind(Explained):
    """The catalogue: an agent may only propose what its front matter lists."""

    ROLLBACK = "rollback", "return a service to an earlier release, or its configuration to an earlier version"
    RESTART = "restart", "restart a service's instances"
    SCALE = "scale", "change a service's replicas, or the size of a volume"
    FAILOVER = "failover", "move to the standby, or off a bad node"
    FALLBACK = "fallback", "switch a dependency's fallback or cache on or off"
    FLAG = "flag", "set a feature flag"
    HOTFIX = "hotfix", "release a patch"
    LIMIT = "limit", "limit or block traffic from a source"
    ROTATE = "rotate", "revoke and replace a credential"


class Risk(Explained):
    """How much harm an action can do."""

    LOW = "low", "reversible at once, one component"
    MEDIUM = "medium", "reversible, users may notice"
    HIGH = "high", "hard to reverse, or many components"


class Action(Word):
    """One change, exactly; an approval binds to `digest`."""

    kind: ActionKind
    target: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    reason: str = ""
    proposed_by: str = ""
    risk: Risk = Risk.MEDIUM
    evidence: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Hash of what would be done: kind, target and arguments."""
        exact = json.dumps([self.kind, self.target, self.arguments], sort_keys=True, default=str)
        return hashlib.sha256(exact.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        arguments = ", ".join(f"{k}={v}" for k, v in sorted(self.arguments.items()))
        return f"{self.kind.value} {self.target}" + (f" ({arguments})" if arguments else "")


class DryRun(Word):
    """What would happen: read from the world, changes nothing."""

    ok: bool
    effect: str
    touches: tuple[str, ...] = Field(default=(), description="components whose state would change")
    before: dict[str, Any] = Field(default_factory=dict, description="the state that undo restores")


class Step(Word):
    """One line of a branch of the decision tree, with its actor and, where it changes something, its action."""

    actor: str
    role: str = Field(description="act, prepare, verify, support or inform")
    text: str
    action: Action | None = None
    dry_run: DryRun | None = None


class Plan(Word):
    """What is to be done about the cause, by its branch."""

    branch: str
    attempt: int
    steps: tuple[Step, ...]
    rationale: str
    evidence: tuple[str, ...] = ()

    @property
    def actions(self) -> tuple[Action, ...]:
        """The changes, in order."""
        return tuple(step.action for step in self.steps if step.action is not None)


class Verdict(Explained):
    """A person's three answers, and what the clock or policy may say instead."""

    APPROVED = "approved", "do exactly this"
    REJECTED = "rejected", "do not"
    AMENDED = "amended", "do it like this instead"
    EXPIRED = "expired", "nobody answered in time"


class Approval(Word):
    """An answer bound to one exact action; works once, until `expires_at`."""

    digest: str
    verdict: Verdict
    by: str
    at: Moment
    expires_at: Moment
    comment: str = ""
    amended: Action | None = None


class ActionResult(Explained):
    """What became of an action."""

    DONE = "done", "the world confirmed the change"
    FAILED = "failed", "the world refused or failed; nothing changed"
    UNDONE = "undone", "the change was taken back and the earlier state restored"
    UNKNOWN = "unknown", "whether the change happened is not known"


class ActionRecord(Word):
    """One action as carried out: its undo was recorded before it ran."""

    id: str
    attempt: int
    action: Action
    by: str
    approval: Approval | None = None
    started_at: Moment
    ended_at: Moment | None = None
    result: ActionResult
    detail: str = ""
    undo: dict[str, Any] = Field(default_factory=dict)
    undone_at: Moment | None = None
    owner: str | None = Field(default=None, description="who finds out what became of it, where that is unknown")
    deadline: Moment | None = Field(default=None, description="until when")
