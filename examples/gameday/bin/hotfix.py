"""hotfix SERVICE COMMIT: build a release from a commit of the shop's repository, try its checks, and make it live.

With --undo the release goes live again that was live before; --is-live ends with 0 where the hotfix is live, else with 1.
"""

# ruff: noqa: S603, S607 - git and tar, and this Python on the shop's own checks

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from place import HERE, SERVICES, live, note, restart, say, stop, switch, versions

SOURCE = HERE / "source"


def git(*arguments: str) -> str:
    """What git says of the shop's repository."""
    done = subprocess.run(["git", "-C", SOURCE, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        stop(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def version_of(service: str, commit: str) -> str:
    """What the release is called: the one that it mends, and the commit that it is made from."""
    return f"{live('release', service).partition('+')[0]}+{commit[:10]}"


def build(service: str, commit: str) -> str:
    """The release's folder, filled from the commit and checked; its version."""
    version = version_of(service, commit)
    folder = HERE / "releases" / service / version
    if version not in versions("release", service):
        folder.mkdir()
        packed = subprocess.run(["git", "-C", SOURCE, "archive", commit], capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
    check(folder)
    return version


def check(folder: Path) -> None:
    """The checks that lie beside the code. Ends here when they fail."""
    argv = [sys.executable, "-m", "unittest", "check_search"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        stop(f"its checks fail: {done.stderr.strip().splitlines()[-1]}")


def go_live(service: str, version: str, author: str, summary: str) -> None:
    """Switch, note and restart."""
    before = live("release", service)
    switch("release", service, version)
    made = {"component": service, "kind": "deployment", "version": version, "previous": before}
    note(**made, author=author, summary=summary)
    restart([service])
    say(f"{service} went from release {before} to {version}")


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("commit", help="or a branch's name")
    parser.add_argument("--author", default="operator")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--dry-run", action="store_true", help="say what would be done")
    which.add_argument("--undo", action="store_true")
    which.add_argument("--is-live", action="store_true")
    asked = parser.parse_args()
    git("fetch", "--quiet", "origin")
    commit = git("rev-parse", "--verify", f"{asked.commit}^{{commit}}")
    version, now = version_of(asked.service, commit), live("release", asked.service)
    summary = git("log", "-1", "--format=%s", commit)
    if asked.is_live:
        raise SystemExit(0 if now == version else 1)
    if asked.dry_run:
        say(f"{asked.service} would go from release {now} to {version} ({summary}), if its checks pass")
    elif asked.undo and now == version:
        go_live(asked.service, now.partition("+")[0], asked.author, f"hotfix taken back: {summary}")
    elif asked.undo or now == version:
        say(f"{asked.service}: release {now} is live already")
    else:
        go_live(asked.service, build(asked.service, commit), asked.author, f"hotfix: {summary}")


if __name__ == "__main__":
    main()
