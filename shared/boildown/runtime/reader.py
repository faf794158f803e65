"""The cross-encoder behind `prune`: reads a query together with each document.

One input is `[CLS] query [SEP] title. passage [SEP]`; a document longer than the model's window is read in overlapping
windows. All windows of all documents go through one packed forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.errors import ModelError
from boildown.runtime.checkpoint import check_vocabulary, find_folder, read_tokenizer
from boildown.runtime.devices import pick_device, pick_dtype
from boildown.runtime.identity import check_identity
from boildown.runtime.load import TextEncoder, load_encoder
from boildown.runtime.models import shared_model
from boildown.runtime.reader_settings import read_settings
from boildown.runtime.tokens import special_tokens, tokenize, without_middle

__all__ = ["CrossReader", "Reading", "load_reader"]

_MAX_QUERY = 128
"""Tokens of the query that are read, where the checkpoint does not say how many it was trained with."""
_MAX_TITLE = 64
_HEADS = ("keep_head", "relevance_head", "answer_head")
"""In the order of their logits; checkpoints of before there was an answer head lack the last."""
_PARTS = ("weight", "bias")
_OVERLAP = 64
"""Tokens that two neighbouring windows share; each reads half of them with enough context."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the model says, as logits.

    Attributes:
        relevance: shape (documents,), the best window's; `-inf` where a document has no tokens.
        document, start, end: shape (tokens,), where each token of the documents stands, in characters.
        keep: shape (tokens,).
        window: shape (tokens,), the relevance of the window in which the token was read.
        answer: shape (tokens,), whether the token answers; zeros from a model without an answer head.
        query_cut: a query was longer than the model reads.
        seconds: time inside the forward.
        cached: those of the documents that the model had read before, so that it did not read them now.
    """

    relevance: NDArray[np.float64]
    document: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    keep: NDArray[np.float64]
    window: NDArray[np.float64]
    answer: NDArray[np.float64]
    query_cut: bool
    seconds: float
    cached: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Window:
    document: int
    heading: int  # tokens before the document's own: the query, the title and the special tokens
    first: int  # token of the document the window begins at
    last: int
    own_first: int  # tokens whose scores are taken from this window and not from a neighbour
    own_last: int


class CrossReader:
    """An encoder with a relevance head, a keep head and mostly an answer head; immutable, for any number of threads.

    Attributes:
        settings: the checkpoint's boildown.json.
    """

    def __init__(
        self, encoder: TextEncoder, tokenizer: Any, special: tuple[list[int], list[int]], settings: dict[str, Any]
    ) -> None:
        import torch

        names = [h for h in _HEADS if h != "answer_head" or "answer_head.weight" in encoder.heads]
        missing = [f"{h}.{part}" for h in names for part in _PARTS if f"{h}.{part}" not in encoder.heads]
        if missing:
            raise ModelError(
                f"The checkpoint has no {', '.join(missing)}: it is no prune model. `boildown train` makes one from it."
            )
        for head in names:
            for part, wanted in zip(_PARTS, ((1, encoder.hidden_size), (1,)), strict=True):
                shape = tuple(encoder.heads[f"{head}.{part}"].shape)
                if shape != wanted:
                    raise ModelError(f"{head}.{part} has shape {shape}; the encoder needs {wanted}.")
        self.encoder, self.tokenizer, self.settings = encoder, tokenizer, settings
        heads = (torch.cat([encoder.heads[f"{head}.{part}"] for head in names]) for part in _PARTS)
        self._weight, self._bias = (head.to(encoder.device, torch.float32) for head in heads)
        self._before, self._after = (np.array(ids, dtype=np.int64) for ids in special)

    @classmethod
    def load(cls, name: str | Path, device: str = "auto", dtype: str = "auto") -> CrossReader:
        """Loads a checkpoint that `boildown train` has written.

        Raises:
            ModelError: something is missing or does not fit.
        """
        folder = find_folder(name)
        settings = read_settings(folder)
        where = pick_device(device)
        tokenizer = read_tokenizer(folder)
        encoder = load_encoder(folder, where, pick_dtype(dtype, where))
        check_vocabulary(tokenizer, encoder.vocabulary, folder)
        return cls(encoder, tokenizer, special_tokens(tokenizer, folder), settings)

    def is_word(self, word: str) -> bool:
        """Whether the vocabulary has the word in one piece: rare words and misspelled ones come in several."""
        # Byte-level vocabularies have most words only with the space before them.
        forms = (word, f" {word}")
        return any(len(self.tokenizer.encode(form, add_special_tokens=False).ids) == 1 for form in forms)

    def read(self, queries: Sequence[str], texts: Sequence[str], titles: Sequence[str]) -> Reading:
        """Reads each text, under its title, for its query.

        Args:
            queries: what is asked of each text; as many tokens as in training are read, from its beginning and its end.
            texts: the documents' texts.
            titles: one for each text, empty for none.
        """
        headings = [f"{title}. " if title else "" for title in titles]
        asked = list(dict.fromkeys(queries))
        found = tokenize(self.tokenizer, [*asked, *headings, *texts])
        before = len(asked) + len(texts)
        edges = np.searchsorted(found.text, np.arange(before + len(texts) + 1))
        parts = [found.ids[i:j] for i, j in pairwise(edges.tolist())]
        questions, heads, bodies = parts[: len(asked)], parts[len(asked) : before], parts[before:]
        limit = min(self.encoder.max_length, int(self.settings.get("max_length", self.encoder.max_length)))

        ids, types, windows = [], [], []
        # However small the window, half of it is left for the document.
        most = min(int(self.settings.get("max_query", _MAX_QUERY)), limit // 4)
        fronts = {
            query: np.concatenate([self._before, without_middle(question, most), self._after])
            for query, question in zip(asked, questions, strict=True)
        }
        for document, (query, head, body) in enumerate(zip(queries, heads, bodies, strict=True)):
            front = fronts[query]
            heading = np.concatenate([front, head[: min(_MAX_TITLE, limit // 8)]])
            room = limit - len(heading) - len(self._after)
            for window in _windows(document, len(body), len(heading), room):
                ids.append(np.concatenate([heading, body[window.first : window.last], self._after]))
                types.append((np.arange(len(ids[-1])) >= len(front)).astype(np.int64))
                windows.append(window)
        lengths = np.array([len(body) for body in bodies], dtype=np.int64)
        begin = perf_counter()
        logits, offsets = self._logits(ids, types)
        seconds = perf_counter() - begin

        relevance = np.full(len(texts), -np.inf)
        keep, near, answer = (np.zeros(int(lengths.sum())) for _ in range(3))
        base = np.cumsum(lengths) - lengths
        for window, row in zip(windows, offsets[:-1].tolist(), strict=True):
            d = window.document
            relevance[d] = max(relevance[d], logits[row, 1])
            passage = row + window.heading - window.first
            target = slice(base[d] + window.own_first, base[d] + window.own_last)
            near[target] = logits[row, 1]
            own = logits[passage + window.own_first : passage + window.own_last]
            keep[target] = own[:, 0]
            if own.shape[1] > 2:
                answer[target] = own[:, 2]
        body_tokens = slice(int(edges[before]), None)
        return Reading(
            relevance=relevance,
            document=found.text[body_tokens] - before,
            start=found.start[body_tokens],
            end=found.end[body_tokens],
            keep=keep,
            window=near,
            answer=answer,
            query_cut=any(len(question) > most for question in questions),
            seconds=seconds,
        )

    def _logits(
        self, ids: list[NDArray[np.int64]], types: list[NDArray[np.int64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The heads' logits of every token, shape (tokens, heads), and where each window begins."""
        import torch

        if not ids:
            return np.zeros((0, len(self._bias))), np.zeros(1, dtype=np.int64)

        def head(states: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.linear(states.float(), self._weight, self._bias)

        logits, offsets = self.encoder.hidden(ids, types, head)
        return logits.cpu().numpy().astype(np.float64), offsets


def load_reader(name: str | Path, device: str, dtype: str) -> CrossReader:
    """The process's reader for this checkpoint, device and precision."""
    place = pick_device(device)
    where = str(place), str(pick_dtype(dtype, place))  # resolved, so that "auto" shares the model it stands for

    def load() -> CrossReader:
        check_identity(name)
        return CrossReader.load(name, *where)

    return shared_model(("prune", str(name), *where), load)


def _windows(document: int, length: int, heading: int, room: int) -> list[_Window]:
    """Windows of at most `room` tokens that overlap; each token belongs to the one where it has more context."""
    if length == 0:
        return []
    if length <= room:
        return [_Window(document, heading, 0, length, 0, length)]
    overlap = min(_OVERLAP, room // 2)
    # Spread evenly, so that the last window is not a short rest without context.
    count = -(-(length - overlap) // (room - overlap))
    firsts = [round(i * (length - room) / (count - 1)) for i in range(count)]
    windows = []
    for i, first in enumerate(firsts):
        last = first + room
        own_first = 0 if i == 0 else (first + firsts[i - 1] + room) // 2
        own_last = length if i == count - 1 else (firsts[i + 1] + last) // 2
        windows.append(_Window(document, heading, first, last, own_first, own_last))
    return windows
