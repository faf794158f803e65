from __future__ import annotations

import numpy as np
import pytest

from boildown.errors import ModelError
from boildown.methods.lexical import Lexical
from boildown.methods.mixing import Mix, MixedScores
from boildown.runtime.reader import Reading
from boildown.sources import Sources
from boildown.types import Document, Scores

QUERY = "港口的天气怎么样?"
TEXTS = ["灯塔很高。港口很冷。", "The tower is high. The harbour is cold."]


def mixed(tokens: list[tuple[int, int, int, float]]) -> tuple[Sources, Scores]:
    """Scores from a reading with these tokens: document, start, end, keep."""
    sources = Sources(TEXTS, min_sentence=0)
    mixing = MixedScores(sources, Lexical(QUERY, sources), Mix(lexical=0.0, document=0.0))
    document, start, end = (np.array(column, dtype=np.int64) for column in list(zip(*tokens, strict=True))[:3])
    keep = np.array([token[3] for token in tokens])
    window = np.zeros(len(keep))
    reading = Reading(np.zeros(2), document, start, end, keep, window, -keep, query_cut=False, seconds=0.0)
    mixing.add(reading, np.arange(2))
    return sources, mixing.scores(0.0)


def test_a_token_over_a_sentences_end_counts_for_both() -> None:
    # As a vocabulary of SentencePiece has them: the second token holds the end of one sentence and all of the next.
    sources, scores = mixed([(0, 0, 2, -2.0), (0, 2, 10, 1.0), (1, 0, 3, 0.0), (1, 4, 9, 0.0)])
    assert len(sources.sentences) == 4
    # All of the second sentence is that token's; of the first, half is the other one's.
    assert scores.sentences[1] == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert scores.sentences[0] < scores.sentences[1]


def test_every_token_stands_inside_one_word() -> None:
    sources, scores = mixed([(0, 0, 2, -2.0), (0, 2, 10, 1.0), (1, 0, 3, 0.5), (1, 4, 9, 0.0)])
    words, tokens = sources.words, scores.tokens
    for document, start, end in zip(tokens.document, tokens.start, tokens.end, strict=True):
        own = words.document == document
        assert ((words.start[own] <= start) & (end <= words.end[own])).sum() == 1
    chinese = tokens.document == 0
    assert tokens.start[chinese].min() == 0
    assert tokens.end[chinese].max() == len(TEXTS[0])
    # Where words are parted by spaces, tokens are as the model has them.
    assert tokens.start[~chinese].tolist() == [0, 4]


def test_in_long_documents_a_sentence_counts_by_its_window() -> None:
    text = "Fog is common here. Trade is brisk now. Boats are blue today. Nets are dried ashore."
    sources = Sources([text, "Nobody lives there."])
    mix = Mix(relevance=0.3, window=1.0, lexical=0.0, document=0.0)

    def logits(window: list[float], relevance: float) -> np.ndarray:
        mixing = MixedScores(sources, Lexical("query", sources), mix)
        units = sources.sentences
        reading = Reading(
            np.array([relevance, 0.0]),
            units.document,
            units.start,
            units.end,
            np.zeros(len(units)),
            np.array([*window, 0.0]),
            np.zeros(len(units)),
            query_cut=False,
            seconds=0.0,
        )
        mixing.add(reading, np.arange(2))
        scores = mixing.scores(0.0).sentences
        assert scores is not None
        return np.log(scores / (1 - scores))

    # Two windows of two sentences each; then the same document read in one window.
    assert logits([-3.0, -3.0, 2.0, 2.0], 2.0) == pytest.approx([-3.0, -3.0, 2.0, 2.0, 0.0])
    assert logits([2.0] * 4, 2.0) == pytest.approx([0.6] * 4 + [0.0])


def test_the_last_reading_says_where_the_points_lie() -> None:
    sources = Sources(["Fog is common here.", "Nobody lives there."])
    mixing = MixedScores(sources, Lexical("query", sources), Mix())

    def read(documents: list[int], answers: list[float]) -> None:
        document = np.repeat(np.arange(len(documents)), 2)
        start = np.tile([0, 4], len(documents))
        zeros = np.zeros(len(start))
        relevance = np.zeros(len(documents))
        reading = Reading(
            relevance, document, start, start + 3, zeros, zeros, np.array(answers), query_cut=False, seconds=0.0
        )
        mixing.add(reading, np.array(documents))

    read([0, 1], [1.0, 2.0, 3.0, 4.0])
    read([0], [7.0, 8.0])
    points = mixing.scores(0.0).points
    assert points is not None
    assert points.document.tolist() == [0, 0, 1, 1]
    assert points.start.tolist() == [0, 4, 0, 4]
    assert points.score.tolist() == [7.0, 8.0, 3.0, 4.0]


def logits(keep: list[float], query: str = "query", **mix: float) -> np.ndarray:
    """Of sentences of 20, 57 and 13 characters, to which the model gives these logits."""
    sources = Sources(
        ["Fog is common here. Trade is brisk now, as it was when the harbour was built.", "Nobody lives."], 1
    )
    units = sources.sentences
    mixing = MixedScores(sources, Lexical(query, sources), Mix(lexical=0.0, document=0.0, **mix))
    zeros = np.zeros(3)
    columns = (units.document, units.start, units.end, np.array(keep))
    mixing.add(Reading(np.zeros(2), *columns, zeros, zeros, query_cut=False, seconds=0.0), np.arange(2))
    scores = mixing.scores(0.0).sentences
    assert scores is not None
    return np.log(scores / (1 - scores))


def test_the_best_sentence_lowers_all_alike() -> None:
    keep = [4.0, -1.0, 1.0]
    assert logits(keep, best=0.0) == pytest.approx(keep)
    assert logits(keep, best=0.5) == pytest.approx(np.array(keep) - 2.0)


def test_of_a_document_that_is_spoken_of_the_best_sentence_rises_most() -> None:
    sources = Sources(["One came. Two went. Three stayed.", "Four slept."], 1)
    mixing = MixedScores(sources, Lexical("query", sources), Mix(lexical=0.0, document=0.0, mention=4.2))
    units, zeros = sources.sentences, np.zeros(4)
    columns = (units.document, units.start, units.end, np.array([1.0, 3.0, 2.0, 0.0]))
    mixing.add(Reading(np.zeros(2), *columns, zeros, zeros, query_cut=False, seconds=0.0), np.arange(2))
    mixing.add_mentions(np.array([0.5, 0.0]))
    scores = mixing.scores(0.0).sentences
    assert scores is not None
    gained = np.log(scores / (1 - scores)) - [1.0, 3.0, 2.0, 0.0]
    assert gained == pytest.approx([2.1 / 1.1, 2.1, 2.1 / 1.05, 0.0])


def test_what_a_query_names_comes_first_and_moves_no_threshold() -> None:
    documents = [Document("Reed is a town. It rains.", title="Reed"), Document("Moss is a town.", title="Moss")]
    sources = Sources(documents, 1)
    mixing = MixedScores(
        sources, Lexical("Reed or Moss?", sources), Mix(lexical=0.0, document=0.0, mention=4.0, best=0.5)
    )
    units, zeros = sources.sentences, np.zeros(3)
    columns = (units.document, units.start, units.end, np.array([1.0, 2.0, -1.0]))
    mixing.add(Reading(np.zeros(2), *columns, zeros, zeros, query_cut=False, seconds=0.0), np.arange(2))
    mixing.add_named()
    scores = mixing.scores(0.0).sentences
    assert scores is not None
    assert np.log(scores / (1 - scores)) == pytest.approx([1.0 - 1.0 + 4.0, 2.0 - 1.0, -1.0 - 1.0 + 4.0])


def test_what_helps_counts_for_more_where_a_query_tells_of_a_problem() -> None:
    note = (
        "# Summary\nThe dashboard shows no data.\n# Fixing it\n## Resolution\nDelete the folder of the cache. Then "
        "start the service.\n# See also\nThere is a list of all dashboards.\n"
    )
    sources = Sources([note])
    whole = {}
    for query in ("The dashboard shows an error", "Which dashboards are there?"):
        words = Lexical(query, sources)
        kept = [text.strip() for text, one in zip(sources.sentence_texts(), words.remedies, strict=True) if one]
        whole[query] = kept
        plain = MixedScores(sources, words, Mix(remedy=0.0)).scores(0.0)
        raised = MixedScores(sources, words, Mix(remedy=2.0)).scores(0.0)
        before, after = (np.log(one.sentences / (1 - one.sentences)) for one in (plain, raised))
        assert after - before == pytest.approx(2.0 * words.remedies)
    problem, other = whole.values()
    assert [text.splitlines()[-1] for text in problem] == ["Delete the folder of the cache.", "Then start the service."]
    assert other == []


@pytest.mark.parametrize(
    ("keep", "gained"),
    [
        ([-5, 3, -2, 4, -5, -5, -5, -5, -5, 1, 0], {2: 3}),
        ([-5, 3, -2, -3, 4, -5, -5, -5, -5, 1, 0], {2: 3, 3: 3}),
        ([-5, 3, -2, -3, -4, 4, -5, -5, -5, -6, 0], {3: -2, 4: -2, 9: -5}),  # three are too many
        ([-5, 3, -2, 4, -5, -5, -5, -5, -5, 1], {}),  # a short document
    ],
)
def test_in_long_documents_nothing_is_missing_between_two_better_sentences(
    keep: list[float], gained: dict[int, float]
) -> None:
    sources = Sources(["Nobody lives there.", " ".join(f"Boat {i} came." for i in range(len(keep)))], 1)
    units = sources.sentences
    mixing = MixedScores(sources, Lexical("query", sources), Mix(lexical=0.0, document=0.0))
    zeros = np.zeros(len(keep) + 1)
    columns = (units.document, units.start, units.end, np.array([9.0, *keep]))
    mixing.add(Reading(np.zeros(2), *columns, zeros, zeros, query_cut=False, seconds=0.0), np.arange(2))
    scores = mixing.scores(0.0).sentences
    assert scores is not None
    expected = [gained.get(i, logit) for i, logit in enumerate(keep)]
    assert np.log(scores / (1 - scores)) == pytest.approx([9.0, *expected])


def test_a_long_sentence_between_two_better_ones_is_worth_no_less() -> None:
    sources = Sources([f"One came. All of the other boats {'and ships ' * 20}came. {'Three came. ' * 10}"], 1)
    units = sources.sentences
    mixing = MixedScores(sources, Lexical("query", sources), Mix(lexical=0.0, document=0.0, length=0.5))
    columns = (units.document, units.start, units.end, np.array([2.0, -3.0, 1.0, *[-5.0] * 9]))
    mixing.add(Reading(np.zeros(1), *columns, np.zeros(12), np.zeros(12), query_cut=False, seconds=0.0), np.arange(1))
    scores = mixing.scores(0.0).sentences
    assert scores is not None
    assert scores[0] > scores[1] == scores[2] > scores[3]


def test_words_count_for_more_where_the_model_is_not_sure() -> None:
    """The second sentence alone has words of the query."""
    unsure, sure = [-9.0, -9.5, -10.0], [11.0, 10.5, 10.0]
    doubting = logits(unsure, "When was the harbour built?", doubt=3.0, sure=1.0)
    assert doubting == pytest.approx([-12.0, -9.5, -13.0], abs=0.001)
    assert logits(sure, "When was the harbour built?", doubt=3.0, sure=1.0) == pytest.approx(sure, abs=0.001)
    half = logits([1.0, 0.0, 0.0], "When was the harbour built?", doubt=3.0, sure=1.0)
    assert half == pytest.approx([-0.5, 0.0, -1.5])


def test_a_document_counts_by_its_best_sentence_and_its_words_too() -> None:
    sources = Sources(["Fog is common here. Nobody lives there.", "The harbour was built of stone."], 1)
    units = sources.sentences
    mix = Mix(lexical=0.0, document=0.0, document_sentence=0.5, document_lexical=3.0)
    mixing = MixedScores(sources, Lexical("When was the harbour built?", sources), mix)
    columns = (units.document, units.start, units.end, np.array([4.0, -2.0, 1.0]))
    relevance = np.array([2.0, 1.0])
    mixing.add(Reading(relevance, *columns, np.zeros(3), np.zeros(3), query_cut=False, seconds=0.0), np.arange(2))
    scores = mixing.scores(0.0).relevance
    assert np.log(scores / (1 - scores)) == pytest.approx([2.0 + 0.5 * 4.0 - 3.0, 1.0 + 0.5 * 1.0])


def test_a_document_that_was_not_read_counts_by_its_words_alone() -> None:
    sources = Sources(["Fog is common here.", "The harbour was built of stone."], 1)
    words = Lexical("When was the harbour built?", sources)
    plain, mixed = (
        MixedScores(sources, words, mix).scores(0.0).relevance
        for mix in (Mix(), Mix(document_sentence=0.5, document_lexical=3.0))
    )
    assert mixed.tolist() == plain.tolist()


def test_a_longer_sentence_has_to_be_needed_more() -> None:
    keep = [1.0, 1.0, 1.0]
    short, long, shortest = logits(keep, length=0.5)
    assert short - long == pytest.approx(0.5 * np.log(57 / 20))
    assert shortest == pytest.approx(short)  # of 13 characters, and below 20 it does not matter
    assert logits(keep, length=0.5, best=1.0).max() == pytest.approx(0.0)


@pytest.mark.parametrize("mix", [{"lexcal": 1.0}, {"lexical": "8"}])
def test_a_checkpoint_with_another_mix_is_named(mix: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"boildown\.json has 'lex.*takes numbers for relevance, window, lexical"):
        Mix.of_checkpoint({"mix": mix})


def test_leads_are_the_best_sentences_and_more_of_the_best_ones_document():
    sources = Sources(["One. Two. Three. Four.", "Five. Six."], 1)
    mixing = MixedScores(sources, Lexical("", sources), Mix())
    assert mixing.leads(2, 3).tolist() == []
    keep = np.array([1.0, 0.0, 3.0, 2.0, 5.0, -1.0])
    units = sources.sentences
    zeros = np.zeros(6)
    reading = Reading(
        relevance=np.zeros(2), document=units.document, start=units.start, end=units.end, keep=keep, window=zeros,
        answer=zeros, query_cut=False, seconds=0.0,
    )  # fmt: skip
    mixing.add(reading, np.arange(2))
    assert mixing.leads(1, 3).tolist() == [4, 5]
    assert mixing.leads(2, 3).tolist() == [4, 2, 5]
    assert mixing.leads(0, 0).tolist() == []
