"""The quick look, which spares most texts the search, passes over none in which the search would find anything."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_masking import INNOCENT, NAMED, SHAPED, SURROUNDINGS, TEXTS

from nexus.masking import Vault
from nexus.masking.keys import ANY_STEM, KEYS, STEM, folded
from nexus.masking.known import Known
from nexus.masking.search import can_hold_none, searched, secrets_in
from nexus.masking.shapes import CARD, SHAPES, has_sign
from nexus.masking.signs import any_of
from nexus.masking.views import looks_as_written, views

LEARNED = ["zeta-zeta-1", 'k/9 "zeta&x', "hunter2x!", *(f"{number:04d}-secret" for number in range(9))]
LOOK_AROUND = re.compile(r"\(\?=\[[^]]+\]\{0,\d+\}(?:\\d|\[[^]]+\])\)|\(\?<?!(?:[^()\\]|\\.)*\)")
"""What a pattern asks of the characters around: without it more texts have a match, and are quicker to make up."""


def knowing(secrets: list[str]) -> Known:
    known = Known()
    for secret in secrets:
        known.add(secret, "configured")
    return known


@st.composite
def holding(draw: st.DrawFn, pattern: str) -> str:
    """Texts in which the pattern has a match, or would have if it looked less around."""
    return draw(st.text(max_size=3)) + draw(st.from_regex(LOOK_AROUND.sub("", pattern))) + draw(st.text(max_size=3))


@pytest.mark.parametrize(("signs", "shape"), [(signs, shape) for _, signs, shape in SHAPES])
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_a_text_with_a_shape_has_one_of_its_signs(signs: str, shape: str, data: st.DataObject) -> None:
    text = data.draw(holding(shape))
    assert any_of(signs.split()).search(text)
    assert has_sign(text)


@given(holding(CARD.pattern))
def test_a_text_with_a_card_has_a_sign(text: str) -> None:
    assert has_sign(text)


@pytest.mark.parametrize("stem", [stem for _, stems in KEYS.values() for stem in stems])
@given(data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_stems_told_apart_by_their_first_letter_are_found_where_they_are(stem: str, data: st.DataObject) -> None:
    text = folded(data.draw(holding(stem)))
    assert [found.start() for found in ANY_STEM.finditer(text)] == [found.start() for found in STEM.finditer(text)]


@pytest.mark.parametrize("mark", ["", "[secret-1:jwt]", "[secret-", "\u200b", "\x1b[0m", "%41", "%4", "\\n", "\\", "&lt;", "&"])
@given(text=TEXTS)
@settings(max_examples=20)
def test_a_text_that_looks_as_it_is_written_is_its_only_view(mark: str, text: str) -> None:
    text += mark
    assert looks_as_written(text) == ([view.text for view in views(text)] == [text])


@given(TEXTS | st.sampled_from(LEARNED), st.lists(st.sampled_from(LEARNED)))
def test_the_quick_look_changes_nothing_in_any_text(text: str, secrets: list[str]) -> None:
    known = knowing(secrets)
    assert secrets_in(text, known) == searched(text, known)


@pytest.mark.parametrize("secrets", [[], LEARNED[:3], LEARNED], ids=["nothing", "few", "many"])
@pytest.mark.parametrize("surrounding", SURROUNDINGS.values(), ids=SURROUNDINGS.keys())
def test_the_quick_look_changes_nothing_in_the_texts_that_are_written_here(
    surrounding: Callable[[str], str], secrets: list[str]
) -> None:
    known = knowing(secrets)
    rows = [*(text for text, _, _ in NAMED), *(secret for secret, _ in SHAPED), *INNOCENT.splitlines(), *LEARNED]
    for text in (surrounding(row) for row in rows):
        assert secrets_in(text, known) == searched(text, known)


@pytest.mark.parametrize(
    "text",
    [
        "edge-gateway",
        "normal_script_errors_per_min",
        "not measured",
        "2026-03-02T09:47:00.123Z",
        "62 % of traffic [3 of 5] — 0.002 → 0.876",
        "channel #incident-inc-20260302-100a-2d4e opened",
        "Script errors are at their normal rate on all 6 watched pages.",
        "http://prometheus.example/graph?range=1h",
        "disk-pressure on risk-scorer, task-runner scale-up",
    ],
)
def test_a_text_without_anything_that_could_be_a_secret_is_not_searched(text: str) -> None:
    assert can_hold_none(text, knowing(LEARNED))


def test_a_text_that_was_clean_is_searched_again_when_a_secret_is_known() -> None:
    vault = Vault()
    texts = ["zeta-zeta-1 failed", "hunter2x! failed"]
    assert [vault.mask(text) for text in texts] == texts
    vault.learn("zeta-zeta-1")
    vault.mask("password=hunter2x!")
    assert [vault.mask(text) for text in texts] == ["[secret-2:configured] failed", "[secret-1:password] failed"]


@given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=8))
def test_what_a_vault_remembers_changes_nothing(texts: list[str], order: list[int]) -> None:
    vault, forgetful = Vault(), Vault()
    for number in order:
        text = texts[number % len(texts)]
        forgetful._clean.clear()
        assert vault.mask(text) == forgetful.mask(text)


def test_a_vault_remembers_no_more_than_a_megabyte_or_so() -> None:
    vault = Vault()
    for number in range(6000):
        vault.mask(f"{number} pages")
    assert len(vault._clean) <= 4096
    vault.mask("a word " * 1000)
    assert max(map(len, vault._clean)) < 300
