"""The default method: on a random model where the arithmetic counts, on the bundled one where the meaning does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boildown import Budget, Compressor, Document
from boildown.cache import ScoreCache
from boildown.errors import ModelError
from boildown.methods.bm25 import BM25
from boildown.methods.lexical import Lexical
from boildown.methods.prune import Prune
from boildown.runtime.reader import CrossReader, Reading
from boildown.sources import Sources

FERRY = Document(
    "The ferry to Oxna leaves at eight and at four. A return ticket costs 12.50 EUR for adults. Children under six "
    "travel free of charge. Dogs must be kept on a lead. The crossing takes fifty minutes in fair weather.",
    title="Ferry timetable",
)
LIBRARY = Document(
    "The library stands in the old customs house. It holds 40,000 books and a collection of sea charts. Readers may "
    "borrow six volumes at a time. On Sundays the reading room is closed.",
    title="Public library",
)
LIGHTHOUSE = Document(
    "The Hestan lighthouse was designed by Isobel Tarrant. Its lamp was converted to electricity in 1962. The keepers' "
    "cottages are let to holiday guests.",
    title="Hestan lighthouse",
)
TARRANT = Document(
    "Isobel Tarrant was a Scottish engineer. She was born in Leith in 1838. Her drawings are kept in the national "
    "archive. She never married.",
    title="Isobel Tarrant",
)
TOWN = [FERRY, LIBRARY, LIGHTHOUSE, TARRANT]
BEIJING = "北京是中国的首都。上海是最大的城市。长城很长。"


@pytest.fixture
def random(prune_model: Path) -> Prune:
    return Prune(str(prune_model), "cpu", "float32")


def test_scores_are_probabilities_of_every_sentence_document_and_token(random):
    sources = Sources([*TOWN, "", BEIJING])
    scores = random.score("How much is a ticket for the ferry?", sources)
    assert scores.relevance.shape == (6,)
    assert scores.sentences.shape == (len(sources.sentences),)
    for values in (scores.relevance, scores.sentences, scores.tokens.score):
        assert ((values >= 0) & (values <= 1)).all()
    assert set(scores.tokens.document.tolist()) == {0, 1, 2, 3, 5}
    assert (np.diff(scores.tokens.document) >= 0).all()
    assert scores.model_seconds > 0


def test_the_same_alone_in_any_order_and_in_any_batch(random):
    query = "How much is a ticket for the ferry?"
    plain = [Document(d.text) for d in TOWN]  # without titles no document speaks of another
    together = random.score(query, Sources(plain))
    backwards = random.score(query, Sources(plain[::-1]))
    assert together.relevance == pytest.approx(backwards.relevance[::-1], abs=1e-4)
    sentences = Sources(plain).sentences.document
    back = Sources(plain[::-1]).sentences.document
    for i in range(4):
        assert together.sentences[sentences == i] == pytest.approx(backwards.sentences[back == 3 - i], abs=1e-4)


def test_a_script_the_model_was_not_trained_for_is_scored_by_words_and_says_so(random):
    texts = [BEIJING, "长城是古代的防御工程。它很长。"]
    scores = random.score("中国的首都是哪里?", Sources(texts))
    words = BM25().score("中国的首都是哪里?", Sources(texts))
    assert np.argsort(scores.sentences).tolist() == np.argsort(words.sentences).tolist()
    assert scores.model_seconds == 0
    assert "2 of 2 documents were scored by BM25" in scores.notes[0]
    mixed = random.score("What is the capital of China?", Sources([LIBRARY, BEIJING]))
    assert "1 of 2" in mixed.notes[0]


@pytest.fixture
def trained_on(prune_model: Path, tmp_path: Path) -> Callable[..., Prune]:
    """The random model with a boildown.json that says more of its training."""

    def change(**settings: Any) -> Prune:
        folder = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(prune_model, folder)
        known = json.loads((folder / "boildown.json").read_text("utf-8"))
        (folder / "boildown.json").write_text(json.dumps({**known, **settings}), "utf-8")
        return Prune(str(folder), "cpu", "float32")

    return change


GERMAN = ["Die Fähre nach Oxna fährt um acht und um vier. Eine Karte kostet 12,50 Euro.", "Es regnet fast jeden Tag."]


def test_a_script_that_the_model_was_trained_for_is_read(trained_on):
    sources = Sources([BEIJING, "Москва - столица России."])
    scores = trained_on(scripts=["cjk"], mostly_english=False).score("中国的首都是哪里?", sources)
    assert scores.model_seconds > 0
    assert [note.partition(",")[0] for note in scores.notes] == ["1 of 2 documents were scored by BM25"]


def test_words_overrule_a_model_only_in_languages_that_are_foreign_to_it(trained_on, random):
    query, sources = "Was kostet eine Karte für die Fähre und wann fährt sie?", Sources(GERMAN)
    foreign = random.score(query, sources)
    assert any("BM25 counted for most" in note for note in foreign.notes)
    for english in ({"mostly_english": True}, {"languages": ["de", "en"]}, {"languages": []}):
        again = trained_on(**english).score(query, sources)
        assert again.notes == foreign.notes
        assert np.array_equal(again.sentences, foreign.sentences)
    for german in ({"mostly_english": False, "languages": ["de", "en"]}, {"languages": ["de"]}):
        own = trained_on(**german).score(query, sources)
        assert not any("BM25" in note for note in own.notes)
        assert not np.allclose(own.relevance, foreign.relevance, atol=1e-5)


@pytest.mark.parametrize(("english", "german", "foreign"), [(2, 1, False), (1, 2, True)])
def test_what_most_documents_are_written_in_counts(english: int, german: int, foreign: bool) -> None:
    hafen = Document("Der Hafen wurde nach dem Sturm wieder aufgebaut, und die Kosten dafür trug allein die Stadt.")
    documents = [*[hafen] * german, *[FERRY, LIBRARY][:english]]
    notes = Compressor(cache=False).compress("When does the ferry leave?", documents, Budget(rate=0.5)).notes
    assert any("is not English" in note for note in notes) == foreign


def test_the_order_of_many_documents_in_two_languages_does_not_matter(random: Prune) -> None:
    texts = [f"{text} {i}" for text in (GERMAN[0], FERRY.text) for i in range(12)]
    scores, reversed_ = (random.score("When does it leave?", Sources(order)) for order in (texts, texts[::-1]))
    assert scores.notes == reversed_.notes
    assert np.array_equal(scores.relevance, reversed_.relevance[::-1])


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "مرحبا hello بالعالم 123 " * 50, "👩‍👩‍👧‍👦🏳️‍🌈 " * 200, "\ud800 \x00 \u202e", "word " * 3000],
)
def test_odd_texts_are_scored(random, text):
    result = Compressor(random).compress("What is the word?", [text, FERRY], Budget(tokens=50))
    assert result.tokens_out <= 50
    assert np.isfinite(result.scores.sentences).all()


def test_five_thousand_documents(random):
    texts = [f"Item {i} is blue." for i in range(5000)]
    result = Compressor(random).compress("Which item is blue?", texts, Budget(tokens=100))
    assert 0 < result.tokens_out <= 100


def test_a_document_that_the_best_sentence_names_is_found():
    sources = Sources(TOWN)
    words = Lexical("Where was the designer of the Hestan lighthouse born?", sources)
    lead = int(np.flatnonzero(sources.sentences.document == 2)[0])
    assert words.mentions([lead]).tolist() == [[0, 0, 0, 1]]
    assert words.mentions([]).shape == (0, 4)


def test_a_title_that_the_query_names_tells_nothing_new():
    sources = Sources(TOWN)
    words = Lexical("Did Isobel Tarrant design the Hestan lighthouse?", sources)
    lead = int(np.flatnonzero(sources.sentences.document == 2)[0])
    assert words.mentions([lead]).tolist() == [[0, 0, 0, 0]]


def test_a_sentence_does_not_speak_of_the_next_part_of_its_own_page():
    documents = [
        Document("The Hestan lighthouse is white.", title="Hestan lighthouse"),
        Document("A keeper of the Hestan lighthouse had two goats.", title="Hestan lighthouse"),
        Document("It was built in 1843.", title="Hestan lighthouse (2)"),
        Document("They eat hay.", title="Goats"),
    ]
    words = Lexical("What do the animals of the keeper eat?", Sources(documents))
    assert words.mentions([1]).tolist() == [[0, 0, 0, 1]]


def test_a_question_that_compares_gets_a_sentence_of_each_thing():
    documents = [
        Document(
            "It draws crowds. Red Gorse (1951) is a film by Ina Roe. Red Gorse won prizes.", title="Red Gorse (film)"
        ),
        Document("Red gorse grows on heaths.", title="Red gorse"),
        Document("The Long Tide is a film by Ulf Berg. It was shot in Leith.", title="The Long Tide"),
        Document("Ina Roe was born in 1920. She made five films.", title="Ina Roe"),
    ]
    sources = Sources(documents, 1)
    texts = sources.sentence_texts()
    scores = np.arange(len(texts), 0, -1, dtype=np.float64)
    named = Lexical("Which is older, red gorse or The Long Tide?", sources).named(scores)
    assert [texts[i].strip() for i in named] == [
        "Red Gorse (1951) is a film by Ina Roe.",
        "The Long Tide is a film by Ulf Berg.",
    ]
    scores[5] = scores[4] + 7  # which does not say what it is about
    assert Lexical("Which is older, red gorse or The Long Tide?", sources).named(scores).tolist() == named.tolist()
    assert Lexical("Who made Red Gorse?", sources).named(scores).tolist() == []


def test_a_document_without_a_title_goes_by_the_name_that_it_opens_with():
    sources = Sources(
        ["It was shot in Leith. Red Gorse is a film by Ina Roe.", "Ina Roe (born 1920) made five films."], 1
    )
    words = Lexical("Who made Red Gorse?", sources)
    assert words.mentions([1]).tolist() == [[0, 1]]
    films = Sources(["Red Gorse (1951) is a film.", "The Long Tide is a film."])
    assert Lexical("Is Red Gorse older than The Long Tide?", films).named(np.ones(2)).tolist() == [0, 1]


def test_the_bundled_model_keeps_both_sides_of_a_comparison():
    films = [
        Document(
            "Ina Roe (4 March 1920 – 1 May 1988) was a Scottish film director and screenwriter. She directed eleven "
            "films. Her first film was shot in Leith.",
            title="Ina Roe",
        ),
        Document(
            "Red Gorse is a Scottish film directed by Ina Roe. It won two prizes in Venice. It was shot in nine days.",
            title="Red Gorse",
        ),
        Document(
            "The Long Tide is a film about two brothers who inherit a boat and quarrel about it, with a screenplay by "
            "Ada Fell, directed by Ulf Berg. It was shown on television in 1983.",
            title="The Long Tide",
        ),
        Document("Ulf Berg (born 9 June 1931) is a Norwegian film director. He lives in Bergen.", title="Ulf Berg"),
        Document("The harbour of Oban has two piers. The ferry leaves at eight.", title="Oban"),
    ]
    question = "Which film whose director was born first, Red Gorse or The Long Tide?"
    result = Compressor().compress(question, films, Budget(rate=0.3))
    assert "Red Gorse" in result.text
    assert "The Long Tide" in result.text


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How much does a return ticket for the ferry cost?", "12.50 EUR"),
        ("How many books may I borrow?", "six volumes"),
        ("Where is the library?", "customs house"),
        ("When did the lighthouse get electricity?", "1962"),
        ("How long is the crossing to Oxna?", "fifty minutes"),
        ("Where was the designer of the Hestan lighthouse born?", "Leith"),
    ],
)
def test_the_bundled_model_keeps_the_answer_in_a_quarter_of_the_text(question, answer):
    result = Compressor().compress(question, TOWN, Budget(rate=0.3))
    assert answer in result.text
    assert result.method == "prune"


def test_each_of_several_questions_gets_its_text():
    asked = ["How much does a return ticket for the ferry cost?", "When did the lighthouse get electricity?"]
    for query in (" ".join(asked), " ".join(asked[::-1]), f"{asked[0][:-1]}, and {asked[1].lower()}"):
        result = Compressor().compress(query, TOWN, Budget(rate=0.3))
        assert "12.50 EUR" in result.text
        assert "1962" in result.text
        assert result.notes == ("The query asks 2 questions, and documents were scored for each.",)


def test_of_several_questions_the_best_score_counts(random):
    asked = ["Where is the library?", "May dogs come on the ferry?"]
    sources = Sources(TOWN)
    alone = [random.score(question, sources) for question in asked]
    both = random.score(" ".join(asked), sources)
    for name in ("relevance", "sentences"):
        assert np.array_equal(getattr(both, name), np.maximum(*(getattr(one, name) for one in alone)))
    for name in ("tokens", "points"):
        assert np.array_equal(getattr(both, name).score, np.maximum(*(getattr(one, name).score for one in alone)))
        assert np.array_equal(getattr(both, name).start, getattr(alone[0], name).start)


def test_a_misspelled_name_is_read_as_the_documents_spell_it():
    question = "Where was Isobel Tarrant born?"
    plain = Compressor().compress(question, TOWN, Budget(tokens=60))
    slipped = Compressor().compress(question.replace("Tarrant", "Tarratn"), TOWN, Budget(tokens=60))
    assert slipped.text == plain.text
    assert slipped.notes == ("'Tarratn' was read as 'Tarrant', which is how the documents spell it.",)
    assert plain.notes == ()


def test_an_ending_of_another_language_is_no_slip():
    documents = ["Die Kosten für den Versand trägt der Käufer.", "Das Gerät kann mit einem Knopf ausgeschaltet werden."]
    result = Compressor().compress("Was kostet der Versand?", documents, Budget(tokens=20))
    assert not any("was read as" in note for note in result.notes)


def test_a_title_tells_how_a_name_is_spelled():
    result = Compressor().compress(
        "Who is Ljubitsa Prelogg?", [Document("She sails.", title="Ljubitsa Prelog")], Budget(tokens=50)
    )
    assert "'Prelogg' was read as 'Prelog', which is how the documents spell it." in result.notes


def test_what_is_read_a_second_time_only_does_not_count_as_cached():
    compressor = Compressor(cache=ScoreCache())
    question = "Where was the designer of the Hestan lighthouse born?"

    def cached(*documents: Document) -> int:
        return compressor.compress(question, documents, Budget(tokens=50)).cached

    assert cached(LIBRARY, TARRANT) == 0
    # The lighthouse is new, and its sentence leads to a second reading of its designer's life.
    assert cached(LIBRARY, TARRANT, LIGHTHOUSE) == 1
    assert cached(LIBRARY, TARRANT, LIGHTHOUSE) == 3


def test_a_document_is_read_again_with_the_sentence_that_speaks_of_it(monkeypatch):
    read: list[dict[str, str]] = []
    real = CrossReader.read

    def noted(self: CrossReader, queries: list[str], texts: list[str], titles: list[str]) -> Reading:
        read.append(dict(zip(titles, queries, strict=True)))
        return real(self, queries, texts, titles)

    monkeypatch.setattr(CrossReader, "read", noted)
    question = "Where do the designer and the lamp of the Hestan lighthouse come from?"
    lamp = "Its lamp was made by Noble and Sons. The lighthouse was designed by Isobel Tarrant. It is white."
    maker = Document("The firm was founded in Hull in 1811. It closed in 1930.", title="Noble and Sons")
    documents = [FERRY, LIBRARY, Document(lamp, title="Hestan lighthouse"), TARRANT, maker]
    Compressor(cache=False).compress(question, documents, Budget(tokens=50))
    first, again = read
    assert first == dict.fromkeys([document.title for document in documents], question)
    assert again.keys() >= {"Isobel Tarrant", "Noble and Sons"}
    for title, query in again.items():
        assert query.startswith(question)
        assert title in query


def test_an_empty_name_is_not_the_bundled_model():
    with pytest.raises(ModelError):
        Compressor(model="").compress("Where is the library?", TOWN, Budget(tokens=50))


def test_a_code_that_the_query_names_is_found_among_others_like_it() -> None:
    rows = [f"Part PRB-{1000 + i} has a connector of type {i % 5} and a cable of {i % 90} metres." for i in range(80)]
    for text in ("\n".join(rows), json.dumps([{"id": row.split()[1], "text": row} for row in rows])):
        result = Compressor().compress("Which connector has PRB-1047?", [text], Budget(rate=0.05))
        assert "PRB-1047" in result.text
