"""Readings: what each tool measured, typed; a responder decides from these values and never from prose."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from nexus.incident import Action, Cause, Impact, Moment, Word


class Reading(Word):
    """`summary` is for people; everything else becomes the Evidence's values."""

    summary: str


class MetricChange(Word):
    """A series that moved; `score` is how many robust deviations from its own past."""

    component: str
    metric: str
    kind: str
    unit: str
    before: float
    after: float
    score: float
    direction: Literal["up", "down"]
    onset: Moment


class MetricsReading(Reading):
    """`query_metrics`: what moved, strongest first."""

    looked_at: int = Field(description="series looked at; 0 means nothing could be known")
    changed: tuple[MetricChange, ...] = ()


class LogPattern(Word):
    """Lines of one shape; counts are per minute."""

    component: str
    template: str
    example: str
    level: str
    rate_before: float
    rate_after: float
    first_seen: Moment
    new: bool


class SilentLines(Word):
    """Lines of no trouble that a component all but stopped writing while the rest went on; `before` and `after` are counts."""

    component: str
    example: str
    before: int
    after: int
    since: Moment


class LogsReading(Reading):
    """`search_logs`: error and warning shapes that are new or more frequent, strongest first; then what fell silent."""

    lines: int
    patterns: tuple[LogPattern, ...] = ()
    silent: tuple[SilentLines, ...] = ()


class ChangeEntry(Word):
    """One change; `minutes_before` the alert, negative when after."""

    id: str
    at: Moment
    component: str
    kind: str
    version: str
    previous: str
    author: str
    summary: str
    minutes_before: float


class ChangesReading(Reading):
    """`list_changes`: newest first."""

    changes: tuple[ChangeEntry, ...] = ()


class PipelineEntry(Word):
    """One pipeline run."""

    component: str
    at: Moment
    version: str
    status: str
    detail: str


class PipelineReading(Reading):
    """`pipeline_status`: newest first."""

    runs: tuple[PipelineEntry, ...] = ()


class DependencyEntry(Word):
    """One third party."""

    name: str
    failing: bool
    error_rate: float
    latency_ms: float
    normal_latency_ms: float
    status_page: str
    used_by: tuple[str, ...]
    fallback: Literal["none", "available", "on"]
    failing_since: Moment | None = None


class DependenciesReading(Reading):
    """`check_dependencies`."""

    dependencies: tuple[DependencyEntry, ...] = ()


class Problem(Word):
    """Something wrong with one component, by an enumerated name."""

    component: str
    problem: Literal[
        "down", "not_writable", "disk_full", "disk_filling", "connections_exhausted", "replication_lag", "slow_queries",
        "corrupt", "queue_backlog", "node_down", "cpu", "memory", "crash_loop", "replicas_missing",
    ]  # fmt: skip
    detail: str
    data_at_risk: bool = False


class DatabasesReading(Reading):
    """`check_databases`: databases and queues."""

    looked_at: int
    problems: tuple[Problem, ...] = ()


class InfrastructureReading(Reading):
    """`infrastructure_state`: nodes and workloads; `hosts` says which components run on which node."""

    looked_at: int
    problems: tuple[Problem, ...] = ()
    hosts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)


class RateEntry(Word):
    """Errors and latency of one component, now and before the trouble."""

    component: str
    error_rate: float | None
    normal_error_rate: float | None
    latency_ms: float | None
    normal_latency_ms: float | None
    abnormal: bool


class ErrorRatesReading(Reading):
    """`api_error_rates`: abnormal ones first."""

    entries: tuple[RateEntry, ...] = ()


class EdgeEntry(Word):
    """Calls from one component to another, now and before."""

    caller: str
    callee: str
    calls_per_min: float
    calls_per_min_before: float
    error_share: float | None
    error_share_before: float | None
    p95_ms: float
    p95_ms_before: float
    abnormal: bool
    dry: bool = Field(default=False, description="abnormal only because it is hardly used any more")


class WaitEntry(Word):
    """Callers that wait `ms` longer for calls into or out of a component than was worked on them; `usual_ms` is what it was."""

    component: str
    callers: tuple[str, ...]
    ms: float
    usual_ms: float


class RepeatEntry(Word):
    """A caller that calls `times` as often for the same number of its own requests."""

    caller: str
    callee: str
    times: float


class BrokenOffEntry(Word):
    """A component that is called as before and hardly calls those any more."""

    component: str
    callees: tuple[str, ...]


class CommunicationReading(Reading):
    """`service_communication`: abnormal edges first; then what only several edges together show."""

    edges: tuple[EdgeEntry, ...] = ()
    waits: tuple[WaitEntry, ...] = ()
    repeats: tuple[RepeatEntry, ...] = ()
    broken_off: tuple[BrokenOffEntry, ...] = ()


def _is_empty(value: object) -> bool:
    return value in (None, (), 0.0)


class SuspectEntry(Word):
    """One component that may be where it began; scores are comparable within one reading. What is empty is not written.

    Those that are told in short have no more than component, score, `strong` and cause.
    """

    component: str
    score: float
    strong: bool = Field(default=True, description="stands out from noise; a weak one only says where to look next")
    cause: Cause
    cause_confidence: float = Field(default=0.0, ge=0, le=1, exclude_if=_is_empty)
    onset: Moment | None = Field(default=None, exclude_if=_is_empty)
    mechanism: str | None = Field(
        default=None, exclude_if=_is_empty, description="disk, cpu, memory, errors, latency, traffic, config, release …"
    )
    change: str | None = Field(default=None, exclude_if=_is_empty, description="id of a change that could explain it")
    reasons: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)


class SuspectsReading(Reading):
    """`rank_suspects`: best first, the first few with their reasons; empty when nothing moved."""

    onset: Moment | None = None
    suspects: tuple[SuspectEntry, ...] = ()
    separated: float = Field(default=0.0, description="0 to 1: how far the first stands above the second")
    sure: float = Field(default=1.0, description="0 to 1: how often such a first one was the right one")


class RollbackReading(Reading):
    """`prepare_rollback`: what a rollback would do; nothing is changed."""

    component: str
    possible: bool
    action: Action | None = None


class PageEntry(Word):
    """One page as browsers report it."""

    page: str
    component: str
    script_errors_per_min: float
    normal_script_errors_per_min: float
    top_error: str
    load_ms: float
    normal_load_ms: float
    assets_failing_share: float
    release: str
    abnormal: bool


class PagesReading(Reading):
    """`client_errors`, `page_load` and `asset_delivery`: pages, abnormal ones first, each tool judging its own aspect."""

    pages: tuple[PageEntry, ...] = ()


class ImpactReading(Reading):
    """`assess_impact`: scope, and the enumerated signals that the severity rubric looks at.

    signals: availability ok|degraded|down|unknown · errors normal|elevated|majority|unknown ·
    latency normal|elevated|tenfold|unknown · feature core|major|minor|cosmetic|unknown (the worst one hit) ·
    data safe|at_risk|lost|unknown · workaround yes|no|unknown · alert critical|high|medium|low|unknown (the alert's own word) ·
    telemetry full|partial|none · now normal|abnormal|unknown (is anything wrong at this moment)
    """

    impact: Impact
    signals: dict[str, str]
    hit: tuple[str, ...] = Field(default=(), description="components with errors, latency or absence beyond their normal")


class SecuritySignalEntry(Word):
    """One signal."""

    at: Moment
    kind: str
    component: str
    detail: str
    source: str
    records_accessed: int | None
    personal_data: bool


class SecurityReading(Reading):
    """`security_signals`; signals: security none|attack|suspected|breach|unknown."""

    signals: tuple[SecuritySignalEntry, ...] = ()
    security: Literal["none", "attack", "suspected", "breach", "unknown"]
    personal_data: bool


class EndpointEntry(Word):
    """One endpoint, tried."""

    component: str
    method: str
    path: str
    error_rate: float
    normal_error_rate: float
    latency_ms: float
    normal_latency_ms: float
    passed: bool
    detail: str


class RegressionReading(Reading):
    """`regress_endpoints`."""

    endpoints: tuple[EndpointEntry, ...] = ()
    passed: bool


class RecoveryReading(Reading):
    """`recovery`: the world now against what it was before the trouble, and against what it was before the last action."""

    looked_at: int
    recovered: bool
    worse: bool = Field(description="health is worse than before the last action")
    abnormal: tuple[str, ...] = Field(default=(), description="components still beyond their normal")
    new: tuple[str, ...] = Field(default=(), description="components abnormal now that were not before the last action")
    before_score: float = 0.0
    now_score: float = 0.0


class PictureReading(Reading):
    """`picture_metrics`, `picture_suspect` and `screenshot`: the Evidence's pictures hold it."""

    shows: tuple[str, ...] = ()


class CodeReading(Reading):
    """`locate_error`: where the error arises and which patches a developer has."""

    component: str
    file: str | None = None
    line: int | None = None
    snippet: str = ""
    last_changed_days: float | None = None
    patches: tuple[dict[str, str], ...] = Field(default=(), description="id, summary, diff; best first")


class PatchTestReading(Reading):
    """`test_patch`: tried away from production."""

    patch: str
    passed: bool


class ServiceReading(Reading):
    """`service_info`: the catalog's entry; empty when the catalog does not list it."""

    service: dict[str, Any] = Field(default_factory=dict)
    callers: tuple[str, ...] = ()


class OptionsReading(Reading):
    """`action_options`: what could be done about a component now, exactly."""

    options: tuple[Action, ...] = ()


class DryRunReading(Reading):
    """`dry_run`: what an action would do; nothing is changed."""

    ok: bool
    effect: str
    touches: tuple[str, ...] = ()
    before: dict[str, Any] = Field(default_factory=dict)
