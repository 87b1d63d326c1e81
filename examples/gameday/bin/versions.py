"""versions release|config SERVICE: the versions that there are, one a line; with --live or --previous that one alone."""

from __future__ import annotations

import argparse

from place import KINDS, SERVICES, changes, live, say, versions


def previous(kind: str, service: str) -> str | None:
    """What was live before what is live now, by the change log; what a rollback left behind is not gone back to."""
    now = live(kind, service)
    made = [c for c in changes() if c["component"] == service and c["kind"] == KINDS[kind][1] and c["version"] == now]
    before = made[0]["previous"] if made else ""
    return before if before in versions(kind, service) else None


def main() -> None:
    """Read the command line and say it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("service", choices=SERVICES)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--live", action="store_true", help="the version that is live")
    which.add_argument("--previous", action="store_true", help="the version that was live before it; nothing where none was")
    asked = parser.parse_args()
    if asked.live:
        say(live(asked.kind, asked.service))
    elif asked.previous:
        if before := previous(asked.kind, asked.service):
            say(before)
    else:
        for version in versions(asked.kind, asked.service):
            say(version)


if __name__ == "__main__":
    main()
