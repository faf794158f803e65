"""Repetitions, and documents beyond the number asked for, take no part in the cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from thread_seconds import thread_seconds

from boildown import Budget, Document
from boildown.select.cut import cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

BRIDGE = "The bridge over the river was opened in 1901 by the mayor."


def test_duplicates_go_before_the_cut() -> None:
    same, near = BRIDGE, BRIDGE.replace("mayor", "major")
    sources = Sources([same, same, near, Document("Something else entirely stands in this one.")])
    scores = Scores(relevance=np.array([0.5, 0.9, 0.4, 0.1]), sentences=np.array([0.5, 0.9, 0.4, 0.1]))
    exact = cut(sources, scores, Budget(rate=1.0), Plan(dedupe=1.0))
    assert [d.index for d in exact.documents] == [1, 2, 3]
    assert [d.reason for d in exact.dropped] == ["duplicate"]
    assert [d.index for d in cut(sources, scores, Budget(rate=1.0), Plan(dedupe=0.6)).documents] == [1, 3]
    assert len(cut(sources, scores, Budget(rate=1.0), Plan()).documents) == 4


@pytest.mark.parametrize("unit", ["sentence", "word", "token"])
def test_whole_sentences_repeat_whatever_the_unit(unit: Any) -> None:
    sources = Sources([f"{BRIDGE} It is short.", f"It is long. {BRIDGE}"])
    words = sources.words
    better = np.where(words.document == 1, 0.9, 0.5)
    scores = Scores(
        relevance=np.zeros(2),
        sentences=np.array([0.5, 0.5, 0.9, 0.9]),
        tokens=TokenScores(words.document, words.start, words.end, better),
    )
    result = cut(sources, scores, Budget(rate=1.0), Plan(unit=unit, dedupe=1.0))
    assert result.text == f"It is short.\n\nIt is long. {BRIDGE}"


def test_what_repeats_an_excluded_document_stays() -> None:
    sources = Sources([BRIDGE, f"It is long. {BRIDGE}"])
    scores = Scores(relevance=np.array([0.1, 0.9]), sentences=np.array([0.9, 0.5, 0.5]))
    result = cut(sources, scores, Budget(rate=1.0, documents=1), Plan(dedupe=1.0))
    assert result.text == f"It is long. {BRIDGE}"
    assert [d.reason for d in result.dropped] == ["documents"]


def test_time_grows_with_the_documents_and_not_with_their_square() -> None:
    """Each dropped document looked at the units of all."""

    def seconds(count: int) -> float:
        sources = Sources(["Here it is. " * 20] * count)
        scores = Scores(relevance=np.zeros(count), sentences=np.arange(len(sources.sentences), dtype=np.float64))
        return thread_seconds(lambda: cut(sources, scores, Budget(tokens=20, counter=len), Plan(protect=())))

    seconds(10)
    assert min(seconds(8_000) for _ in range(2)) < 32 * min(seconds(500) for _ in range(5))


STEPS = "Open the lid of it. Pull the red ring. Close the lid again."
PUMP = "水泵在夜间把冷却液从水箱输送到大厅里面。"


@pytest.mark.parametrize(
    ("one", "other", "left"),
    [
        (BRIDGE, f"{BRIDGE.upper()} It is painted green.", "It is painted green."),
        (STEPS, STEPS, ""),
        (f"{PUMP}大厅位于城市的北部地区。", f"{PUMP}仓库位于城市的南部地区。", "仓库位于城市的南部地区。"),
    ],
    ids=["upper case", "short texts", "Chinese"],
)
def test_of_a_long_repetition_only_the_first_is_kept(one: str, other: str, left: str) -> None:
    sources = Sources([one, other])
    scores = Scores(relevance=np.zeros(2), sentences=np.zeros(len(sources.sentences)))
    result = cut(sources, scores, Budget(rate=1.0), Plan(dedupe="long"))
    assert result.text == "\n\n".join(filter(None, [one, left]))


HEADER = "| Part of the boat | Price in euros | Weight in kilograms | Colour of the hull |\n|---|---|---|---|\n"


def test_a_long_repetition_that_others_need_stays() -> None:
    texts = [HEADER + "".join(f"| {name} {i} | {i} | 2 | red |\n" for i in range(3)) for name in ("oar", "sail", "oar")]
    sources = Sources(texts)
    scores = Scores(relevance=np.zeros(3), sentences=np.zeros(len(sources.sentences)))
    result = cut(sources, scores, Budget(rate=1.0), Plan(dedupe="long"))
    assert [d.text for d in result.documents] == [texts[0].strip(), texts[1].strip()]
    assert [(d.index, d.reason) for d in result.dropped] == [(2, "duplicate")]


def test_time_grows_with_a_chain_of_needs_and_not_with_its_square() -> None:
    """Each line needs the one after it, so that the last one, which is not repeated, keeps all of them."""
    lines = "".join(f"The very long item {i} of the whole list is open for all of us.\n" for i in range(30_000))
    sources = Sources([lines, f"{lines}There is nothing else on the list that nobody asked us about today.\n"])
    each = np.arange(len(sources.sentences) - 1)
    vars(sources)["needs"] = np.stack([each, each + 1], axis=1)  # no text is known to make so long a chain
    scores = Scores(relevance=np.zeros(2), sentences=np.linspace(0.9, 0.1, len(sources.sentences)))
    plan = Plan(dedupe="long")
    assert sources.outline
    assert thread_seconds(lambda: cut(sources, scores, Budget(threshold=0.5), plan)) < 3
