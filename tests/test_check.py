"""What `nexus check` finds: every fault with its file, line and remedy."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from nexus.errors import LibraryError
from nexus.library import Fault, Library, check_library
from nexus.library.check import content_faults
from nexus.library.content import GRAPH, Content, read_content
from nexus.library.located import parse, schema_faults
from nexus.runbook import Runbook

_GRAPH = read_content(Library.default().root).graph
assert _GRAPH is not None
TREE = _GRAPH
AGENTS = Library.default().agents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = Library.default().root
    for name in ("agents", "prompts", "graphs"):
        shutil.copytree(root / name, tmp_path / name)
    return tmp_path


def change(folder: Path, file: str, old: str, new: str) -> int:
    """Replace the first `old`; the line on which it stood."""
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text, old
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def only(folder: Path) -> Fault:
    faults = check_library(folder)
    assert len(faults) == 1, [str(f) for f in faults]
    assert faults[0].remedy
    return faults[0]


def test_the_shipped_library_has_no_fault() -> None:
    assert check_library(Library.default_root()) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("roles:\n  commander: infrastructure-maintainer", "roles:\n  commander: nobody", "unknown agent 'nobody'"),
        ("- agent: api-tester", "- agent: api-toaster", "unknown agent 'api-toaster'"),
        ("to: [studio-producer]", "to: [relevant-developer]", "relevant-developer cannot be used here"),
        ("tool: pipeline_status", "tool: pipeline_statos", "unknown tool 'pipeline_statos'"),
        ("tool: pipeline_status", "tool: check_databases", "devops-automator does not list check_databases"),
        ("arguments: {component: $suspect}", "arguments: {component: $culprit}", "unknown placeholder '$culprit'"),
        ("actions: [rollback, flag]", "actions: [rollback, pray]", "unknown action 'pray'"),
        ("actions: [fallback]", "actions: [hotfix]", "infrastructure-maintainer acts here but may not propose hotfix"),
        ("role: act, text: Execute rollback", "role: support, text: Execute rollback", "nobody acts in branch 'deployment'"),
        ("when: {security: [breach]}", "when: {weather: [breach]}", "unknown signal 'weather'"),
        ("when: {security: [breach]}", "when: {security: [rain]}", "security is never 'rain'"),
        ("when: {security: [breach]}", "when: {security: []}", "security has no values"),
        ("id: pipeline,", "id: deployment-history,", "id 'deployment-history' is in investigators.1.checks twice"),
        ("- id: breach\n", "- id: p1-2h\n", "id 'p1-2h' is in escalations twice"),
        ("{{ current_action }}", "{{ current_acton }}", "unknown hole {{ current_acton }}"),
        ("{% if next_update is not none %}\n    Next", "{% if next_update is not none\n    Next", "template syntax"),
        ("watch_every: 5m", "watch_every: soon", "clocks.watch_every does not fit"),
        ("attempts: 3", "attempts: 0", "limits.attempts does not fit"),
        ("attempts: 3", "attempt: 3", "limits.attempt is not a field"),
        ("  rounds: 2\n", "", "limits.rounds is missing"),
    ],
)
def test_a_fault_of_the_graph_is_named_with_its_line(folder: Path, old: str, new: str, problem: str) -> None:
    at = change(folder, GRAPH, old, new)
    faults = check_library(folder)
    found = [f for f in faults if problem in f.problem]
    assert found, [str(f) for f in faults]
    fault = found[0]
    assert fault.file == GRAPH
    assert abs(fault.line - at) <= 3
    assert fault.remedy
    assert str(fault) == f"{GRAPH}:{fault.line}: {fault.problem}: {fault.remedy}"


@pytest.mark.parametrize(
    "old", ["tool: pipeline_status", "{{ current_action }}", "arguments: {component: $suspect}", "actions: [fallback]"]
)
def test_the_line_is_exactly_the_one_to_correct(folder: Path, old: str) -> None:
    wrong = {"tool: pipeline_status": "tool: x", "{{ current_action }}": "{{ x }}", "actions: [fallback]": "actions: [x]"}
    at = change(folder, GRAPH, old, wrong.get(old, "arguments: {component: $x}"))
    assert at in [f.line for f in check_library(folder)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "  P3:\n    definition: Cosmetic issue, minor inconvenience\n",
            "  P2b:\n    definition: Cosmetic\n",
            "levels has no severity P3",
        ),
        ("  P3:\n    - {agent: sprint", "  P9:\n    - {agent: sprint", "teams has no severity P3"),
        ("approvals: {low: auto, ", "approvals: {", "approvals has no risk low"),
        ("- cause: external_dependency", "- cause: unknown", "branches has no cause external_dependency"),
        ("- id: prevention\n", "- id: impact\n", "post_mortem has no id prevention"),
    ],
)
def test_a_row_that_the_engine_needs_is_missed(folder: Path, old: str, new: str, problem: str) -> None:
    change(folder, GRAPH, old, new)
    assert any(f.problem == problem and f.file == GRAPH for f in check_library(folder))


def test_yaml_that_does_not_parse_is_named_by_line(folder: Path) -> None:
    at = change(folder, GRAPH, "roles:\n", "roles: {\n")
    fault = only(folder)
    assert "not YAML" in fault.problem
    assert fault.line >= at


def test_a_key_that_is_there_twice_is_named_by_line(folder: Path) -> None:
    at = change(folder, GRAPH, "  watch_for: 30m\n", "  watch_for: 30m\n  watch_for: 40m\n")
    fault = only(folder)
    assert "duplicate key" in fault.problem
    assert fault.line == at + 1


def test_aliases_are_refused_before_they_are_expanded(folder: Path) -> None:
    at = change(folder, GRAPH, "  attempts: 3\n", "  attempts: &three 3\n  rounds: *three\n")
    fault = only(folder)
    assert (fault.line, fault.problem) == (at + 1, "an alias (*name)")


def test_all_faults_are_reported_and_not_only_the_first(folder: Path) -> None:
    change(folder, GRAPH, "tool: pipeline_status", "tool: nothing")
    change(folder, GRAPH, "attempts: 3", "attempts: none")
    (folder / "prompts/verify.md").unlink()
    change(folder, "prompts/plan.md", "{{ time }}", "{{ tyme }}")
    (folder / "agents/api-tester.md").unlink()
    files = [f.file for f in check_library(folder)]
    assert files == sorted(files)
    assert set(files) == {GRAPH, "prompts/verify.md", "prompts/plan.md"}
    assert len(files) == 5


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("---\nname", "name", 1, "no front matter"),
        ("name: api-tester", "name: api-toaster", 2, "name 'api-toaster' is not the file's"),
        ("name: api-tester\n", "", 2, "name is missing"),
        ("title:", "titel:", 3, "titel is not a field"),
        ("regress_endpoints, api_error_rates]", "regress_endpoints, guess]", 5, "unknown tool 'guess'"),
        ("regress_endpoints, api_error_rates]", "api_error_rates, api_error_rates]", 5, "'api_error_rates' is listed twice"),
        ("actions: []", "actions: [pray]", 6, "actions.0 does not fit"),
        ("actions: []", "actions: [", 7, "not YAML"),
    ],
)
def test_a_fault_of_front_matter_is_named_with_its_line(folder: Path, old: str, new: str, line: int, problem: str) -> None:
    change(folder, "agents/api-tester.md", old, new)
    found = [f for f in check_library(folder) if problem in f.problem]
    assert [(f.file, f.line) for f in found] == [("agents/api-tester.md", line)]


def test_an_agent_without_instructions_is_a_fault(folder: Path) -> None:
    file = folder / "agents/api-tester.md"
    file.write_text(file.read_text(encoding="utf-8").split("\n---\n")[0] + "\n---\n", encoding="utf-8")
    assert only(folder).problem == "no instructions"


def test_a_broken_agent_is_one_fault_and_not_an_unknown_agent_too(folder: Path) -> None:
    change(folder, "agents/api-tester.md", "title: API Tester\n", "")
    assert only(folder).problem == "title is missing"


def test_an_unknown_hole_of_a_prompt_is_named_with_its_line(folder: Path) -> None:
    at = change(folder, "prompts/plan.md", "{{ attempt }}", "{{ atempt }}")
    fault = only(folder)
    assert (fault.file, fault.line, fault.problem) == ("prompts/plan.md", at, "unknown hole {{ atempt }}")
    assert "attempt" in fault.remedy


def test_a_prompt_that_is_no_template_is_named_with_its_line(folder: Path) -> None:
    at = change(folder, "prompts/plan.md", "{{ attempt }}", "{{ attempt }")
    fault = only(folder)
    assert (fault.file, fault.line) == ("prompts/plan.md", at)
    assert "template syntax" in fault.problem


def test_a_prompt_for_no_task_is_a_fault(folder: Path) -> None:
    (folder / "prompts/celebrate.md").write_text("Hooray.\n", encoding="utf-8")
    assert only(folder).problem == "no task is called 'celebrate'"


@pytest.mark.parametrize("name", ["agents/api-tester.md", "prompts/plan.md", GRAPH])
def test_a_file_that_is_not_text_is_one_fault(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff\xfe\x00")
    assert [f.file for f in check_library(folder) if f.problem == "not UTF-8"] == [name]


def test_a_file_far_too_big_is_not_read(folder: Path) -> None:
    (folder / GRAPH).write_text("#" * 1_000_001, encoding="utf-8")
    assert only(folder).problem == "file is too big"


def test_a_document_nested_without_end_is_a_fault(folder: Path) -> None:
    (folder / GRAPH).write_text("levels: " + "[" * 1000, encoding="utf-8")
    assert only(folder).file == GRAPH


def test_a_folder_that_is_not_there_is_one_fault(tmp_path: Path) -> None:
    assert only(tmp_path / "nowhere").problem == "no such folder"


def test_an_empty_folder_misses_everything(tmp_path: Path) -> None:
    files = {f.file for f in check_library(tmp_path)}
    assert {"agents", "prompts", GRAPH, "prompts/triage.md"} <= files


PLACES = [where for depth in range(1, 6) for where, _ in TREE.each(("*",) * depth)]
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
NESTED = VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=5), st.lists(VALUES, max_size=2), max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(PLACES), NESTED | st.lists(NESTED, max_size=2))
def test_whatever_stands_in_the_graph_gives_faults_and_no_traceback(where: tuple[str | int, ...], value: object) -> None:
    tree = TREE.plain()
    node: Any = tree
    for key in where[:-1]:
        node = node[key]
    node[where[-1]] = value
    text = StringIO()
    YAML().dump(tree, text)
    content = Content(root=Path("nowhere"), agents=AGENTS)
    content.graph, content.faults = parse(text.getvalue(), GRAPH)
    if content.graph is not None:
        content.runbook, content.faults = schema_faults(content.graph, Runbook, {})
    faults = content_faults(content)
    assert faults or content.runbook is not None
    assert all(f.line >= 1 and f.remedy for f in faults)


def test_opening_a_faulty_library_names_the_first_fault_and_counts_the_rest(folder: Path) -> None:
    at = change(folder, GRAPH, "tool: pipeline_status", "tool: nothing")
    with pytest.raises(LibraryError, match=rf"{GRAPH}:{at}: unknown tool 'nothing': tools are .*"):
        Library.open(folder)
    (folder / "prompts/verify.md").unlink()
    with pytest.raises(LibraryError, match="and 1 more"):
        Library.open(folder)
