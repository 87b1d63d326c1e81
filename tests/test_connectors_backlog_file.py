"""The backlog file: an item is in it once, whoever adds it and whatever its words; what people wrote stays."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from messages_in_hand import AT, backlog, item, site

from nexus.errors import ToolError, WorldError
from nexus.world.connectors.backlog_file import _KEY, BacklogFile, Settings, _unquoted, connect, markdown_line
from nexus.world.connectors.contract import Connector

HOSTILE = "mend\n- [x] **all is well** <!-- nexus-key: other --> <script>alert(1)</script> [click](http://evil.example)\u2028"


def kept(folder: Path, name: str) -> Connector:
    return connect(Settings(use="backlog-file", path=Path(name)), site(folder))


@pytest.mark.parametrize("name", ["work/backlog.md", "work/backlog.jsonl"])
async def test_an_item_is_added_once_by_its_key(tmp_path: Path, name: str) -> None:
    held = backlog(kept(tmp_path, name))
    assert await held.add(item("INC-1:A1"))
    assert await held.add(item("INC-1:A2"))
    assert not await held.add(item("INC-1:A1", title="the same in other words"))
    again = backlog(kept(tmp_path, name))
    assert not await again.add(item("INC-1:A2"))
    text = (tmp_path / name).read_text()
    assert "in other words" not in text
    assert sorted(p.name for p in (tmp_path / "work").iterdir()) == sorted([Path(name).name, f"{Path(name).name}.lock"])


async def test_a_line_of_json_holds_the_whole_item(tmp_path: Path) -> None:
    await backlog(kept(tmp_path, "backlog.jsonl")).add(item())
    (line,) = (tmp_path / "backlog.jsonl").read_text().splitlines()
    assert type(item()).model_validate(json.loads(line)) == item()


async def test_a_task_says_what_who_and_until_when(tmp_path: Path) -> None:
    await backlog(kept(tmp_path, "backlog.md")).add(item())
    text = (tmp_path / "backlog.md").read_text()
    assert text.startswith("# Backlog\n\n- [ ] **Alert on failing checkouts** (P1 · Backend Architect by 2026-03-16 · INC-1")
    assert text.endswith("<!-- nexus-key: INC%2D1:A1 -->\n")


async def test_a_ticked_task_stays_ticked_and_is_not_added_again(tmp_path: Path) -> None:
    held = backlog(kept(tmp_path, "backlog.md"))
    await held.add(item())
    file = tmp_path / "backlog.md"
    file.write_bytes(file.read_bytes().replace(b"[ ]", b"[x]").replace(b"\n", b"\r\n") + b"a word of a person without an end")
    assert not await held.add(item())
    assert await held.add(item("INC-1:A2"))
    told = file.read_bytes()
    assert b"- [x] **Alert" in told
    assert b"\r\na word of a person without an end\n- [ ] " in told


@pytest.mark.parametrize("name", ["backlog.md", "backlog.jsonl"])
async def test_a_title_cannot_pretend_to_be_another_task(tmp_path: Path, name: str) -> None:
    held = backlog(kept(tmp_path, name))
    assert await held.add(item("INC-1:A1", title=HOSTILE))
    assert not await held.add(item("INC-1:A1"))
    assert await held.add(item("other"))
    lines = [line for line in (tmp_path / name).read_text().split("\n") if line.startswith(("- [", "{"))]
    assert len(lines) == 2
    if name == "backlog.md":
        page = MarkdownIt("commonmark").render(lines[0])
        assert "<script" not in page
        assert "<a " not in page
        assert "[click](http://evil.example)" in page


@given(st.lists(st.text(min_size=1, max_size=12), unique=True, min_size=2, max_size=4))
def test_keys_of_any_letters_are_told_apart(keys: list[str]) -> None:
    whole = [key for key in keys if key.encode("utf-8", "ignore").decode() == key]
    text = "\n".join(markdown_line(item(key)) for key in whole)
    assert [_unquoted(found["key"]) for found in _KEY.finditer(text)] == whole


async def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    held = [BacklogFile(tmp_path / "backlog.jsonl") for _ in range(4)]
    new = await asyncio.gather(*(one.add(item(f"INC-1:A{n}")) for n in range(6) for one in held))
    assert sum(new) == 6
    assert len((tmp_path / "backlog.jsonl").read_text().splitlines()) == 6


async def test_a_file_with_a_torn_line_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "backlog.jsonl"
    file.write_text('{"key": "a"}\n{"key": ')
    connector = kept(tmp_path, "backlog.jsonl")
    with pytest.raises(ToolError, match="line 2 is no JSON"):
        await backlog(connector).add(item())
    assert file.read_text() == '{"key": "a"}\n{"key": '
    (proof,) = await connector.prove(AT)
    assert not proof.ok
    assert "line 2" in proof.detail


async def test_the_proof_counts_and_makes_nothing(tmp_path: Path) -> None:
    connector = kept(tmp_path, "far/away/backlog.md")
    (proof,) = await connector.prove(AT)
    assert proof.ok
    assert not (tmp_path / "far").exists()
    await backlog(connector).add(item())
    (proof,) = await connector.prove(AT)
    assert "1 items" in proof.detail


async def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("no folder")
    connector = kept(tmp_path, "work/backlog.md")
    with pytest.raises(ToolError, match="cannot be written"):
        await backlog(connector).add(item())
    (proof,) = await connector.prove(AT)
    assert not proof.ok


def test_a_suffix_that_says_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="neither"):
        kept(tmp_path, "backlog.txt")
