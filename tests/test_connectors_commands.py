"""Declared changes, carried out by real programs: shell scripts in a folder."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from commands_in_hand import (
    CATALOG,
    NOW,
    READ,
    RESTART,
    ROLLBACK,
    acting,
    connected,
    left_of_group,
    left_of_mark,
    left_over,
    only,
    release,
    script,
    shop_in,
    without,
    written,
)
from ruamel.yaml import YAML

from nexus.errors import ActionFailed, ActionUnknown, WorldError
from nexus.incident import Action, ActionKind, Risk
from nexus.world.connectors.command_process import Programs
from nexus.world.connectors.commands import Settings, connect
from nexus.world.connectors.contract import Site
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return shop_in(tmp_path)


async def test_an_option_is_exact_and_says_which_command_and_which_values(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    assert (action.kind, action.target) == (ActionKind.ROLLBACK, "web")
    assert action.arguments == {"command": "previous-release", "to": "v41"}
    assert source.owns(action)
    assert not source.owns(action.model_copy(update={"target": "queue"}))
    assert not source.owns(action.model_copy(update={"kind": ActionKind.FLAG}))
    assert not source.owns(action.model_copy(update={"arguments": {**action.arguments, "more": "1"}}))
    assert not source.owns(action.model_copy(update={"arguments": {"command": "previous-release", "to": "--all"}}))


async def test_several_lines_give_several_options_in_their_order(shop: Path) -> None:
    source = acting(shop, ROLLBACK | {"parameters": {"to": {"from": ["./bin/releases", "{target}"], "most": 3}}})
    assert [a.arguments["to"] for a in await source.options("web", NOW)] == ["v41", "v40"]


async def test_choices_give_one_option_each_but_not_what_stands_already(shop: Path) -> None:
    source = acting(shop, ROLLBACK | {"parameters": {"to": {"choices": ["v40", "v41", "v42"]}}})
    assert [a.arguments["to"] for a in await source.options("web", NOW)] == ["v40", "v41"]


async def test_nothing_is_offered_where_the_check_says_no_or_nothing_is_printed(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    (shop / "cart.release").unlink()
    assert await source.options("cart", NOW) == []
    (shop / "all-releases").write_text("\n")
    assert await source.options("web", NOW) == []
    assert await source.options("elsewhere", NOW) == []


async def test_a_check_that_breaks_is_no_no(shop: Path) -> None:
    script(shop, "can-roll-back", "echo cannot reach the registry >&2; exit 3")
    source = acting(shop, ROLLBACK)
    with pytest.raises(ActionFailed, match=r"status 3 \(cannot reach the registry\)"):
        await source.options("web", NOW)
    with collecting() as gaps:
        both = await acting(shop, ROLLBACK, RESTART | {"run": ["true"]}).options("web", NOW)
    assert [a.arguments["command"] for a in both] == ["restart"]
    assert "previous-release" in gaps[0]


async def test_a_dry_run_says_what_would_change_and_changes_nothing(shop: Path) -> None:
    source = acting(shop, ROLLBACK | {"touches": ["cart"]})
    tried = await source.dry_run(await only(source), NOW)
    assert tried.ok
    assert "web goes from v42 to v41" in tried.effect
    assert "would switch web to v41" in tried.effect
    assert tried.touches == ("web", "cart")
    expected = {"command": "previous-release", "target": "web", "arguments": {"to": "v41"}, "state": "v42"}
    assert tried.before == expected
    assert release(shop) == "v42"


async def test_without_a_dry_run_of_its_own_the_exact_command_is_shown(shop: Path) -> None:
    source = acting(shop, {k: v for k, v in ROLLBACK.items() if k != "dry_run"})
    tried = await source.dry_run(await only(source), NOW)
    assert '["./bin/switch", "web", "v41"]' in tried.effect
    assert release(shop) == "v42"


async def test_a_dry_run_that_fails_is_not_ok_and_says_why(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    script(shop, "switch", "echo disk full >&2; exit 1")
    tried = await source.dry_run(action, NOW)
    assert not tried.ok
    assert "disk full" in tried.effect


async def test_what_was_done_is_read_back_and_taken_back(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    before = (await source.dry_run(action, NOW)).before
    first = await source.state(NOW)
    assert await source.is_done(action) is False
    assert "web stands at v41" in await source.carry_out(action)
    assert release(shop) == "v41"
    assert await source.is_done(action) is True
    assert await source.is_back(before) is False
    assert await source.state(NOW) != first
    assert "v42 again" in await source.take_back(before)
    assert await source.is_back(before) is True
    assert await source.state(NOW) == first
    assert "already" in await source.take_back(before)


async def test_json_states_are_equal_however_they_are_spelt(shop: Path) -> None:
    script(shop, "current", """printf '{\n "b": 1,\n "a": "%s"}' $(cat $1.release)""")
    script(shop, "switch", "echo v41 > $1.release")
    script(shop, "back", """echo "$2" > undone; echo v42 > $1.release""")
    told = ROLLBACK | {"becomes": '{{"b": 1, "a": "{to}"}}', "undo": ["./bin/back", "{target}", "{state}"]}
    source = acting(shop, {k: v for k, v in told.items() if k != "dry_run"})
    action = await only(source)
    before = (await source.dry_run(action, NOW)).before
    await source.carry_out(action)
    await source.take_back(before)
    assert json.loads((shop / "undone").read_text()) == {"a": "v42", "b": 1}


async def test_a_command_that_fails_and_changes_nothing_has_failed(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    script(shop, "switch", "echo no such release >&2; exit 4")
    with pytest.raises(ActionFailed, match=r"status 4 \(no such release\).*v42 as before"):
        await source.carry_out(action)


async def test_a_command_that_stops_half_way_leaves_it_unknown(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    script(shop, "switch", "echo half > $1.release; exit 4")
    with pytest.raises(ActionUnknown, match="web stands at half"):
        await source.carry_out(action)


async def test_a_command_that_fails_after_it_was_done_is_done(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    script(shop, "switch", "echo $2 > $1.release; exit 4")
    assert "though it ended with status 4" in await source.carry_out(action)


async def test_a_command_that_says_it_is_done_is_not_believed_against_the_state(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    script(shop, "switch", "true")
    with pytest.raises(ActionUnknown, match="web stands at v42"):
        await source.carry_out(action)


async def test_a_change_that_takes_effect_later_is_waited_for(shop: Path) -> None:
    source = acting(shop, ROLLBACK | {"settles": 20})
    action = await only(source)
    script(shop, "switch", "(sleep 0.5; echo $2 > $1.release) >/dev/null 2>&1 &")
    assert "web stands at v41" in await source.carry_out(action)


async def test_a_failed_command_without_a_state_leaves_it_unknown(shop: Path) -> None:
    source = acting(shop, RESTART | {"run": ["false"]})
    action = await only(source)
    with pytest.raises(ActionUnknown, match="its state cannot be read"):
        await source.carry_out(action)
    assert await source.is_done(action) is None


async def test_a_program_that_is_not_there_has_certainly_done_nothing(shop: Path) -> None:
    source = acting(shop, RESTART | {"run": ["./bin/missing"]})
    with pytest.raises(ActionFailed, match=r"bin/missing cannot be started \(No such file"):
        await source.carry_out(await only(source))


async def test_a_restart_leaves_nothing_to_take_back(shop: Path) -> None:
    source = acting(shop, RESTART | {"run": ["true"]})
    before = (await source.dry_run(await only(source), NOW)).before
    assert await source.take_back(before) == "nothing to restore"
    assert await source.is_back(before) is True


async def test_what_cannot_be_taken_back_says_so(shop: Path) -> None:
    source = acting(shop, RESTART | {"kind": "scale", "risk": "high", "run": ["true"]})
    action = await only(source)
    assert action.risk is Risk.HIGH
    with pytest.raises(ActionFailed, match="has no undo"):
        await source.take_back((await source.dry_run(action, NOW)).before)


async def test_an_undo_that_does_not_restore_is_unknown(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    before = (await source.dry_run(action, NOW)).before
    await source.carry_out(action)
    script(shop, "switch", "exit 1")
    with pytest.raises(ActionUnknown, match="web stands at v41"):
        await source.take_back(before)


async def test_an_amended_value_is_checked_as_the_declaration_says(shop: Path) -> None:
    source = acting(shop, ROLLBACK)
    action = await only(source)
    other = action.model_copy(update={"arguments": {"command": "previous-release", "to": "v40"}})
    await source.carry_out(other)
    assert release(shop) == "v40"
    for wrong in ("--force", "a b", "", "../x", "v41\n", 7):
        with pytest.raises(ActionFailed, match="to has to"):
            await source.dry_run(action.model_copy(update={"arguments": {"command": "previous-release", "to": wrong}}), NOW)
    with pytest.raises(ActionFailed, match="no such command"):
        await source.carry_out(Action(kind=ActionKind.ROLLBACK, target="web"))


async def test_a_command_and_its_children_end_at_the_time_limit(shop: Path) -> None:
    script(shop, "slow", "trap '' TERM; sleep 600 & echo $$ > child; wait; wait; sleep 600")
    change = ROLLBACK | {"run": ["./bin/slow", "{target}", "{to}"], "timeout": 0.3}
    source = acting(shop, change)
    with pytest.raises(ActionFailed, match=r"ended at its time limit.*v42 as before"):
        await source.carry_out(await only(source))
    assert await asyncio.to_thread(left_of_group, int((shop / "child").read_text())) == []


async def test_a_time_limit_without_a_state_leaves_it_unknown(shop: Path) -> None:
    source = acting(shop, RESTART | {"run": ["sleep", "600"], "timeout": 0.2})
    with pytest.raises(ActionUnknown, match="time limit"):
        await source.carry_out(await only(source))


async def test_a_command_that_nobody_waits_for_any_more_is_ended(shop: Path) -> None:
    script(shop, "slow", "echo $$ > child; sleep 600")
    source = acting(shop, RESTART | {"run": ["./bin/slow"], "timeout": 60})
    task = asyncio.create_task(source.carry_out(await only(source)))
    await asyncio.to_thread(written, shop / "child")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(left_of_group, int((shop / "child").read_text())) == []


CARRIES_OUT = """
import asyncio, sys
from pathlib import Path
from commands_in_hand import ROLLBACK, acting
from nexus.incident import Action

source = acting(Path(sys.argv[1]), ROLLBACK)
asyncio.run(source.carry_out(Action.model_validate_json(sys.argv[2])))
"""


async def test_a_command_that_is_abandoned_while_it_begins_leaves_nothing_running(shop: Path) -> None:
    programs = Programs(shop, {}, {})
    for steps in (*range(8), *(100 * n for n in range(1, 8))):
        running = asyncio.create_task(programs.run(["sh", "-c", "sleep 600; true"], seconds=60, most=100, mark=str(shop)))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert await asyncio.to_thread(left_of_mark, str(shop)) == []


async def test_what_a_killed_process_had_begun_is_waited_for_and_not_done_twice(shop: Path) -> None:
    script(shop, "switch", "echo $2 >> runs; while [ ! -e go ]; do sleep 0.05; done; echo $2 > $1.release")
    source = acting(shop, ROLLBACK)
    action = await only(source)
    given = [sys.executable, "-c", CARRIES_OUT, str(shop), action.model_dump_json()]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    killed = await asyncio.create_subprocess_exec(*given, env=env)
    await asyncio.to_thread(written, shop / "runs")
    killed.kill()
    await killed.wait()
    asked = asyncio.create_task(source.is_done(action))
    await asyncio.sleep(0.3)
    assert not asked.done()
    (shop / "go").touch()
    assert await asked is True
    assert (shop / "runs").read_text() == "v41\n"


async def test_after_a_crash_a_command_that_does_not_end_leaves_it_unknown(shop: Path) -> None:
    script(shop, "switch", "sleep 600")
    source = acting(shop, ROLLBACK | {"timeout": 0.3})
    action = await only(source)
    orphan = left_over(shop, action)
    try:
        assert await source.is_done(action) is None
    finally:
        os.killpg(orphan.pid, 9)
        orphan.wait(timeout=10)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reads": [READ | {"argv": ["echo", "{who}"]}]}, "nothing fills {who}"),
        ({"reads": [READ | {"argv": ["{who}"], "parameters": {"who": {}}}]}, "a value would choose the program"),
        ({"reads": [READ | {"argv": ["echo", "{who.name}"], "parameters": {"who": {}}}]}, "no plain name"),
        ({"reads": [READ | {"argv": ["echo", "{who!r}"], "parameters": {"who": {}}}]}, "no plain name"),
        ({"reads": [READ | {"argv": ["echo", "{"]}]}, "belongs to no hole"),
        ({"reads": [READ | {"argv": ["echo", "a\0b"]}]}, "NUL"),
        ({"reads": [READ, READ]}, "two are called look"),
        ({"reads": [READ | {"parameters": {"who": {"from": ["ls"]}}}]}, "its parameter who says `from`"),
        ({"actions": [ROLLBACK, ROLLBACK]}, "two are called previous-release"),
        ({"actions": [ROLLBACK | {"targets": ["mail"]}]}, "mail is not in the catalog"),
        ({"actions": [without(ROLLBACK, "undo")]}, "cannot be taken back"),
        ({"actions": [without(ROLLBACK, "state", "becomes")]}, "its undo needs {state}"),
        ({"actions": [without(ROLLBACK, "state")]}, "not how to read it"),
        ({"actions": [ROLLBACK | {"becomes": "{release}"}]}, "nothing fills {release}"),
        ({"actions": [ROLLBACK | {"run": ["./bin/switch", "{state}"]}]}, "nothing fills {state}"),
        ({"actions": [ROLLBACK | {"parameters": {"to": {}}}]}, "nothing says which values to can have"),
        ({"actions": [ROLLBACK | {"parameters": {"state": {"choices": ["a"]}}}]}, "cannot be called state"),
        ({"nodes": {"argv": ["ls", "{since}"]}}, "nothing fills {since}"),
        ({"env": {"A=B": "1"}}, "cannot be set"),
        ({"env": {"A": "1"}, "secret_env": {"A": "1"}}, "cannot be set"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_when_it_is_read(shop: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(WorldError) as refused:
        connected(shop, **given)
    assert said in refused.value.what
    assert refused.value.remedy


@pytest.mark.parametrize(
    "parameter",
    [
        {"pattern": "("},
        {"type": "integer", "choices": ["1"]},
        {"min": 1},
        {"type": "component", "pattern": "x"},
        {"kind": "text"},
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(parameter: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="parameters"):
        Settings.model_validate({"use": "commands", "reads": [READ | {"parameters": {"x": parameter}}]})


async def test_the_proof_uses_every_command_and_changes_nothing(shop: Path) -> None:
    connector = connected(
        shop,
        reads=[READ | {"argv": ["echo", "{s}"], "parameters": {"s": {"choices": ["web"]}}}, READ | {"name": "quiet"}],
        actions=[ROLLBACK, RESTART | {"run": ["false"], "when": ["./bin/absent"]}],
        workloads={"argv": ["echo", "[]"]},
    )
    proofs = {proof.what: proof for proof in await connector.prove(NOW)}
    assert {what: proof.ok for what, proof in proofs.items()} == {
        "the command look": True,
        "the command quiet": False,
        "rollback web by previous-release": True,
        "rollback cart by previous-release": True,
        "restart web by restart": False,
        "the command that prints workloads": False,
    }
    assert "goes from v42 to v41" in proofs["rollback web by previous-release"].detail
    assert "absent cannot be started" in proofs["restart web by restart"].detail
    assert "empty" in proofs["the command that prints workloads"].detail
    assert release(shop) == "v42"


PAGE = (Path(__file__).parents[1] / "docs" / "commands.md").read_text(encoding="utf-8")


def test_the_world_file_that_the_page_shows_can_be_used(shop: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (given,) = YAML(typ="safe").load(block)["connectors"]
    connector = connect(Settings.model_validate(given), Site(shop, CATALOG, MemoryJournal(), NOW))
    assert [look.name for look in connector.looks] == ["list_releases"]
    assert connector.actions is not None
