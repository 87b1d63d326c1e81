"""Settings: the file, then the environment, then flags; what is wrong is named with what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nexus.errors import SettingsError
from nexus.settings import load_settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD", "LIBRARY", "APPROVE", "OUT", "SEED", "LOG_LEVEL"):
        monkeypatch.delenv(f"NEXUS_{name}", raising=False)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert (settings.world, settings.library, settings.seed) == (None, None, None)
    assert (settings.approve, settings.out, settings.log_level) == ("ask", Path("incidents"), "warning")


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nexus.yaml").write_text("approve: never\nout: from-file\nseed: 1\n")
    monkeypatch.setenv("NEXUS_OUT", "from-environment")
    monkeypatch.setenv("NEXUS_SEED", "2")
    settings = load_settings(tmp_path, seed=3, world=None)
    assert (settings.approve, settings.out, settings.seed) == ("never", Path("from-environment"), 3)


def test_a_flag_that_was_not_given_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text("world: recording:here\n")
    assert load_settings(tmp_path, world=None, seed=None).world == "recording:here"


def test_seed_zero_is_a_seed(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text("seed: 7\n")
    assert load_settings(tmp_path, seed=0).seed == 0


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text("# nothing yet\n")
    assert load_settings(tmp_path).approve == "ask"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("approve: perhaps\n", "setting approve"),
        ("seed: many\n", "setting seed"),
        ("log_level: loud\n", "setting log_level"),
        ("out: [a, b]\n", "setting out"),
        ("aprove: auto\n", "setting aprove"),
        ("world: {sandbox: x}\n", "setting world"),
    ],
)
def test_a_setting_that_is_wrong_or_unknown_is_named_with_the_remedy(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "nexus.yaml").write_text(text)
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path)
    assert named in str(error.value)
    assert "nexus.yaml" in error.value.remedy
    assert "\n" not in str(error.value)


def test_a_wrong_environment_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_SEED", "many")
    with pytest.raises(SettingsError, match="setting seed") as error:
        load_settings(tmp_path)
    assert "NEXUS_SEED" in error.value.remedy


def test_a_wrong_flag_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="setting approve") as error:
        load_settings(tmp_path, approve="perhaps")
    assert "--approve" in error.value.remedy


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a: [1\n", "is not YAML"),
        (b"- one\n- two\n", "holds a list"),
        (b"just words\n", "holds a str"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"1: x\n", "setting 1"),
        (b"[" * 3000, "nested too deep"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_in_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "nexus.yaml").write_bytes(content)
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path)
    assert why in str(error.value)
    assert error.value.remedy
    assert "\n" not in str(error.value)


def test_settings_never_change_once_made(tmp_path: Path) -> None:
    settings: Any = load_settings(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 4


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_SEED", "")
    monkeypatch.setenv("NEXUS_LIBRARY", "")
    settings = load_settings(tmp_path)
    assert (settings.seed, settings.library) == (None, None)


def test_a_folder_in_the_files_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        load_settings(tmp_path)


def test_a_models_name_alone_is_a_policy_and_brings_the_llm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nexus.yaml").write_text("model: small\n")
    assert (load_settings(tmp_path).thinks, load_settings(tmp_path).model.name) == ("llm", "small")
    assert load_settings(tmp_path, responder="rules").thinks == "rules"
    monkeypatch.setenv("NEXUS_MODEL", "other")
    monkeypatch.setenv("NEXUS_MODEL__WINDOW", "8192")
    assert (load_settings(tmp_path).model.name, load_settings(tmp_path).model.window) == ("other", 8192)
    assert load_settings(tmp_path, model={"name": "flag", "incident": {"tokens": 5000}}).model.incident.tokens == 5000


def test_a_policy_in_the_environment_may_be_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_MODEL", '{"name": "m", "tasks": {"escalate": "rules"}}')
    assert load_settings(tmp_path).model.tasks == {"escalate": "rules"}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"name": "m", "incident": {"tokens": -4}}, "NEXUS_MODEL__INCIDENT__TOKENS or its flag"),
        ({"name": "m", "incident": {"usd": 1}}, "setting model: a budget in USD needs the price of m"),
        ({"name": "m", "wndow": 1}, "setting model.wndow: Extra inputs are not permitted"),
        ("{bad", "setting model: is no JSON"),
    ],
)
def test_a_policy_that_cannot_be_is_one_line_with_what_to_do(tmp_path: Path, model: object, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        load_settings(tmp_path, model=model)
