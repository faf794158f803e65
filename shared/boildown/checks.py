"""Checks of what callers give, which say what to do with it instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from boildown.errors import ConfigurationError, InputError
from boildown.types import Document

__all__ = ["check_documents", "check_min_sentence", "check_places", "check_query", "method_options", "series"]

T = TypeVar("T")

_HINTS = {
    "decode": " Decode it first, for example with value.decode('utf-8').",
    "page_content": " For LangChain's documents there is BoildownCompressor of langchain_boildown; or give their "
    "page_content.",
    "get_content": " For LlamaIndex's nodes there is BoildownPostprocessor of llama_index.postprocessor.boildown; or "
    "give their get_content().",
    "keys": " Make a boildown.Document of it, which has text, id, title and metadata.",
}
"""What to do with a document that is no text, by an attribute that it has."""
_QUERY_HINTS = {
    "decode": _HINTS["decode"],
    "keys": " Pick the string out of it, in a chain for instance with operator.itemgetter('question').",
    "query_str": " Give its query_str.",
    "text": " Give its text.",
    "content": " Give its content.",
}
"""The same for a query: a chain's input, LlamaIndex's query bundle, a message."""


def series(given: Iterable[T], kind: type, rule: str) -> list[T]:
    """What was given, as a list.

    Args:
        given: anything that callers take for a series.
        kind: of one item, which is no series even where it can be iterated over.
        rule: the beginning of the message.

    Raises:
        InputError: it is a single item, text, a mapping, or nothing to iterate over.
    """
    if isinstance(given, (str, bytes, Mapping, kind)) or not isinstance(given, Iterable):
        raise InputError(f"{rule}, not {type(given).__name__}.")
    return list(given)


def check_documents(documents: Iterable[str | Document]) -> tuple[Document, ...]:
    """Documents as a tuple of `Document`s.

    Raises:
        InputError: `documents` is one string or a mapping, or an item, its text or its title is no text.
    """
    checked = []
    for i, item in enumerate(series(documents, Document, "documents must be a list of strings or Documents")):
        document = Document(item) if isinstance(item, str) else item
        if not isinstance(document, Document):
            raise InputError(_wrong_type(f"documents[{i}]", item))
        if not isinstance(document.text, str):
            raise InputError(_wrong_type(f"documents[{i}].text", document.text))
        if not isinstance(document.title, str):
            raise InputError(_wrong_type(f"documents[{i}].title", document.title))
        checked.append(document)
    return tuple(checked)


def check_query(query: str) -> str:
    """The query itself.

    Raises:
        InputError: the query is not a string.
    """
    if not isinstance(query, str):
        hint = next((hint for trait, hint in _QUERY_HINTS.items() if hasattr(query, trait)), "")
        raise InputError(f"query must be text, not {type(query).__name__}.{hint}")
    return query


def method_options(model: str | None, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """A method's options with its model, which may stand among them.

    Raises:
        ConfigurationError: the options are no mapping, or there are two models.
    """
    if options is not None and not isinstance(options, Mapping):
        raise ConfigurationError(f"options= maps names to values, such as {{'level': 'token'}}; got {options!r}.")
    if model is not None and "model" in (options or {}):
        raise ConfigurationError(f"options= names a model too, beside model={model!r}. Give one.")
    return {"model": model, **(options or {})}


def check_min_sentence(words: int) -> int:
    """The number itself.

    Raises:
        ConfigurationError: it is no whole number, or negative.
    """
    if not hasattr(words, "__index__") or words < 0:
        raise ConfigurationError(f"min_sentence= must be a whole number of words, 0 or more, not {words!r}.")
    return words


def check_places(name: str, places: Iterable[int], count: int) -> list[int]:
    """Indices of documents, as a list.

    Args:
        name: of the argument.
        places: what was given.
        count: how many documents there are.

    Raises:
        ConfigurationError: it is no series, or an item is no index of a document, such as an id, which would exclude
            nothing.
    """
    if isinstance(places, (str, bytes)) or not isinstance(places, Iterable):
        raise ConfigurationError(f"{name}= takes a list of documents by index, such as [0]; got {places!r}.")
    found = list(places)
    for place in found:
        if isinstance(place, bool) or not hasattr(place, "__index__") or not 0 <= place < count:
            known = f"from 0 to {count - 1}" if count else "and there is none"
            raise ConfigurationError(f"{name}= names documents by index, {known}; got {place!r}.")
    return found


def _wrong_type(where: str, value: object) -> str:
    hint = next((hint for trait, hint in _HINTS.items() if hasattr(value, trait)), "")
    return f"{where} must be text, not {type(value).__name__}.{hint}"
