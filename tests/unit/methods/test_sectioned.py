"""Long documents in sections, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from boildown import Budget, Compressor, Document
from boildown.cache import ScoreCache
from boildown.methods.prune import Prune
from boildown.methods.sectioned import Sectioned
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

FILLER = "It has been described by many sailors. " * 12
NAMES = ["Hestan Lighthouse", "Isobel Tarrant", "Oxna Harbour", "Public Library", "Ferry Timetable"]
ENTRIES = {name: f"{name} is what this entry tells about. {FILLER}" for name in NAMES}
ENTRIES["Hestan Lighthouse"] = f"Hestan Lighthouse was designed by Isobel Tarrant in 1851. {FILLER}"
ENTRIES["Isobel Tarrant"] = f"Isobel Tarrant was an engineer. She was born in the town of Leith. {FILLER}"
BOOK = "\n\n".join(f"{name}\n{text}" for name, text in ENTRIES.items())
DOCUMENTS = ["A short note.", "", BOOK, Document(BOOK.replace("Oxna", "Fetlar"), title="Islands"), "The end."]


@pytest.fixture
def sectioned() -> Sectioned:
    return Sectioned(Sources(DOCUMENTS))


def test_sections_are_the_documents_in_parts(sectioned):
    parts, whole = sectioned.sources, Sources(DOCUMENTS)
    assert "".join(parts.texts) == "".join(whole.texts)
    assert parts.sentence_texts() == whole.sentence_texts()
    assert [part.title for part in parts.documents] == [
        "",
        "",
        *NAMES,
        *(f"Islands. {name}".replace("Oxna", "Fetlar") for name in NAMES),
        "",
    ]
    assert parts.sentence_terms == whole.sentence_terms


def test_documents_without_sections_are_left_as_they_are():
    sources = Sources([DOCUMENTS[0], Document("Text.", title="A title", id="7")])
    assert Sectioned(sources).sources is sources


def test_scores_come_back_to_their_documents(sectioned):
    parts = sectioned.sources
    sentences = parts.sentences
    scores = Scores(
        relevance=np.arange(13.0),
        sentences=np.arange(float(len(sentences))),
        tokens=TokenScores(sentences.document, sentences.start, sentences.end, np.arange(float(len(sentences)))),
    )
    back = sectioned.back(scores)
    whole = Sources(DOCUMENTS).sentences
    assert back.relevance.tolist() == [0, 1, 6, 11, 12]
    assert back.sentences is scores.sentences
    assert back.points is None
    for given, wanted in ((back.tokens.document, whole.document), (back.tokens.start, whole.start)):
        assert given.tolist() == wanted.tolist()
    assert back.tokens.end.tolist() == whole.end.tolist()


def test_indices_go_there_and_back(sectioned):
    assert sectioned.of(np.array([0, 2])).tolist() == [0, 2, 3, 4, 5, 6]
    assert sectioned.of(np.array([], dtype=np.int64)).tolist() == []
    assert sectioned.whole({0, 1, 2, 3, 4, 5, 7}) == 2
    assert sectioned.whole(set(range(13))) == 5


def test_sections_score_as_documents_of_their_own(prune_model):
    method = Prune(str(prune_model), "cpu", "float32")
    query = "In which town was the engineer born who designed Hestan Lighthouse?"
    entries = BOOK.split("\n\n")
    apart = [Document(f"{entry}\n\n", title=name) for entry, name in zip(entries[:-1], NAMES, strict=False)]
    apart.append(Document(entries[-1], title=NAMES[-1]))
    whole, parts = (method.score(query, Sources(documents)) for documents in ([BOOK], apart))
    np.testing.assert_array_equal(whole.sentences, parts.sentences)
    np.testing.assert_array_equal(whole.tokens.score, parts.tokens.score)
    assert whole.relevance.tolist() == [parts.relevance.max()]


def test_a_question_leads_from_one_section_to_the_next():
    question = "In which town was the engineer born who designed Hestan Lighthouse?"
    result = Compressor(cache=ScoreCache()).compress(question, [BOOK], Budget(rate=0.06))
    assert "Leith" in result.text
    (kept,) = result.documents
    assert "".join(span.of(BOOK) for span in kept.spans) == kept.text


def test_a_long_document_counts_as_cached_once():
    compressor = Compressor(cache=ScoreCache())
    first = compressor.compress("Who designed the lighthouse?", DOCUMENTS, Budget(rate=0.1))
    again = compressor.compress("Who designed the lighthouse?", DOCUMENTS, Budget(rate=0.1))
    assert (first.cached, again.cached) == (0, 5)
    assert again.text == first.text
