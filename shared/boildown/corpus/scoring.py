"""One block: read, scored and written. What a worker does, whether it is this process or one of many."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Any

from boildown.corpus.blocks import Block
from boildown.corpus.output import Failure, Output, Receipt
from boildown.corpus.rows import read_rows
from boildown.errors import MissingExtraError, ModelError
from boildown.json_lines import UNREADABLE
from boildown.methods.stored import Stored, storing_method
from boildown.sources import Sources
from boildown.types import Document

__all__ = ["BlockScorer", "Scoring"]

_BATCH = 512
"""Documents handed to the method at once; it makes its own batches of tokens from them."""
_ATTEMPTS = 3


@dataclass(frozen=True)
class Scoring:
    """How documents are scored. Arguments are those of the `Compressor` that will read the scores."""

    method: str = "llmlingua2"
    model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)
    min_sentence: int = 3

    def build(self) -> Stored:
        """The method. Nothing is loaded.

        Raises:
            ConfigurationError: there is no such method, an argument does not fit it, or its scores cannot be stored.
        """
        return storing_method(
            self.method, model=self.model, device=self.device, dtype=self.dtype, options=dict(self.options)
        )

    @cached_property
    def key(self) -> str:
        """What the scores depend on besides the text; of the model's files some are read.

        Raises:
            ModelError: the model's files cannot be found.
        """
        known = [self.build().fingerprint(), self.dtype, self.min_sentence]
        return hashlib.blake2b(json.dumps(known).encode(), digest_size=12).hexdigest()


class BlockScorer:
    """Scores blocks, one after the other, with one model.

    Args:
        scoring: how.
        output: where the parts go.
        step: is told how many documents were read, each time some were.

    Raises:
        BoildownError: the method cannot be built, or its model cannot be loaded.
    """

    def __init__(self, scoring: Scoring, output: Output, step: Callable[[int], None] | None = None) -> None:
        self.scoring, self.output, self.step = scoring, output, step
        self.method = scoring.build()
        # What keeps the model from running at all must show now, and not as a failure of every document.
        self.method.values(Sources(["The first document."]))

    def __call__(self, block: Block) -> Receipt:
        """Scores a block and publishes its part; what goes wrong is in the receipt.

        Raises:
            ModelError, MissingExtraError: the model cannot be used any more.
        """
        begin = perf_counter()
        try:
            made = self.output.receipt(block.part)
            if made is not None and made.block == block and made.key == self.scoring.key:
                return made  # by a worker that was lost before it could tell
            if self.output.attempt(block.part) > _ATTEMPTS:
                return self._lost(block, f"the worker died {_ATTEMPTS} times while it scored these documents")
            return self._score(block, begin)
        except (ModelError, MissingExtraError):
            raise
        except UNREADABLE as error:
            return self._lost(block, str(error))
        except Exception as error:  # a block that nothing here has thought of must not end the whole job
            return self._lost(block, f"{type(error).__name__}: {error}")

    def _score(self, block: Block, begin: float) -> Receipt:
        rows = read_rows(block)
        if len(rows.documents) != block.documents:
            return self._lost(block, "the file has changed since the job began")
        values: list[str | None] = [None] * len(rows.documents)
        failures = []
        for place in range(0, len(values), _BATCH):
            found = {
                i: document
                for i, document in enumerate(rows.documents[place : place + _BATCH], place)
                if isinstance(document, Document)
            }
            for i, value in zip(found, self._values(list(found.values())), strict=True):
                if isinstance(value, str):
                    values[i] = value
                else:
                    error = f"{type(value).__name__}: {value}"
                    failures.append(Failure(block.file, rows.numbers[i], 1, error, found[i].id, again=True))
            if self.step is not None:
                self.step(len(rows.documents[place : place + _BATCH]))
        for number, document in zip(rows.numbers, rows.documents, strict=True):
            if not isinstance(document, Document):
                failures.append(Failure(block.file, number, 1, str(document)))
        failures.sort(key=lambda failure: failure.line or 0)
        self.output.publish(block.part, lambda path: rows.write(path, values))
        written = [value for value in values if value is not None]
        receipt = Receipt(
            block=block,
            key=self.scoring.key,
            written=len(written),
            failures=tuple(failures),
            score_bytes=sum(map(len, written)),
            seconds=round(perf_counter() - begin, 3),
        )
        self.output.sign(receipt)
        return receipt

    def _values(self, documents: Sequence[Document]) -> list[str | Exception]:
        """What to store for each document, or why there is nothing: one that cannot be scored spoils no other."""
        if not documents:
            return []
        try:
            return list(self.method.values(Sources(documents, self.scoring.min_sentence)))
        except (ModelError, MissingExtraError):
            raise
        except Exception as error:
            if len(documents) == 1:
                return [error]
            middle = len(documents) // 2
            return [*self._values(documents[:middle]), *self._values(documents[middle:])]

    def _lost(self, block: Block, error: str) -> Receipt:
        """For a block that gave no part; nothing is signed, so the next run takes it up."""
        failure = Failure(block.file, block.first, block.documents, error, again=True)
        return Receipt(block=block, key=self.scoring.key, written=0, failures=(failure,))
