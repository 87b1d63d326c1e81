"""Log files: what is read of lines as programs write them, from real files on disk that grow, rotate, break and are missing."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nexus.analysis.patterns import patterns_of
from nexus.errors import Unavailable, WorldError
from nexus.world import ServiceCatalog
from nexus.world.connectors import log_tail
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.log_files import Settings, connect
from nexus.world.connectors.log_levels import level_of
from nexus.world.connectors.log_lines import LONGEST, Format, LineReader
from nexus.world.connectors.log_tail import LONGEST_LINE, around, lines_backwards
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal
from nexus.world.logs import LogLine

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
READER = LineReader(latest=NOON + timedelta(days=1))


def connected(folder: Path, *files: dict[str, str], **more: Any) -> Connector:
    named = [{"component": "checkout", **one} for one in files or ({"path": "app.log"},)]
    settings = Settings.model_validate({"use": "log-files", "files": named, **more})
    return connect(settings, Site(folder, ServiceCatalog(), MemoryJournal(), NOON))


async def searched(connector: Connector, minutes: float = 60, **more: Any) -> list[LogLine]:
    assert connector.logs is not None
    return await connector.logs.search(NOON - timedelta(minutes=minutes), NOON, **more)


def written(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def stamped(minutes_ago: float, text: str) -> str:
    return f"{NOON - timedelta(minutes=minutes_ago):%Y-%m-%dT%H:%M:%S.%fZ} {text}"


LINES = {
    "2026-03-02 12:00:00,123 ERROR shop.cart: cannot reserve": ("error", "shop.cart: cannot reserve", 123),
    "2026-03-02 12:00:00,123 - shop.cart - WARNING - slow": ("warning", "shop.cart - WARNING - slow", 123),
    "\x1b[2m2026-03-02T12:00:00.250Z\x1b[0m \x1b[31mERROR\x1b[0m cart: no stock": ("error", "cart: no stock", 250),
    '\ufeff{"time": "2026-03-02T12:00:00Z", "level": "info", "msg": "begun"}': ("info", "begun", 0),
    "checkout-1  | 2026-03-02 12:00:00 ERROR no stock": ("error", "checkout-1  | ERROR no stock", 0),
    "INFO 2026-03-02 12:00:00 started": ("info", "started", 0),
    "2026-03-02T13:00:00.5+01:00 [main] DEBUG c.s.Cart - reserved": ("debug", "[main] DEBUG c.s.Cart - reserved", 500),
    "2026/03/02 12:00:00 [error] 31#31: *4 connect() failed": ("error", "31#31: *4 connect() failed", 0),
    "2026-03-02T12:00:00.000000001Z stderr F panic: boom": ("critical", "panic: boom", 0),
    "Mar  2 12:00:00 web-1 checkout[12]: FATAL: no database": ("critical", "web-1 checkout[12]: FATAL: no database", 0),
    "<11>1 2026-03-02T12:00:00.250Z web-1 app - - - full": ("error", "<11>1 web-1 app - - - full", 250),
    "E0302 12:00:00.750000       1 pods.go:10] cannot sync": ("error", "1 pods.go:10] cannot sync", 750),
    "[Mon Mar 02 12:00:00.500000 2026] [proxy:error] [pid 1] failed": ("error", "[proxy:error] [pid 1] failed", 500),
    "[2026-03-02 12:00:00] production.ERROR: Call to undefined": ("error", "production.ERROR: Call to undefined", 0),
    "2026-03-02 12:00:00.000 UTC [77] LOG:  checkpoint starting": ("info", "[77] LOG:  checkpoint starting", 0),
    '10.0.0.9 - bob [02/Mar/2026:13:00:00 +0100] "GET /cart?id=4 HTTP/1.1" 502 157 "-" "curl"':
        ("error", "GET /cart?id=4 answered 502", 0),
    '10.0.0.9 - - [02/Mar/2026:12:00:00 +0000] "GET /cart HTTP/1.1" 404 157': ("warning", "GET /cart answered 404", 0),
    '{"time": "2026-03-02T12:00:00Z", "level": "error", "msg": "no stock"}': ("error", "no stock", 0),
    '{"ts": 1772452800.5, "lvl": "warn", "message": "slow", "error": "timeout"}': ("warning", "slow: timeout", 500),
    '{"time": 1772452800500, "level": 50, "msg": "failed", "err": {"type": "Oops", "message": "db", "stack": "Oops\\n at x"}}':
        ("error", "failed: Oops: db", 500),
    '{"@timestamp": "2026-03-02T12:00:00Z", "log": {"level": "CRITICAL"}, "message": "gone"}': ("critical", "gone", 0),
    '{"log": "ERROR no stock\\n", "stream": "stdout", "time": "2026-03-02T12:00:00.25Z"}': ("error", "ERROR no stock", 250),
    'ts=2026-03-02T12:00:00Z level=warn msg="slow \\"query\\"" err="too many"': ("warning", 'slow "query": too many', 0),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_read_as_its_program_meant_it(line: str) -> None:
    level, message, milliseconds = LINES[line]
    parsed = READER.read(line)
    assert parsed.at is not None
    assert abs(parsed.at - NOON - timedelta(milliseconds=milliseconds)) < timedelta(milliseconds=1)
    assert (parsed.level, parsed.message.split("\n")[0]) == (level, message)


@pytest.mark.parametrize(
    "line", ["Traceback (most recent call last):", '  File "a.py", line 2', "\tat com.shop.Cart", "Caused by: x", "{"]
)
def test_a_line_without_a_time_of_its_own_has_none(line: str) -> None:
    assert READER.read(line).at is None


def test_a_time_without_a_zone_is_of_the_given_one_and_a_day_without_a_year_of_the_last_such() -> None:
    berlin = LineReader("auto", connected_zone("Europe/Berlin"), datetime(2026, 1, 2, tzinfo=UTC))
    assert berlin.read("2026-03-02 13:00:00 x").at == NOON
    assert berlin.read("Dec 31 23:30:00 web-1 x").at == datetime(2025, 12, 31, 22, 30, tzinfo=UTC)


def connected_zone(name: str) -> Any:
    return connected(Path(), timezone=name).logs._zone  # type: ignore[union-attr]


def test_levels_have_one_name_each() -> None:
    words = {"WARN": "warning", "Fatal": "critical", "trace": "debug", "notice": "info", "severe": "error", "loud": ""}
    assert {word: level_of(word) for word in words} == words
    numbers: dict[Any, str] = {
        0: "critical",
        3: "error",
        4: "warning",
        7: "debug",
        30: "info",
        50: "error",
        60: "critical",
        99: "",
        "40": "warning",
    }
    assert {number: level_of(number) for number in numbers} == numbers
    odd: list[object] = [True, None, []]
    assert [level_of(value) for value in odd] == ["", "", ""]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["time", "ts", "level", "msg", "log", "level", "error", "stack", "message", "x"]), inner
        )
    ),
    max_leaves=12,
)
PIECES = st.sampled_from(
    [
        *LINES,
        "2026-13-45T99:00:00Z",
        "{",
        '"',
        "[",
        " ",
        "\t",
        "=",
        "level=",
        "\\ud800",
        "9" * 400,
        "<999>",
        "Feb 30 ",
        "\x1b[",
        "\x00",
        "é",
    ]
)


@given(
    st.sampled_from(["auto", "text", "json", "logfmt", "access"]),
    st.lists(PIECES | st.text()).map("".join) | JSON.map(json.dumps),
)
def test_any_line_is_read_without_an_error_into_what_can_be_stored(chosen: Format, line: str) -> None:
    parsed = LineReader(chosen, latest=NOON).read(line)
    assert parsed.at is None or parsed.at.tzinfo is UTC
    assert parsed.level in {"", "debug", "info", "warning", "error", "critical"}
    assert len(parsed.message) <= LONGEST
    assert "\x00" not in parsed.message
    parsed.message.encode()


@given(
    st.binary() | st.lists(st.sampled_from([b"\n", b"\r\n", b"2026-03-02T12:00:00Z ", b"a", b"{", b"\xff\xfe"])).map(b"".join),
    st.integers(1, 9),
)
def test_lines_read_backwards_in_blocks_of_any_size_are_the_lines(held: bytes, block: int) -> None:
    file = io.BytesIO(held)
    assert list(lines_backwards(file, 0, len(held), block))[::-1] == (held.split(b"\n") if held else [])


@given(held=st.binary())
async def test_a_file_of_any_bytes_is_searched_without_an_error(held: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app.log").write_bytes(held)
        (Path(folder) / "app.log.1.gz").write_bytes(gzip.compress(held))
        for files in ([{"path": "app.log"}], [{"path": "app.log.1.gz", "format": "logfmt"}]):
            with suppress(Unavailable):  # where no line has a time
                found = await searched(connected(Path(folder), *files))
                assert all(NOON - timedelta(hours=1) <= line.at <= NOON for line in found)


def test_a_line_without_end_is_cut_and_costs_no_more_than_its_beginning() -> None:
    held = b"first\n" + b"x" * (3 * LONGEST_LINE) + b"\nlast"
    lines = list(lines_backwards(io.BytesIO(held), 0, len(held)))
    assert [len(line) for line in lines] == [4, LONGEST_LINE, 5]


class Counted(io.BytesIO):
    """A file that knows how much of it was read."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        return self._counted(super().read(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._counted(super().readline(size))

    def _counted(self, got: bytes) -> bytes:
        self.read_bytes += len(got)
        return got


def test_of_a_long_log_only_the_neighbourhood_of_a_time_is_read() -> None:
    rows = [f"{(NOON + timedelta(seconds=n)):%Y-%m-%dT%H:%M:%SZ} INFO request {n} {'x' * 60}\n".encode() for n in range(100_000)]
    file = Counted(b"".join(rows))
    size = sum(map(len, rows))
    wanted = NOON + timedelta(seconds=70_000)
    low, high = around(cast("BinaryIO", file), size, wanted.timestamp(), seconds_of)
    assert file.read_bytes < 0.05 * size
    starts = dict(zip(accumulate(map(len, rows)), count(1)))
    assert 69_000 < starts[low] <= 70_000 <= starts[high] < 71_000


def seconds_of(line: bytes) -> float | None:
    at = READER.read(line.decode()).at
    return None if at is None else at.timestamp()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=60), st.integers(-5, 60))
def test_halving_never_passes_over_a_line_however_lines_are_mixed(rows: list[tuple[int, int]], wanted: int) -> None:
    texts = [f"{(NOON + timedelta(seconds=second)):%Y-%m-%dT%H:%M:%SZ} x\n" + "  trace\n" * more for second, more in sorted(rows)]
    held = "".join(texts).encode()
    moment = NOON.timestamp() + wanted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_tail, "BLOCK", 8)
        low, high = around(io.BytesIO(held), len(held), moment, seconds_of)
    assert all(at < moment for line in held[:low].splitlines() if (at := seconds_of(line)) is not None)
    assert all(at >= moment for line in held[high:].splitlines() if (at := seconds_of(line)) is not None)
    assert all(place == 0 or held[place - 1 : place] == b"\n" for place in (low, high) if place < len(held))


async def test_lines_of_the_span_come_oldest_first_and_the_newest_when_there_are_too_many(tmp_path: Path) -> None:
    written(tmp_path / "app.log", *(stamped(n, f"INFO request {n}") for n in range(100, -10, -1)))
    found = await searched(connected(tmp_path), minutes=30)
    assert [line.message for line in found] == [f"request {n}" for n in range(30, -1, -1)]
    assert {(line.component, line.level) for line in found} == {("checkout", "info")}
    few = await searched(connected(tmp_path), minutes=30, limit=3)
    assert [line.message for line in few] == ["request 2", "request 1", "request 0"]
    assert await searched(connected(tmp_path), minutes=30, limit=0) == []


async def test_a_pattern_is_a_plain_text_and_is_found_in_the_whole_line(tmp_path: Path) -> None:
    written(
        tmp_path / "app.log",
        stamped(3, "ERROR a.*b [x]"),
        stamped(2, "ERROR axxb"),
        '{"ts": 1772452790, "msg": "no", "cart": "c-77"}',
    )
    assert [line.message for line in await searched(connected(tmp_path), pattern="a.*b [")] == ["a.*b [x]"]
    assert ["c-77" in line.message for line in await searched(connected(tmp_path), pattern="c-77")] == [True]


async def test_a_stack_trace_is_one_with_the_line_that_it_belongs_to(tmp_path: Path) -> None:
    trace = ["Traceback (most recent call last):", '  File "cart.py", line 3, in reserve', "KeyError: 'sku'"]
    written(
        tmp_path / "app.log",
        "an older line's end",
        stamped(20, "INFO begun"),
        stamped(8, "ERROR failed"),
        *trace,
        stamped(7, "INFO on"),
    )
    begun, failed, on = await searched(connected(tmp_path))
    assert failed.message == "\n".join(["failed", *trace])
    assert (begun.message, on.message) == ("begun", "on")
    assert [line.message for line in await searched(connected(tmp_path), pattern="KeyError")] == [failed.message]
    (shape,) = patterns_of([begun, failed, on], (NOON - timedelta(minutes=8.5)).timestamp(), NOON.timestamp())
    assert (shape.template, shape.thrown) == ("failed", True)


async def test_a_trace_of_ten_thousand_lines_keeps_its_beginning(tmp_path: Path) -> None:
    written(tmp_path / "app.log", stamped(5, "ERROR deep"), *(f"  at frame {n}" for n in range(10_000)))
    (line,) = await searched(connected(tmp_path))
    assert line.message.startswith("deep\n  at frame 0\n")
    assert len(line.message) <= LONGEST


async def test_rotated_files_are_read_too_and_compressed_ones(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    written(logs / "app.log", stamped(1, "INFO newest"))
    written(logs / "app.log.1", stamped(20, "INFO rotated"))
    (logs / "app.log.2.gz").write_bytes(gzip.compress(stamped(40, "INFO packed").encode()))
    written(logs / "app.log-20260302", stamped(30, "INFO dated"))
    written(logs / "app.log.bak", stamped(10, "INFO a copy"))
    found = await searched(connected(tmp_path, {"path": "logs/app.log"}))
    assert [line.message for line in found] == ["packed", "dated", "rotated", "newest"]


async def test_files_last_written_before_the_span_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "app.log.1.gz"
    old.write_bytes(gzip.compress(stamped(500, "INFO old").encode()))
    before = (NOON - timedelta(minutes=400)).timestamp()
    os.utime(old, (before, before))
    written(tmp_path / "app.log", stamped(1, "INFO newest"))
    opened: list[Path] = []
    monkeypatch.setattr("nexus.world.connectors.log_files.unpacked", opened.append)
    assert len(await searched(connected(tmp_path))) == 1
    assert opened == []


async def test_a_link_to_a_release_elsewhere_is_followed_and_absolute_paths_are_taken(tmp_path: Path) -> None:
    log = written(tmp_path / "releases" / "v2" / "app.log", stamped(1, "INFO here"))
    world = tmp_path / "a [world]"
    world.mkdir()
    (world / "current").symlink_to(log.parent)
    for path in ("current/*.log", str(log)):
        assert [line.message for line in await searched(connected(world, {"path": path}))] == ["here"]


async def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(stamped(1, "ERROR caf").encode() + b"\xe9 \x00full\r\n")
    (line,) = await searched(connected(tmp_path))
    assert line.message == "caf\ufffd full"


async def test_one_missing_file_is_a_gap_and_only_missing_ones_are_unavailable(tmp_path: Path) -> None:
    written(tmp_path / "app.log", stamped(1, "INFO here"))
    both = connected(tmp_path, {"path": "app.log"}, {"path": "gone.log", "component": "cart"})
    with collecting() as gaps:
        assert len(await searched(both)) == 1
    assert gaps == ["log-files: there is no file gone.log"]
    with pytest.raises(Unavailable, match=r"there is no file gone\.log"):
        await searched(both, component="cart")
    with pytest.raises(Unavailable, match="has no files of search"):
        await searched(both, component="search")


async def test_an_empty_file_is_looked_at_and_empty(tmp_path: Path) -> None:
    (tmp_path / "app.log").touch()
    assert await searched(connected(tmp_path)) == []


async def test_a_file_whose_lines_have_no_time_or_that_is_damaged_is_no_empty_answer(tmp_path: Path) -> None:
    written(tmp_path / "app.log", "ERROR:root:no time", "INFO:root:nor here")
    with pytest.raises(Unavailable, match="none of its lines has a time"):
        await searched(connected(tmp_path))
    (tmp_path / "app.log").write_bytes(b"")
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(bytes(range(256)))[:100])
    (tmp_path / "app.log.2.zst").write_bytes(b"x")
    with collecting() as gaps:
        assert await searched(connected(tmp_path)) == []
    assert ["damaged" in gap or "compressed in a way" in gap for gap in gaps] == [True, True], gaps


async def test_a_folder_in_the_place_of_a_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "app.log").mkdir()
    with pytest.raises(Unavailable, match=r"there is no file app\.log"):
        await searched(connected(tmp_path))


async def test_a_search_that_takes_too_long_says_that_it_is_not_all(tmp_path: Path) -> None:
    written(tmp_path / "app.log", stamped(1, "INFO here"))
    with collecting() as gaps:
        assert await searched(connected(tmp_path, timeout=1e-9)) == []
    assert gaps == ["log-files: app.log: searching it took too long, so only its newest lines were read"]


async def test_only_the_end_of_a_huge_packed_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "UNPACKED", 4000)
    text = "\n".join(stamped(n / 60, f"INFO {n}") for n in range(3000, 0, -1))
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(text.encode()))
    with collecting() as gaps:
        found = await searched(connected(tmp_path))
    assert found[-1].message == "1"
    assert 20 < len(found) < 200
    assert len(gaps) == 1


async def test_doctor_tells_what_is_there_what_is_empty_and_what_is_missing(tmp_path: Path) -> None:
    written(tmp_path / "app.log", stamped(1, "ERROR here"))
    written(tmp_path / "old.log", stamped(5000, "ERROR long ago"))
    files: list[dict[str, str]] = [{"path": "app.log"}, {"path": "old.log"}, {"path": "gone.log"}]
    proofs = await connected(tmp_path, *files).prove(NOON)
    assert [proof.ok for proof in proofs] == [True, False, False]
    assert "1 lines" in proofs[0].detail
    assert proofs[1].detail.startswith("empty")
    assert "no file gone.log" in proofs[2].detail
    assert all(proof.remedy for proof in proofs[1:])


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="no time zone 'Mars/Base'"):
        connected(tmp_path, timezone="Mars/Base")
    for wrong in ({"path": "x", "format": "xml"}, {"path": "x", "colour": "red"}):
        with pytest.raises(ValidationError):
            connected(tmp_path, wrong)
    with pytest.raises(ValidationError):
        Settings.model_validate({"use": "log-files", "files": []})
