"""The systemd journal: the real journalctl on journal files that systemd wrote, and what it says of journals that are not there.

What journalctl says to a user who may not read the journal is said by a program in its place: systemd 252's own words.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from debian_in_hand import program
from hypothesis import given
from hypothesis import strategies as st
from systemd_journal_in_hand import write_journal

from nexus.errors import Unavailable, WorldError
from nexus.world import Service, ServiceCatalog
from nexus.world.connectors import systemd_journal
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.systemd_journal import Settings, connect, text_of
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal
from nexus.world.logs import LogLine

pytestmark = pytest.mark.xdist_group("systemd-journal")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CATALOG = ServiceCatalog(services=(Service(name="checkout"), Service(name="cart"), Service(name="search")))


def entry(
    minutes_ago: float, unit: str, message: str | bytes, priority: int = 6, **more: str
) -> tuple[float, Mapping[str, str | bytes]]:
    at = (NOON - timedelta(minutes=minutes_ago)).timestamp()
    return at, {"MESSAGE": message, "PRIORITY": str(priority), "_SYSTEMD_UNIT": unit, **more}


ENTRIES = [
    *(entry(120 - n / 10, "checkout.service", f"request {n} served") for n in range(600)),
    entry(40, "checkout.service", "ERROR cannot reserve a.*b [x]"),
    entry(30, "checkout.service", b"caf\xe9", 4),
    entry(20, "checkout.service", "line one\nline two " + "x" * 9000, 3),
    entry(12, "init.scope", "checkout.service: Failed with result 'oom-kill'.", 4, UNIT="checkout.service", _PID="1"),
    entry(10, "cart@1.service", '{"level": "fatal", "msg": "no stock"}'),
    entry(5, "ssh.service", "not ours"),
    entry(-5, "checkout.service", "later"),
]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program("journalctl", "systemd")
    folder = tmp_path_factory.mktemp("journal")
    write_journal(folder / "remote.journal", ENTRIES)
    return folder


def connected(folder: Path, **more: Any) -> Connector:
    settings = Settings.model_validate({"use": "systemd-journal", "directory": str(folder), **more})
    return connect(settings, Site(Path("/nowhere"), CATALOG, MemoryJournal(), NOON))


async def searched(connector: Connector, minutes: float = 60, **more: Any) -> list[LogLine]:
    assert connector.logs is not None
    return await connector.logs.search(NOON - timedelta(minutes=minutes), NOON, **more)


async def test_lines_of_a_units_component_come_with_their_time_and_level(journal: Path) -> None:
    found = await searched(connected(journal), minutes=45)
    assert [(line.component, line.level, line.message[:20], line.at) for line in found] == [
        ("checkout", "error", "cannot reserve a.*b ", NOON - timedelta(minutes=40)),
        ("checkout", "warning", "caf\ufffd", NOON - timedelta(minutes=30)),
        ("checkout", "error", "line one\nline two xx", NOON - timedelta(minutes=20)),
        ("checkout", "warning", "checkout.service: Fa", NOON - timedelta(minutes=12)),
    ]
    assert len(found[2].message) == 9018


async def test_units_are_mapped_by_name_or_pattern(journal: Path) -> None:
    units = {"cart@*.service": "cart", "ssh.service": "bastion"}
    found = await searched(connected(journal, units=units))
    assert [(line.component, line.level, line.message) for line in found] == [
        ("cart", "critical", "no stock"),
        ("bastion", "info", "not ours"),
    ]
    assert [line.component for line in await searched(connected(journal, units=units), component="cart")] == ["cart"]


async def test_a_component_without_lines_is_empty_and_one_without_a_unit_is_unavailable(journal: Path) -> None:
    assert await searched(connected(journal), component="search") == []
    with pytest.raises(Unavailable, match="no unit of payment"):
        await searched(connected(journal), component="payment")


async def test_the_newest_come_when_there_are_too_many_and_journalctl_is_not_waited_for(journal: Path) -> None:
    found = await searched(connected(journal), minutes=120, component="checkout", pattern="served", limit=3)
    assert [line.message for line in found] == ["request 597 served", "request 598 served", "request 599 served"]
    assert len(await searched(connected(journal), minutes=120, limit=5000)) == 604
    assert await searched(connected(journal), limit=0) == []


async def test_a_pattern_is_a_plain_text(journal: Path) -> None:
    assert len(await searched(connected(journal), pattern="a.*b [")) == 1
    assert await searched(connected(journal), pattern="a.b") == []


async def test_no_journal_is_no_empty_answer(tmp_path: Path) -> None:
    program("journalctl", "systemd")
    with pytest.raises(Unavailable, match="No such file"):
        await searched(connected(tmp_path / "gone"))
    with pytest.raises(Unavailable, match="No journal files were found"):
        await searched(connected(tmp_path))


async def test_a_machine_without_journalctl_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(systemd_journal, "PROGRAM", "journalctl-of-no-machine")
    with pytest.raises(Unavailable, match="cannot be run") as said:
        await searched(connected(tmp_path))
    assert "log-files" in said.value.remedy


def pretending(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """A program in journalctl's place."""
    path = folder / "journalctl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(systemd_journal, "PROGRAM", str(path))


def running(noted: Path) -> bool:
    """Whether the process of that number still is."""
    return Path("/proc", noted.read_text().strip()).exists()


LINE = '{"__REALTIME_TIMESTAMP":"1772452740000000","MESSAGE":"here","PRIORITY":"6","_SYSTEMD_UNIT":"checkout.service"}'


HINT = "Hint: You are currently not seeing messages from other users and the system."


async def test_a_journal_that_may_not_be_read_is_no_empty_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretending(monkeypatch, tmp_path, f"case $1 in --output=short) echo '{HINT}' >&2;; esac")
    with pytest.raises(Unavailable, match="not seeing messages") as said:
        await searched(connected(tmp_path))
    assert "group systemd-journal" in said.value.remedy


async def test_a_damaged_file_among_good_ones_is_a_gap(tmp_path: Path) -> None:
    program("journalctl", "systemd")
    write_journal(tmp_path / "remote.journal", ENTRIES[-5:])
    (tmp_path / "cut.journal").write_bytes((tmp_path / "remote.journal").read_bytes()[:3000])
    with collecting() as gaps:
        assert len(await searched(connected(tmp_path))) == 2
    assert len(gaps) == 1
    assert "cut.journal is truncated, ignoring file" in gaps[0]


async def test_what_is_slow_gives_what_it_told_by_then_and_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretending(monkeypatch, tmp_path, f"echo '{LINE}'; echo $$ > {tmp_path}/pid; exec sleep 60")
    with collecting() as gaps:
        assert [line.message for line in await searched(connected(tmp_path, timeout=2.5))] == ["here"]
    assert "only its newest lines" in gaps[0]
    assert not running(tmp_path / "pid")
    pretending(monkeypatch, tmp_path, "exec sleep 60")
    with pytest.raises(Unavailable, match=r"took longer than 0\.2 s"):
        await searched(connected(tmp_path, timeout=0.2))


async def test_a_search_that_is_cancelled_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "begun")
    pretending(monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid; echo > {tmp_path}/begun; exec sleep 60")
    task = asyncio.create_task(searched(connected(tmp_path)))
    await asyncio.to_thread((tmp_path / "begun").read_text)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not running(tmp_path / "pid")


async def test_what_is_no_entry_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretending(monkeypatch, tmp_path, f"echo '[1]'; echo 'half an ent'; echo '{{}}'; echo '{LINE}'")
    assert [line.message for line in await searched(connected(tmp_path))] == ["here"]


async def test_an_entry_beyond_all_measure_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(systemd_journal, "LONGEST_ENTRY", 1024)
    pretending(monkeypatch, tmp_path, f"head -c 100000 /dev/zero | tr '\\0' x; echo; echo '{LINE}'")
    with pytest.raises(Unavailable, match="holds an entry of more than"):
        await searched(connected(tmp_path))


async def test_doctor_sees_whose_lines_there_are_and_that_there_are_none(journal: Path) -> None:
    (proof,) = await connected(journal).prove(NOON)
    assert proof.ok
    assert proof.detail == "604 lines; none of cart, search"
    (empty,) = await connected(journal).prove(NOON + timedelta(days=9))
    assert (empty.ok, empty.detail[:5]) == (False, "empty")
    (gone,) = await connected(journal / "gone").prove(NOON)
    assert (gone.ok, "No such file" in gone.detail) == (False, True)


FIELD = st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists, max_leaves=9)


@given(FIELD)
def test_a_message_of_any_form_is_a_text(held: object) -> None:
    assert isinstance(text_of(held), str)


def test_a_message_that_is_no_text_comes_as_the_numbers_of_its_bytes() -> None:
    assert text_of([99, 97, 102, 233]) == "caf\ufffd"
    assert text_of(["one", [116, 119, 111]]) == "one\ntwo"


def test_without_units_and_services_there_is_nothing_to_ask_for() -> None:
    with pytest.raises(WorldError, match="knows no unit"):
        connect(Settings(use="systemd-journal"), Site(Path(), ServiceCatalog(), MemoryJournal(), NOON))
