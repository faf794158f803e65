"""Tokenizers learned from a few texts, the same ones each time: the trainers of tokenizers break ties at random."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

_LONGEST = 8


def wordpiece(texts: Iterable[str], size: int, special: Sequence[str], lowercase: bool = False) -> Any:
    """A WordPiece tokenizer as BERT's, without a post-processor; [UNK] must be special."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=None if lowercase else False)
    split = pre_tokenizers.BertPreTokenizer()
    counts = Counter("##" * (start > 0) + word[start:end] for word, start, end in _parts(texts, normalizer, split))
    pieces = _best(counts, lambda piece: len(piece.removeprefix("##")), size)
    vocabulary = {token: i for i, token in enumerate([*special, *pieces])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, split, decoders.WordPiece()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def unigram(texts: Iterable[str], size: int, special: Sequence[str], normalizer: Any, split: Any) -> Any:
    """A Unigram tokenizer as XLM-R's, without a post-processor; <unk> must be special."""
    from tokenizers import Tokenizer, models

    counts = Counter(word[start:end] for word, start, end in _parts(texts, normalizer, split))
    pieces = [(piece, round(math.log(counts[piece] / counts.total()), 6)) for piece in _best(counts, len, size)]
    vocabulary = [*((token, 0.0) for token in special), *pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=list(special).index("<unk>")))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, split
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def _parts(texts: Iterable[str], normalizer: Any, split: Any) -> Iterator[tuple[str, int, int]]:
    """Every word, and the start and end of every part of it."""
    for text in texts:
        for word, _ in split.pre_tokenize_str(normalizer.normalize_str(text)):
            for start, end in combinations(range(len(word) + 1), 2):
                if end - start <= _LONGEST:
                    yield word, start, end


def _best(counts: Counter[str], length: Callable[[str], int], size: int) -> list[str]:
    """All characters, and the most frequent long pieces up to `size` in all."""
    return sorted(counts, key=lambda piece: (length(piece) > 1, -counts[piece] * (length(piece) - 1), piece))[:size]
