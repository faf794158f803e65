"""A causal language model seen as the published implementation sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boildown.counters import well_formed
from boildown.runtime.causal import CausalLM
from boildown.runtime.causal_text import text_config

if TYPE_CHECKING:
    from boildown.runtime.key_values import KeyValues

__all__ = ["ReferenceLM"]


class ReferenceLM:
    """NLLs and counts that include the special tokens which the tokenizer puts before a text by itself."""

    def __init__(self, lm: CausalLM) -> None:
        self._lm = lm
        self.tokenizer = lm.tokenizer
        self.positions = int(getattr(text_config(lm.model.config), "max_position_embeddings", 0) or lm.limit)

    def ids(self, text: str, special: bool = True) -> list[int]:
        """Token ids of a text."""
        found: list[int] = self.tokenizer(well_formed(text), add_special_tokens=special).input_ids
        return found

    def count(self, text: str, special: bool = True) -> int:
        """Tokens of a text."""
        return len(self.ids(text, special))

    def decode(self, ids: list[int]) -> str:
        """The text of some token ids."""
        text: str = self.tokenizer.decode(ids)
        return text

    def new_cache(self, capacity: int) -> KeyValues:
        """For keys and values of a prompt of about so many tokens."""
        return self._lm.new_cache(capacity)

    def nll(
        self, ids: NDArray[np.int64], cache: KeyValues | None = None, end: int | None = None
    ) -> NDArray[np.float32]:
        """The NLL of the tokens after the first uncached one, up to `end` or as far as the positions reach.

        What is read goes into the cache, if one is given.
        """
        known = 0 if cache is None else cache.length
        end = min(len(ids) if end is None else end, known + self.positions)
        if end <= known:
            return np.zeros(0, dtype=np.float32)
        found = self._lm.sequence_nll([ids[:end]])[0] if cache is None else self._lm.extend(ids[known:end], cache)
        return found.astype(np.float32)

    def mean_nll(self, texts: Sequence[str], question: str, condition: str) -> list[float]:
        """The mean NLL of each text alone ("none"), of it after the question ("before"), or of the question after it.

        NaN where no token is left to take the mean of: too short, or cut off at the end of the positions. Sorting
        by it is as arbitrary there as it is in the published implementation.
        """
        first, wholes = [0] * len(texts), list(texts)
        if condition == "before":
            first, wholes = [self.count(question) - 1] * len(texts), [question + text for text in texts]
        elif condition == "after":
            first, wholes = [self.count(text) - 1 for text in texts], [text + question for text in texts]
        rows = [np.array(self.ids(whole)[: self.positions], dtype=np.int64) for whole in wholes]
        # A negative start, which an empty first part gives, counts from the end, as it does there.
        losses = [loss[begin:] for loss, begin in zip(self._lm.sequence_nll(rows), first, strict=True)]
        return [float(loss.astype(np.float32).mean()) if len(loss) else float("nan") for loss in losses]
