"""Words: what a fault makes components write; each kind has its own, as its mechanism would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from nexus.world.metrics import Floats
from nexus.world.sandbox import faults as f
from nexus.world.sandbox.activity import Activity
from nexus.world.sandbox.scene import Local, hosts
from nexus.world.sandbox.shop import Component
from nexus.world.sandbox.simulation import Frame


@dataclass(frozen=True, slots=True)
class Words:
    """A line with holes {r}, {ms} and {n}; `often`: as many as requests fail, else one a minute."""

    level: str
    text: str
    often: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault is at work, how strongly in each minute, and the component's own condition there."""

    act: Activity
    component: Component
    local: Local

    @property
    def failing(self) -> Floats:
        """Share of requests that fail here because of the fault."""
        return self.act.level * self.act.size

    @property
    def refused(self) -> Floats:
        """Share that fails once what is filling up is full."""
        return np.minimum(self.local.errors, self.act.level)


Told = Iterator[tuple[Words, Floats]]


def words_of(fault: f.Fault, act: Activity, c: Component, frame: Frame) -> Told:
    """What that component writes because of the fault, with how strongly in each minute."""
    if isinstance(fault, f.CpuContention | f.NodeDown):
        yield from _host(fault, act, c, frame)
    elif c.name == fault.where:
        yield from spoken(fault, Place(act, c, frame.conditions[c.name].local))
    elif isinstance(fault, f.ConsumerStuck) and c.name == fault.queue:
        yield Words("warning", f"consumer {fault.where} has not acknowledged for {{n}} s", often=False), act.level
    elif isinstance(fault, f.RetryStorm) and c.name == fault.to:
        yield Words("error", "worker pool exhausted, request {r} refused"), act.level * act.size
    elif isinstance(fault, f.ConnectionsExhausted) and any(call.to == fault.where for call in c.calls):
        failing = np.minimum(frame.conditions[fault.where].local.errors, act.level)
        yield (
            Words("error", f"could not get a connection to {fault.where} within 2000 ms: pool exhausted (request {{r}})"),
            failing,
        )


def _host(fault: f.Fault, act: Activity, c: Component, frame: Frame) -> Told:
    if c.name == fault.where:
        if isinstance(fault, f.CpuContention):
            yield (
                Words("warning", "kernel: run queue is long, load average 61.{n}, processes wait for CPU", often=False),
                act.level,
            )
        return
    placed = [float(fault.where in hosts(c, frame.timeline.at(float(k)))) if c.nodes else 0.0 for k in frame.ks]
    here = np.asarray(placed)
    if isinstance(fault, f.CpuContention):
        yield Words("warning", f"request {{r}} waited 1{{ms}} ms for CPU on {fault.where}"), here * act.level * 0.5
    else:
        yield Words("error", f"lost contact with instances on {fault.where}", often=False), here * act.level


def _silent(fault: f.Defect, place: Place) -> Told:
    """What requests that are worked on to the end say of it; those that are not say nothing."""
    if fault.tells:
        yield Words("info", fault.tells), 1 - place.failing


@singledispatch
def spoken(_fault: f.Fault, _place: Place) -> Told:
    """The words at the faulty place."""
    yield from ()


@spoken.register
def _(fault: f.Defect, place: Place) -> Told:
    where = f"{fault.file}:{fault.line}"
    if fault.skips:
        yield from _silent(fault, place)
    elif place.component.kind == "frontend":
        yield Words("error", f"browser error: {fault.error} at {where}"), place.act.level
    else:
        yield Words("error", f"{fault.error} at {where} (request {{r}})"), place.failing


@spoken.register
def _(fault: f.BadConfig, place: Place) -> Told:
    if fault.skips:
        yield from _silent(fault, place)
    else:
        yield Words("error", f"config key {fault.key} invalid: {fault.error} (request {{r}})"), place.failing


@spoken.register
def _(_fault: f.DiskFull, place: Place) -> Told:
    yield (
        Words("warning", "disk space is low, a write-ahead segment was recycled early", often=False),
        np.where(place.act.level > 0.7, 1.0, 0.0),
    )
    yield Words("error", "could not extend file base/16401/{n}: No space left on device"), place.refused


@spoken.register
def _(_fault: f.ConnectionsExhausted, place: Place) -> Told:
    yield Words("error", "FATAL: too many connections: every slot is taken"), place.refused


@spoken.register
def _(_fault: f.MemoryLeak, place: Place) -> Told:
    memory = place.local.memory / max(1.0, 97.0 - place.component.memory)
    yield Words("warning", "garbage collection took {ms} ms, little was freed", often=False), np.where(memory > 0.7, 1.0, 0.0)
    yield (
        Words("error", "OutOfMemoryError: heap space; instance killed (OOMKilled) and started again"),
        np.where(memory >= 1, place.act.size, 0.0),
    )


@spoken.register
def _(fault: f.CrashLoop, place: Place) -> Told:
    yield Words("error", fault.error), place.failing


@spoken.register
def _(fault: f.ConsumerStuck, place: Place) -> Told:
    yield (
        Words("error", f"consumer of {fault.queue} blocked: message {{r}} redelivered 5 times, not acknowledged"),
        place.act.level * 0.5,
    )


@spoken.register
def _(fault: f.CredentialLeak, place: Place) -> Told:
    yield Words("warning", f"login with {place.component.credential} from unknown address {fault.source}"), place.act.level * 0.4


@spoken.register
def _(fault: f.TrafficFlood, place: Place) -> Told:
    yield Words("error", "worker pool exhausted, request {r} refused"), place.failing
    yield Words("warning", f"unusual rate of requests from {fault.source}"), place.act.level * 0.4


@spoken.register
def _(fault: f.RetryStorm, place: Place) -> Told:
    operation = next(call.operation for call in place.component.calls if call.to == fault.to)
    yield Words("warning", f"{operation} to {fault.to} failed, tried again (request {{r}})"), place.failing


@spoken.register
def _(_fault: f.Corruption, place: Place) -> Told:
    yield (
        Words("error", "invalid page in block {n} of relation base/16401: checksum mismatch, data may be lost"),
        place.failing,
    )


@spoken.register
def _(_fault: f.SlowQueries, place: Place) -> Told:
    yield Words("warning", "process {n} still waits for a lock after 1000 ms"), place.act.level * 0.6


@spoken.register
def _(_fault: f.ReplicationLag, place: Place) -> Told:
    yield Words("warning", "standby is behind, {n} segments not yet replayed", often=False), place.act.level
