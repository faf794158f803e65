from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from thread_seconds import thread_seconds
from tiny_models import ALL, CHINESE, ENGLISH

from boildown import Budget, Compressor, Document
from boildown.errors import ConfigurationError
from boildown.methods.llmlingua import LLMLingua
from boildown.methods.longllmlingua import LongLLMLingua
from boildown.methods.selective_context import SelectiveContext, _phrases
from boildown.runtime.causal import CausalLM
from boildown.runtime.causal_loading import load_causal
from boildown.runtime.causal_losses import Losses
from boildown.runtime.causal_packed import PackedBody
from boildown.runtime.scheduler import running
from boildown.sources import Sources
from boildown.types import TokenScores

QUESTION = "Who counted the ships?"


def build_all(folder: Path) -> list[Any]:
    options: dict[str, Any] = {"device": "cpu", "dtype": "float32"}
    name = str(folder)
    return [
        LLMLingua(name, **options),
        LongLLMLingua(name, **options),
        LongLLMLingua(name, "before", "conditional", **options),
        LongLLMLingua(name, token_score="plain", **options),
        LongLLMLingua(name, token_score="none", **options),
        SelectiveContext(name, **options),
        SelectiveContext(name, "phrase", **options),
        SelectiveContext(name, "token", **options),
    ]


@pytest.fixture(params=["gpt2", "llama"])
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.mark.parametrize("texts", [ENGLISH, ALL, ["", "a", "  ", ENGLISH[0] * 8], [""], []])
def test_scores_are_finite_and_fit_the_sources(folder: Path, texts: list[str]) -> None:
    sources = Sources(texts)
    for method in build_all(folder):
        scores = method.score(QUESTION, sources)
        assert scores.relevance.shape == (len(texts),)
        assert np.isfinite(scores.relevance).all()
        if scores.sentences is not None:
            assert scores.sentences.shape == (len(sources.sentences),)
            assert np.isfinite(scores.sentences).all()
        if scores.tokens is not None:
            tokens = scores.tokens
            assert np.isfinite(tokens.score).all()
            place = tokens.document * 100_000 + tokens.start
            assert (np.diff(place) > 0).all()
            assert (tokens.end > tokens.start).all()
            assert all(e <= len(texts[d]) for d, e in zip(tokens.document, tokens.end, strict=True))
            same = np.diff(tokens.document) == 0
            assert (tokens.end[:-1][same] <= tokens.start[1:][same]).all()


def test_the_surprising_word_is_the_one_kept(folder: Path) -> None:
    """The published code keeps its left neighbour."""
    model = load_causal(str(folder), "cpu", "float32")
    text = ENGLISH[0]
    tokens = model.encode([text])[0]
    values = model.token_nll([tokens])[0]
    sources = Sources([text])
    totals: dict[int, list[float]] = {}
    for start, value in zip(tokens.start.tolist(), values.tolist(), strict=True):
        word = int(np.searchsorted(sources.words.start, start, side="right")) - 1
        totals.setdefault(word, []).append(value)
    means = {word: float(np.mean(v)) for word, v in totals.items()}
    best = sorted(means, key=lambda w: -means[w])[:6]
    found = Compressor(LLMLingua(str(folder), "cpu", "float32"), protect=[]).compress("", [text], Budget(rate=0.99))
    scores = found.scores.tokens
    assert scores is not None
    threshold = float(np.mean(sorted(means.values(), reverse=True)[5:7]))
    kept = found.rebudget(Budget(threshold=threshold)).documents[0]
    words = [text[s:e].strip() for s, e in zip(sources.words.start, sources.words.end, strict=True)]
    assert kept.text.split() == [words[w] for w in sorted(best)]


def test_relevance_is_the_mean_and_longllmlingua_reads_the_question(folder: Path) -> None:
    model = load_causal(str(folder), "cpu", "float32")
    sources = Sources(ENGLISH)
    plain = LLMLingua(str(folder), "cpu", "float32").score("", sources)
    expected = [v.mean() for v in model.token_nll(model.encode(ENGLISH))]
    np.testing.assert_allclose(plain.relevance, expected, atol=1e-5)
    method = LongLLMLingua(str(folder), device="cpu", dtype="float32")
    one, other = method.score(QUESTION, sources), method.score("Why is rye bread sour?", sources)
    assert not np.allclose(one.relevance, other.relevance)
    assert one.tokens is not None
    assert other.tokens is not None
    assert not np.allclose(one.tokens.score, other.tokens.score)


def test_contrastive_is_the_difference_of_two_readings(folder: Path) -> None:
    options: dict[str, Any] = {"device": "cpu", "dtype": "float32"}
    sources = Sources(ENGLISH)
    found = {
        kind: LongLLMLingua(str(folder), token_score=kind, **options).score(QUESTION, sources).tokens
        for kind in ("contrastive", "conditional", "plain")
    }
    difference = found["plain"].score - found["conditional"].score
    np.testing.assert_allclose(found["contrastive"].score, difference, atol=1e-6)


def test_all_documents_are_read_in_a_few_forwards(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_causal(str(folder), "cpu", "float32")
    sizes: list[int] = []
    forward = Losses.forward
    monkeypatch.setattr(
        Losses, "forward", lambda self, batch: sizes.append(batch.tokens.shape[1]) or forward(self, batch)
    )
    LongLLMLingua(model).score(QUESTION, Sources(ENGLISH))
    # The question, the documents after it, the documents alone, the question after each.
    # A single worker splits the documents too, since a batch on the CPU has 400 tokens at most.
    workers = max(2, running()["cpu"].stats.workers)
    assert 0 < len(sizes) <= 1 + 3 * workers


def test_titles_help_to_rank_and_stay_out_of_the_text(folder: Path) -> None:
    method = LongLLMLingua(str(folder), device="cpu", dtype="float32")
    titled = [Document(text, title="Ships counted in 1874") for text in ENGLISH]
    a, b = method.score(QUESTION, Sources(titled)), method.score(QUESTION, Sources(ENGLISH))
    assert not np.allclose(a.relevance, b.relevance)
    result = Compressor(method).compress(QUESTION, titled, Budget(rate=0.9))
    assert "Ships counted" not in result.text


def test_a_long_question_is_cut_with_a_note(folder: Path) -> None:
    method = LongLLMLingua(str(folder), device="cpu", dtype="float32")
    scores = method.score(" ".join(ENGLISH * 4), Sources(ENGLISH))
    assert "question was cut" in scores.notes[0]
    assert np.isfinite(scores.relevance).all()


def test_a_blank_document_comes_last(folder: Path) -> None:
    for method in build_all(folder):
        relevance = method.score(QUESTION, Sources([ENGLISH[0], "", ENGLISH[1]])).relevance
        assert relevance[1] == relevance.min()


def test_every_unit_meets_the_budget(folder: Path) -> None:
    for method in build_all(folder):
        for unit in ("sentence", "word", "token"):
            if unit == "token" and (method.name, getattr(method, "level", "")) == ("selective_context", "sentence"):
                continue
            if getattr(method, "token_score", "") == "none" and unit == "token":
                continue
            result = Compressor(method, unit=unit).compress(QUESTION, ALL, Budget(tokens=150))
            assert 0 < result.tokens_out <= 150
            for document in result.documents:
                assert document.text == "".join(ALL[document.index][s.start : s.end] for s in document.spans)
                assert "\ufffd" not in document.text


def test_characters_of_several_tokens_are_one(folder: Path) -> None:
    scores = LLMLingua(str(folder), "cpu", "float32").score("", Sources(CHINESE))
    assert scores.tokens is not None
    assert len(scores.tokens.score) <= sum(len(text) for text in CHINESE)
    covered = {(d, i) for d, s, e in zip(scores.tokens.document, scores.tokens.start, scores.tokens.end, strict=True)
               for i in range(s, e)}  # fmt: skip
    assert covered == {(d, i) for d, text in enumerate(CHINESE) for i, c in enumerate(text) if not c.isspace()}


def test_time_for_phrases_grows_with_line_ends_and_not_with_their_square() -> None:
    none = np.zeros(0, dtype=np.int64)

    def seconds(line_ends: int) -> float:
        sources = Sources(["\n" * line_ends + "Swifts sleep."])
        assert len(sources.words)
        return thread_seconds(lambda: _phrases(sources, TokenScores(none, none, none, np.zeros(0))))

    assert min(seconds(40_000) for _ in range(3)) < 32 * min(seconds(2_500) for _ in range(5))


def test_phrases_stay_together(folder: Path) -> None:
    scores = SelectiveContext(str(folder), "phrase", device="cpu", dtype="float32").score("", Sources([ENGLISH[4]]))
    assert scores.tokens is not None
    starts = np.flatnonzero(np.diff(scores.tokens.score, prepend=np.nan) != 0)
    words = [ENGLISH[4][a:b].strip() for a, b in zip(scores.tokens.start, scores.tokens.end, strict=True)]
    assert [words[i] for i in starts] == ["Swifts", "A", "eating,", "drinking", "Radar"]


def test_unknown_options(folder: Path) -> None:
    for build in (
        lambda: LongLLMLingua(str(folder), "behind"),  # type: ignore[arg-type]
        lambda: LongLLMLingua(str(folder), token_score="none of these"),  # type: ignore[arg-type]
        lambda: SelectiveContext(str(folder), "word"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigurationError, match="Known"):
            build()


def test_results_can_be_cut_again(folder: Path) -> None:
    result = Compressor(LLMLingua(str(folder), "cpu")).compress("", ENGLISH, Budget(rate=0.5))
    again = result.rebudget(Budget(rate=0.2))
    assert again.tokens_out <= 0.2 * again.tokens_in


@pytest.mark.parametrize("long", [False, True])
def test_the_exact_mode_as_spans(folder: Path, long: bool) -> None:
    from boildown.compat import PromptCompressor

    texts = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(4)]
    sources = Sources(texts)
    method: Any = (LongLLMLingua if long else LLMLingua)(str(folder), device="cpu", dtype="float32", exact=True)
    assert method.needs_budget
    scores = method.score_within(QUESTION, sources, Budget(rate=0.4))
    assert scores.final
    tokens = scores.tokens
    spans = zip(tokens.document, tokens.start, tokens.end, tokens.score, strict=True)
    kept = "".join(texts[d][s:e] for d, s, e, score in spans if score == 1)
    arguments: dict[str, Any] = {"question": QUESTION, "concate_question": False, "rate": 0.4}
    if long:
        arguments |= {"rank_method": "longllmlingua", "condition_in_question": "after_condition"}
        arguments |= {"condition_compare": True, "dynamic_context_compression_ratio": 0.3}
    exact = PromptCompressor(str(folder), "cpu", exact=True, counter=len)
    expected = exact.compress_prompt(texts, **arguments)["compressed_prompt"]
    assert "".join(kept.split()) == "".join(expected.split())
    with pytest.raises(ConfigurationError, match="threshold"):
        method.score_within(QUESTION, sources, Budget(threshold=0.5))


def test_exact_mode_cuts_by_itself_and_cannot_be_cut_again(gpt2):
    from boildown import Budget, Compressor, RebudgetError

    text = "The harbour master keeps a log. In 1874 she counted 312 ships, most of them carrying timber. " * 12
    compressor = Compressor("llmlingua", model=str(gpt2), device="cpu", dtype="float32", options={"exact": True})
    result = compressor.compress("", [text, text[40:]], Budget(rate=0.5))
    assert 0 < result.tokens_out < result.tokens_in
    for document in result.documents:
        source = (text, text[40:])[document.index]
        assert document.text == "".join(span.of(source) for span in document.spans)
    with pytest.raises(RebudgetError):
        result.rebudget(Budget(rate=0.2))


@pytest.mark.parametrize("contrast", [False, True])
def test_the_exact_mode_is_the_same_on_transformers_forward(folder: Path, contrast: bool) -> None:
    from boildown.methods.exact.arguments import ExactArguments
    from boildown.methods.exact.language_model import ReferenceLM
    from boildown.methods.exact.prompt import compress_exactly

    texts = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(5)]
    arguments = ExactArguments(
        question=QUESTION,
        rate=0.6,
        condition_compare=contrast,
        rank_method="longllmlingua" if contrast else "llmlingua",
    )
    packed = load_causal(str(folder), "cpu", "float32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PackedBody, "of", lambda model: None)
        padded = CausalLM(packed.model, packed.tokenizer)
    found = [compress_exactly(ReferenceLM(model), texts, arguments) for model in (packed, padded)]
    assert found[0].kept is not None
    assert 0 < len(found[0].kept) < sum(len(text.ids) for text in packed.encode(texts))
    assert found[0] == found[1]


def test_the_exact_mode_takes_half_a_surrogate_pair(folder: Path) -> None:
    texts = ["\ud83d " + ENGLISH[0], ENGLISH[1]]
    for method in (LLMLingua(str(folder), "cpu", exact=True), LongLLMLingua(str(folder), device="cpu", exact=True)):
        for document in Compressor(method).compress("\ud83d Who?", texts, Budget(rate=0.5)).documents:
            assert document.text == "".join(span.of(texts[document.index]) for span in document.spans)


@pytest.mark.parametrize("method", [LLMLingua, LongLLMLingua])
def test_a_word_is_no_flag(method: type[Any]) -> None:
    with pytest.raises(ConfigurationError, match="exact= must be true or false, not 'False'"):
        method("model", exact="False")
