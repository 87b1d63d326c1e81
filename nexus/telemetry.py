"""Telemetry: where a command's spans go, as OpenTelemetry's standard variables say; nowhere unless one of them is set."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORTERS = "OTEL_TRACES_EXPORTER"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
KNOWN = ("otlp", "console")

PATIENCE = 3.0
"""Seconds that the end of a command waits for the collector, at the most."""


def wanted(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The exporters that the variables ask for, by their standard names; an endpoint alone asks for `otlp`."""
    given = {name: value.strip() for name, value in environment.items() if name.startswith("OTEL_")}
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ()
    if given.get(EXPORTERS):
        named = dict.fromkeys(name.strip() for name in given[EXPORTERS].split(","))
        return tuple(name for name in named if name not in ("", "none"))
    return ("otlp",) if any(given.get(name) for name in ENDPOINTS) else ()


def objection(exporters: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """Why these cannot be had, in one line with what to do; empty where they can."""
    unknown = [name for name in exporters if name not in KNOWN]
    if unknown:
        return f"{EXPORTERS} names {unknown[0]}: give {', '.join(KNOWN)} or none"
    protocol = next((environment[name].strip() for name in PROTOCOLS if environment.get(name, "").strip()), "http/protobuf")
    if "otlp" in exporters and protocol != "http/protobuf":
        return f"spans are sent by http/protobuf, not by {protocol}: set {PROTOCOLS[1]}=http/protobuf and its endpoint"
    return ""


@contextmanager
def telemetry() -> Iterator[None]:
    """While held, spans go where the environment says; at the end the last ones are sent, within `PATIENCE`.

    A provider that is set already stays, and so does whatever it does. Nothing here fails a command: what is wrong is one line
    on standard error.
    """
    trouble = Trouble()
    provider = _provider()
    if provider is None:
        yield
        return
    logging.getLogger("opentelemetry").addHandler(trouble)  # for good: what is left alone at the end may still complain
    try:
        yield
    finally:
        finish(provider, trouble)
        if trouble.told:
            _warn(f"not all traces were delivered ({trouble.told}): check {ENDPOINTS[1]}")


def _provider() -> TracerProvider | None:
    """The provider that the environment asks for, now in use; None where none is asked for, or it cannot be had."""
    exporters = wanted(os.environ)
    if not exporters:
        return None
    against = objection(exporters, os.environ)
    if against:
        _warn(f"no traces: {against}")
        return None
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra

        if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            return None
        processors = [BatchSpanProcessor(_exporter(name)) for name in exporters]
    except ImportError as error:
        _warn(f"no traces: {error.name} is not installed: pip install 'nexus-incident-response[otel]'")
        return None
    except ValueError as error:
        _warn(f"no traces: {error}: mend the OTEL_ variables")
        return None
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return provider


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415 - an extra

        return ConsoleSpanExporter(out=sys.stderr)  # standard output is the command's answer
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra

    return OTLPSpanExporter()


def _resource() -> Resource:
    """Who sends: the environment's own words over ours."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - an extra

    return Resource.create({"service.name": "nexus"}).merge(OTELResourceDetector().detect())


class Trouble(logging.Handler):
    """What OpenTelemetry complains of, in place of its printing that: `told`, the first loss; `passing`, what is tried again."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told = ""
        self.passing = ""
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it. An exporter's warnings are of what it tries again; the queue's are of what it dropped."""
        self.count += 1
        text = " ".join(record.getMessage().split())[:200]
        if record.levelno < logging.ERROR and record.name.startswith("opentelemetry.exporter"):
            self.passing = text
        else:
            self.told = self.told or text


def finish(provider: TracerProvider, trouble: Trouble) -> None:
    """Send what is left; a collector that fails now, or takes longer than `PATIENCE`, is left alone."""
    before = trouble.count
    until = time.monotonic() + PATIENCE
    sending = threading.Thread(target=provider.shutdown, name="nexus-telemetry", daemon=True)
    sending.start()
    while sending.is_alive() and trouble.count == before and time.monotonic() < until:
        sending.join(0.05)
    if sending.is_alive() and not trouble.told:
        trouble.told = trouble.passing or f"the collector took longer than {PATIENCE:g} s"


def _warn(text: str) -> None:
    from nexus.masking import masked_text  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.wording import plain  # noqa: PLC0415 - same

    sys.stderr.write(f"nexus: warning: {plain(masked_text(text))}\n")
