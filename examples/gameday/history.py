"""History: what the shop's people did before the game day: its repository, its releases and configurations, its change log."""

# ruff: noqa: S603, S607 - git and tar, on paths of our own

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
GOOD = "2026.11.1"
BAD = "2026.11.2"
HOTFIX = "review/catalog-search"


@dataclass(frozen=True, slots=True)
class Past:
    """One change of before; `ago` counts from the beginning of the game day."""

    ago: timedelta
    component: str
    kind: str
    version: str
    previous: str
    author: str
    summary: str


PAST = (
    Past(timedelta(days=9), "web", "deployment", GOOD, "2026.10.4", "mina", "tins in the list of teas"),
    Past(timedelta(days=6), "checkout", "config", "config-7", "config-6", "joris", "database.pool_size: 6 -> 8"),
    Past(
        timedelta(days=4), "checkout", "deployment", GOOD, "2026.10.6", "joris", "orders are journalled before they are charged"
    ),
    Past(timedelta(hours=7), "catalog", "deployment", GOOD, "2026.10.5", "mina", "search looks at words instead of substrings"),
)
CONFIGS = {
    "web": {"config-4": "[calls]\ntimeout_s = 6.0\n"},
    "catalog": {"config-3": "[database]\npool_size = 8\nwait_s = 2.0\n"},
    "checkout": {
        "config-7": "[database]\npool_size = 8\nwait_s = 2.0\n\n[payment]\ntimeout_s = 2.0\n",
        "config-8": "[database]\npool_size = 8\nwait_s = 2.0\n\n[payment]\ntimeout_s = 0.02\n",
    },
}
"""Service to its configurations; the first is live when the day begins."""


def git(source: Path, *arguments: str, at: datetime | None = None, author: str = "mina") -> None:
    """One git command, as that author and at that time."""
    who = {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": f"{author}@example.com", "GIT_CONFIG_GLOBAL": "/dev/null"}
    who |= {"GIT_COMMITTER_NAME": author, "GIT_COMMITTER_EMAIL": f"{author}@example.com"}
    if at is not None:
        who |= {"GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
    subprocess.run(["git", "-C", source, *arguments], check=True, capture_output=True, env={**os.environ, **who})


def write_repository(source: Path, now: datetime) -> None:
    """The shop as of seven hours ago; a new release of checkout on a tag, and a patch of catalog on a branch, in review.

    Beside it lie the repository that everybody pushes to, and the patch as a file.
    """
    shutil.copytree(HERE / "shop", source, ignore=shutil.ignore_patterns("__pycache__"))
    git(source, "init", "--quiet", "--initial-branch", "main")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "-m", "Search looks at words instead of substrings", at=now - timedelta(hours=7))
    git(source, "tag", GOOD)
    for branch, patch, subject, author in (
        ("vouchers", "bad-release", "Voucher codes are taken in any case", "joris"),
        (HOTFIX, "hotfix-search", "Search takes terms in any script", "mina"),
    ):
        git(source, "checkout", "--quiet", "-b", branch, GOOD)
        git(source, "apply", str(HERE / "changes" / f"{patch}.patch"))
        git(source, "commit", "--quiet", "--all", "-m", subject, at=now - timedelta(minutes=50), author=author)
    git(source, "tag", BAD, "vouchers")
    git(source, "checkout", "--quiet", "main")
    origin = source.with_name("origin.git")
    git(source, "init", "--quiet", "--bare", str(origin))
    git(source, "remote", "add", "origin", str(origin))
    git(source, "push", "--quiet", "origin", "main", BAD, GOOD, HOTFIX)
    patches = source.with_name("patches")
    patches.mkdir()
    shutil.copy(HERE / "changes" / "hotfix-search.patch", patches)


def unpack(source: Path, version: str, folder: Path) -> None:
    """That version of the repository, as files."""
    folder.mkdir(parents=True)
    packed = subprocess.run(["git", "-C", source, "archive", version], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)


def write_history(folder: Path) -> None:
    """Repository, releases, configurations, their links and the change log, in that folder."""
    now = datetime.now(UTC)
    write_repository(folder / "source", now)
    for service, configs in CONFIGS.items():
        for version in (GOOD, BAD) if service == "checkout" else (GOOD,):
            unpack(folder / "source", version, folder / "releases" / service / version)
        (folder / "releases" / service / "current").symlink_to(GOOD)
        for version, content in configs.items():
            file = folder / "config" / service / version / f"{service}.toml"
            file.parent.mkdir(parents=True)
            file.write_text(content, encoding="utf-8")
        (folder / "config" / service / "current").symlink_to(next(iter(configs)))
    lines = [
        json.dumps(
            {
                "id": f"chg-{number}",
                "at": (now - past.ago).isoformat(timespec="seconds"),
                "component": past.component,
                "kind": past.kind,
                "version": past.version,
                "previous": past.previous,
                "author": past.author,
                "summary": past.summary,
            }
        )
        for number, past in enumerate(PAST, 1)
    ]
    (folder / "changes.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
