"""What a method must beat: two that score without reading, and the llmlingua package itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from threading import Lock
from typing import Any, Protocol

import numpy as np

from boildown.errors import ConfigurationError, MissingExtraError, ModelError
from boildown.evaluation.llmlingua_cache import with_cache_objects
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

__all__ = ["LONGLLMLINGUA", "LLMLinguaPackage", "RandomSentences", "TextBaseline", "Truncate"]

LONGLLMLINGUA: dict[str, Any] = {
    "rank_method": "longllmlingua",
    "condition_in_question": "after_condition",
    "reorder_context": "sort",
    "dynamic_context_compression_ratio": 0.3,
    "condition_compare": True,
}
"""The arguments for LongLLMLingua in the README of the llmlingua package."""
_VARIANTS: dict[str, dict[str, Any]] = {"llmlingua2": {}, "llmlingua": {}, "longllmlingua": LONGLLMLINGUA}


class TextBaseline(Protocol):
    """A compressor of another maker: text in, text out, no spans.

    Attributes:
        name: shown in reports.
    """

    name: str

    def compress(self, query: str, texts: Sequence[str], rate: float) -> str:
        """The compressed texts as one, at about `rate` of the tokens."""
        ...


class Truncate:
    """Keeps the head: every word is worth less than the one before it, across documents in their order.

    The selection fills the last gap of the budget with the next words that fit.
    """

    name = "truncate"
    uses_query = False

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores the words 0, -1, -2, ... and the documents likewise."""
        words = sources.words
        falling = -np.arange(len(words), dtype=np.float64)
        tokens = TokenScores(words.document, words.start, words.end, falling)
        return Scores(relevance=-np.arange(len(sources), dtype=np.float64), tokens=tokens)


class RandomSentences:
    """Scores sentences by chance, the same on every run.

    Args:
        seed: another seed gives another draw.
    """

    name = "random"
    uses_query = False

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def score(self, query: str, sources: Sources) -> Scores:
        """Uniform scores from 0 to 1; a document is as good as its best sentence."""
        digest = hashlib.blake2b(digest_size=8)
        for part in (str(self.seed), query, *sources.texts):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        sentences = sources.sentences
        score = np.random.default_rng(int.from_bytes(digest.digest(), "big")).random(len(sentences))
        relevance = np.zeros(len(sources))
        np.maximum.at(relevance, sentences.document, score)
        return Scores(relevance=relevance, sentences=score)


class LLMLinguaPackage:
    """The llmlingua package by its own interface, for comparison on the same questions.

    Args:
        model: path or hub id: of a token classifier for LLMLingua-2, else of a causal language model.
        variant: "llmlingua2", "llmlingua" or "longllmlingua"; the last with the settings of the package's README.
        device: as `device_map` of the package.

    Raises:
        ConfigurationError: the variant is unknown.
    """

    name = "llmlingua_package"

    def __init__(self, model: str, variant: str = "llmlingua2", device: str = "cpu") -> None:
        if variant not in _VARIANTS:
            raise ConfigurationError(f"variant= must be one of {', '.join(_VARIANTS)}, not {variant!r}.")
        self.model, self.variant, self.device = model, variant, device
        self._compressor: Any = None
        self._lock = Lock()

    def compress(self, query: str, texts: Sequence[str], rate: float) -> str:
        """The package's `compressed_prompt`; the query is an input of all variants but LLMLingua-2.

        Raises:
            MissingExtraError: the package is not installed.
            ModelError: the package cannot load the model, or fails on these texts.
        """
        compressor = self._load()
        call: dict[str, Any] = {"rate": rate, **_VARIANTS[self.variant]}
        if self.variant != "llmlingua2":
            # The package appends the question to its output; it must not count as kept text.
            call.update(question=query, concate_question=False)
        try:
            return str(compressor.compress_prompt(list(texts), **call)["compressed_prompt"])
        except Exception as error:  # nothing of the package's own; it asserts what it expects of a tokenizer
            raise ModelError(
                f"llmlingua failed with {self.model!r} as {self.variant!r}: {type(error).__name__}: {error}"
            ) from error

    def _load(self) -> Any:
        with self._lock:
            if self._compressor is None:
                try:
                    from llmlingua import PromptCompressor
                except ImportError:
                    raise MissingExtraError("llmlingua", "llmlingua", f"The baseline {self.name!r}") from None
                try:
                    self._compressor = PromptCompressor(
                        self.model,
                        device_map=self.device,
                        use_llmlingua2=self.variant == "llmlingua2",
                        model_config={"trust_remote_code": False},  # which is True there by default
                    )
                except Exception as error:  # the package passes on whatever transformers and tiktoken raise
                    raise ModelError(f"llmlingua could not load {self.model!r}: {error}") from error
                if self.variant != "llmlingua2":
                    with_cache_objects(self._compressor)
        return self._compressor
