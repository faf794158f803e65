"""The published arguments of the `compress` methods, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from boildown.errors import ConfigurationError, unknown_name
from boildown.methods.base import Method
from boildown.methods.exact.arguments import ExactArguments
from boildown.text.structured import Section

__all__ = ["Arguments", "as_contexts", "given_sections", "is_share", "read_arguments"]

_TEXTS = ("instruction", "question", "condition_in_question", "word_sep", "label_sep")
_WHOLE_NUMBERS = (
    "force_context_number",
    "keep_first_sentence",
    "keep_last_sentence",
    "keep_sentence_number",
    "target_context",
)
_NUMBERS = (
    "token_budget_ratio",
    "dynamic_context_compression_ratio",
    "context_level_rate",
    "context_level_target_token",
)
_TABLES = ("context_segs", "context_segs_rate", "context_segs_compress")
_OPTIONAL = ("force_context_number", "force_context_ids", *_TABLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments(ExactArguments):
    """All of them: those of the compression itself, those of structured prompts, and those of reports."""

    force_context_number: int | None = None
    context_segs: Sequence[Sequence[str]] | None = None
    context_segs_rate: Sequence[Sequence[float]] | None = None
    context_segs_compress: Sequence[Sequence[bool]] | None = None
    return_word_label: bool = False
    word_sep: str = "\t\t|\t\t"
    label_sep: str = " "

    def __post_init__(self) -> None:
        self._check(_TEXTS, "text", lambda value: isinstance(value, str))
        self._check(_WHOLE_NUMBERS, "a whole number", lambda value: isinstance(value, Integral))
        self._check(_NUMBERS, "a number", _is_number)
        self._check(("force_context_ids",), "a list of whole numbers", lambda value: isinstance(value, Collection))
        self._check(("force_tokens",), "a list of texts", _are_texts)
        self._check(_TABLES, "a list with a list for each context", _is_table)
        self._check(("rank_method",), "a name or a Method", lambda value: isinstance(value, (str, Method)))
        if not is_share(self.rate):
            raise ConfigurationError(
                f"rate is the share to keep, from 0 to 1; got {self.rate!r}. For a number of tokens, use target_token=."
            )
        if not _is_number(self.target_token):
            raise ConfigurationError(f"target_token= must be a number of tokens, not {self.target_token!r}.")
        if self.condition_in_question.replace("_condition", "") not in ("none", "before", "after"):
            raise unknown_name("condition_in_question", self.condition_in_question, ("none", "before", "after"))
        if self.rank_method == "longllmlingua" and not self.question:
            raise ConfigurationError("rank_method='longllmlingua' ranks by the question; pass question=.")

    def _check(self, names: Iterable[str], kind: str, fits: Callable[[Any], bool]) -> None:
        for name in names:
            value = getattr(self, name)
            if not fits(value) and not (value is None and name in _OPTIONAL):
                raise ConfigurationError(f"{name}= must be {kind}, not {value!r:.80}.")

    @property
    def conditioned(self) -> bool:
        """Whether tokens are scored with the question before them."""
        return self.condition_compare or "_condition" in self.condition_in_question

    def original(self, contexts: Sequence[str]) -> str:
        """The whole prompt as it came."""
        return "\n\n".join([self.instruction, *contexts, self.question]).strip()

    def prompt(self, compressed: str) -> str:
        """The whole prompt with the contexts compressed."""
        question = self.question if self.concate_question else ""
        parts = (self.instruction, compressed if compressed.strip() else "", question)
        return "\n\n".join([part for part in parts if part])


def is_share(value: Any) -> bool:
    """Whether it is a number from 0 to 1, be it numpy's."""
    return _is_number(value) and 0 <= value <= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, Collection) and all(isinstance(item, str) for item in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, Collection) and all(
        isinstance(row, Collection) and not isinstance(row, str) for row in value
    )


def read_arguments(**given: Any) -> Arguments:
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
    if not isinstance(context, Iterable):
        raise ConfigurationError(f"context must be a text or a list of texts, not {type(context).__name__}.")
    contexts = list(context) or [" "]
    for i, text in enumerate(contexts):
        if not isinstance(text, str):
            raise ConfigurationError(f"context[{i}] must be text, not {type(text).__name__}.")
    return contexts


def given_sections(a: Arguments, contexts: Sequence[str]) -> list[list[Section]] | None:
    """Sections from `context_segs`, `context_segs_rate` and `context_segs_compress`.

    Raises:
        ConfigurationError: they are not the contexts' own text, or there is not one rate and flag for each.
    """
    if a.context_segs is None:
        return None
    if not all(map(_are_texts, a.context_segs)) or ["".join(texts) for texts in a.context_segs] != list(contexts):
        raise ConfigurationError("context_segs must be the texts of `context`, each cut into a list of segments.")
    for name in ("context_segs_rate", "context_segs_compress"):
        rows_given = getattr(a, name)
        if rows_given is not None and [len(row) for row in rows_given] != [len(row) for row in a.context_segs]:
            raise ConfigurationError(f"{name} must have one value for each segment of context_segs.")
    rows = []
    for i, texts in enumerate(a.context_segs):
        row, seen = [], 0
        for j, text in enumerate(texts):
            rate = a.context_segs_rate[i][j] if a.context_segs_rate is not None else None
            compress = a.context_segs_compress[i][j] if a.context_segs_compress is not None else True
            row.append(Section(seen, seen + len(text), rate, compress))
            seen += len(text)
        rows.append(row)
    return rows
