"""The published arguments, by their own names; `examples/migrating_from_llmlingua.md` says what each does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boildown.methods.base import Method

__all__ = ["ExactArguments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactArguments:
    """What the published compression takes. A ranking may be any method of this package too."""

    instruction: str = ""
    question: str = ""
    rate: float = 0.5
    target_token: float = -1
    iterative_size: int = 200
    force_context_ids: Sequence[int] | None = None
    use_sentence_level_filter: bool = False
    use_context_level_filter: bool = True
    use_token_level_filter: bool = True
    keep_split: bool = False
    keep_first_sentence: int = 0
    keep_last_sentence: int = 0
    keep_sentence_number: int = 0
    high_priority_bonus: int = 100
    context_budget: str = "+100"
    token_budget_ratio: float = 1.4
    condition_in_question: str = "none"
    reorder_context: str = "original"
    dynamic_context_compression_ratio: float = 0.0
    condition_compare: bool = False
    add_instruction: bool = False
    rank_method: str | Method = "llmlingua"
    concate_question: bool = True
    strict_preserve_uncompressed: bool = True
    # LLMLingua-2 reads these, and of those above rate, target_token, force_context_ids and the filters.
    target_context: int = -1
    context_level_rate: float = 1.0
    context_level_target_token: float = -1
    token_to_word: str = "mean"
    force_tokens: Sequence[str] = ()
    force_reserve_digit: bool = False
    drop_consecutive: bool = False
    chunk_end_tokens: Sequence[str] = (".", "\n")
