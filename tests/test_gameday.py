"""The game day in examples/gameday: its files hold together, and its shop starts, sells, breaks and is mended by its commands.

Real PostgreSQL, nginx and services; Prometheus' and Alertmanager's own checkers. A whole game day is run by `make gameday`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from debian_in_hand import program
from postgres_in_hand import binaries
from ruamel.yaml import YAML

CAPABILITIES = (
    "metrics", "logs", "changes", "databases", "infrastructure", "dependencies", "endpoints", "browser", "code", "actions"
)  # fmt: skip
"""What a game day's incident needs."""
GAMEDAY = Path(__file__).parent.parent / "examples" / "gameday"
sys.path.insert(0, str(GAMEDAY))

from estate import Estate, answers, until  # noqa: E402 - the game day's modules lie in its own folder
from faults import FAULTS  # noqa: E402 - same
from history import BAD, CONFIGS, GOOD, HOTFIX  # noqa: E402 - same
from programs import PACKAGES  # noqa: E402 - same
from quick_library import CLOCKS, write_library  # noqa: E402 - same

from nexus.incident import ActionKind, Cause  # noqa: E402 - same
from nexus.library import Library, check_library  # noqa: E402 - same
from nexus.world.catalog_file import read_catalog  # noqa: E402 - same
from nexus.world.open import open_world  # noqa: E402 - same


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder of PostgreSQL's programs, once everything else is there too."""
    for name, package in PACKAGES.items():
        if name != "postgres":
            program(name, package)
    return binaries()


@pytest.fixture(scope="session")
def shop(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The shop without its monitoring, in a folder that every user may pass through."""
    folder = Path("/tmp") / f"nexus-gameday-{os.getpid()}-{tmp_path_factory.getbasetemp().name}"
    folder.mkdir()
    estate = Estate(folder, monitored=False)
    assert (installed / "initdb").exists()
    try:
        estate.start()
        yield estate
    finally:
        estate.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def written(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """All files of a game day, nothing started; its tests only read them."""
    estate = Estate(tmp_path_factory.mktemp("written"))
    assert (installed / "postgres").exists()
    try:
        estate.write()
        yield estate
    finally:
        estate.stop()


def order(estate: Estate, voucher: str = "") -> httpx.Response:
    wanted = {"product": 2, "quantity": 1, "email": "ada@example.com", "voucher": voucher}
    return httpx.post(f"{estate.url('shop')}/order", data=wanted, timeout=10)


pytestmark = pytest.mark.xdist_group("gameday")


class TestTheShop:
    def test_it_shows_and_sells_teas(self, shop: Estate) -> None:
        assert "Darjeeling" in httpx.get(shop.url("shop")).text
        assert "Sencha" in httpx.get(f"{shop.url('shop')}/search", params={"q": "green"}).text
        assert "paid" in order(shop).text
        assert "10.71 paid" in order(shop, "SPRING10").text
        measured = httpx.get(f"{shop.url('checkout')}/metrics/").text
        assert 'http_requests_total{code="201",route="/orders",service="checkout"} 2.0' in measured

    def test_the_bad_release_fails_without_a_voucher_and_the_release_before_it_mends_that(self, shop: Estate) -> None:
        shop.command("switch", "release", "checkout", BAD)
        assert shop.command("versions", "release", "checkout", "--previous") == GOOD
        wait_for(shop, "checkout")
        assert order(shop).status_code == 502
        assert order(shop, "spring10 ").status_code == 200
        logged = [json.loads(line) for line in (shop.folder / "logs" / "checkout.log").read_text().splitlines()]
        assert "in discount" in next(line["stack"] for line in logged if line["level"] == "error")
        shop.command("switch", "release", "checkout", GOOD)
        wait_for(shop, "checkout")
        assert order(shop).status_code == 200
        last = json.loads((shop.folder / "changes.jsonl").read_text().splitlines()[-1])
        assert (last["component"], last["version"], last["previous"]) == ("checkout", GOOD, BAD)

    def test_it_sells_on_account_while_the_fallback_is_on(self, shop: Estate) -> None:
        (shop.folder / "flags" / "payment-is").write_text("failing")
        assert order(shop).status_code == 502
        shop.command("fallback", "on")
        assert "bill later" in order(shop).text
        (shop.folder / "flags" / "payment-is").unlink()
        shop.command("fallback", "off")
        assert "paid" in order(shop).text

    def test_terms_with_accents_fail_until_the_hotfix_is_released(self, shop: Estate) -> None:
        asked = {"q": "Thé vert"}
        assert httpx.get(f"{shop.url('shop')}/search", params=asked).status_code == 502
        shop.command("hotfix", "catalog", HOTFIX)
        wait_for(shop, "catalog")
        assert "Sencha" in httpx.get(f"{shop.url('shop')}/search", params=asked).text
        shop.command("hotfix", "catalog", HOTFIX, "--undo")
        wait_for(shop, "catalog")
        assert shop.state()["release"]["catalog"] == GOOD

    def test_a_dry_run_changes_nothing(self, shop: Estate) -> None:
        before = shop.state()
        shop.command("switch", "config", "checkout", "config-8", "--dry-run")
        shop.command("disk", "--to", "64", "--dry-run")
        shop.command("connections", "--end", "reports", "--dry-run")
        shop.command("fallback", "on", "--dry-run")
        assert shop.state() == before

    def test_the_volume_grows_when_told_to(self, shop: Estate) -> None:
        assert shop.command("disk", "--size") == "16"
        shop.command("disk", "--to", shop.command("disk", "--next"))
        assert shop.state()["volume_mb"] == 64


def wait_for(estate: Estate, service: str) -> None:
    """Until its new life answers."""
    until(lambda: answers(f"{estate.url(service)}/health"), service)


def test_all_processes_end_with_whoever_started_them(tmp_path: Path) -> None:
    sleeper = {"name": "sleeper", "argv": ["sleep", "600"], "cwd": str(tmp_path), "env": {}, "output": str(tmp_path / "out")}
    (tmp_path / "processes.json").write_text(json.dumps({"programs": [sleeper], "at_end": [["touch", "ended"]]}))
    (tmp_path / "bin").symlink_to(GAMEDAY / "bin")
    supervisor = subprocess.Popen(
        [sys.executable, GAMEDAY / "supervisor.py", "."], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        while not (tmp_path / "out").exists():
            assert supervisor.poll() is None
        children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children")
        while not (pids := children.read_text().split()):
            assert supervisor.poll() is None
    finally:
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        assert supervisor.wait(30) == 0
    assert not Path(f"/proc/{pids[0]}").exists()
    assert (tmp_path / "ended").exists()


def test_prometheus_and_alertmanager_take_their_files(written: Estate) -> None:
    files = written.folder / "monitoring"
    checks: list[list[str | Path]] = [
        [program("promtool", "prometheus"), "check", "config", files / "prometheus.yml"],
        [program("promtool", "prometheus"), "check", "rules", files / "rules.yml"],
        [program("amtool", "prometheus-alertmanager"), "check-config", files / "alertmanager.yml"],
        [
            program("prometheus-blackbox-exporter", "prometheus-blackbox-exporter"),
            "--config.check",
            f"--config.file={files}/blackbox.yml",
        ],
    ]
    for argv in checks:
        told = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr


def test_what_was_live_before_is_older_than_any_look_back(written: Estate) -> None:
    changes = [json.loads(line) for line in (written.folder / "changes.jsonl").read_text().splitlines()]
    assert [change["component"] for change in changes] == ["web", "checkout", "checkout", "catalog"]
    assert {service: next(iter(configs)) for service, configs in CONFIGS.items()} == {
        service: (written.folder / "config" / service / "current").readlink().name for service in CONFIGS
    }


def test_every_fault_has_an_alert_and_expects_what_nexus_knows() -> None:
    rules = YAML(typ="safe", pure=True).load((GAMEDAY / "monitoring" / "rules.yml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    for fault in FAULTS.values():
        assert fault.alerts <= alerts
        assert fault.cause in set(Cause)
        assert fault.kinds <= set(ActionKind)


def test_the_catalog_names_every_component_that_a_fault_is_found_in(written: Estate) -> None:
    catalog = read_catalog(written.folder / "catalog.yaml")
    assert {fault.component for fault in FAULTS.values()} <= {service.name for service in catalog}


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise's import
def test_the_world_file_fits_together_with_what_the_game_day_gives(written: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in written.addresses.environment().items():
        monkeypatch.setenv(name, value)
    assembled = open_world(str(written.folder / "world.yaml"))
    missing = [name for name in CAPABILITIES if getattr(assembled.world, name) is None]
    assert not missing


def test_the_quick_library_is_whole_and_differs_in_its_clocks_alone(tmp_path: Path) -> None:
    differences = write_library(tmp_path / "library")
    assert len(differences) == len(CLOCKS)
    assert not list(check_library(tmp_path / "library"))
    quick, shipped = Library.open(tmp_path / "library").runbook, Library.default().runbook
    assert quick.clocks != shipped.clocks
    assert quick.model_copy(update={"clocks": shipped.clocks}) == shipped
