"""Faults: the closed vocabulary of what can break; each says where, since when, what ends it and how it shows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from nexus.incident import ActionKind, Word
from nexus.world.catalog import ServiceKind
from nexus.world.sandbox.offset import Offset

Share = Annotated[float, Field(ge=0, le=1)]


class Pattern(Word):
    """An action, or the state it leaves; numbers among the arguments are met by anything at least as large."""

    kind: ActionKind
    target: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Treatment(Pattern):
    """An action that removes the symptom for a while."""

    relapses_after: Offset = Field(gt=0, description="counted from when the action takes effect")


class Worsening(Pattern):
    """An action that makes it worse for as long as its effect stands."""

    size: Share = 0.95


class Fault(Word):
    """What every fault has."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    kinds: ClassVar[tuple[ServiceKind, ...]] = ("backend",)

    where: str
    start: Offset = Field(alias="from")
    until: Offset | None = Field(default=None, description="when it ends by itself")
    ramp: Offset = Field(default=1.0, gt=0, description="how long it takes to its full size")
    size: Share = Field(default=0.8, description="share of requests that fail at full size")
    slower: float = Field(default=1.0, ge=1, description="latency at full size, as a multiple of normal")
    cured_by: tuple[Pattern, ...] | None = Field(
        default=None, description="in place of the kind's own cure; [] means nothing does"
    )
    treated_by: tuple[Treatment, ...] = ()
    made_worse_by: tuple[Worsening, ...] = ()

    def cures(self) -> tuple[Pattern, ...]:
        """What ends it: the scenario's word, else what the kind implies."""
        return self.cured_by if self.cured_by is not None else self.own_cures()

    def own_cures(self) -> tuple[Pattern, ...]:
        """What this kind of fault implies."""
        return ()

    def only_while(self) -> tuple[str, Any] | None:
        """A control's name and value without which the fault does not show."""
        return None


class Defect(Fault):
    """Code or configuration that fails; where and how it says so in the log.

    One that skips callees fails in silence: it answers early, without an error and without a word.
    """

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("backend", "frontend")

    error: str = "java.lang.NullPointerException"
    file: str = "Handler.java"
    line: int = 42
    snippet: str = ""
    script_errors: float = Field(default=45.0, ge=0, description="a minute, on a frontend")
    page: str = Field(default="", description="the frontend's page that shows it; empty: all of its pages")
    skips: tuple[str, ...] = Field(default=(), description="callees that the share `size` of requests no longer gets to")
    tells: str = Field(default="", description="what it writes where it does call them: a line that goes when they are skipped")


class BadRelease(Defect):
    """A release that fails; shows only while it runs."""

    what: Literal["bad_release"]
    version: str

    def only_while(self) -> tuple[str, Any]:
        """While that version runs."""
        return f"version/{self.where}", self.version


class BadConfig(Defect):
    """A configuration value that fails; shows only while it is in force."""

    what: Literal["bad_config"]
    key: str
    version: str
    error: str = "value cannot be used"

    def only_while(self) -> tuple[str, Any]:
        """While that version of the key is in force."""
        return f"config/{self.where}/{self.key}", self.version


class BadFlag(Defect):
    """A feature that fails when switched so."""

    what: Literal["bad_flag"]
    flag: str
    on: bool = True

    def only_while(self) -> tuple[str, Any]:
        """While the flag has that value."""
        return f"flag/{self.where}/{self.flag}", self.on


class PatchSpec(Word):
    """A patch that a developer has ready."""

    id: str
    summary: str
    diff: str
    passes: bool = True
    fixes: bool = True


class CodeBug(Defect):
    """A defect that was always there and begins to show."""

    what: Literal["code_bug"]
    last_changed_days: float = 140.0
    patches: tuple[PatchSpec, ...] = ()

    def own_cures(self) -> tuple[Pattern, ...]:
        """The patches that fix it."""
        fixing = (p for p in self.patches if p.fixes)
        return tuple(Pattern(kind=ActionKind.HOTFIX, target=self.where, arguments={"patch": p.id}) for p in fixing)


class DiskFull(Fault):
    """A volume fills during `ramp`; full, it takes no writes."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("database",)
    what: Literal["disk_full"]
    needs_gb: float = Field(gt=0, description="how much will have been written; a larger volume holds it")


class ConnectionsExhausted(Fault):
    """Clients want more connections than the database gives."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("database",)
    what: Literal["connections_exhausted"]
    needs: int = Field(gt=0)


class MemoryLeak(Fault):
    """Memory fills during `ramp` after each start; full, the instances are killed again and again."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("backend", "cache")
    what: Literal["memory_leak"]
    version: str | None = Field(default=None, description="the release that leaks; None: all do")

    def only_while(self) -> tuple[str, Any] | None:
        """While the leaking version runs."""
        return None if self.version is None else (f"version/{self.where}", self.version)


class CpuContention(Fault):
    """Something on a host takes its processors; what runs there is slow."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("node",)
    what: Literal["cpu_contention"]
    slower: float = Field(default=12.0, ge=1)
    size: Share = 0.12

    def own_cures(self) -> tuple[Pattern, ...]:
        """Moving away from the host."""
        return (Pattern(kind=ActionKind.FAILOVER, target=self.where),)


class NodeDown(Fault):
    """A host is gone; what ran there is missing."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("node",)
    what: Literal["node_down"]
    size: Share = 0.6

    def own_cures(self) -> tuple[Pattern, ...]:
        """Moving away from the host."""
        return (Pattern(kind=ActionKind.FAILOVER, target=self.where),)


class CrashLoop(Fault):
    """Instances end and start again and again."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("backend", "cache")
    what: Literal["crash_loop"]
    error: str = "liveness probe failed, container restarted"

    def own_cures(self) -> tuple[Pattern, ...]:
        """A clean restart."""
        return (Pattern(kind=ActionKind.RESTART, target=self.where),)


class ConsumerStuck(Fault):
    """A consumer no longer takes from its queue."""

    what: Literal["consumer_stuck"]
    queue: str
    size: Share = 0.0

    def own_cures(self) -> tuple[Pattern, ...]:
        """Restarting the consumer."""
        return (Pattern(kind=ActionKind.RESTART, target=self.where),)


class DependencyDown(Fault):
    """Another company's system fails; a fallback masks it."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("external",)
    what: Literal["dependency_down"]
    size: Share = 0.95
    slower: float = Field(default=6.0, ge=1)
    status_page: str = "We are investigating elevated error rates."


class CredentialLeak(Fault):
    """Somebody uses a credential that is not theirs."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("database", "backend", "cache")
    what: Literal["credential_leak"]
    source: str
    records_per_min: int = 400
    personal_data: bool = True
    size: Share = 0.0

    def own_cures(self) -> tuple[Pattern, ...]:
        """A new credential."""
        return (Pattern(kind=ActionKind.ROTATE, target=self.where),)


class TrafficFlood(Fault):
    """One source sends far more than the service can answer."""

    what: Literal["traffic_flood"]
    source: str
    times: float = Field(default=9.0, gt=1, description="traffic as a multiple of normal")
    slower: float = Field(default=9.0, ge=1)

    def own_cures(self) -> tuple[Pattern, ...]:
        """Limiting the source."""
        return (Pattern(kind=ActionKind.LIMIT, target=self.where, arguments={"source": self.source}),)


class NetworkDelay(Fault):
    """The way to it is slow, not what it does: its callers wait longer for each call than it works."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("backend", "cache", "database")
    what: Literal["network_delay"]
    ms: float = Field(default=250.0, gt=0, description="what each call spends on the way, beyond the usual")
    size: Share = 0.0

    def own_cures(self) -> tuple[Pattern, ...]:
        """Instances elsewhere, which are reached another way."""
        return tuple(Pattern(kind=kind, target=self.where) for kind in (ActionKind.RESTART, ActionKind.FAILOVER))


class RetryStorm(Fault):
    """A caller tries again what fails, so often that the callee, overrun, goes on failing.

    The configuration multiplies failed calls for as long as it is in force; `from` is when they overrun the callee.
    """

    what: Literal["retry_storm"]
    to: str = Field(description="the callee that is overrun")
    key: str
    version: str
    tries: int = Field(default=5, ge=2, description="how often a call is made at most")
    size: Share = Field(default=0.75, description="share of tries that the callee refuses")
    slower: float = Field(default=4.0, ge=1, description="the callee's latency, as a multiple of normal")

    def only_while(self) -> tuple[str, Any]:
        """While that version of the key is in force."""
        return f"config/{self.where}/{self.key}", self.version


class Corruption(Fault):
    """A database's pages are damaged."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("database",)
    what: Literal["corruption"]

    def own_cures(self) -> tuple[Pattern, ...]:
        """The standby."""
        return (Pattern(kind=ActionKind.FAILOVER, target=self.where),)


class SlowQueries(Fault):
    """A database answers slowly."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("database",)
    what: Literal["slow_queries"]
    size: Share = 0.1
    slower: float = Field(default=60.0, ge=1)

    def own_cures(self) -> tuple[Pattern, ...]:
        """A restart ends what holds the locks."""
        return (Pattern(kind=ActionKind.RESTART, target=self.where),)


class ReplicationLag(Fault):
    """A standby is behind; a failover to it loses what it has not got."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("database",)
    what: Literal["replication_lag"]
    seconds: float = Field(default=240.0, gt=0)
    size: Share = 0.0


class Cosmetic(Fault):
    """A blemish that no telemetry shows."""

    kinds: ClassVar[tuple[ServiceKind, ...]] = ("frontend",)
    what: Literal["cosmetic"]
    size: Share = 0.0


AnyFault = Annotated[
    BadRelease | BadConfig | BadFlag | CodeBug | DiskFull | ConnectionsExhausted | MemoryLeak | CpuContention | NodeDown
    | CrashLoop | ConsumerStuck | DependencyDown | CredentialLeak | TrafficFlood | NetworkDelay | RetryStorm | Corruption
    | SlowQueries | ReplicationLag | Cosmetic,
    Field(discriminator="what"),
]  # fmt: skip
