"""restart NAME: end one process of the shop and start it again."""

from __future__ import annotations

import argparse

from place import SERVICES, ask_supervisor, restart, say

NAMES = (*SERVICES, "reports")


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--state", action="store_true", help="say which life the process is in")
    asked = parser.parse_args()
    if asked.state or asked.dry_run:
        life = ask_supervisor(do="list")[asked.name]
        would = "would be ended and started again" if asked.dry_run else f"in its life number {life['starts']}"
        say(f"{asked.name}: process {life['pid']}, {would}")
        return
    restart([asked.name])


if __name__ == "__main__":
    main()
