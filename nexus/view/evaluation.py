"""Evaluation: what `nexus eval` prints: cases against what was expected, and contenders side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nexus.records.wording import UNKNOWN
from nexus.view.cells import share_of, table_of, text_of

Row = Mapping[str, Any]
"""One case, run, score or system of `nexus eval --json`."""


def render_eval_table(
    cases: Sequence[Mapping[str, Any]], summary: Mapping[str, Mapping[str, Any]] | None = None
) -> RenderableType:
    """`nexus eval`: one line a case, then a line a system; only what was not as expected is spelled out."""
    ranked = any(case.get("rank") is not None for case in cases)
    table = table_of("", "Case", "System", *(("Rank",) if ranked else ()), "Expected", "Got", "Seconds")
    for case in cases:
        passed = bool(case.get("passed"))
        table.add_row(
            Text("✓", style="green") if passed else Text("✗", style="red"),
            text_of(case.get("id")),
            text_of(case.get("system")),
            *((text_of(case.get("rank")),) if ranked else ()),
            text_of(_told(case.get("expected"), None if passed else case.get("got"))),
            Text("as expected", style="dim") if passed else text_of(_told(case.get("got"), case.get("expected"))),
            f"{float(case.get('seconds') or 0.0):.1f}",
        )
    good = sum(bool(case.get("passed")) for case in cases)
    parts: list[RenderableType] = [table, Text(f"{good} of {len(cases)} as expected")]
    if summary:
        totals = table_of("System", "Cases", "At 1", "At 3", "At 5", "Cause")
        for system, row in summary.items():
            totals.add_row(
                text_of(system), text_of(row.get("n")), *(share_of(row.get(name)) for name in ("at1", "at3", "at5", "cause"))
            )
        parts.append(totals)
    return Group(*parts)


def render_benchmark(benchmark: Row) -> RenderableType:
    """`nexus eval sandbox` with a model: what each contender found, what that cost, and what it comes to."""
    parts: list[RenderableType] = []
    if any(case["runs"] for case in benchmark["cases"]):
        parts += [_found(benchmark), Text(), _spent(benchmark), Text()]
    whys = _whys(benchmark)
    if whys.row_count:
        parts += [whys, Text()]
    if benchmark["scores"]:
        parts += [_scores(benchmark), Text()]
    if any(score["contender"] == "plain" for score in benchmark["scores"]):
        parts.append(Text(PLAIN_IS, style="dim"))
    if benchmark["worse"]:
        parts.append(Text(f"The outcome is worse with the model than by rules in: {', '.join(benchmark['worse'])}.", style="red"))
    if benchmark["verdict"]:
        parts.append(Text(benchmark["verdict"], style="bold"))
    return Group(*parts)


PLAIN_IS = (
    "plain is one agent with every tool and the same model. It makes one change, is measured ten minutes later and is not "
    "watched after that; where people have to go on, its `unresolved` counts as handed over."
)


def _groups(case: Row) -> Iterator[tuple[str, str, list[Row]]]:
    """The scenario's name, in the first row only; a contender; its runs."""
    name = case["id"]
    for contender in dict.fromkeys(run["contender"] for run in case["runs"]):
        yield name, contender, [run for run in case["runs"] if run["contender"] == contender]
        name = ""


def _found(benchmark: Row) -> Table:
    table = table_of("Scenario", "By", "Severity", "Cause", "Branch", "Changes", "Outcome")
    for case in benchmark["cases"]:
        for name, contender, runs in _groups(case):
            table.add_row(
                text_of(name),
                contender,
                _tally((run["severity"] or UNKNOWN, run["right"]["severity"]) for run in runs),
                _tally((_cause(run), run["right"]["cause"]) for run in runs),
                _tally((run["branch"] or "none", None) for run in runs),
                _tally((", ".join(_change(made) for made in run["actions"]) or "none", None) for run in runs),
                _tally((run["outcome"].replace("_", " "), run["right"]["outcome"]) for run in runs),
            )
    return table


def _cause(run: Row) -> str:
    kind = run["cause"].replace("_", " ")
    return f"{kind} in {run['component']}" if run["component"] else kind


def _change(made: Row) -> str:
    told = f"{made['kind']} {made['target']}"
    return told if made["result"] == "done" else f"{told} ({made['result']})"


def _tally(values: Iterable[tuple[str, bool | None]]) -> Text:
    """Each value with a mark for right or wrong, and how often where the repetitions differ."""
    counted = Counter(values)
    cell = Text()
    for (value, right), times in counted.items():
        cell.append("\n" if cell else "")
        if right is not None:
            cell.append("✓ " if right else "✗ ", "green" if right else "red")
        cell.append_text(text_of(value))
        cell.append(f" ×{times}" if len(counted) > 1 else "", "dim")
    return cell


def _spent(benchmark: Row) -> Table:
    table = table_of("Scenario", "By", "Calls", "Tokens", "USD", "Model s", "Wall s", "Struck", "By model", "By rules")
    for column in table.columns[2:]:
        column.justify = "right"
    for case in benchmark["cases"]:
        for name, contender, runs in _groups(case):
            table.add_row(text_of(name), contender, *_costs(runs))
    return table


def _costs(runs: Sequence[Row]) -> list[str]:
    """Means over the repetitions; a dash where no model was asked."""

    def mean(values: Iterable[float]) -> float:
        return sum(values) / len(runs)

    usages = [run["usage"] for run in runs]
    wall = f"{mean(run['seconds'] for run in runs):.1f}"
    if not any(usage["calls"] for usage in usages):
        return ["-", "-", "-", "-", wall, "-", "-", "-"]
    usd = [usage["cost_usd"] for usage in usages]
    return [
        _short(mean(usage["calls"] for usage in usages)),
        f"{mean(usage['prompt_tokens'] + usage['completion_tokens'] for usage in usages):,.0f}",
        UNKNOWN if None in usd else f"{mean(usd):.4f}",
        f"{mean(run['model_seconds'] for run in runs):.1f}",
        wall,
        _of(sum(run["struck"] for run in runs), sum(run["claims"] for run in runs)),
        _short(mean(run["by_model"] for run in runs)),
        _short(mean(run["by_rules"] for run in runs)),
    ]


def _short(amount: float) -> str:
    return f"{amount:.1f}".removesuffix(".0")


def _of(hits: int, of: int) -> str:
    return f"{hits} of {of}" if of else "-"


def _whys(benchmark: Row) -> Table:
    """What could not be read, why there is no answer or no recovery, and why the rules took over from the model."""
    table = table_of("Why", "", "")
    for case in benchmark["cases"]:
        if case["error"]:
            table.add_row(text_of(case["id"]), "", text_of(case["error"]))
        for name, contender, runs in _groups(case):
            for why in dict.fromkeys(run["why"] for run in runs if run["why"]):
                table.add_row(text_of(name or case["id"]), contender, text_of(why))
    return table


def _scores(benchmark: Row) -> Table:
    """Contenders side by side, a measure a row."""
    scores = benchmark["scores"]
    table = table_of("", *(score["contender"] for score in scores))
    for name, told in SCORED.items():
        cells = [told(score) for score in scores]
        if any(cell != "-" for cell in cells):
            table.add_row(Text(name, style="dim"), *cells)
    return table


def _rate(rate: Row | None) -> str:
    """`2 of 3, 67%`, and the repetitions' range where they differ."""
    if rate is None:
        return "-"
    spread = f" ({rate['least']:.0%} to {rate['most']:.0%})" if rate["least"] != rate["most"] else ""
    return f"{rate['count']} of {rate['of']}, {rate['mean']:.0%}{spread}"


def _asked(name: str, form: str) -> Callable[[Row], str]:
    """An amount of one whose model was asked."""
    return lambda score: (UNKNOWN if score[name] is None else format(score[name], form)) if score["calls"] else "-"


SCORED: Mapping[str, Callable[[Row], str]] = {
    "severity right": lambda score: _rate(score["severity"]),
    "cause and component right": lambda score: _rate(score["cause"]),
    "outcome right": lambda score: _rate(score["outcome"]),
    "without an answer": lambda score: _of(score["no_answers"], score["incidents"]) if score["no_answers"] else "-",
    "model calls an incident": _asked("calls", ",.1f"),
    "tokens an incident": _asked("tokens", ",.0f"),
    "USD an incident": _asked("cost_usd", ".4f"),
    "seconds on the model": _asked("model_seconds", ".1f"),
    "seconds by the wall clock": lambda score: f"{score['seconds']:.1f}",
    "claims struck": lambda score: _rate(score["struck"]),
    "tasks in all by model, by rules": lambda score: f"{score['by_model']}, {score['by_rules']}" if score["calls"] else "-",
}
"""The rows of the summary; one that says nothing of anybody is left out."""


def _told(value: Any, other: Any) -> str:
    if not isinstance(value, Mapping):
        return UNKNOWN if value is None else str(value)
    shown = {k: v for k, v in value.items() if not isinstance(other, Mapping) or other.get(k) != v}
    return ", ".join(f"{k} {v}" for k, v in shown.items())
