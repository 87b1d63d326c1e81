"""Git's log as it is asked for and read: fields end with NUL, which nothing in a commit can hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

COMMITS = (
    *("-c", "log.showSignature=false", "log", "--first-parent", "--diff-merges=first-parent", "--no-renames", "--no-ext-diff"),
    *("--no-color", "-z", "--name-only", "--format=tformat:%x00%h%x00%p%x00%ct%x00%an%x00%s"),
)
"""Commits on the branch itself, a merge as one: each begins with an empty field, and its files follow its five own fields."""
TAGS = (
    *("for-each-ref", "--sort=-creatordate", "--no-color"),
    "--format=%(refname:lstrip=2)%00%(creatordate:unix)%00%(taggername)%(authorname)%00%(subject)%00",
    "refs/tags",
)
"""Tags, newest first: a tag of its own has a tagger, a light one its commit's author."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit or release; `at` is when it came to the branch, or was tagged."""

    name: str
    at: datetime
    author: str
    summary: str
    parent: str = ""
    files: tuple[str, ...] = ()


def commits_in(printed: str) -> list[Commit]:
    """The commits that `COMMITS` printed, newest first."""
    fields = printed.split("\0")
    found: list[Commit] = []
    place = 0
    while place + 5 < len(fields):
        name, parents, at, author, summary = fields[place + 1 : place + 6]
        place += 6
        files: list[str] = []
        while place < len(fields) and fields[place]:
            files.append(fields[place].removeprefix("\n"))
            place += 1
        moment = datetime.fromtimestamp(int(at), UTC)
        found.append(Commit(name, moment, author, summary, parents.partition(" ")[0], tuple(files)))
    return found


def releases_in(printed: str) -> list[Commit]:
    """The tags that `TAGS` printed, newest first; one of something without a date is none."""
    fields = printed.split("\0")
    rows = zip(*(fields[column::4] for column in range(4)), strict=False)
    return [Commit(n.strip("\n"), datetime.fromtimestamp(int(at), UTC), who, what) for n, at, who, what in rows if at]
