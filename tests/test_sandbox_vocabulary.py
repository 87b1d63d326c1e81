import json
import re
from pathlib import Path
from typing import get_args

import pytest

from nexus.errors import WorldError
from nexus.world.sandbox import faults as vocabulary
from nexus.world.sandbox import open_sandbox
from nexus.world.sandbox.opening import SCENARIOS

HEAD = "title: t\nstarts_at: 2026-03-02T10:00:00Z\nexpect: {severity: P1, outcome: resolved}\n"
DOCUMENT = Path(__file__).parents[1] / "docs" / "scenarios.md"


def write(folder: Path, text: str) -> Path:
    (folder / "scenario.yaml").write_text(HEAD + text)
    (folder / "alert.json").write_text('{"alerts": []}')
    return folder


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("faults: [{what: gremlins, where: cart, from: -1m}]", "gremlins"),
        ("faults: [{what: disk_full, where: orders-db, from: soon, needs_gb: 300}]", "not a time like"),
        ("faults: [{what: disk_full, where: orders-db, from: -1m}]", "needs_gb"),
        ("faults: [{what: disk_full, where: cart, from: -1m, needs_gb: 300}]", "cart is a backend"),
        ("faults: [{what: disk_full, where: attic, from: -1m, needs_gb: 300}]", "there is no attic"),
        ("faults: [{what: bad_release, where: cart, from: -1m, version: '9.9'}]", "never"),
        ("faults: [{what: consumer_stuck, where: cart, from: -1m, queue: order-events}]", "does not take from"),
        ("faults: [{what: code_bug, where: storefront, from: -1m, page: cellar}]", "no page cellar"),
        ("faults: [{what: code_bug, where: cart, from: -1m, skips: [payment]}]", "does not call payment"),
        ("faults: [{what: code_bug, where: storefront, from: -1m, skips: [cdn]}]", "storefront is a frontend"),
        ("faults: [{what: code_bug, where: cart, from: -1m, tells: done}]", "faults.0.tells"),
        ("faults: [{what: network_delay, where: node-1, from: -1m}]", "node-1 is a node"),
        (
            "faults: [{what: retry_storm, where: cart, from: -1m, to: payment, key: cart.ttl, version: c-7}]",
            "does not call payment",
        ),
        ("faults: [{what: retry_storm, where: cart, from: -1m, to: catalog, key: cart.ttl, version: c-9}]", "never"),
        ("measures: [{component: attic, metric: a, caller: cart, callee: catalog}]", "there is no attic"),
        ("measures: [{component: cart, metric: a, caller: shipping, callee: order-events}]", "does not call order-events"),
        ("changes: [{at: -1m, component: cart, kind: config, version: c-8}]", "a config change needs one"),
        ("changes: [{at: -1m, component: cart, kind: flag, key: saved-carts, version: maybe}]", "not a flag's value"),
        ("changes: [{at: -1m, component: orders-db, version: '2'}]", "has no releases"),
        ("changes: [{at: -1m, component: cart, kind: config, key: new.key, version: c-8}]", "knows no new.key"),
        ("outages: [{of: weather}]", "outages.0.of"),
        ("weather: fine", "weather"),
        (
            "faults: [{what: corruption, where: orders-db, from: 0, cured_by: [{kind: limit, target: cdn, arguments: {a: b}}]}]",
            "cured_by.0.arguments",
        ),
        (
            "faults: [{what: crash_loop, where: cart, from: -1m, made_worse_by: [{kind: restart, target: cart}]}]",
            "made_worse_by.0.kind",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_file_field_and_remedy(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(WorldError) as caught:
        open_sandbox(write(tmp_path, text))
    message = str(caught.value)
    assert "scenario.yaml" in message
    assert says in message
    assert caught.value.remedy
    assert "\n" not in message


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, "")
    (folder / "scenario.yaml").write_text("title: [")
    with pytest.raises(WorldError, match="is not YAML"):
        open_sandbox(folder)


def test_an_alert_that_is_not_json_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, "")
    (folder / "alert.json").write_text("{")
    with pytest.raises(WorldError, match=r"alert\.json is not JSON"):
        open_sandbox(folder)


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(WorldError, match="bad-deploy"):
        open_sandbox("worse-deploy")


def test_a_scenario_may_bring_its_own_shop(tmp_path: Path) -> None:
    folder = write(tmp_path, "faults: [{what: crash_loop, where: kiosk, from: -1m}]")
    (folder / "shop.yaml").write_text(
        "components: [{name: kiosk, owner: a, kind: backend, tier: 1, feature: core, releases: ['1', '2'], users: 10}]\n"
    )
    assert [s.name for s in open_sandbox(folder).world.catalog] == ["kiosk"]


def test_the_document_names_every_fault_and_field() -> None:
    text = DOCUMENT.read_text()
    for fault in vars(vocabulary).values():
        if isinstance(fault, type) and issubclass(fault, vocabulary.Fault) and "what" in fault.model_fields:
            (word,) = get_args(fault.model_fields["what"].annotation)
            assert f"`{word}`" in text, word
            for name, field in fault.model_fields.items():
                assert f"`{field.alias or name}`" in text, (word, name)


def test_the_documents_own_example_opens(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(title:.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert example is not None
    (tmp_path / "scenario.yaml").write_text(example[1])
    alert = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert alert is not None
    (tmp_path / "alert.json").write_text(alert[1])
    opened = open_sandbox(tmp_path)
    assert opened.scenario.faults
    assert json.loads(alert[1])["alerts"][0]["labels"]["service"] == "cart"


def test_every_fault_of_the_document_says_where_it_lies_and_what_ends_it() -> None:
    """No row may hold another table's text."""
    rows = re.findall(
        r"^\| `(\w+)` \|(.*)\|$", DOCUMENT.read_text().split("| Kind | Where |")[1].split("## Actions")[0], re.MULTILINE
    )
    assert len(rows) >= 20
    for word, row in rows:
        cells = row.split("|")
        assert len(cells) == 3, word
        assert not re.search(r"node-\d", row), word


def test_nothing_that_agents_see_holds_a_scenarios_words() -> None:
    for folder in SCENARIOS.iterdir():
        world = open_sandbox(folder.name).world
        assert not any(folder.name in str(service) for service in world.catalog)
