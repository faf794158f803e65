"""What the framework adapters share: an engine from flat settings, and a result as flat values.

An adapter's arguments are the arguments of `Compressor` and of `Budget` side by side, so that they can be
written to JSON and read back. An adapter keeps them as fields and calls, for each call of its own:

- `build_engine(settings, engine)` for the engine and the budget; `boildown.fields.EngineFields` does so;
- `title_of(metadata)` for `Document.title`;
- `report(document, result)` for the metadata of a document of which text was kept, beside `copied(metadata)`, and
  `RETRIEVAL_SCORE` for the score that it came with;
- `has_scores(result)` for whether the document's score goes out with it;
- `statistics(result)` for an event that says what was done.

`invalid_settings` puts a pydantic error into this package's words.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from operator import index
from typing import Any, Protocol, runtime_checkable

from boildown.budget import Budget
from boildown.compressor import Compressor
from boildown.counters import resolve_counter
from boildown.errors import ConfigurationError, InputError, unknown_name
from boildown.result import Compression
from boildown.types import CompressedDocument, Document

__all__ = [
    "RETRIEVAL_SCORE",
    "SETTINGS",
    "SPANS",
    "Engine",
    "build_engine",
    "copied",
    "has_scores",
    "invalid_settings",
    "report",
    "reported_spans",
    "statistics",
    "title_of",
]

RETRIEVAL_SCORE = "boildown_retrieval_score"
"""Metadata key of the score that a document came with."""
SPANS = "boildown_spans"
"""Metadata key of where the kept text stood."""

_BUDGET = frozenset(field.name for field in fields(Budget))
_ENGINE = {name: parameter.default for name, parameter in inspect.signature(Compressor).parameters.items()}
SETTINGS = _BUDGET | _ENGINE.keys()
"""The names of all settings."""

_METHODS = ("method", "rank")
"""Settings that a `Compressor` takes as objects too, which an adapter could not write to JSON."""
_TITLES = ("title", "document_title")


@runtime_checkable
class Engine(Protocol):
    """What compresses: a `Compressor`, or anything with its two faces, such as a client of a remote one."""

    def compress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> Compression:
        """See `Compressor.compress`."""
        ...

    async def acompress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> Compression:
        """See `Compressor.acompress`."""
        ...


def build_engine(settings: Mapping[str, Any], engine: Any = None) -> tuple[Engine, Budget]:
    """The engine and the budget that flat settings describe. Nothing is loaded.

    Args:
        settings: arguments of `Compressor` and of `Budget` by name; those left out have their defaults.
        engine: takes the place of a new `Compressor`; then only the budget's settings may differ from the
            defaults.

    Raises:
        ConfigurationError: a setting is unknown or wrong, or `engine` is given together with settings for a
        new one.
    """
    for name in settings:
        if name not in SETTINGS:
            raise unknown_name("setting", name, SETTINGS)
    budget = Budget(**{name: value for name, value in settings.items() if name in _BUDGET})
    if not isinstance(budget.counter, str):  # a name may need a download, so it is looked up on first use
        resolve_counter(budget.counter)
    chosen = {name: value for name, value in settings.items() if name in _ENGINE}
    if engine is None:
        return Compressor(**chosen), budget
    if not isinstance(engine, Engine):
        hint = f" For a service, give boildown.Client({engine!r})." if isinstance(engine, str) else ""
        raise ConfigurationError(
            f"engine= needs compress and acompress as a Compressor has them; got {type(engine).__name__}.{hint}"
        )
    # An empty list and an empty tuple say the same.
    given = sorted(name for name, value in chosen.items() if value != _ENGINE[name] and (value or _ENGINE[name]))
    if given:
        raise ConfigurationError(
            f"engine= already says how to compress, which excludes {', '.join(given)}. Give these to the engine itself."
        )
    return engine, budget


def title_of(metadata: Mapping[str, Any] | None) -> str:
    """The document's title, where the metadata have one under a common key; frameworks give None for no metadata."""
    by_name = {key.lower(): value for key, value in (metadata or {}).items() if isinstance(key, str)}
    for name in _TITLES:
        value = by_name.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def report(document: CompressedDocument, result: Compression) -> dict[str, str | int]:
    """What happened to a document, as flat values that every vector store accepts.

    `boildown_spans` is a JSON list of [start, end] pairs, characters of the text that went in; cut out and
    joined they give the text that came out.
    """
    return {
        "boildown_method": result.method,
        SPANS: json.dumps([[span.start, span.end] for span in document.spans]),
        "boildown_tokens_in": document.tokens_in,
        "boildown_tokens_out": document.tokens_out,
    }


def reported_spans(metadata: Mapping[str, Any], what: str, maker: str) -> list[tuple[int, int]]:
    """The spans that `report` has put into metadata.

    Args:
        metadata: a document's or a node's.
        what: it is, for the message.
        maker: of the component that compresses, for the message.

    Raises:
        InputError: there are none, or they are not what `report` writes.
    """
    if SPANS not in metadata:
        raise InputError(f"The {what} has no {SPANS!r} in its metadata, so it did not come from a {maker}.")
    try:
        return [(index(start), index(end)) for start, end in json.loads(metadata[SPANS])]
    except (TypeError, ValueError):
        raise InputError(f"The {what}'s {SPANS!r} is {metadata[SPANS]!r}, which no {maker} wrote.") from None


def has_scores(result: Compression) -> bool:
    """Whether the documents' scores say anything: where the query was blank, a method that reads it gave none."""
    return bool(result.query.strip()) or any(document.score for document in result.documents)


def statistics(result: Compression) -> dict[str, Any]:
    """Counts, times, notes, and what was dropped and why, but no text."""
    return {
        "method": result.method,
        "counter": result.counter,
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "rate": result.rate,
        "documents_in": len(result.documents) + len(result.dropped),
        "documents_out": len(result.documents),
        "cached": result.cached,
        "dropped": [
            {"index": d.index, "id": d.id, "score": d.score, "tokens_in": d.tokens_in, "reason": d.reason}
            for d in result.dropped
        ],
        "seconds": dict(result.seconds),
        "notes": list(result.notes),
    }


def copied(value: Any) -> Any:
    """The value with its dictionaries and lists copied at every depth; what they hold is shared.

    What stands in several places, or holds itself, does so in the copy.
    """
    made: dict[int, Any] = {}
    unfilled: list[tuple[Any, Any]] = []

    def copy(item: Any) -> Any:
        if not isinstance(item, (dict, list)):
            return item
        if id(item) not in made:
            made[id(item)] = {} if isinstance(item, dict) else []
            unfilled.append((item, made[id(item)]))
        return made[id(item)]

    result = copy(value)
    while unfilled:  # and no recursion, since metadata may be nested more deeply than calls
        original, new = unfilled.pop()
        if isinstance(original, dict):
            new.update((key, copy(item)) for key, item in original.items())
        else:
            new.extend(map(copy, original))
    return result


def invalid_settings(error: Any, owner: str, known: Iterable[str]) -> ConfigurationError:
    """The error for a pydantic `ValidationError` raised while `owner` was built from settings.

    Args:
        error: the `ValidationError`; only its `errors()` are read.
        owner: the name of the class.
        known: the names of its arguments.
    """
    said: dict[str, str] = {}
    for item in error.errors():
        # Of a setting that may be of several kinds, pydantic names each.
        field, *inner = item["loc"]
        name = ".".join(map(str, [field, *(part for part in inner if isinstance(part, int))]))
        if item["type"] == "extra_forbidden":
            return unknown_name(f"argument of {owner}:", name, known)
        if name in _METHODS and item["type"] == "string_type" and "engine" in known:
            said[name] = (
                f"{name}= takes the name of a method, not {type(item['input']).__name__}; give a method object to "
                f"the engine, as engine=boildown.Compressor({name}=...)"
            )
        elif name in said:
            said[name] += f", or {item['msg']}"
        else:
            said[name] = f"{name}= is {item['input']!r}: {item['msg']}"
    return ConfigurationError(f"{owner} cannot be built. {'; '.join(said.values())}.")
