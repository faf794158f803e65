"""Shared fixtures: counters that need no download."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest
from hypothesis import settings

from boildown.cache import resolve_cache

# How long an example takes says nothing on a busy machine. A change is judged by the same examples every time; new ones
# are looked for where a person is at hand to see what they find.
settings.register_profile("boildown", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("boildown")


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """No test sees what another one left in the process's cache."""
    cache = resolve_cache(True)
    assert cache is not None
    cache.clear()


@pytest.fixture(scope="session")
def cl100k() -> object:
    """A real tiktoken encoding with a byte-pair table learned here, so that no table is downloaded."""
    import tiktoken

    ranks = {bytes([i]): i for i in range(256)}
    for text in ("th", "the", " t", " the", "in", "ing", "er", "an", "and", " a", " and", " s", "at", "ki", "kil"):
        ranks.setdefault(text.encode(), len(ranks))
    name = "test-" + base64.b16encode(hashlib.sha1(repr(ranks).encode()).digest()[:4]).decode()
    pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return tiktoken.Encoding(name=name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
