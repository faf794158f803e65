"""The published arguments of the `compress` methods, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from boildown.errors import ConfigurationError, unknown_name
from boildown.methods.base import Method

__all__ = ["Arguments", "as_contexts", "read_arguments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """`examples/migrating_from_llmlingua.md` says what each does, in the corrected and in the exact mode."""

    instruction: str = ""
    question: str = ""
    rate: float = 0.5
    target_token: float = -1
    iterative_size: int = 200
    force_context_ids: Sequence[int] | None = None
    force_context_number: int | None = None
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
    context_segs: Sequence[Sequence[str]] | None = None
    context_segs_rate: Sequence[Sequence[float]] | None = None
    context_segs_compress: Sequence[Sequence[bool]] | None = None
    target_context: int = -1
    context_level_rate: float = 1.0
    context_level_target_token: float = -1
    return_word_label: bool = False
    word_sep: str = "\t\t|\t\t"
    label_sep: str = " "
    token_to_word: str = "mean"
    force_tokens: Sequence[str] = ()
    force_reserve_digit: bool = False
    drop_consecutive: bool = False
    chunk_end_tokens: Sequence[str] = (".", "\n")
    strict_preserve_uncompressed: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ConfigurationError(
                f"rate is the share to keep, from 0 to 1; got {self.rate}. For a number of tokens, use target_token=."
            )
        if self.condition_in_question.replace("_condition", "") not in ("none", "before", "after"):
            raise unknown_name("condition_in_question", self.condition_in_question, ("none", "before", "after"))
        if self.rank_method == "longllmlingua" and not self.question:
            raise ConfigurationError("rank_method='longllmlingua' ranks by the question; pass question=.")

    @property
    def conditioned(self) -> bool:
        """Whether tokens are scored with the question before them."""
        return self.condition_compare or "_condition" in self.condition_in_question


def read_arguments(given: Mapping[str, Any]) -> Arguments:
    """The arguments by name.

    Raises:
        ConfigurationError: one is unknown, or out of range.
    """
    known = {f.name for f in fields(Arguments)}
    for name in given:
        if name not in known:
            raise unknown_name("argument", name, known)
    return Arguments(**given)


def as_contexts(context: str | Sequence[str]) -> list[str]:
    """The contexts as a list; none at all is one blank context, as published."""
    if isinstance(context, str):
        return [context]
    contexts = list(context) or [" "]
    for i, text in enumerate(contexts):
        if not isinstance(text, str):
            raise ConfigurationError(f"context[{i}] must be text, not {type(text).__name__}.")
    return contexts
