"""connections: who holds the database's connections; --largest names the job that holds most, --end JOB ends and restarts it."""

from __future__ import annotations

import argparse

import psycopg
from place import restart, say, setting

HELD = """
SELECT application_name, count(*), count(*) FILTER (WHERE state <> 'active') FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 2 DESC, 1
"""
END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
JOBS = ("reports",)
"""What may be ended without taking the shop away."""


def main() -> None:
    """Read the command line and do it; the superuser's reserved connections are used, the others may be taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", action="store_true", help="the job that holds most connections; nothing where none does")
    parser.add_argument("--end", choices=JOBS, metavar="JOB", help="end that job's connections and restart it")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args()
    with psycopg.connect(setting("database"), autocommit=True, application_name="operator") as connection:
        held = connection.execute(HELD).fetchall()
        if asked.largest:
            for name in [name for name, _, _ in held if name in JOBS][:1]:
                say(name)
        elif asked.end is None:
            for name, count, idle in held:
                say(f"{name}: {count} connections, {idle} of them idle")
            if not held:
                say("nobody holds a connection")
        elif asked.dry_run:
            count = next((count for name, count, _ in held if name == asked.end), 0)
            say(f"{count} connections of {asked.end} would be ended, and {asked.end} be restarted")
        else:
            restart([asked.end])
            ended = connection.execute(END, (asked.end,)).fetchone()
            say(f"{asked.end} was restarted; {ended[0] if ended else 0} connections that it had left behind were ended")


if __name__ == "__main__":
    main()
