"""reports: the job that makes reports when it is asked to, and is not careful with what it shares with the shop."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psycopg
from psycopg import Connection
from service import log, log_to_file
from volume import MB, Volume

NAME = "reports"
REGIONS = 90
"""The month-end report has a section for each."""
EXPORT_MB = 24


def month_end(url: str) -> list[Connection]:
    """Total each region's orders, on a connection each; the caller keeps them open."""
    held: list[Connection] = []
    for region in range(1, REGIONS + 1):
        connection = connected(url, region)
        connection.execute("SELECT count(*), sum(amount) FROM orders WHERE id %% %s = 0", (region,))
        held.append(connection)
        log.info("month-end report: region %d of %d done", region, REGIONS)
        time.sleep(0.5)
    log.info("month-end report is written")
    return held


def connected(url: str, region: int) -> Connection:
    """A connection, however long it takes to get one."""
    tries = 0
    while True:
        try:
            return psycopg.connect(url, application_name=NAME, connect_timeout=2)
        except psycopg.OperationalError as error:
            if tries % 50 == 0:
                log.warning("month-end report: region %d waits for a connection: %s", region, str(error).strip())
            tries += 1
            time.sleep(0.1)


def export(volume: Volume) -> None:
    """Write all orders as a file for the accountants, patiently: what finds no room is tried again."""
    written, piece = 0, "0123456789abcdef" * (MB // 64)
    while written < EXPORT_MB * 4:
        try:
            volume.append("export.csv", piece)
            written += 1
        except OSError as error:
            log.warning("export waits: %s", error)
        time.sleep(0.4)
    log.info("export of %d MB is written", EXPORT_MB)


def main() -> None:
    """Wait to be asked: `REQUEST` names a file whose text is a report's name; it is removed before the report begins."""
    log_to_file(NAME)
    request, kept = Path(os.environ["REQUEST"]), []
    log.info("reports starts")
    while True:
        time.sleep(0.5)
        if not request.exists():
            continue
        wanted = request.read_text(encoding="utf-8").strip()
        request.unlink()
        log.info("report asked for: %s", wanted)
        if wanted == "month-end":
            kept += month_end(os.environ["DATABASE_URL"])
        elif wanted == "export":
            export(Volume(Path(os.environ["JOURNAL"])))
        else:
            log.warning("there is no report %s", wanted)


if __name__ == "__main__":
    main()
