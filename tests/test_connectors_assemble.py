"""A world file of connectors: read with its environment, refused with the name of what is wrong, its secrets known and hidden."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nexus.errors import Unavailable, WorldError
from nexus.incident import BacklogItem, Severity
from nexus.incidents import vault_of
from nexus.world.connectors.register import KINDS, module_of
from nexus.world.open import open_world

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SHOP = """
name: shop
catalog: {services: [{name: web, calls: [basket]}, {name: basket}]}
connectors:
  - {use: status-page, folder: status}
  - {use: backlog-file, path: backlog.jsonl}
"""


def world_file(folder: Path, text: str) -> Path:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("use", sorted(KINDS))
def test_every_kind_of_the_register_has_its_settings_and_its_door(use: str) -> None:
    module = module_of(use)
    assert module.Settings.model_fields["use"].annotation is not None
    assert callable(module.connect)
    undescribed = [name for name, field in module.Settings.model_fields.items() if name != "use" and not field.description]
    assert not undescribed


async def test_a_world_is_made_of_its_connectors(tmp_path: Path) -> None:
    opened = open_world(str(world_file(tmp_path, SHOP)))
    world = opened.world
    assert (opened.title, opened.alert, world.name, world.clock.simulated) == ("shop", {}, "shop", False)
    assert world.catalog.edges() == (("web", "basket"),)
    assert world.metrics is None
    assert world.actions is None
    await world.people.post_status("INC-1", "we are looking", NOW, "status:1")
    item = BacklogItem(key="a", rank=1, title="x", owner="y", deadline=None, severity=Severity.P2, score=1, incident="INC-1")
    assert await world.people.add_to_backlog([item]) == 1
    await world.close()
    assert "we are looking" in (tmp_path / "status" / "status.json").read_text(encoding="utf-8")
    assert (tmp_path / "backlog.jsonl").is_file()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connectors: []", "connectors: Tuple should have at least 1 item"),
        ("connectors: [{use: telepathy}]", "connector 1: there is no connector 'telepathy'"),
        ("connectors: [{path: x.md}]", "connector 1: there is no connector None"),
        ("connectors: [{use: backlog-file, path: x.md, colour: red}]", "connector 1 \\(backlog-file\\): colour: Extra inputs"),
        (
            "connectors: [{use: backlog-file, path: x.md}, {use: backlog-file, path: y.md}]",
            "two connectors are called backlog-file",
        ),
        ("connectors: [{use: backlog-file, path: '${NOT_SET_HERE}'}]", "asks for \\$\\{NOT_SET_HERE\\}"),
        ("catalog: nowhere.yaml\nconnectors: [{use: backlog-file, path: x.md}]", "nowhere.yaml"),
        ("connectors: [{use: backlog-file, path: x.md}]\nwrold: x", "wrold: Extra inputs"),
        ("[1]", "shop.yaml"),
        ("connectors: [", "is not YAML"),
    ],
)
def test_what_is_wrong_with_a_world_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WorldError, match=said) as caught:
        open_world(str(world_file(tmp_path, text)))
    assert caught.value.remedy


def test_an_extra_that_is_missing_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    for name in [name for name in sys.modules if name.startswith(("nexus.world.connectors.slack", "slack_sdk."))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(WorldError, match=r"pip install 'nexus-incident-response\[slack\]'"):
        module_of("slack")


async def test_a_secret_of_the_environment_is_known_to_the_vault_and_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PROMETHEUS_TOKEN", "correct-horse-battery")
    text = "connectors: [{use: prometheus, url: 'http://127.0.0.1:1', token: '${SHOP_PROMETHEUS_TOKEN}'}]"
    world = open_world(str(world_file(tmp_path, text))).world
    assert "correct-horse-battery" in world.secrets
    assert "correct-horse-battery" not in repr(world)
    assert "correct-horse-battery" not in vault_of(world).mask("it said: correct-horse-battery")
    await world.close()


def test_a_dollar_sign_can_be_written(tmp_path: Path) -> None:
    text = "name: '$${HOME}'\nconnectors: [{use: backlog-file, path: x.md}]"
    assert open_world(str(world_file(tmp_path, text))).world.name == "${HOME}"


async def test_a_server_whose_tools_cannot_be_listed_is_a_look_that_fails_and_says_so(tmp_path: Path) -> None:
    text = "connectors: [{use: mcp, name: our wiki, url: 'http://127.0.0.1:9/mcp', start: 5}]"
    world = open_world(str(world_file(tmp_path, text))).world
    (look,) = await world.looks()
    with pytest.raises(Unavailable, match="our wiki"):
        await look.run({})
    assert look.name == "our_wiki_tools"
    await world.close()
