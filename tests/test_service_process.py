"""`nexus serve` as a process: it begins and ends as it should, and writes no secret anywhere."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import typer
from service_in_hand import HOOK, TOKENS
from typer.testing import CliRunner

from nexus.serving import serve

SERVE = "import typer, nexus.serving; typer.run(nexus.serving.serve)"


@asynccontextmanager
async def serving(folder: Path, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`nexus serve` in that folder, and what it says first."""
    command = [sys.executable, "-c", SERVE, "--port", "0", *arguments]
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=pipe)
    assert started.stderr is not None
    try:
        yield started, (await started.stderr.readline()).decode().rstrip()
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_an_alert_becomes_an_incident_no_secret_is_written_and_sigterm_ends_the_service_with_0(tmp_path: Path) -> None:
    tokens = [{"name": "ann", "role": "viewer", "token": TOKENS["viewer"]}]
    (tmp_path / "nexus.yaml").write_text(json.dumps({"service": {"tokens": tokens, "hooks": {"generic": {"token": HOOK}}}}))
    ann = {"Authorization": f"Bearer {TOKENS['viewer']}"}
    async with serving(tmp_path, "--approve", "never") as (started, said):
        assert said.startswith("nexus: serving on http://127.0.0.1:")
        assert said.endswith("tokens: 1 viewer, 0 responder, 0 approver; webhooks: generic (token)")
        async with httpx.AsyncClient(base_url=said.split()[3].rstrip(";"), timeout=60, headers=ann) as client:
            assert (await client.get("/ready")).json() == {"status": "ready"}
            for token, status in ((HOOK + "wrong", 401), (HOOK, 202)):
                alert = {"title": "checkout is down"}
                done = await client.post(f"/hooks/generic?token={token}", json=alert, headers={"Authorization": ""})
                assert done.status_code == status
            listed: list[dict[str, str]] = []
            while not listed:
                listed = (await client.get("/incidents")).json()["incidents"]
            assert [one["title"] for one in listed] == ["checkout is down"]
        started.send_signal(signal.SIGTERM)
        out, told = await started.communicate()
    assert (started.returncode, told.decode().splitlines()[-1]) == (
        0,
        "nexus: stopped; what was not finished goes on when it is started again",
    )
    written = said + out.decode() + told.decode()
    assert not [secret for secret in (HOOK, TOKENS["viewer"]) if secret in written]


def refused(folder: Path, *arguments: str) -> str:
    """What `nexus serve` says where it does not start."""
    command = typer.Typer()
    command.command()(serve)
    done = CliRunner().invoke(command, ["--out", str(folder), *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_service_that_others_reach_says_what_it_lacks_and_ends(tmp_path: Path) -> None:
    said = refused(tmp_path, "--host", "0.0.0.0")
    assert said.startswith(
        "nexus: nexus serve listens on 0.0.0.0, and service.tokens names nobody who may use it: add service.tokens"
    )


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(tmp_path, "--port", str(port))
    assert said.startswith(f"nexus: the service cannot start on 127.0.0.1:{port} (")
    assert "in use" in said
