"""The pages are true: links lead somewhere, commands exist, code runs, tables name what the code has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from ruamel.yaml import YAML
from test_imports import LAYERS

import nexus.incident
from nexus.cli import app
from nexus.incident import Incident, Outcome
from nexus.responder.llm.policy import ModelPolicy
from nexus.run import EXIT

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))
README = PAGES[0].read_text(encoding="utf-8")
ARCHITECTURE = PAGES[1].read_text(encoding="utf-8")
COMMANDS: Any = typer.main.get_command(app)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [t for t in targets if not t.startswith("https://") and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_page_names_a_place_on_somebodys_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.:])/(?:work|tmp|home|root|Users|opt)/", page.read_text(encoding="utf-8"))


def shown_commands() -> Iterator[str]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```(?:console|sh|bash)\n(.*?)```", text, re.DOTALL):
            lines = [line for line in block.splitlines() if line.startswith("$ nexus")]
            yield from (line.removeprefix("$ ").split("#")[0].strip() for line in lines)
        yield from re.findall(r"`(nexus [a-z][^`]*)`", text)


@pytest.mark.parametrize("line", sorted(set(shown_commands())))
def test_a_command_that_is_shown_exists_with_its_options(line: str) -> None:
    command, words = COMMANDS, shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"nexus has no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {w.split("=")[0] for w in words if w.startswith("--")} <= known


def test_the_readme_explains_every_option_of_run() -> None:
    options = {option for parameter in COMMANDS.commands["run"].params for option in parameter.opts}
    assert not [o for o in options if o not in README]


def test_the_readmes_python_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert getattr(names["incident"], "outcome", None) is Outcome.RESOLVED


def test_the_python_about_models_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/models.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, "models.md", "exec"), {})
    assert capsys.readouterr().out.startswith("false_alarm ")


def test_the_settings_of_models_are_as_the_page_says() -> None:
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    shown = YAML(typ="safe", pure=True).load(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    assert ModelPolicy.model_validate(shown["model"]).incident.usd == 2.0
    named = {name for row in re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named <= set(ModelPolicy.model_fields)


def test_the_readme_explains_every_key_of_the_document_and_no_other() -> None:
    table = README[README.index("Its keys:") : README.index("## Worlds")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(Incident.model_fields)
    assert set(re.findall(r"`(\w+)`", table)) >= {outcome.value for outcome in Outcome}


def test_the_readme_explains_every_exit_status() -> None:
    table = README[README.index("| Exit status") : README.index("`--json` prints one document")]
    assert {int(status) for status in re.findall(r"^\| (\d) \|", table, re.MULTILINE)} == {*EXIT.values(), 2}


def test_the_glossary_holds_every_word_of_the_house_and_none_that_is_not() -> None:
    glossary = ARCHITECTURE[ARCHITECTURE.index("## The words") : ARCHITECTURE.index("## How to add")]
    rows = [line.split("|")[1].strip() for line in glossary.splitlines() if line.startswith("| ")][2:]
    words = {word for row in rows if "(" not in row for word in row.split(", ")}
    assert words == set(nexus.incident.__all__)


def test_the_layers_are_drawn_as_the_test_holds_them() -> None:
    drawing = ARCHITECTURE[ARCHITECTURE.index("flowchart TD") : ARCHITECTURE.index("hosts -->")]
    drawn = [frozenset(names.split(" · ")) for names in re.findall(r'\["([^<]+)<br/>', drawing)]
    assert drawn == list(LAYERS)


def test_every_invariant_names_a_test_that_exists() -> None:
    for name in re.findall(r"`(tests/[\w./]+(?:::\w+)?)`", ARCHITECTURE):
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), name
        assert not function or f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), name
