"""How one tool result is shortened."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from boildown.budget import Budget, whole_number
from boildown.counters import CounterSpec, resolve_counter
from boildown.errors import ConfigurationError, RebudgetError
from boildown.result import Compression
from boildown.settings import Engine
from boildown.tools.content import Content
from boildown.tools.gaps import cut_with_gaps
from boildown.tools.large import Part, parts_to_read
from boildown.types import Document

__all__ = ["Memory", "Short", "ToolRule", "question_of", "read_page", "shorten"]

T = TypeVar("T")

_PAGE = 8_000
"""Characters of a full text that the model gets at once."""

_ARGUMENTS = 500
"""Characters of a call's arguments that count as part of the question."""


@dataclass(frozen=True, slots=True)
class ToolRule:
    """How results of one tool are shortened.

    Args:
        tokens: a shortened result has at most so many tokens, the note at its end included; of data, where keys,
            numbers and short values take most of them, so many more that text gets nearly half. An agent's, whose note
            is some 40 tokens, takes at least 50.
        trigger_tokens: a result of no more tokens stays as it is.
    """

    tokens: int = 600
    trigger_tokens: int = 2000

    def __post_init__(self) -> None:
        whole_number("tokens=", self.tokens)
        whole_number("trigger_tokens=", self.trigger_tokens)
        if self.tokens > self.trigger_tokens:
            raise ConfigurationError(
                f"tokens={self.tokens} is more than trigger_tokens={self.trigger_tokens}: a result would be shortened "
                "to more than it has. Raise trigger_tokens= or lower tokens=."
            )


@dataclass(frozen=True, slots=True)
class Short:
    """A shortened result: the texts that replace `Content.texts`, and all its tokens before and after.

    `notes` are what the developer should know, such as why it has more tokens than the rule says.
    """

    texts: tuple[str, ...]
    tokens_in: int
    tokens_out: int
    notes: tuple[str, ...] = ()


def shorten(
    content: Content, query: str, rule: ToolRule, note: str, engine: Engine, counter: CounterSpec
) -> Short | None:
    """Shortens the texts of a result so that all its text, with the note, has at most `rule.tokens` tokens.

    Where what cannot be shortened takes most of these, dropping all text would leave addresses and scores of nothing,
    and still too many tokens: half of what the note leaves is for text in any case.

    Args:
        content: the result.
        query: what it is read for; see `question_of`.
        rule: from how many tokens on, and to how many.
        note: what the shortened result ends in.
        engine: what compresses.
        counter: whose tokens; see `boildown.Budget`.

    Returns:
        None where the result is short enough, or has nothing that may be shortened.
    """
    count = resolve_counter(counter).count
    tokens_in = count(content.text)
    if tokens_in <= rule.trigger_tokens or not content.texts:
        return None
    documents = [Document(text, title=key) for text, key in zip(content.texts, content.keys, strict=True)]
    nothing = ("",) * len(documents)
    fixed = count(content.text_with(nothing, note))
    most = max(rule.tokens, fixed + max(rule.tokens - count(note), 0) // 2)
    limit = most - fixed
    parts, notes = parts_to_read(query, documents, limit)
    reading = [part.document for part in parts]
    result = engine.compress(query, reading, Budget(tokens=limit, counter=counter))
    texts = _texts(result, parts, content.texts)
    # Marks of gaps, what JSON escapes, and what merges where pieces meet, show only in the assembled text.
    while (tokens_out := count(content.text_with(texts, note))) > most and limit > 0:
        limit = min(limit * (most - fixed) // (tokens_out - fixed), limit - max(limit // 20, 1))
        budget = Budget(tokens=limit, counter=counter)
        try:
            result = result.rebudget(budget)
        except RebudgetError:
            result = engine.compress(query, reading, budget)
        texts = _texts(result, parts, content.texts)
    if tokens_out >= tokens_in:
        return None
    if tokens_out > rule.tokens:
        notes += (
            f"The result has {tokens_out:,} tokens, more than tokens={rule.tokens}: what is not shortened of it, such "
            f"as keys, numbers and short values, takes {fixed:,} by itself. Let the tool return fewer rows or fields.",
        )
    return Short(texts, tokens_in, tokens_out, notes + result.notes)


def _texts(result: Compression, parts: Sequence[Part], originals: Sequence[str]) -> tuple[str, ...]:
    texts = [""] * len(originals)
    for document in result.documents:
        part = parts[document.index]
        texts[part.number] = cut_with_gaps(part.places(document.spans), originals[part.number])
    return tuple(texts)


class Memory:
    """The latest results by key, shared between threads; a copy or pickle of it begins empty."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Memory], tuple[int]]:
        return Memory, (self._size,)

    def recall(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`; made now if it is not remembered."""
        try:
            value: T = self._entries[key]
        except KeyError:
            value = make()
            with self._lock:
                self._entries[key] = value
                while len(self._entries) > self._size:
                    self._entries.popitem(last=False)
        return value


def question_of(human: str, arguments: Mapping[str, Any]) -> str:
    """What a tool result is read for: the human's words and the text among the arguments of the call, at any depth."""
    return f"{human}\n{' '.join(_strings(arguments))[:_ARGUMENTS]}".strip()


def _strings(arguments: Mapping[str, Any]) -> Iterator[str]:
    left: list[Any] = [arguments]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, (Mapping, list, tuple)):
            left += reversed([*value.values()] if isinstance(value, Mapping) else value)


def read_page(text: str, start: int) -> str:
    """A page of a full text from the character `start`, with a note on how to read on."""
    start = min(max(start, 0), len(text))
    end = min(start + _PAGE, len(text))
    if start == 0 and end == len(text):
        return text
    more = f" Read on with start={end}." if end < len(text) else ""
    return f"{text[start:end]}\n\n[Characters {start} to {end} of {len(text)}.{more}]"
