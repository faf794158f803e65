"""Tokens are scored as the model does, and words are kept whole, whatever the tokenizer."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llmlingua2_documents import DOCUMENTS, LONG
from stored_documents import method

from boildown import Budget, Compressor
from boildown.errors import ConfigurationError
from boildown.methods.llmlingua2 import LLMLingua2
from boildown.sources import Sources

KINDS = ("bert", "roberta", "xlm-roberta", "modernbert")


def reference(folder: Path, text: str) -> list[tuple[int, int, float]]:
    """Start, end and keep probability of each token, by transformers alone."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    offsets = inputs.pop("offset_mapping")[0].tolist()
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        keep = model(**inputs).logits[0].softmax(-1)[:, 1].tolist()
    return [(s, e, p) for (s, e), p in zip(offsets, keep, strict=True)][1:-1]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_models_own(token_classifiers: dict[str, Path], kind: str) -> None:
    folder = token_classifiers[kind]
    texts = [DOCUMENTS[0], "A [bracket] and a line\nbreak."]
    scores = method(folder).score("", Sources(texts))
    tokens = scores.tokens
    assert tokens is not None
    for i, text in enumerate(texts):
        mine = tokens.document == i
        expected = [(s, e, p) for s, e, p in reference(folder, text) if text[s:e].strip()]
        assert np.allclose(tokens.score[mine], [p for _, _, p in expected], atol=1e-4)
        pieces = [text[s:e] for s, e in zip(tokens.start[mine], tokens.end[mine], strict=True)]
        assert pieces == [text[s:e].strip() for s, e, _ in expected]
        assert scores.relevance[i] == pytest.approx(np.mean([p for _, _, p in expected]), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_do_not_depend_on_each_other(token_classifiers: dict[str, Path], kind: str) -> None:
    engine = method(token_classifiers[kind])
    together = engine.score("", Sources([*DOCUMENTS, LONG]))
    for i, text in enumerate([*DOCUMENTS, LONG]):
        alone = engine.score("", Sources([text]))
        assert together.tokens is not None
        assert alone.tokens is not None
        mine = together.tokens.document == i
        assert np.allclose(together.tokens.score[mine], alone.tokens.score, atol=1e-4)
        assert together.tokens.start[mine].tolist() == alone.tokens.start.tolist()
        assert together.relevance[i] == pytest.approx(alone.relevance[0], abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_has_a_token(token_classifiers: dict[str, Path], kind: str) -> None:
    sources = Sources([*DOCUMENTS, LONG])
    scores = method(token_classifiers[kind]).score("", sources)
    tokens = scores.tokens
    assert tokens is not None
    assert (np.diff(tokens.document) >= 0).all()
    assert ((tokens.end > tokens.start) & (tokens.score >= 0) & (tokens.score <= 1)).all()
    words = sources.words
    for document, start, end in zip(words.document, words.start, words.end, strict=True):
        piece = sources.texts[document][start:end]
        inside = (tokens.document == document) & (tokens.start >= start) & (tokens.end <= end)
        if piece.strip().strip("\ud83d\ufe0f\u200d"):
            assert inside.any(), piece
    assert scores.relevance[1] == scores.relevance[3] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_long_documents_are_read_in_windows_that_end_with_sentences(make_model: Any, tmp_path: Path, kind: str) -> None:
    from tokenizers import Tokenizer

    folder = make_model(kind, tmp_path / "model", max_position_embeddings=514)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    sources = Sources([LONG])
    tokens = method(folder, window=200).score("", sources).tokens
    assert tokens is not None
    heads = [LONG[: int(end)].rstrip() for end in sources.sentences.end]
    head = [text for text in heads if len(tokenizer.encode(text)) <= 200][-1]
    expected = [p for s, e, p in reference(folder, head) if LONG[s:e].strip()]
    assert np.allclose(tokens.score[: len(expected)], expected, atol=1e-4)
    assert tokens.start[len(expected)] == LONG.index("Sentence", len(head))
    other = method(folder, window=120).score("", sources).tokens
    assert other is not None
    assert not np.allclose(other.score[: len(expected)], expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_never_split(token_classifiers: dict[str, Path], kind: str) -> None:
    compressor = Compressor(method(token_classifiers[kind]))
    documents = [*DOCUMENTS, LONG]
    sources = Sources(documents)
    edges = {
        (int(d), int(p))
        for d, s, e in zip(sources.words.document, sources.words.start, sources.words.end, strict=True)
        for p in (s, e, s + len(sources.texts[d][s:e].rstrip()), e - len(sources.texts[d][s:e].lstrip()))
    }
    result = compressor.compress("", documents, Budget(rate=0.4))
    assert result.documents
    for document in result.documents:
        assert document.text == "".join(documents[document.index][s.start : s.end] for s in document.spans)
        for span in document.spans:
            assert {(document.index, span.start), (document.index, span.end)} <= edges
    assert result.tokens_out <= 0.4 * result.tokens_in


@pytest.mark.parametrize("kind", KINDS)
def test_forced_strings_are_kept_first(token_classifiers: dict[str, Path], kind: str) -> None:
    engine = method(token_classifiers[kind], force_tokens=["!", "\n", "sound post"], force_reserve_digit=True)
    text = "The harbour master counted 312 ships.\nMoving the sound post changes the tone! It grows warm, but dull."
    for unit in ("word", "token"):
        result = Compressor(engine, unit=unit, protect=()).compress("", [text], Budget(rate=0.6))
        for wanted in ("312", "!", "\n", "sound", "post"):
            assert wanted in result.text, (unit, result.text)
    plain = method(token_classifiers[kind]).score("", Sources([text]))
    forced = engine.score("", Sources([text]))
    assert forced.relevance.tolist() == plain.relevance.tolist()
    assert plain.tokens is not None
    assert plain.tokens.score.max() <= 1


def test_forced_strings_that_do_not_occur_change_nothing(token_classifiers: dict[str, Path]) -> None:
    sources = Sources(["The harbour master keeps a log."])
    plain = method(token_classifiers["bert"]).score("", sources).tokens
    assert plain is not None
    for strings in (["zebra", ""], [""]):
        forced = method(token_classifiers["bert"], force_tokens=strings).score("", sources).tokens
        assert forced is not None
        assert plain.score.tolist() == forced.score.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"force_tokens": "?!"}, "takes a list"),
        ({"force_tokens": ["?", 1]}, r"list of strings, not \['\?', 1\]"),
        ({"force_tokens": 1}, "list of strings, not 1"),
        ({"force_reserve_digit": "False"}, "force_reserve_digit= must be true or false"),
        ({"exact": "False"}, "exact= must be true or false"),
        ({"window": 3}, "at least 16"),
        ({"window": "512"}, "at least 16 tokens, not '512'"),
        ({"window": 20.5}, "whole number"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LLMLingua2("model", **options)


def test_a_copy_carries_no_weights(token_classifiers: dict[str, Path]) -> None:
    engine = method(token_classifiers["bert"])
    before = engine.score("", Sources(DOCUMENTS))
    assert len(pickle.dumps(engine)) < 1000
    for again in (pickle.loads(pickle.dumps(engine)), copy.deepcopy(engine)):
        assert np.allclose(again.score("", Sources(DOCUMENTS)).relevance, before.relevance)


def test_building_a_compressor_loads_no_model_code() -> None:
    code = (
        "import sys; from boildown import Compressor\n"
        "for name in ('llmlingua2', 'embedding', 'cross_encoder'): Compressor(name, model='some/model')\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'tokenizers'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
