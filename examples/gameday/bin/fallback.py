"""fallback on|off|state: whether checkout sells on account while the payment provider is away."""

from __future__ import annotations

import argparse
from pathlib import Path

from place import HERE, say


def flag() -> Path:
    """The file that says `on` or `off`; checkout looks at it with every order."""
    return HERE / "flags" / "pay-later"


def is_on() -> bool:
    """Whether checkout sells on account now."""
    return flag().read_text(encoding="utf-8").strip() == "on"


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", choices=["on", "off", "state"])
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args()
    now = "on" if is_on() else "off"
    if asked.wanted == "state":
        say(now)
    elif asked.dry_run:
        say(f"pay later is {now} and would be {asked.wanted}")
    else:
        flag().write_text(asked.wanted, encoding="utf-8")
        say(f"pay later was {now} and is {asked.wanted}")


if __name__ == "__main__":
    main()
