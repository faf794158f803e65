"""A causal language model seen as the published implementation sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.runtime.causal import CausalLM

__all__ = ["KeyValues", "ReferenceLM"]

KeyValues = list[tuple[Any, Any]]


class ReferenceLM:
    """NLLs and counts that include the special tokens which the tokenizer puts before a text by itself."""

    def __init__(self, lm: CausalLM) -> None:
        self._lm = lm
        self.tokenizer = lm.tokenizer
        config = lm.model.config
        text_config = config.get_text_config() if hasattr(config, "get_text_config") else config
        self.positions = int(getattr(text_config, "max_position_embeddings", 0) or lm.limit)

    def ids(self, text: str, special: bool = True) -> list[int]:
        """Token ids of a text."""
        found: list[int] = self.tokenizer(text, add_special_tokens=special).input_ids
        return found

    def count(self, text: str, special: bool = True) -> int:
        """Tokens of a text."""
        return len(self.ids(text, special))

    def decode(self, ids: list[int]) -> str:
        """The text of some token ids."""
        text: str = self.tokenizer.decode(ids)
        return text

    def nll(
        self, ids: NDArray[np.int64], cache: KeyValues | None = None, end: int | None = None
    ) -> tuple[NDArray[np.float32], KeyValues | None]:
        """The NLL of the tokens after the first uncached one, up to `end` or as far as the positions reach."""
        known = int(cache[0][0].shape[2]) if cache else 0
        end = min(len(ids) if end is None else end, known + self.positions)
        if end <= known:
            return np.zeros(0, dtype=np.float32), cache
        return self._lm.extend(ids[known:end], cache)

    def mean_nll(self, text: str, question: str, condition: str) -> float:
        """The mean NLL of a text alone ("none"), of it after the question ("before"), or of the question after it.

        NaN where no token is left to take the mean of: too short, or cut off at the end of the positions. Sorting
        by it is as arbitrary there as it is in the published implementation.
        """
        whole, first = text, 0
        if condition == "before":
            whole, first = question + text, self.count(question) - 1
        elif condition == "after":
            whole, first = text + question, self.count(text) - 1
        loss, _ = self.nll(np.array(self.ids(whole), dtype=np.int64))
        # A negative start, which an empty first part gives, counts from the end, as it does there.
        loss = loss[first:]
        return float(loss.mean()) if len(loss) else float("nan")
