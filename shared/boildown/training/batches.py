"""Encodes examples and packs them into bundles of length-sorted micro-batches."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from boildown.errors import ConfigurationError, unknown_name
from boildown.runtime.checkpoint import read_as_text
from boildown.runtime.tokens import without_middle

from .config import TrainConfig
from .data import Question
from .examples import GOLD, OTHER, TARGETS, Example


@dataclass
class Encoded:
    """An example as ids; ``sentence`` maps every token to its sentence, -1 outside the passage.

    ``answer`` says of every token whether it is part of an answer; ``taught`` is what a teacher says of the relevance.
    """

    ids: list[int]
    types: list[int]
    sentence: np.ndarray
    answer: np.ndarray
    labels: np.ndarray
    relevant: bool
    known: bool
    taught: float = math.nan


class Encoder:
    """``[CLS] query [SEP] title. passage [SEP]`` by the base model's own tokenizer."""

    def __init__(self, tokenizer: Any, config: TrainConfig) -> None:
        self.tokenizer, self.config = tokenizer, config
        self.cls = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
        self.sep = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
        self.pad = tokenizer.pad_token_id or 0
        read_as_text(tokenizer.backend_tokenizer)  # as at inference

    def encode(self, examples: Sequence[Example], rng: random.Random) -> list[Encoded]:
        backend = self.tokenizer.backend_tokenizer
        texts = [examples[0].query]
        for example in examples:
            texts += [f"{example.title}. " if example.title else "", example.text]
        found = backend.encode_batch(texts, add_special_tokens=False)
        query = without_middle(np.array(found[0].ids, np.int64), self.config.max_query).tolist()
        encoded = []
        for i, example in enumerate(examples):
            title, passage = found[1 + 2 * i].ids[:64], found[2 + 2 * i]
            room = self.config.max_length - len(query) - len(title) - 3
            starts, ends = np.array(passage.offsets, np.int64).reshape(-1, 2).T
            inside = (starts[:, None] < example.answers[:, 1]) & (ends[:, None] > example.answers[:, 0])
            sentence = np.searchsorted(example.sentences[:, 0], starts, side="right") - 1
            first = self._window(sentence, example.labels, room, rng)
            ids, sentence = passage.ids[first : first + room], sentence[first : first + room]
            answer = inside.any(1)[first : first + room]
            head = [self.cls, *query, self.sep]
            before = len(head) + len(title)
            encoded.append(
                Encoded(
                    ids=[*head, *title, *ids, self.sep],
                    types=[0] * len(head) + [1] * (len(title) + len(ids) + 1),
                    sentence=np.concatenate([np.full(before, -1), sentence, [-1]]).astype(np.int64),
                    answer=np.concatenate([np.zeros(before, bool), answer, [False]]),
                    labels=example.labels,
                    relevant=example.relevant,
                    known=example.known,
                )
            )
        return encoded

    @staticmethod
    def _window(sentence: np.ndarray, labels: np.ndarray, room: int, rng: random.Random) -> int:
        """First token of the window; holds a gold sentence if there is one."""
        surplus = len(sentence) - room
        if surplus <= 0:
            return 0
        gold = np.flatnonzero(labels[sentence] == GOLD)
        if not len(gold):
            return rng.randint(0, surplus)
        at = int(rng.choice(gold.tolist()))
        last = min(max(0, at - 8), surplus)
        # A small window has no room for as much after the token.
        return rng.randint(min(max(0, at - room + 40), last), last)


@dataclass
class Micro:
    """Padded tensors of one forward pass; ``tokens`` are the flat places of passage tokens."""

    ids: torch.Tensor
    mask: torch.Tensor
    types: torch.Tensor
    tokens: torch.Tensor


@dataclass
class Bundle:
    """Some questions with all their passages: the unit over which the loss is taken."""

    micros: list[Micro]
    questions: int
    sentences: int
    pairs: int
    input_tokens: int
    token_sentence: torch.Tensor
    token_answer: torch.Tensor
    sentence_target: torch.Tensor
    sentence_gold: torch.Tensor
    sentence_rest: torch.Tensor
    sentence_known: torch.Tensor
    sentence_passage: torch.Tensor
    sentence_question: torch.Tensor
    passage_question: torch.Tensor
    passage_relevant: torch.Tensor
    passage_taught: torch.Tensor

    def to(self, device: torch.device) -> Bundle:
        owners: list[Bundle | Micro] = [self, *self.micros]
        for owner in owners:
            for item in fields(owner):
                value = getattr(owner, item.name)
                if isinstance(value, torch.Tensor):
                    setattr(owner, item.name, value.to(device, non_blocking=device.type == "cuda"))
        return self


def make_bundle(groups: Sequence[Sequence[Encoded]], pad: int, micro_tokens: int) -> Bundle:
    """Packs the encoded passages of several questions; sorted by length, so little is padding."""
    entries = [(group, item) for group, items in enumerate(groups) for item in items]
    entries.sort(key=lambda e: len(e[1].ids))
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    base = 0
    micros = []
    row = 0
    while row < len(entries):
        stop = row + 1
        while stop < len(entries) and len(entries[stop][1].ids) * (stop - row + 1) <= micro_tokens:
            stop += 1
        width = len(entries[stop - 1][1].ids)
        ids = np.full((stop - row, width), pad, np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        sentence, answer = np.full_like(ids, -1), np.zeros(ids.shape, bool)
        for line, (group, item) in enumerate(entries[row:stop]):
            size = len(item.ids)
            ids[line, :size], mask[line, :size], types[line, :size] = item.ids, 1, item.types
            # Sentences that the window cut off have no token and take no part.
            present, local = np.unique(item.sentence[item.sentence >= 0], return_inverse=True)
            sentence[line, :size][item.sentence >= 0] = base + local
            answer[line, :size] = item.answer
            labels = item.labels[present]
            columns["labels"].append(labels)
            columns["known"].append(np.full(len(labels), item.known))
            columns["passage"].append(np.full(len(labels), row + line))
            columns["question"].append(np.full(len(labels), group))
            base += len(labels)
        tokens = np.flatnonzero(sentence.ravel() >= 0)
        columns["token_sentence"].append(sentence.ravel()[tokens])
        columns["token_answer"].append(answer.ravel()[tokens])
        micros.append(
            Micro(
                ids=torch.from_numpy(ids),
                mask=torch.from_numpy(mask),
                types=torch.from_numpy(types),
                tokens=torch.from_numpy(tokens),
            )
        )
        row = stop
    found = {name: np.concatenate(column) for name, column in columns.items()}
    return Bundle(
        micros=micros,
        questions=len(groups),
        sentences=base,
        pairs=len(entries),
        input_tokens=sum(len(item.ids) for _, item in entries),
        token_sentence=torch.from_numpy(found["token_sentence"]),
        token_answer=torch.from_numpy(found["token_answer"]),
        sentence_target=torch.from_numpy(TARGETS[found["labels"]]),
        sentence_gold=torch.from_numpy(found["labels"] == GOLD),
        sentence_rest=torch.from_numpy(found["labels"] == OTHER),
        sentence_known=torch.from_numpy(found["known"]),
        sentence_passage=torch.from_numpy(found["passage"]),
        sentence_question=torch.from_numpy(found["question"]),
        passage_question=torch.tensor([group for group, _ in entries]),
        passage_relevant=torch.tensor([float(item.relevant) for _, item in entries]),
        passage_taught=torch.tensor([item.taught for _, item in entries]),
    )


def balance(groups: list[list[Encoded]], parts: int) -> list[list[list[Encoded]]]:
    """Deals questions into ``parts`` of about the same number of tokens, largest first."""
    size = [sum(len(item.ids) for item in group) for group in groups]
    bins: list[list[list[Encoded]]] = [[] for _ in range(parts)]
    load = [0] * parts
    for i in sorted(range(len(groups)), key=lambda g: -size[g]):
        lightest = load.index(min(load))
        bins[lightest].append(groups[i])
        load[lightest] += size[i]
    return [b for b in bins if b]


class QuestionStream:
    """An endless, seeded order of questions: sources by weight, each in shuffled rounds.

    The stream depends on the seed alone, so a resumed run skips what was seen and goes on.
    """

    def __init__(self, questions: Iterable[Question], weights: dict[str, float], seed: int) -> None:
        self.by_source: dict[str, list[Question]] = defaultdict(list)
        for question in questions:
            self.by_source[question.source].append(question)
        self.sources = sorted(self.by_source)
        for source in weights:
            if source not in self.by_source:
                raise unknown_name("source with a weight", source, self.sources)
        self.weights = [len(self.by_source[s]) * weights.get(s, 1.0) for s in self.sources]
        if not sum(self.weights):
            raise ConfigurationError(f"The weights of all sources are 0: {', '.join(self.sources)}.")
        self.seed = seed

    def __iter__(self) -> Iterator[Question]:
        rng = random.Random(self.seed)
        rounds = {s: self._rounds(s) for s in self.sources}
        while True:
            yield next(rounds[rng.choices(self.sources, self.weights)[0]])

    def _rounds(self, source: str) -> Iterator[Question]:
        rng = random.Random(f"{self.seed}/{source}")
        while True:
            order = list(self.by_source[source])
            rng.shuffle(order)
            yield from order
