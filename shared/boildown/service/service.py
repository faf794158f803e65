"""What all routes of one application share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request

from boildown.counters import resolve_counter
from boildown.result import Compression
from boildown.service.engines import Engines, Served
from boildown.service.errors import Refusal, invalid
from boildown.service.metrics import Metrics
from boildown.service.settings import Limits, Settings
from boildown.service.state import State
from boildown.service.work import Work

__all__ = ["Service"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service, for its routes."""

    settings: Settings
    state: State
    engines: Engines
    work: Work
    metrics: Metrics

    @property
    def limits(self) -> Limits:
        """The settings' limits."""
        return self.settings.limits

    async def run(self, request: Request, call: Callable[[], T], timeout: float | None = None) -> T:
        """Runs one call of the engine on a thread.

        Raises:
            Refusal: the service is not ready.
            OverloadedError: the queue is full.
            DeadlineError: it was not done in time.
        """
        self.state.check_loaded()
        return await self.work.run(request, call, self.timeout(request, timeout))

    def timeout(self, request: Request, *asked: float | None) -> float:
        """Seconds until the answer has to be there: the smallest of those asked for and the service's own.

        Raises:
            Refusal: the header X-Timeout is no positive number.
        """
        header = request.headers.get("x-timeout")
        seconds = [s for s in asked if s is not None]
        if header is not None:
            try:
                seconds.append(float(header))
            except ValueError:
                seconds.append(float("nan"))
            if not seconds[-1] > 0:
                raise invalid("X-Timeout must be a number of seconds above 0.", "X-Timeout")
        return min([*seconds, self.limits.timeout])

    def check_count(self, documents: int, field: str = "documents") -> None:
        """Refuses too many documents.

        Raises:
            Refusal: with 413.
        """
        if documents > self.limits.documents:
            raise Refusal(
                413, "too_large", f"{documents} documents are more than {self.limits.documents:,}, the most.", field
            )

    def check_tokens(self, texts: Sequence[str], field: str = "documents") -> None:
        """Refuses too much text. Takes its time, so call it on a thread.

        Raises:
            Refusal: with 413.
        """
        tokens = sum(resolve_counter(None).count_many(texts))
        if tokens > self.limits.tokens:
            raise Refusal(
                413, "too_large", f"About {tokens:,} tokens are more than {self.limits.tokens:,}, the most.", field
            )

    def note(self, request: Request, served: Served, result: Compression) -> None:
        """Counts and logs what was done."""
        self.count(request, served, len(result.sources), result.tokens_in, result.tokens_out)
        model_seconds = result.seconds["model"]
        self.metrics.model_seconds.labels(served.name).inc(model_seconds)
        request.state.facts.update(cached=result.cached, model_seconds=round(model_seconds, 6))

    def count(self, request: Request, served: Served, documents: int, tokens_in: int, tokens_out: int) -> None:
        """Counts and logs a query that was answered."""
        metrics, name = self.metrics, served.name
        metrics.queries.labels(name).inc()
        metrics.documents.labels(name).inc(documents)
        metrics.tokens_in.labels(name).inc(tokens_in)
        metrics.tokens_out.labels(name).inc(tokens_out)
        request.state.facts.update(model=name, documents=documents, tokens_in=tokens_in, tokens_out=tokens_out)
