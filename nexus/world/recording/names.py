"""What a column's name tells: the kind and unit of a metric, and the kind of component."""

from __future__ import annotations

import re

from nexus.world.catalog import ServiceKind
from nexus.world.metrics import MetricKind

_WORDS = re.compile(r"[a-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_KINDS: tuple[tuple[MetricKind, frozenset[str]], ...] = (
    (MetricKind.AVAILABILITY, frozenset({"availability", "available", "success", "successes", "uptime", "up"})),
    (MetricKind.ERRORS, frozenset({"error", "errors", "fail", "failed", "failure", "failures", "fault", "faults", "exceptions", "5xx", "4xx", "timeouts", "drops", "dropped"})),  # noqa: E501  # one table, one line a kind
    (MetricKind.LATENCY, frozenset({"latency", "duration", "delay", "rt", "rtt", "elapsed", "response", "wait", "load", "lag"})),
    (MetricKind.SATURATION, frozenset({"cpu", "mem", "memory", "heap", "disk", "fs", "inode", "inodes", "connections", "conns", "queue", "depth", "backlog", "saturation", "throttled", "threads", "swap", "iowait", "pool", "usage", "utilization"})),  # noqa: E501  # same
    (MetricKind.TRAFFIC, frozenset({"requests", "request", "ops", "rps", "qps", "throughput", "workload", "calls", "count", "hits", "sessions", "orders", "invocations"})),  # noqa: E501  # same
)  # fmt: skip
_UNITS: tuple[tuple[str, str], ...] = (
    ("pct", "%"), ("percent", "%"), ("us", "us"), ("ms", "ms"), ("s", "s"), ("seconds", "s"), ("bytes", "B"), ("mi", "MiB"),
    ("m", "m"), ("min", "1/min"), ("ops", "1/s"), ("rps", "1/s"), ("qps", "1/s"), ("share", "share"), ("rate", "share"),
    ("availability", "%"),
)  # fmt: skip
_COMPONENTS: tuple[tuple[ServiceKind, frozenset[str]], ...] = (
    ("queue", frozenset({"queue", "sqs", "kafka", "rabbitmq", "amqp", "nats", "kinesis"})),
    ("cache", frozenset({"redis", "memcached", "cache", "valkey"})),
    ("database", frozenset({"sql", "mysql", "postgres", "postgresql", "pgsql", "mongo", "mongodb", "dynamodb", "dynamo", "database", "db", "rds", "mariadb", "cassandra", "elasticsearch", "table"})),  # noqa: E501  # same
)  # fmt: skip


def words(name: str) -> list[str]:
    """The lower-case words of a name: `cpuUsage_p95` gives cpu, usage, p, 95."""
    return _WORDS.findall(_CAMEL.sub(" ", name).lower())


def kind_of(metric: str) -> MetricKind:
    """What the metric says about its component; OTHER where the name does not tell."""
    present = set(words(metric)) | set(metric.lower().split("_"))
    return next((kind for kind, known in _KINDS if present & known), MetricKind.OTHER)


def unit_of(metric: str) -> str:
    """The unit, from the last telling word; empty where there is none."""
    present = list(reversed(metric.lower().replace("-", "_").split("_")))
    return next((unit for word in present for known, unit in _UNITS if word == known), "")


def component_kind(name: str) -> ServiceKind:
    """A database, queue or cache where the name says so, else a backend."""
    present = set(words(name)) | set(re.split(r"[^a-z0-9]+", name.lower()))
    return next((kind for kind, known in _COMPONENTS if present & known), "backend")
