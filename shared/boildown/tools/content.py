"""A tool result as text that may be shortened, and all the rest, which must stay as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from boildown.tools.slots import slots_of

__all__ = ["Content"]


class Content:
    """The content of a tool message: a string, or a list of content blocks.

    What may be shortened are the texts of its text blocks; of data, such as JSON, only the longer string values, so
    that they stay valid and all keys, numbers and names stay (see `boildown.tools.slots`). Images and other blocks
    stay as they are.

    Attributes:
        text: all its text, that is, without the blocks that are none.
        texts: what may be shortened, piece by piece.
        keys: what data call each of them, "" for prose.
    """

    def __init__(self, content: str | list[Any]) -> None:
        self._content = content
        self._parsed = [None if text is None else _Text(text) for text in map(_text_of, _blocks(content))]
        self.text = "\n\n".join(text.original for text in self._parsed if text)
        slots = [slot for text in self._parsed if text for slot in text.slots]
        self.texts = [slot.text for slot in slots]
        self.keys = [slot.key for slot in slots]

    @cached_property
    def reference(self) -> str:
        """A short name for the text, the same whenever the text is the same."""
        texts = json.dumps([text.original for text in self._parsed if text])
        return hashlib.sha256(texts.encode()).hexdigest()[:12]

    def text_with(self, shorter: Sequence[str], note: str) -> str:
        """All text of the content, with `texts` replaced one by one, and the note."""
        return "\n\n".join([*(text for text in self._rebuilt(shorter) if text is not None), note])

    def replaced(self, shorter: Sequence[str], note: str) -> str | list[Any]:
        """The content with `texts` replaced one by one, and a note at its end."""
        if isinstance(self._content, str):
            return self.text_with(shorter, note)
        pairs = zip(self._content, self._rebuilt(shorter), strict=True)
        return [*(_with_text(block, text) for block, text in pairs), {"type": "text", "text": note}]

    def _rebuilt(self, shorter: Sequence[str]) -> list[str | None]:
        # A text that is left out shows as an ellipsis: some providers refuse empty blocks, and an empty
        # string in JSON would be a statement of its own.
        rest = iter(shorter)
        return [
            None if text is None else text.rebuilt([next(rest) or "…" for _ in text.slots]) for text in self._parsed
        ]


class _Text:
    """One text, and the slots in it that may be shortened."""

    def __init__(self, text: str) -> None:
        self.original = text
        self.slots = slots_of(text)

    def rebuilt(self, shorter: Sequence[str]) -> str:
        parts, place = [], 0
        for slot, text in zip(self.slots, shorter, strict=True):
            parts += [self.original[place : slot.start], slot.write(text)]
            place = slot.end
        return "".join([*parts, self.original[place:]])


def _blocks(content: str | list[Any]) -> list[Any]:
    return [content] if isinstance(content, str) else content


def _text_of(block: Any) -> str | None:
    if isinstance(block, dict):
        block = block.get("text") if block.get("type") == "text" else None
    return block if isinstance(block, str) else None


def _with_text(block: Any, text: str | None) -> Any:
    if text is None:
        return block
    return text if isinstance(block, str) else {**block, "text": text}
