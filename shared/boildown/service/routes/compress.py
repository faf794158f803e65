"""POST /v1/compress, for one query, and /v1/compress/batch, for several."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import ValidationError
from starlette.routing import BaseRoute

from boildown.budget import Budget
from boildown.errors import BoildownError, ConfigurationError, InputError
from boildown.result import Compression
from boildown.select.units import build_candidates
from boildown.service.engines import Served
from boildown.service.errors import Refusal, error_body, from_validation, internal, invalid, refusal_of
from boildown.service.patterns import Patterns
from boildown.service.schemas import BatchRequest, BatchResponse, CompressRequest, CompressResponse
from boildown.service.service import Service
from boildown.service.wire import StrictRoute, json_response
from boildown.service.work import Job
from boildown.types import CompressedDocument, Document

__all__ = ["add_routes"]

_ARGUMENTS = (
    "unit",
    "order",
    "allocation",
    "spread",
    "protect",
    "dedupe",
    "separator",
    "min_sentence",
    "on_empty_query",
)


def add_routes(app: FastAPI, service: Service) -> list[BaseRoute]:
    """Adds both, and gives what was added."""
    router = APIRouter(route_class=StrictRoute)

    @router.post("/v1/compress", response_model=CompressResponse, summary="Compress documents for a query")
    async def compress(body: CompressRequest, request: Request) -> Response:
        """Keeps what the query needs of the documents, within the budget."""
        served, call = _prepared(service, body)
        result, answer = await service.run(request, call, body.timeout)
        service.note(request, served, result)
        return json_response(answer)

    @router.post("/v1/compress/batch", response_model=BatchResponse, summary="Compress documents for several queries")
    async def batch(body: BatchRequest, request: Request) -> Response:
        """Answers each request of a batch in its place; one that fails does not fail the others.

        Errors name the request: `requests[1].model`. Only a body that is no batch is refused as a whole.
        """
        service.state.check_loaded()
        if len(body.requests) > service.limits.batch:
            raise Refusal(
                413,
                "too_large",
                f"{len(body.requests)} queries are more than {service.limits.batch}, the most.",
                "requests",
            )
        outcomes: dict[int, tuple[Compression, Any] | BaseException] = {}
        models: dict[int, Served] = {}
        jobs: dict[int, Job[tuple[Compression, Any]]] = {}
        longest = service.timeout(request, body.timeout)
        for i, given in enumerate(body.requests):
            try:
                one = CompressRequest.model_validate(given)
                models[i], call = _prepared(service, one)
                jobs[i] = Job(call, longest if one.timeout is None else min(longest, one.timeout))
            except (BoildownError, Refusal, ValidationError) as error:
                outcomes[i] = error
        done = await service.work.run_all(request, list(jobs.values()))
        outcomes.update(zip(jobs, done, strict=True))
        answers: list[Any] = []
        for i in range(len(body.requests)):
            outcome = outcomes[i]
            if isinstance(outcome, BaseException):
                answers.append(error_body(_refused(outcome, i, request), request.state.request_id))
            else:
                service.note(request, models[i], outcome[0])
                answers.append(outcome[1])
        return json_response({"results": answers})

    app.include_router(router)
    return router.routes


def _refused(error: BaseException, i: int, request: Request) -> Refusal:
    """The answer to one request of a batch that failed."""
    if isinstance(error, ValidationError):
        return from_validation(error.errors(include_url=False, include_input=False), ("requests", i))
    refusal = refusal_of(error)
    if refusal is None:
        request.state.facts["error"] = type(error).__name__
    return (refusal or internal()).within(f"requests[{i}]")


def _prepared(service: Service, body: CompressRequest) -> tuple[Served, Callable[[], tuple[Compression, Any]]]:
    """What a request means, checked as far as that takes no time, and the call that does it."""
    service.check_count(len(body.documents))
    engines = service.engines
    served = engines.find(body.model, body.method)
    rank = None if body.rank is None else engines.ranker(body.rank)
    budget = Budget(**body.budget.model_dump(exclude={"counter"}), counter=engines.counter(body.budget.counter))
    counter = body.budget.counter or engines.default_counter
    arguments: dict[str, Any] = {name: getattr(body, name) for name in _ARGUMENTS}
    patterns = Patterns(body.patterns)
    compressor = engines.compressor(served, rank, patterns=patterns.each, **arguments)
    documents = [Document(d.text, d.id, d.title, d.metadata) for d in body.documents]

    def call() -> tuple[Compression, Any]:
        begin = perf_counter()
        patterns.compile()
        service.check_tokens([body.query, *(d.text for d in documents), *(d.title for d in documents)])
        try:
            result = compressor.compress(body.query, documents, budget)
        except ConfigurationError as error:  # all else has been checked: only now is known what the method scores
            raise invalid(str(error), "unit") from None
        except InputError as error:
            raise invalid(str(error), "query") from None
        answer = _answer(result, served, body)
        answer["counter"] = counter  # its public name; its own may be a path
        answer["seconds"]["total"] = perf_counter() - begin
        return result, answer

    return served, call


def _answer(result: Compression, served: Served, body: CompressRequest) -> dict[str, Any]:
    units = _units(result) if body.units else None
    return {
        "model": served.name,
        "method": result.method,
        "text": result.text,
        "documents": [_document(d, result, units) for d in result.documents],
        "dropped": [_document(d, result, units) for d in result.dropped],
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "rate": result.rate,
        "order": result.plan.order,
        "separator": result.plan.separator,
        "budget": body.budget.model_dump(exclude_none=True),
        "cached": result.cached,
        "notes": list(result.notes),
        "seconds": dict(result.seconds),
    }


def _document(document: CompressedDocument, result: Compression, units: list[Any] | None) -> dict[str, Any]:
    given = result.sources.documents[document.index]
    answer = {**document.to_dict(), "title": given.title, "metadata": given.metadata}
    if units is not None:
        answer["units"] = units[document.index]
    return answer


def _units(result: Compression) -> list[list[dict[str, Any]]]:
    """For each document its units, in order and without a gap, each with its score and whether it was kept."""
    candidates = build_candidates(result.sources, result.scores, result.plan)
    units = candidates.units
    kept = result.sources.touched(units, {d.index: [(s.start, s.end) for s in d.spans] for d in result.documents})
    answer: list[list[dict[str, Any]]] = [[] for _ in range(len(result.sources))]
    columns = (units.document, units.start, units.end, candidates.score, kept)
    for d, start, end, score, k in zip(*(column.tolist() for column in columns), strict=True):
        answer[d].append({"start": start, "end": end, "score": score, "kept": k})
    return answer
