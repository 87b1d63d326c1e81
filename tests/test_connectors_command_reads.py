"""Declared reads against real programs: what a value can do, what a program gets, and what an agent sees of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from commands_in_hand import (
    READ,
    connected,
    lives,
    shop_in,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexus.errors import ToolError
from nexus.world.connectors.commands import Settings


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return shop_in(tmp_path)


async def looked(folder: Path, read: Mapping[str, Any], arguments: Mapping[str, Any] | None = None, **more: Any) -> str:
    (look,) = connected(folder, reads=[READ | dict(read)], **more).looks
    return await look.run(arguments or {})


async def test_a_read_has_a_schema_and_gives_what_its_program_prints(shop: Path) -> None:
    parameters = {
        "service": {"choices": ["web", "cart"], "description": "which one"},
        "lines": {"type": "integer", "min": 1, "max": 9},
        "of": {"type": "component"},
        "word": {"pattern": "[a-z]+", "longest": 5},
    }
    argv = ["echo", "{service}", "-n{lines}", "{of}:{word}", "{{literal}}"]
    read = READ | {"parameters": parameters, "argv": argv, "agents": ["devops-automator"]}
    (look,) = connected(shop, reads=[read]).looks
    assert look.agents == {"devops-automator"}
    assert look.arguments["properties"] == {
        "service": {"type": "string", "description": "which one", "enum": ["web", "cart"]},
        "lines": {"type": "integer", "minimum": 1, "maximum": 9},
        "of": {"type": "string", "enum": ["web", "cart"]},
        "word": {"type": "string", "pattern": "^(?:[a-z]+)$", "maxLength": 5},
    }
    good = {"service": "web", "lines": 3, "of": "cart", "word": "abc"}
    assert await look.run(good) == "web -n3 cart:abc {literal}\n"
    bad: list[tuple[str, Any]] = [
        ("service", "mail"),
        ("service", ["web"]),
        ("lines", 0),
        ("lines", 10),
        ("lines", "3"),
        ("lines", 2.5),
        ("lines", True),
        ("lines", float("nan")),
        ("of", "mail"),
        ("word", "abcdef"),
        ("word", "Abc"),
        ("word", "abc\n"),
        ("extra", 1),
    ]
    for name, value in bad:
        with pytest.raises(ToolError, match=rf"look: .*{name}"):
            await look.run({**good, name: value})
    with pytest.raises(ToolError, match="word is missing"):
        await look.run({k: v for k, v in good.items() if k != "word"})


async def test_a_program_gets_a_minimal_environment_a_closed_input_and_its_folder(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-for-programs")
    (shop / "sub").mkdir()
    told = await looked(shop, {"argv": ["sh", "-c", "env; pwd; cat"]}, cwd="sub", env={"A": "1"}, secret_env={"B": "hidden"})
    names = {line.partition("=")[0] for line in told.splitlines()[:-1]}
    assert names <= {"PATH", "LANG", "HOME", "A", "B", "PWD", "OLDPWD", "SHLVL", "_"}
    assert {"PATH", "A", "B"} <= names
    assert told.splitlines()[-1] == str(shop / "sub")


def test_secrets_of_the_environment_are_told_to_whoever_masks(shop: Path) -> None:
    connector = connected(shop, secret_env={"TOKEN": "hidden-one"})
    assert connector.secrets == ("hidden-one",)
    assert "hidden-one" not in repr(Settings.model_validate({"use": "commands", "secret_env": {"TOKEN": "hidden-one"}}))


async def test_output_is_capped_and_says_what_was_left_out(shop: Path) -> None:
    told = await looked(shop, {"argv": ["sh", "-c", "yes 0123456789 | head -n 100000"], "output": 100})
    assert told.startswith("0123456789\n")
    assert "1099900 more characters left out" in told
    assert len(told) < 200


async def test_endless_output_ends_at_the_time_limit(shop: Path) -> None:
    with pytest.raises(ToolError, match="time limit"):
        await looked(shop, {"argv": ["yes"], "timeout": 0.3})


async def test_output_that_is_not_text_is_shown_as_far_as_it_is(shop: Path) -> None:
    assert "ok" in await looked(shop, {"argv": ["printf", "\\377ok"]})


async def test_what_a_program_leaves_running_does_not_hold_up_the_look(shop: Path) -> None:
    told = await looked(shop, {"argv": ["sh", "-c", "sleep 600 & echo $!"], "timeout": 60})
    assert lives(int(told))
    os.kill(int(told), 9)


async def test_a_read_that_fails_says_how_and_what_it_said(shop: Path) -> None:
    with pytest.raises(ToolError, match=r"look ended with status 2 \(no such thing\)"):
        await looked(shop, {"argv": ["sh", "-c", "echo no such thing >&2; exit 2"]})
    with pytest.raises(ToolError, match=r"absent-program cannot be started \(No such file"):
        await looked(shop, {"argv": ["absent-program"]})
    with pytest.raises(ToolError, match=r"its folder cannot be entered \(No such file"):
        await looked(shop, {"argv": ["true"]}, cwd="absent")
    (shop / "bin" / "plain").write_text("text")
    with pytest.raises(ToolError, match="Permission denied"):
        await looked(shop, {"argv": ["./bin/plain"]})


BAIT = (
    *(
        "; touch owned",
        "$(touch owned)",
        "`touch owned`",
        "|touch owned",
        ">owned",
        "&",
        "-rf",
        "--to=x",
        "a b",
        "'",
        '"',
        "*",
        "~",
    ),
    *("{to}", "{{", "%s", "\\", "\0", "a\nb", "../..", "", "$HOME", "–", "\ud800", "x" * 5000),
)
hostile = st.one_of(st.text(max_size=80), st.sampled_from(BAIT))
ANYTHING = {"pattern": r"(?s).*", "longest": 4096}


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=hostile, second=hostile)
async def test_whatever_a_value_is_the_arguments_keep_their_shape_and_nothing_else_is_run(
    shop: Path, first: str, second: str
) -> None:
    for left in ("recorded", "owned"):
        (shop / left).unlink(missing_ok=True)
    before = listed(shop)
    read = READ | {
        "parameters": {"to": ANYTHING, "of": ANYTHING},
        "argv": ["./bin/record", "--fixed", "{to}", "to={to},{of}", "{of}", "last"],
    }
    (look,) = connected(shop, reads=[read]).looks
    fits = all(
        len(v) <= 4096
        and not any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in v)
        and not v.startswith("-")
        for v in (first, second)
    )
    if fits:
        await look.run({"to": first, "of": second})
        recorded = (shop / "recorded").read_bytes().decode().split("\0")
        assert recorded == ["--fixed", first, f"to={first},{second}", second, "last", "end-of-call", ""]
        (shop / "recorded").unlink()
    else:
        with pytest.raises(ToolError):
            await look.run({"to": first, "of": second})
    assert listed(shop) == before
