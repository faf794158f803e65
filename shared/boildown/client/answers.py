"""What a client asks for, and how it reads what comes back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from operator import index as whole
from types import NoneType
from typing import Any, get_args

import numpy as np

from boildown.budget import Budget, check_budget
from boildown.checks import check_places
from boildown.client.connections import Answer
from boildown.counters import well_formed
from boildown.errors import (
    BoildownError,
    ConfigurationError,
    DeadlineError,
    InputError,
    OverloadedError,
    ServiceError,
)
from boildown.result import Compression
from boildown.select.cut import Cut
from boildown.select.plan import Order, Plan
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY
from boildown.types import CompressedDocument, Document, DropReason, Scores, Span

__all__ = ["Call", "RemoteCompression", "read_answer", "write_request"]

_MOVED = " The address leads elsewhere, as http:// often does to https://: give the client the one where it ends."
_HINTS = {
    **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
    401: " Give the client the service's token=.",
    404: " Give the client the service's own address, without the path of a route.",
}


@dataclass(frozen=True, slots=True)
class Call:
    """What the caller asked for."""

    query: str
    sources: Sources
    budget: Budget
    plan: Plan


@dataclass(frozen=True, eq=False)
class RemoteCompression(Compression):
    """The result of `Client.compress`. Of the scores, only those of documents have come back."""

    _again: Callable[[Call], RemoteCompression] = field(repr=False)

    def rebudget(
        self, budget: Budget, *, order: Order | None = None, without: Collection[int] = ()
    ) -> RemoteCompression:
        """The same at another budget, and in another order if one is given: a second request, which blocks.

        The service has the scores in its cache, unless the first request is long ago.

        Raises:
            BoildownError: as from `Client.compress`.
        """
        without = check_places("without", without, len(self.sources))
        plan = self.plan if order is None else replace(self.plan, order=order)
        call = Call(self.query, self.sources, check_budget(budget), plan)
        return self._without(call, without) if without else self._again(call)

    def _without(self, call: Call, without: Collection[int]) -> RemoteCompression:
        """What the service keeps of the other documents, as it sees nothing of these."""
        seen = [replace(d, text="", metadata={}) if i in without else d for i, d in enumerate(self.sources.documents)]
        made = self._again(replace(call, sources=Sources(seen)))
        known = [
            replace(d, text="", spans=(), protected=(), tokens_out=0, reason=d.reason or "budget")
            for d in (*self.documents, *self.dropped)
            if d.index in without
        ]
        dropped = sorted([*known, *(d for d in made.dropped if d.index not in without)], key=lambda d: -d.score)
        cut = replace(made._cut, dropped=tuple(dropped), tokens_in=self.tokens_in)
        return replace(made, sources=self.sources, _cut=cut)


def write_request(call: Call, settings: Mapping[str, Any]) -> bytes:
    """The body of a request. Ids and metadata stay at home: documents are matched by their places.

    Raises:
        ConfigurationError: the budget cannot be sent.
    """
    body = {
        "query": well_formed(call.query),
        "documents": [_outgoing(document) for document in call.sources.documents],
        "budget": _limits(call.budget),
        **asdict(call.plan),
        **settings,
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _limits(budget: Budget) -> dict[str, Any]:
    if not isinstance(budget.counter, (str, NoneType)):
        raise ConfigurationError(
            f"counter= is a {type(budget.counter).__name__}, which cannot be sent to a service. Give the name of a "
            "counter that the service has, or None for its default."
        )
    if budget.threshold is not None and not math.isfinite(budget.threshold):
        raise ConfigurationError(f"Budget(threshold={budget.threshold}) cannot be sent; give a finite number.")
    return {name: value for name, value in asdict(budget).items() if value is not None}


def _outgoing(document: Document) -> dict[str, Any]:
    # A lone surrogate is no JSON. Another character stands for it, so that all offsets stay.
    sent: dict[str, Any] = {"text": well_formed(document.text)}
    if document.title:
        sent["title"] = well_formed(document.title)
    stored = document.metadata.get(STORED_KEY) if isinstance(document.metadata, Mapping) else None
    if isinstance(stored, str):
        sent["metadata"] = {STORED_KEY: well_formed(stored)}
    return sent


def read_answer(answer: Answer, call: Call, again: Callable[[Call], RemoteCompression]) -> RemoteCompression:
    """The result that an answer holds, cut out of the caller's own texts.

    Args:
        answer: what came back.
        call: what it is the answer to.
        again: asks once more.

    Raises:
        BoildownError: the answer is an error, or nothing that a service of this package would say.
    """
    if answer.status != 200:
        raise _error(answer)
    try:
        return _compression(answer.content, call, again)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ServiceError(
            f"The service's answer is no compression of these documents ({type(error).__name__}: {error}). Is a "
            "boildown service of the same version behind the address?",
            answer.status,
        ) from error


def _compression(answer: Any, call: Call, again: Callable[[Call], RemoteCompression]) -> RemoteCompression:
    documents = tuple([_incoming(item, call.sources) for item in answer["documents"]])
    dropped = tuple([_incoming(item, call.sources) for item in answer["dropped"]])
    by_index = {document.index: document.score for document in (*documents, *dropped)}
    if sorted(by_index) != list(range(len(call.sources))) or len(by_index) != len(documents) + len(dropped):
        raise ValueError("it has other documents")
    seconds = {str(step): float(value) for step, value in answer["seconds"].items()}
    return RemoteCompression(
        query=call.query,
        budget=call.budget,
        sources=call.sources,
        scores=Scores(
            relevance=np.array([by_index[index] for index in range(len(by_index))], dtype=np.float64),
            model_seconds=seconds.get("model", 0.0),
            notes=tuple([str(note) for note in answer["notes"]]),
            cached=whole(answer["cached"]),
        ),
        plan=call.plan,
        method=str(answer["method"]),
        seconds=seconds,
        _cut=Cut(
            text=call.plan.separator.join([document.text for document in documents]),
            documents=documents,
            dropped=dropped,
            tokens_in=whole(answer["tokens_in"]),
            tokens_out=whole(answer["tokens_out"]),
            counter=str(answer["counter"]),
        ),
        _again=again,
    )


def _incoming(item: Mapping[str, Any], sources: Sources) -> CompressedDocument:
    index = whole(item["index"])
    source = sources.documents[index]
    spans = tuple([Span(whole(start), whole(end)) for start, end in item["spans"]])
    places = [0, *(place for span in spans for place in (span.start, span.end)), len(source.text)]
    if any(before > after for before, after in pairwise(places)):
        raise ValueError(f"its spans do not fit document {index}")
    reason: DropReason = item["reason"]
    if reason not in get_args(DropReason):
        raise ValueError(f"it drops a document for {reason!r}")
    return CompressedDocument(
        index=index,
        id=source.id,
        text="".join([span.of(source.text) for span in spans]),
        score=-math.inf if item["score"] is None else float(item["score"]),
        spans=spans,
        protected=tuple([Span(whole(s["start"]), whole(s["end"]), str(s["kind"])) for s in item["protected"]]),
        tokens_in=whole(item["tokens_in"]),
        tokens_out=whole(item["tokens_out"]),
        reason=reason,
    )


def _error(answer: Answer) -> BoildownError:
    status, content, retry_after = answer
    told = content["error"] if isinstance(content, dict) and isinstance(content.get("error"), dict) else {}
    message = str(told.get("message") or (content[:200].strip() if isinstance(content, str) else "")) or "no message"
    if status == 413 or (status == 422 and str(told.get("field")).startswith(("documents", "query"))):
        return InputError(message)
    if status == 422:
        return ConfigurationError(message)
    if status == 429:
        return OverloadedError(message, retry_after)
    if status == 504:
        return DeadlineError(message)
    hint = _HINTS.get(status, "")
    return ServiceError(f"The service answered {status}: {message}{hint}", status)
