"""The incident's folder reads like an engineer's record, and nothing in an alert can change how."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from incident_in_hand import ID, PICTURE, alert, events, evidence, state
from markdown_it import MarkdownIt

from nexus.errors import RecordsError
from nexus.incident import Incident
from nexus.records.document import assemble
from nexus.records.folder import write_folder
from nexus.records.wording import duration, moment, safe

PNG = b"\x89PNG\r\n\x1a\nnot much of a picture"
EVIL = (
    "<script>alert(1)</script> ![x](http://evil.example/p.png) [y](javascript:alert(1)) | `c` **b**\n\n# Heading\x1b[31m \u202e"
)


def template(name: str, holes: Mapping[str, object]) -> str:
    return f"{name}\n" + "".join(f"{hole}: {value}\n" for hole, value in holes.items())


def incident(**more: object) -> Incident:
    return assemble(state(**more), events(), evidence())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path, incident(), template, {PICTURE: PNG})


def test_every_promised_file_is_there(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "incident.json",
        "incident.schema.json",
        "timeline.md",
        "post-mortem.md",
        "post-mortem.html",
        "backlog.jsonl",
        "briefs/001.md",
        "status/001-investigating.md",
        "status/002-identified.md",
        "status/003-monitoring.md",
        "status/004-resolved.md",
        "evidence/index.md",
        "evidence/IM2-1.json",
        "evidence/DA2-1.json",
        "evidence/BA2-2.json",
        "evidence/EC9-2.json",
        PICTURE,
    }
    assert folder.name == ID


def test_a_status_update_fills_the_template_and_the_last_has_no_next(folder: Path) -> None:
    first = (folder / "status" / "001-investigating.md").read_text()
    assert "timestamp: 2026-03-02 10:15 UTC" in first
    assert "next_update: 2026-03-02 10:30 UTC" in first
    assert "next_update: None" in (folder / "status" / "004-resolved.md").read_text()


def test_the_backlog_is_one_json_a_line_in_rank_order(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "backlog.jsonl").read_text().splitlines()]
    assert [line["rank"] for line in lines] == [1, 2]


def test_the_post_mortem_has_the_five_sections_and_their_questions(folder: Path) -> None:
    text = (folder / "post-mortem.md").read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "1. Timeline reconstruction",
        "2. Root cause analysis",
        "3. Impact assessment",
        "4. Prevention measures",
        "5. Action items",
    ]
    for question in (
        "When was the issue introduced?",
        "When was it detected?",
        "When was it resolved?",
        "Total user impact duration",
        "What failed?",
        "Why did it fail?",
        "Why wasn't it caught earlier?",
        "Users affected",
        "Revenue impact",
        "Reputation impact",
        "Data impact",
        "What monitoring would have caught this sooner?",
        "What testing would have prevented this?",
        "What process changes are needed?",
        "What infrastructure changes are needed?",
    ):
        assert f"**{question}" in text
    assert re.findall(r"^\d\. ", text, re.MULTILINE) == ["1. ", "2. ", "3. ", "4. ", "5. "]
    assert "- **Test orders without a voucher** → shop → 2026-03-05" in text


def test_what_is_not_known_says_unknown(folder: Path) -> None:
    text = (folder / "post-mortem.md").read_text()
    assert "**Why wasn't it caught earlier?** unknown: the record does not say" in text
    assert "**Reputation impact:** unknown: no measure" in text
    assert "5. unknown\n" in text


def test_evidence_ids_lead_to_the_index_and_each_target_exists(folder: Path) -> None:
    text = (folder / "post-mortem.md").read_text()
    headings = {h.lower() for h in re.findall(r"^## (.*)$", (folder / "evidence" / "index.md").read_text(), re.MULTILINE)}
    targets = re.findall(r"\(evidence/index\.md#([^)]*)\)", text)
    assert targets
    assert set(targets) <= headings


def test_the_html_holds_its_pictures_and_loads_nothing(folder: Path) -> None:
    page = (folder / "post-mortem.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == 1
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "<script" not in page
    anchors = set(re.findall(r'<tr id="([^"]*)"', page))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= anchors


def test_of_many_pictures_of_one_tool_the_last_is_shown(tmp_path: Path) -> None:
    drawn = [evidence()[3].model_copy(update={"id": f"EC{n}-1", "pictures": (f"evidence/EC{n}-1.png",)}) for n in range(5)]
    pictures = {path: PNG for piece in drawn for path in piece.pictures}
    folder = write_folder(tmp_path, incident().model_copy(update={"evidence": tuple(drawn)}), template, pictures)
    assert re.findall(r"!\[[^]]*\]\(([^)]*)\)", (folder / "post-mortem.md").read_text()) == [
        "evidence/EC4-1.png",
    ]
    assert (folder / "evidence" / "index.md").read_text().count("![") == 5


def test_a_picture_that_was_not_kept_is_named(tmp_path: Path) -> None:
    page = (write_folder(tmp_path, incident(), template) / "post-mortem.html").read_text()
    assert "The picture was not kept" in page
    assert "<img" not in page


def test_pictures_that_a_store_left_in_the_folder_are_used(tmp_path: Path) -> None:
    (tmp_path / ID / "evidence").mkdir(parents=True)
    (tmp_path / ID / PICTURE).write_bytes(PNG)
    assert "data:image/png" in (write_folder(tmp_path, incident(), template) / "post-mortem.html").read_text()


def test_an_alert_cannot_write_html_links_or_headings(tmp_path: Path) -> None:
    hostile = incident(alert=alert(EVIL).model_dump(mode="json"))
    folder = write_folder(tmp_path, hostile, template, {PICTURE: PNG})
    page = (folder / "post-mortem.html").read_text()
    assert "<script" not in page
    assert "evil.example" in page
    assert 'src="http' not in page
    assert 'href="javascript' not in page
    rendered = MarkdownIt("commonmark").render((folder / "timeline.md").read_text())
    assert "<script" not in rendered
    assert "<img" not in rendered
    assert "<a " not in rendered
    assert rendered.count("<h1>") == 1
    assert "\x1b" not in rendered
    assert "\u202e" not in rendered


def test_what_came_before_the_opening_has_a_minus_in_the_timeline(tmp_path: Path) -> None:
    told = incident()
    early = told.model_copy(update={"opened_at": told.timeline[0].at + timedelta(seconds=2)})
    lines = (write_folder(tmp_path, early, template) / "timeline.md").read_text()
    assert "(-2 s)" in lines
    assert "+-" not in lines


@pytest.mark.parametrize(
    "text", [EVIL, "# x", "1. x", "- x", "> x", "---", "a_b_c", "_a_", "**a**", "a\\b", "&lt;", "~~a~~", "[a]: /b", "+ x", "```"]
)
def test_foreign_text_renders_as_itself(text: str) -> None:
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(safe(text))
    tags = set(re.findall(r"</?([a-z0-9]+)", rendered))
    assert tags == {"p"}


@pytest.mark.parametrize("name", ["../outside", "a/b", "..", ""])
def test_an_id_cannot_lead_out_of_the_root(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordsError):
        write_folder(tmp_path / "root", incident(incident=name), template)
    assert not list(tmp_path.rglob("incident.json"))


def test_an_evidence_id_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    stray = evidence()[0].model_copy(update={"id": "../../stray"})
    with pytest.raises(RecordsError):
        write_folder(tmp_path, incident().model_copy(update={"evidence": (stray,)}), template)
    assert not list(tmp_path.rglob("stray*"))


def test_writing_again_brings_it_up_to_date_and_leaves_no_parts(tmp_path: Path) -> None:
    write_folder(tmp_path, incident(), template, {PICTURE: PNG})
    folder = write_folder(tmp_path, incident(outcome="handed_over"), template, {PICTURE: PNG})
    assert json.loads((folder / "incident.json").read_text())["outcome"] == "handed_over"
    assert not list(folder.rglob(".writing-*"))


def test_a_root_that_is_a_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    with pytest.raises(RecordsError, match="cannot be written"):
        write_folder(tmp_path / "root", incident(), template)


def test_an_incident_without_post_mortem_has_none(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, incident(post_mortem=None, backlog=[]), template)
    assert not (folder / "post-mortem.md").exists()
    assert not (folder / "backlog.jsonl").exists()


def test_moments_and_durations_read_as_people_write_them() -> None:
    assert moment(None) == "unknown"
    spans = (0, 40, 60, 3900, 7200, 200_000)
    assert [duration(timedelta(seconds=s)) for s in spans] == ["0 s", "40 s", "1 min", "1 h 05 min", "2 h 00 min", "2 d 7 h"]
