"""switch release|config SERVICE VERSION: make that version live, restart the service, write the change log."""

from __future__ import annotations

import argparse

from place import KINDS, SERVICES, live, note, restart, say, stop, switch, versions


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("version")
    parser.add_argument("--author", default="operator")
    parser.add_argument("--summary", default="")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args()
    if asked.version not in (known := versions(asked.kind, asked.service)):
        stop(f"there is no {asked.kind} {asked.version} of {asked.service}; there are {', '.join(known)}")
    before = live(asked.kind, asked.service)
    if before == asked.version:
        say(f"{asked.service}: {asked.kind} {before} is live already")
        return
    if asked.dry_run:
        say(f"{asked.service} would go from {asked.kind} {before} to {asked.version} and be restarted")
        return
    switch(asked.kind, asked.service, asked.version)
    summary = asked.summary or f"{asked.kind} {before} -> {asked.version}"
    made = {"component": asked.service, "kind": KINDS[asked.kind][1], "version": asked.version, "previous": before}
    note(**made, author=asked.author, summary=summary)
    restart([asked.service])
    say(f"{asked.service} went from {asked.kind} {before} to {asked.version}")


if __name__ == "__main__":
    main()
