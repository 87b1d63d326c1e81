"""A world of real programs and files, from an alert to its records: evidence of both, words on a page, and no secret anywhere."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nexus.asked import approve_all
from nexus.cli import app
from nexus.embedded import handle
from nexus.incident import Alert, EventKind, Incident
from nexus.library import Library
from nexus.records.folder import write_folder
from nexus.records.stores import SqliteStore
from nexus.responder.rules import RulesResponder
from nexus.world.open import open_world

SECRETS = {
    "SHOP_DB_PASSWORD": "Tr0ub4dor-and-three",
    "SHOP_API_TOKEN": "zQ81-kk29-pp37-mm46",
    "UNNAMED": "blue-giraffe-telegram",
}
"""Of the environment by its name, of the settings, and of the settings under a name that says nothing."""
WORLD = """
name: shop
catalog: {{services: [{{name: web, feature: major, owner: shop}}]}}
connectors:
  - use: commands
    secret_env: {{PASSED: "${{UNNAMED}}"}}
    env: {{TOKEN: "${{SHOP_API_TOKEN}}"}}
    reads:
      - name: tell
        description: Prints what it should not.
        argv: ["{python}", tell.py]
    workloads: {{argv: ["{python}", workloads.py]}}
  - use: log-files
    files: [{{component: web, path: web.log}}]
  - {{use: status-page, folder: status}}
  - {{use: backlog-file, path: backlog.jsonl}}
"""
TELL = "import os\nprint('db password is', {password!r}, os.environ['PASSED'], os.environ['TOKEN'])\n"
WORKLOADS = """import json
print(json.dumps([{"component": "web", "version": "7", "replicas": 2, "ready": 1, "restarts_15m": 4, "nodes": []}]))
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the world file and what it names."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "tell.py").write_text(TELL.format(password=SECRETS["SHOP_DB_PASSWORD"]), encoding="utf-8")
    (folder / "workloads.py").write_text(WORKLOADS, encoding="utf-8")
    at = datetime.now(UTC) - timedelta(minutes=1)
    lines = [f"{at.isoformat()} ERROR cannot connect: token={SECRETS['SHOP_API_TOKEN']} {SECRETS['UNNAMED']}"] * 40
    (folder / "web.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "world.yaml").write_text(WORLD.format(python=sys.executable), encoding="utf-8")
    return folder


async def investigated(shop: Path, store: SqliteStore) -> Incident:
    world = open_world(str(shop / "world.yaml")).world
    alert = Alert(
        title="web fails", service="web", severity_label="critical", starts_at=datetime.now(UTC),
        summary=f"login failed with {SECRETS['SHOP_DB_PASSWORD']}",
    )  # fmt: skip
    try:
        return await handle(
            alert, library=Library.default(), world=world, responder=RulesResponder(), records=store,
            answer=approve_all, until="investigation",
        )  # fmt: skip
    finally:
        await world.close()


async def test_programs_and_files_are_evidence_and_no_secret_is_anywhere(shop: Path, tmp_path: Path) -> None:
    library, out = Library.default(), tmp_path / "incidents"
    async with await SqliteStore.open(tmp_path / "records.sqlite") as store:
        told = await investigated(shop, store)
        write_folder(out, told, library.template, await store.pictures(told.id))
        tasks = [task.model_dump_json() for task in await store.tasks(told.id)]
        events = await store.events(told.id)
    seen = {e.tool: e for e in told.evidence if not e.failed}
    assert "[secret-" in json.dumps(seen["tell"].values)
    assert "web" in seen["infrastructure_state"].summary
    assert "40 lines" in seen["search_logs"].summary
    files = [path for path in (*out.rglob("*"), *(shop / "status").rglob("*"), tmp_path / "records.sqlite") if path.is_file()]
    kept = [path.read_bytes() for path in files] + [text.encode() for text in (*tasks, *(e.model_dump_json() for e in events))]
    leaked = [name for name, secret in SECRETS.items() for text in kept if secret.encode() in text]
    assert not leaked


async def test_the_status_page_and_the_record_say_the_same(shop: Path, tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "records.sqlite") as store:
        told = await investigated(shop, store)
        published = [e for e in await store.events(told.id) if e.kind is EventKind.PUBLISHED]
    page = json.loads((shop / "status" / "status.json").read_text(encoding="utf-8"))
    assert told.id in json.dumps(page)
    assert published
    assert "not delivered" not in published[0].text


def test_a_live_world_wants_an_alert(shop: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", "--world", str(shop / "world.yaml"), "--out", str(tmp_path / "incidents")])
    assert done.exit_code == 2
    assert "world.yaml brings no alert of its own" in done.output
    assert not (tmp_path / "incidents").exists()
