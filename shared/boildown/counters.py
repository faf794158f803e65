"""Token counters: who decides how long a text is.

A budget is kept in the tokens of the LLM that will read the text, so the user names that LLM's tokenizer. Without one
the built-in estimate counts, which needs no download and leans to the high side of GPT-4's count on prose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from boildown.errors import ConfigurationError, MissingExtraError, ModelError
from boildown.estimate import Estimate

__all__ = ["Counter", "CounterSpec", "resolve_counter", "well_formed"]

CounterSpec = Any
"""None, a name, a callable, or a tokenizer object; see `resolve_counter`."""

_SURROGATE = re.compile("[\\ud800-\\udfff]")


class Counter(Protocol):
    """Counts tokens."""

    name: str

    def count(self, text: str) -> int:
        """Tokens of one text."""
        ...

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        ...


def well_formed(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD, one for one, so that offsets stay and tokenizers accept it."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def resolve_counter(spec: CounterSpec) -> Counter:
    """Finds the counter that `spec` names.

    Args:
        spec: None (the built-in estimate), a tiktoken encoding name, an LLM's name, a path or hub id of a Hugging Face
            tokenizer, a `tokenizers.Tokenizer`, a transformers tokenizer, a tiktoken `Encoding`, a `Counter`, or a
            callable from a string to a number of tokens.

    Raises:
        ConfigurationError: nothing above fits.
        MissingExtraError: the name needs tiktoken, which is not installed.
        ModelError: the tokenizer cannot be loaded.
    """
    if spec is None:
        return _ESTIMATE
    if isinstance(spec, (str, Path)):
        return _named(str(spec))
    if hasattr(spec, "count_many"):
        return spec  # type: ignore[no-any-return]
    if hasattr(spec, "encode_ordinary"):
        return _Tiktoken(spec)
    if hasattr(spec, "backend_tokenizer"):
        return _HuggingFace(spec.backend_tokenizer, str(getattr(spec, "name_or_path", "") or "tokenizer"))
    if hasattr(spec, "encode_batch_fast") or hasattr(spec, "encode_batch"):
        return _HuggingFace(spec, "tokenizer")
    if hasattr(spec, "get_vocab") and hasattr(spec, "encode"):  # a transformers tokenizer without a fast backend
        return _Callable(lambda text: len(spec.encode(text, add_special_tokens=False)), type(spec).__name__)
    if callable(spec):
        return _Callable(spec, getattr(spec, "__name__", type(spec).__name__))
    raise ConfigurationError(
        f"counter= cannot be a {type(spec).__name__}. Give the name of a tiktoken encoding or an LLM, a Hugging Face "
        "tokenizer, or a function from a string to a number of tokens."
    )


class _Tiktoken:
    def __init__(self, encoding: Any) -> None:
        self._encode = encoding.encode_ordinary
        self.name: str = encoding.name

    def count(self, text: str) -> int:
        return len(self._encode(text))

    def count_many(self, texts: Sequence[str]) -> list[int]:
        return [len(self._encode(text)) for text in texts]


class _HuggingFace:
    """Counts all of a text, however its owner lets the tokenizer pad and truncate; that may change between calls."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        self._tokenizer = tokenizer
        self._encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
        self.name = name

    def count(self, text: str) -> int:
        return self.count_many([text])[0]

    def count_many(self, texts: Sequence[str]) -> list[int]:
        clean = [well_formed(text) for text in texts]
        # What truncation takes off follows in pieces, each of which begins with the last tokens of the one before.
        repeated = (self._tokenizer.truncation or {}).get("stride", 0)
        counts = []
        for encoding in self._encode(clean, add_special_tokens=False):
            beyond = encoding.overflowing
            # Attention masks tell padding apart.
            tokens = sum(map(sum, [encoding.attention_mask, *(piece.attention_mask for piece in beyond)]))
            counts.append(tokens - repeated * len(beyond))
        return counts


class _Callable:
    def __init__(self, function: Callable[[str], Any], name: str) -> None:
        self._function = function
        self.name = name

    def count(self, text: str) -> int:
        value = self._function(text)
        try:
            tokens: int = math.ceil(value)  # what stands in a part of a token still has to fit
        except (TypeError, ValueError, OverflowError):
            tokens = -1
        if tokens < 0:
            raise ConfigurationError(
                f"The counter {self.name!r} returned {value!r} ({type(value).__name__}); it must return the number of "
                "tokens. For a function that returns a list of tokens, give: lambda text: len(function(text))."
            )
        return tokens

    def count_many(self, texts: Sequence[str]) -> list[int]:
        return [self.count(text) for text in texts]


_ESTIMATE = Estimate()


@lru_cache(maxsize=32)
def _named(name: str) -> Counter:
    if name == _ESTIMATE.name:
        return _ESTIMATE
    if "/" in name or (name and Path(name).exists()):  # an empty name would be the working directory
        return _HuggingFace(_load_tokenizer(name), name)
    try:
        import tiktoken
    except ImportError:
        raise MissingExtraError("tiktoken", "tiktoken", f"The token counter {name!r}") from None
    try:
        encoding = (
            tiktoken.get_encoding(name) if name in tiktoken.list_encoding_names() else tiktoken.encoding_for_model(name)
        )
    except KeyError:
        raise ConfigurationError(
            f"Unknown token counter {name!r}. tiktoken's encodings are {', '.join(tiktoken.list_encoding_names())}; "
            "an LLM of another maker is named by its Hugging Face id or path, or give a callable."
        ) from None
    except Exception as error:
        raise ModelError(
            f"tiktoken could not load the table for {name!r} ({error}). It downloads tables on first use: connect "
            "once, or set TIKTOKEN_CACHE_DIR to a folder that has them."
        ) from error
    return resolve_counter(encoding)


def _load_tokenizer(name: str) -> Any:
    from tokenizers import Tokenizer

    from boildown.runtime.checkpoint import find_folder

    path = Path(name).expanduser()
    try:
        file = path if path.is_file() else find_folder(name, ("tokenizer.json",)) / "tokenizer.json"
        return Tokenizer.from_file(str(file))
    except Exception as error:
        looked = path / "tokenizer.json" if path.is_dir() else path if path.exists() else repr(name)
        raise ModelError(
            f"No tokenizer could be loaded from {looked}: {str(error).rstrip('. ')}. Give a folder with a "
            "tokenizer.json, a hub id, or a tokenizer object."
        ) from error
