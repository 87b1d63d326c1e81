"""Known metrics: what is asked of a Prometheus that nobody described: exporters' usual names, and how to read them.

Every query is aggregated to one series a component; all have the names, kinds and units that analysis compares across components.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template

from nexus.world.metrics import MetricKind

USUAL_LABELS = ("service", "job", "app", "component")
"""Where a component's name stands, most likely first."""
_MOVED = ("exported_service", "exported_job", "service_name", "application")
"""Where it stands when the target's own labels won over the metric's, or a framework named the label."""
_PROBED = ("service", "app", "component", "instance", "target", "job")
_HOST = ("node", "nodename", "instance", "host")
_CONTAINER = ("container", "container_label_com_docker_compose_service", "name")
_QUEUE = ("queue", "consumergroup", *USUAL_LABELS)

STATUS_LABELS = ("code", "status", "status_code", "http_status_code", "http_response_status_code")


@dataclass(frozen=True, slots=True)
class Known:
    """One thing to ask where every metric of `needs` exists; the first tells which label holds the component.

    `query` has the holes $by (that label) and $window (of rates). `counts`: requests by status; asked only where it has a status.
    """

    needs: tuple[str, ...]
    query: str
    metric: str
    kind: MetricKind
    unit: str
    labels: tuple[str, ...] = USUAL_LABELS + _MOVED
    counts: bool = False

    def asked(self, by: str, window: str) -> str:
        """The query."""
        return Template(self.query).substitute(by=by, window=window)


_COUNTERS = (
    "http_requests_total",
    "http_server_requests_seconds_count",
    "http_server_request_duration_seconds_count",
    "http_server_duration_milliseconds_count",
    "http_request_duration_seconds_count",
    "nginx_ingress_controller_requests",
    "traefik_service_requests_total",
)
_HISTOGRAMS = {
    "http_server_requests_seconds": 1000,
    "http_server_request_duration_seconds": 1000,
    "http_server_duration_milliseconds": 1,
    "http_request_duration_seconds": 1000,
    "nginx_ingress_controller_request_duration_seconds": 1000,
    "traefik_service_request_duration_seconds": 1000,
    "grpc_server_handling_seconds": 1000,
}
"""Name without its suffix, to what makes milliseconds of it."""
_GRPC_FAILURES = "Unknown|DeadlineExceeded|ResourceExhausted|Unimplemented|Internal|Unavailable|DataLoss"
_FILES = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|nsfs|fuse.*"'


def _requests() -> Iterator[Known]:
    for name in _COUNTERS:
        failed = " or ".join(f'rate({name}{{{label}=~"5.."}}[$window])' for label in STATUS_LABELS)
        total = f"sum by ($by) (rate({name}[$window]))"
        share = f"(sum by ($by) ({failed}) or 0 * {total}) / ({total} > 0)"
        yield Known((name,), share, "error_rate", MetricKind.ERRORS, "share", counts=True)
        yield Known((name,), f"60 * {total}", "requests_per_min", MetricKind.TRAFFIC, "1/min")
    name = "grpc_server_handled_total"
    total = f"sum by ($by) (rate({name}[$window]))"
    failed = f'sum by ($by) (rate({name}{{grpc_code=~"{_GRPC_FAILURES}"}}[$window]))'
    yield Known((name,), f"({failed} or 0 * {total}) / ({total} > 0)", "error_rate", MetricKind.ERRORS, "share")
    yield Known((name,), f"60 * {total}", "requests_per_min", MetricKind.TRAFFIC, "1/min")


def _latencies() -> Iterator[Known]:
    for name, scale in _HISTOGRAMS.items():
        p95 = f"{scale} * histogram_quantile(0.95, sum by (le, $by) (rate({name}_bucket[$window])))"
        yield Known((f"{name}_bucket",), p95, "latency_p95_ms", MetricKind.LATENCY, "ms")
    for name, scale in _HISTOGRAMS.items():
        both = tuple(f"sum by ($by) (rate({name}_{part}[$window]))" for part in ("sum", "count"))
        mean = f"{scale} * {both[0]} / ({both[1]} > 0)"
        yield Known((f"{name}_count", f"{name}_sum"), mean, "latency_mean_ms", MetricKind.LATENCY, "ms")


def _up(name: str, metric: str, labels: tuple[str, ...] = USUAL_LABELS + _MOVED) -> Known:
    return Known((name,), f"avg by ($by) ({name})", metric, MetricKind.AVAILABILITY, "share", labels)


def _full(part: str, whole: str, metric: str, how: str = "max", labels: tuple[str, ...] = USUAL_LABELS + _MOVED) -> Known:
    """How much of `whole` is used; both are metrics with the same labels, or selectors of them."""
    query = f"100 * {how} by ($by) ({part}) / ({how} by ($by) ({whole}) > 0)"
    return Known((_name(part), _name(whole)), query, metric, MetricKind.SATURATION, "%", labels)


def _name(selector: str) -> str:
    return selector.partition("{")[0]


def _amount(name: str, query: str, metric: str, unit: str, labels: tuple[str, ...] = USUAL_LABELS + _MOVED) -> Known:
    return Known((name,), query, metric, MetricKind.SATURATION, unit, labels)


_HEAP = '{area="heap"}'

KNOWN: tuple[Known, ...] = (
    _up("up", "up"),
    _up("probe_success", "probe_success", _PROBED),
    Known(
        ("probe_duration_seconds",),
        "1000 * max by ($by) (probe_duration_seconds)",
        "probe_latency_ms",
        MetricKind.LATENCY,
        "ms",
        _PROBED,
    ),
    *_requests(),
    *_latencies(),
    _amount("process_cpu_seconds_total", "max by ($by) (rate(process_cpu_seconds_total[$window]))", "process_cpu_cores", "cores"),
    _amount(
        "process_resident_memory_bytes", "max by ($by) (process_resident_memory_bytes) / 1048576", "process_memory_mib", "MiB"
    ),
    _full("process_open_fds", "process_max_fds", "open_files_pct"),
    _full("jvm_memory_used_bytes" + _HEAP, "jvm_memory_max_bytes" + _HEAP, "heap_memory_pct", "sum"),
    _full("hikaricp_connections_active", "hikaricp_connections_max", "pool_connections_pct"),
    _full("pg_stat_activity_count", "pg_settings_max_connections", "connections_pct", "sum"),
    _full("mysql_global_status_threads_connected", "mysql_global_variables_max_connections", "connections_pct"),
    _full("redis_memory_used_bytes", "redis_memory_max_bytes", "memory_pct"),
    _up("pg_up", "database_up"),
    _up("mysql_up", "database_up"),
    _up("redis_up", "database_up"),
    _amount("rabbitmq_queue_messages_ready", "sum by ($by) (rabbitmq_queue_messages_ready)", "queue_depth", "messages", _QUEUE),
    _amount("kafka_consumergroup_lag", "sum by ($by) (kafka_consumergroup_lag)", "queue_lag", "messages", _QUEUE),
    _amount(
        "container_cpu_usage_seconds_total",
        'max by ($by) (rate(container_cpu_usage_seconds_total{$by!="",$by!="POD"}[$window]))',
        "container_cpu_cores",
        "cores",
        _CONTAINER,
    ),
    _full("container_memory_working_set_bytes", "container_spec_memory_limit_bytes", "container_memory_pct", labels=_CONTAINER),
    _amount(
        "node_cpu_seconds_total",
        '100 * (1 - avg by ($by) (rate(node_cpu_seconds_total{mode="idle"}[$window])))',
        "cpu_pct",
        "%",
        _HOST,
    ),
    Known(
        ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
        "100 * (1 - min by ($by) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes))",
        "memory_pct",
        MetricKind.SATURATION,
        "%",
        _HOST,
    ),
    Known(
        ("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
        f"100 * (1 - min by ($by) (node_filesystem_avail_bytes{{{_FILES}}} / (node_filesystem_size_bytes{{{_FILES}}} > 0)))",
        "disk_pct",
        MetricKind.SATURATION,
        "%",
        _HOST,
    ),
)
"""In order: where two give the same metric of a component, the first is believed."""
