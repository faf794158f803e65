"""Held-out questions, scored in pools of documents as a retriever would give them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .batches import Encoded, Encoder, make_bundle
from .data import Passage, Question, held_out
from .examples import Splitter, read_as
from .model import PruneModel
from .negatives import NegativeMiner


@dataclass
class ScoredDocument:
    """A document of a pool; ``logits`` are NaN for sentences beyond the window."""

    passage: Passage
    relevance: float
    sentences: NDArray[np.int64]
    labels: NDArray[np.int8]
    logits: NDArray[np.float32]


@dataclass
class ScoredPool:
    """A held-out question with the documents that compete for its budget."""

    question: Question
    documents: list[ScoredDocument]


def choose_held_out(questions: Sequence[Question], per_source: int) -> list[Question]:
    """Held-out questions with known spans, at most ``per_source`` of each source."""
    taken: dict[str, int] = defaultdict(int)
    chosen = []
    for question in questions:
        if held_out(question.qid) and question.has_spans and taken[question.source] < per_source:
            taken[question.source] += 1
            chosen.append(question)
    return chosen


def pool_passages(question: Question, miner: NegativeMiner, size: int, seed: int) -> list[Passage]:
    """The question's own passages, filled up with mined hard negatives, in a seeded order."""
    passages = question.positives + question.negatives
    passages = (passages + miner.mine(question))[: max(size, len(question.positives))]
    random.Random(f"{seed}/{question.qid}").shuffle(passages)
    return passages


@torch.no_grad()
def score_pool(
    model: PruneModel, encoder: Encoder, split: Splitter, question: Question, passages: Sequence[Passage]
) -> ScoredPool:
    """Scores the passages for the question; the model decides device and dtype."""
    answers = question.answer_texts()
    device = model.keep_head.weight.device
    examples = [read_as(question.text, p, split(p.text), answers, True) for p in passages]
    encoded: list[Encoded] = encoder.encode(examples, random.Random(0))
    documents: list[ScoredDocument | None] = [None] * len(encoded)
    for place in sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids)):
        bundle = make_bundle([[encoded[place]]], encoder.pad, encoder.config.micro_tokens).to(device)
        micro = bundle.micros[0]
        relevance, keep, _ = model(micro.ids, micro.mask, micro.types)
        sums = torch.zeros(bundle.sentences, device=device)
        sums.index_add_(0, bundle.token_sentence, keep.flatten()[micro.tokens])
        count = torch.bincount(bundle.token_sentence, minlength=bundle.sentences)
        present = np.unique(encoded[place].sentence)
        logits = np.full(len(examples[place].sentences), np.nan, np.float32)
        logits[present[present >= 0]] = (sums / count).cpu().numpy()
        documents[place] = ScoredDocument(
            passages[place], float(relevance[0]), examples[place].sentences, examples[place].labels, logits
        )
    return ScoredPool(question, [d for d in documents if d is not None])


def dump_pools(pools: Iterable[ScoredPool], path: Path) -> None:
    """Writes scored pools as JSONL, for fitting a mix with other scores outside."""
    with path.open("w", encoding="utf-8") as handle:
        for pool in pools:
            documents = [
                {
                    "title": d.passage.title,
                    "text": d.passage.text,
                    "relevant": d.passage.relevant,
                    "relevance": round(d.relevance, 4),
                    "sentences": d.sentences.tolist(),
                    "labels": d.labels.tolist(),
                    "logits": [round(float(x), 4) if np.isfinite(x) else None for x in d.logits],
                }
                for d in pool.documents
            ]
            question = pool.question
            record = {
                "qid": question.qid,
                "source": question.source,
                "lang": question.lang,
                "question": question.text,
                "documents": documents,
            }
            handle.write(json.dumps(record, ensure_ascii=False) + "\n")
