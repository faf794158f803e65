"""Scores that are stored with a text, whole or damaged."""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzz_checks import target
from fuzz_inputs import DOCUMENTS, TEXT
from hypothesis import strategies as st

from boildown import Document
from boildown.cache import ScoreCache
from boildown.methods.llmlingua2 import LLMLingua2
from boildown.methods.stored import Stored
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY, pack_scores, unpack_scores
from boildown.types import Scores, TokenScores

REAL = st.floats(-1e9, 1e9)


@target(
    "stored scores",
    share=1.5,
    gaps=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40), REAL), max_size=30),
    of_sentences=st.none() | st.lists(REAL, max_size=9),
    relevance=REAL,
    damage=st.lists(st.tuples(st.integers(0, 400), st.characters()), max_size=3),
    junk=TEXT,
)
def stored_scores(gaps: Any, of_sentences: Any, relevance: float, damage: Any, junk: str) -> None:
    """What is packed is unpacked; what is damaged or foreign is refused, or gives offsets inside the text."""
    start = np.cumsum([gap for gap, _, _ in gaps], dtype=np.int64)
    end = start + np.array([size for _, size, _ in gaps], dtype=np.int64)
    tokens = TokenScores(np.zeros_like(start), start, end, np.array([v for _, _, v in gaps], dtype=np.float64))
    sentences = None if of_sentences is None else np.array(of_sentences, dtype=np.float64)
    length = int(end.max(initial=0))
    packed = pack_scores(Scores(np.array([relevance]), sentences=sentences, tokens=tokens))
    assert packed.isascii()
    again = unpack_scores(packed, length)
    assert again.tokens is not None
    assert np.array_equal(again.tokens.start, start)
    assert np.array_equal(again.tokens.end, end)
    characters = list(packed)
    for place, character in damage:
        characters[place % len(characters)] = character
    for text in ("".join(characters), junk):
        try:
            read = unpack_scores(text, length)
        except ValueError:
            continue
        if read.tokens is not None:
            assert (read.tokens.end <= length).all()
            assert (read.tokens.start >= 0).all()
            assert np.isfinite(read.tokens.score).all()


class _Words(LLMLingua2):
    """A method that can be stored and runs no model, so that a hundred thousand calls take minutes."""

    def score(self, query: str, sources: Sources) -> Scores:
        words = sources.words
        tokens = TokenScores(words.document, words.start, words.end, (words.end - words.start) / 10)
        return Scores(np.array([len(text) / 100 for text in sources.texts]), tokens=tokens)


@target(
    "stored scores",
    share=0.2,
    documents=DOCUMENTS,
    values=st.lists(st.none() | TEXT | st.integers() | st.sampled_from(["1.2.3.4.5", "1.any.x.y.z"]), max_size=6),
)
def stored_in_metadata(documents: list[Document], values: list[Any]) -> None:
    """Whatever stands where stored scores belong: the scores are right."""
    from boildown.runtime.models import shared_model

    shared_model(("identity", "words"), lambda: "words")
    method = _Words("words", "cpu", "float32")
    plain = [Document(d.text) for d in documents]
    expected = method.score("", Sources(plain))
    good = Stored(method).values(Sources(plain))
    carried = [
        Document(d.text, metadata={STORED_KEY: values[i] if i < len(values) and values[i] is not None else good[i]})
        for i, d in enumerate(documents)
    ]
    found = Stored(method).score("", Sources(carried, cache=ScoreCache()))
    assert np.allclose(found.relevance, expected.relevance)
    assert found.tokens is not None
    assert expected.tokens is not None
    assert np.array_equal(found.tokens.start, expected.tokens.start)
    assert np.allclose(found.tokens.score, expected.tokens.score, atol=1e-2)
