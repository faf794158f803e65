"""Texts to measure speed on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

__all__ = ["QUESTION", "TOKENS_EACH", "cut_documents", "handbook", "made_of_words"]

QUESTION = "How many days of notice does a member have to give?"
TOKENS_EACH = 150
"""Of a document of `made_of_words`."""


def handbook() -> list[str]:
    """A company's handbook, about 6,000 tokens: its pages, each on one line."""
    return Path(__file__).with_name("handbook.txt").read_text(encoding="utf-8").splitlines()


def cut_documents(folder: Path, lengths: Sequence[int], begin: int = 0) -> list[str]:
    """Documents cut from the handbook, over and over.

    Args:
        folder: of the model whose tokenizer counts.
        lengths: tokens of each document.
        begin: tokens to leave out in front, so that other documents come.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    text = " ".join(handbook())
    found = tokenizer.encode(text, add_special_tokens=False).offsets
    documents = []
    for tokens in lengths:
        spans = [found[k % len(found)] for k in range(begin, begin + tokens)]
        begin += tokens
        # Where the handbook ends inside a document, it goes on from the front.
        turn = next((k for k in range(1, tokens) if spans[k][0] < spans[k - 1][0]), tokens)
        pieces = [spans[:turn], spans[turn:]] if turn < tokens else [spans]
        documents.append(" ".join(text[piece[0][0] : piece[-1][1]] for piece in pieces).strip())
    return documents


def made_of_words(count: int, seed: int = 0) -> list[str]:
    """Texts of about `TOKENS_EACH` tokens, in sentences of 8 to 24 words, with the lengths of English words."""
    from boildown.counters import resolve_counter

    source = random.Random(seed)
    letters = "etaoinshrdlcumwfgypbvk"
    vocabulary = ["".join(source.choices(letters, k=source.choice((2, 3, 4, 5, 6, 7, 9)))) for _ in range(4000)]
    count_tokens = resolve_counter(None).count
    documents = []
    for _ in range(count):
        text = ""
        while (missing := TOKENS_EACH - count_tokens(text)) > 4:
            words = source.choices(vocabulary, k=min(source.randint(8, 24), missing))
            text += " ".join(words).capitalize() + ". "
        documents.append(text.strip())
    return documents
