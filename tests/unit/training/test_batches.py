from __future__ import annotations

import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boildown.text.sentences import split_sentences
from boildown.training import TrainConfig
from boildown.training.batches import Encoder, QuestionStream, balance, make_bundle
from boildown.training.data import Question
from boildown.training.examples import GOLD, OTHER, TARGETS, Example


@pytest.fixture
def encoder(base: Path) -> Encoder:
    from transformers import AutoTokenizer

    return Encoder(AutoTokenizer.from_pretrained(base), TrainConfig(max_length=128, max_query=40))


def example(text: str, gold: int, title: str = "Arlo", query: str = "What is the bird of Arlo?") -> Example:
    sentences = split_sentences(text)
    labels = np.full(len(sentences), OTHER, np.int8)
    labels[gold] = GOLD
    answers = np.array([(text.find(a), text.find(a) + len(a)) for a in ("skua", "gannet") if a in text], dtype=np.int64)
    return Example(query, title, text, sentences, labels, answers.reshape(-1, 2), True, True)


def test_an_input_is_query_title_passage(encoder: Encoder) -> None:
    text = "The bird of Arlo is skua. Rain falls there most days."
    (item,) = encoder.encode([example(text, 0)], random.Random(0))
    shown = encoder.tokenizer.convert_ids_to_tokens(item.ids)
    assert shown[0] == "[CLS]"
    assert [i for i, t in enumerate(shown) if t == "[SEP]"] == [item.types.index(1) - 1, len(shown) - 1]
    title = "".join(shown[item.types.index(1) : int(np.argmax(item.sentence >= 0))]).replace("##", "")
    assert title == "arlo."
    inside = item.sentence[item.sentence >= 0]
    assert inside.tolist() == sorted(inside.tolist())
    second = "".join(t for t, s in zip(shown, item.sentence, strict=True) if s == 1).replace("##", "")
    assert second == "rainfallstheremostdays."


def test_a_text_that_names_a_separator_has_none(encoder: Encoder) -> None:
    text = "The bird of Arlo is skua. [SEP] and [CLS] are words there."
    (item,) = encoder.encode([example(text, 0, query="What is [SEP]?")], random.Random(0))
    assert item.ids.count(encoder.sep) == 2
    assert item.ids.count(encoder.cls) == 1


def test_the_tokenizers_own_padding_and_truncation_are_off(encoder: Encoder) -> None:
    long = "Rain falls there most days. " * 10
    (item,) = encoder.encode([example(long, 0)], random.Random(0))
    assert 32 < len(item.ids) <= 128
    assert encoder.pad not in item.ids


def test_a_window_of_a_long_passage_holds_its_gold_sentence(encoder: Encoder) -> None:
    text = "Rain falls there most days. " * 60 + "The bird of Arlo is skua. " + "The ferry runs twice a week. " * 60
    for seed in range(20):
        (item,) = encoder.encode([example(text, 60)], random.Random(seed))
        assert len(item.ids) == 128
        assert 60 in item.sentence


def test_a_window_that_a_long_title_leaves_small_holds_its_gold_sentence_too(encoder: Encoder) -> None:
    text = "Rain falls there most days. " * 60 + "The bird of Arlo is skua. " + "The ferry runs twice a week. " * 60
    title, query = "Rain falls there most days " * 20, "What is the bird of Arlo? " * 20
    for seed in range(20):
        (item,) = encoder.encode([example(text, 60, title, query)], random.Random(seed))
        assert len(item.ids) == 128
        assert 60 in item.sentence


def test_a_bundle_places_every_token_sentence_and_passage(encoder: Encoder) -> None:
    rng = random.Random(0)
    short, long = "The bird of Arlo is skua.", "Rain falls there most days. The bird of Arlo is gannet. Few stay."
    groups = [encoder.encode([example(long, 1), example(short, 0)], rng), encoder.encode([example(short, 0)], rng)]
    bundle = make_bundle(groups, encoder.pad, micro_tokens=40)
    assert (bundle.questions, bundle.pairs, bundle.sentences) == (2, 3, 5)
    assert len(bundle.micros) > 1
    assert sum(int(m.mask.sum()) for m in bundle.micros) == bundle.input_tokens
    assert bundle.passage_question.tolist() == [0, 1, 0]  # shortest first
    assert torch.bincount(bundle.sentence_passage).tolist() == [1, 1, 3]
    assert torch.bincount(bundle.sentence_question).tolist() == [4, 1]
    assert int(bundle.sentence_gold.sum()) == 3
    assert bundle.sentence_target[bundle.sentence_gold].unique().tolist() == pytest.approx([TARGETS[GOLD]])
    ids = torch.cat([m.ids.flatten()[m.tokens] for m in bundle.micros])
    assert len(ids) == len(bundle.token_sentence)
    gannet = encoder.tokenizer.backend_tokenizer.encode("gannet", add_special_tokens=False).ids[0]
    (where,) = torch.nonzero(ids == gannet).flatten().tolist()
    assert bool(bundle.sentence_gold[bundle.token_sentence[where]])
    assert "".join(encoder.tokenizer.convert_ids_to_tokens(ids[bundle.token_answer])).replace("##", "") == (
        "skuaskuagannet"
    )


def test_questions_are_dealt_evenly(encoder: Encoder) -> None:
    rng = random.Random(0)
    groups = [encoder.encode([example("Rain falls there most days. " * n, 0)], rng) for n in (1, 2, 8, 9, 3, 4)]
    left, right = ([sum(len(i.ids) for i in g) for g in part] for part in balance(groups, 2))
    assert sorted(left + right) == sorted(len(g[0].ids) for g in groups)
    assert abs(sum(left) - sum(right)) < max(left + right)
    assert len(balance(groups[:1], 2)) == 1


def test_the_stream_is_seeded_weighted_and_covers_a_source(base: Any) -> None:
    questions = [Question(f"a{i}", "?", "a", "en") for i in range(20)]
    questions += [Question(f"b{i}", "?", "b", "en") for i in range(20)]
    first, second, other = (
        [q.qid for q in itertools.islice(QuestionStream(questions, {"b": 3.0}, seed), 400)] for seed in (1, 1, 2)
    )
    assert first == second != other
    drawn = Counter(qid[0] for qid in first)
    assert 240 < drawn["b"] < 360
    of_b = [qid for qid in first if qid[0] == "b"]
    assert len(set(of_b[:20])) == 20


@pytest.mark.parametrize("name", ["mps", "cuda"])
def test_a_copy_that_may_outlive_its_source_is_waited_for(
    encoder: Encoder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On MPS the source is read later, whether it is still there or not."""
    items = encoder.encode([example("The bird of Arlo is skua.", 0)], random.Random(0))
    bundle = make_bundle([items], encoder.pad, micro_tokens=40)
    seen: set[bool] = set()

    def copy(self: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        seen.add(non_blocking)
        return self

    monkeypatch.setattr(torch.Tensor, "to", copy)
    bundle.to(torch.device(name))
    assert seen == {name == "cuda"}
