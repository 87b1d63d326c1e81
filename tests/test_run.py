"""The command as its users meet it: exit status, one-line errors, one JSON document, the folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def nexus(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nexus.run", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_low_severity_alert_goes_to_the_backlog_and_the_command_ends_well(tmp_path: Path) -> None:
    done = nexus("--world", "sandbox:typo", "--out", str(tmp_path), "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert (document["severity"], document["outcome"]) == ("P3", "backlogged")
    assert [item["rank"] for item in document["backlog"]] == [1]


def test_without_anybody_to_approve_the_incident_waits_at_its_plan_and_nothing_is_changed(tmp_path: Path) -> None:
    done = nexus("--world", "sandbox:config-change", "--approve", "never", "--out", str(tmp_path), "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 3
    assert document["outcome"] == "waiting"
    assert document["plan"]["branch"] == "deployment"
    assert document["actions"] == []
    assert document["open_questions"][0]["kind"] == "approval"


def test_never_means_never_also_for_what_policy_would_let_pass(tmp_path: Path) -> None:
    done = nexus("--world", "sandbox:disk-full", "--approve", "never", "--out", str(tmp_path), "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 3
    assert document["open_questions"][0]["detail"]["action"]["risk"] == "low"
    assert document["actions"] == []


def test_until_triage_stops_after_triage(tmp_path: Path) -> None:
    done = nexus("--world", "sandbox:bad-deploy", "--until", "triage", "--out", str(tmp_path), "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["classification"]["severity"] == "P0"
    assert document["findings"] == []


def test_a_recording_refuses_actions_and_is_handed_over(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    one = {
        "status": "firing",
        "labels": {"alertname": "Slow", "service": "front", "severity": "critical"},
        "annotations": {},
        "startsAt": "2026-01-01T01:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
    (folder / "alert.json").write_text(json.dumps({"version": "4", "alerts": [one]}))
    start = 1767225600
    rows = ["time,front__error_rate,back__cpu_pct"]
    rows += [f"{start + 60 * i},{0.01 if i < 55 else 0.6},{20 + i % 3 if i < 55 else 99}" for i in range(70)]
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    done = nexus("--world", f"recording:{folder}", "--approve", "auto", "--out", str(tmp_path / "out"), "--json")
    document = json.loads(done.stdout)
    assert done.returncode in (3, 4)
    assert document["actions"] == []


@pytest.mark.parametrize(
    ("alert", "says"),
    [
        ("", "empty"),
        ("not json", "JSON"),
        ("[]", "list"),
        ("42", ""),
        ('{"alerts": []}', "alert"),
        ("{}", "title"),
    ],
)
def test_an_alert_that_cannot_be_read_is_one_line_and_nothing_is_begun(tmp_path: Path, alert: str, says: str) -> None:
    done = nexus("--alert", "-", "--out", str(tmp_path / "out"), given=alert)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert says.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--world", "nowhere:at-all"),
        ("--world", "sandbox:no-such-scenario"),
        ("--world", "recording:/nonexistent"),
        ("--alert", "/nonexistent.json"),
        ("--library", "/nonexistent"),
        ("--world", "missing.yaml"),
    ],
)
def test_bad_usage_is_one_line_with_what_to_do(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = nexus(*arguments, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert done.stderr.startswith("nexus: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = nexus("--world", "sandbox:typo", "--out", str(blocked), "--quiet")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_alert_of_fifty_megabytes_is_refused_unread(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    done = nexus("--alert", str(big), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "MB" in done.stderr


@pytest.mark.parametrize("arguments", [("--until", "nope"), ("--bogus",), ("--seed", "x"), ("extra",)])
def test_a_wrong_option_is_one_line_like_every_other_fault(arguments: tuple[str, ...]) -> None:
    done = nexus(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("nexus: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("world", ["recording:" + "x" * 5000, "sandbox:" + "x" * 5000, "recording:a\nb", ""])
def test_a_world_of_no_possible_name_is_one_line(tmp_path: Path, world: str) -> None:
    done = nexus("--world", world, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert done.stderr.startswith("nexus: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_alert_without_a_name_is_no_invitation_to_take_the_worlds_own() -> None:
    done = nexus("--alert", "")
    assert done.returncode == 2
    assert "is a folder" in done.stderr


def test_output_that_cannot_be_written_is_one_line_that_says_where_the_incident_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nexus.run", "--world", "sandbox:typo", "--out", str(tmp_path), "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(tmp_path) in done.stderr


@pytest.mark.parametrize("redirection", [">&-", "| head -1", "<&-", "2>&-"])
def test_a_closed_stream_changes_nothing_about_the_incident(tmp_path: Path, redirection: str) -> None:
    command = f"set -o pipefail; {sys.executable} -m nexus.run --world sandbox:typo --out {tmp_path} {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_unicode_or_width_still_gets_its_last_line(tmp_path: Path) -> None:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "0"}
    command = [sys.executable, "-m", "nexus.run", "--world", "sandbox:typo", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "backlogged" in done.stdout.splitlines()[-1]
