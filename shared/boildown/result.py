"""What a compression gives, and what can be done with it afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from boildown.budget import Budget, check_budget
from boildown.checks import check_places
from boildown.errors import RebudgetError
from boildown.select.cut import Cut, cut
from boildown.select.plan import Order, Plan
from boildown.sources import Sources
from boildown.types import CompressedDocument, Scores

if TYPE_CHECKING:
    from boildown.text.recovery import Recovery

__all__ = ["Compression"]


@dataclass(frozen=True, eq=False)
class Compression:
    """The result of `Compressor.compress`.

    Attributes:
        query: as given.
        budget: as given.
        sources: the checked documents, in input order.
        scores: what the method said; see `Scores`.
        plan: how it was cut.
        method: the name of the method that scored.
        seconds: time by step: "score" (of which "model" in forwards) and "select".
    """

    query: str
    budget: Budget
    sources: Sources = field(repr=False)
    scores: Scores = field(repr=False)
    plan: Plan = field(repr=False)
    method: str
    seconds: Mapping[str, float] = field(repr=False)
    _cut: Cut = field(repr=False)

    @property
    def text(self) -> str:
        """The kept text of all documents, in reading order, for the prompt."""
        return self._cut.text

    @property
    def documents(self) -> tuple[CompressedDocument, ...]:
        """The documents of which text was kept, in reading order."""
        return self._cut.documents

    @property
    def dropped(self) -> tuple[CompressedDocument, ...]:
        """The documents of which nothing was kept, best first, each with the reason."""
        return self._cut.dropped

    @property
    def tokens_in(self) -> int:
        """Tokens of the original documents, joined as the result is."""
        return self._cut.tokens_in

    @property
    def tokens_out(self) -> int:
        """Tokens of `text`."""
        return self._cut.tokens_out

    @property
    def rate(self) -> float:
        """Tokens kept / tokens in; 1.0 where nothing came in."""
        return self.tokens_out / self.tokens_in if self.tokens_in else 1.0

    @property
    def counter(self) -> str:
        """The name of the counter that counted."""
        return self._cut.counter

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about the scores, and about a cut that kept nothing."""
        return self.scores.notes + self._cut.notes

    @property
    def cached(self) -> int:
        """Documents that no model had to read for this result, since their scores were in the cache."""
        return self.scores.cached

    def rebudget(self, budget: Budget, *, order: Order | None = None, without: Collection[int] = ()) -> Compression:
        """The same scores cut at another budget, and in another order if one is given: no model runs.

        Args:
            budget: how much to keep.
            order: of the documents; None for the same.
            without: documents, by index, of which nothing may be kept: the budget is for the others.

        Raises:
            ConfigurationError: the budget is none, the order is unknown, or there is no document of an index.
            RebudgetError: the method needed the budget while it scored.
        """
        check_budget(budget)
        without = check_places("without", without, len(self.sources))
        if self.scores.final:
            raise RebudgetError(
                f"The method {self.method!r} used the budget while it scored, so its result cannot be cut again. "
                "Compress again with the new budget, or use the method without exact=True."
            )
        plan = self.plan if order is None else replace(self.plan, order=order)
        start = perf_counter()
        again = cut(self.sources, self.scores, budget, plan, without)
        seconds = {**self.seconds, "score": 0.0, "model": 0.0, "select": perf_counter() - start}
        return replace(self, budget=budget, plan=plan, seconds=seconds, _cut=again)

    def recover(self, answer: str) -> Recovery:
        """The original wording behind an LLM's answer to the compressed text, with its places in the sources.

        Raises:
            InputError: the answer is not text.
        """
        from boildown.text.recovery import recover

        return recover(answer, [(d.index, d.spans) for d in self.documents], self.sources.texts)

    def to_html(self) -> str:
        """A page fragment that shows kept text highlighted and dropped text greyed, document by document."""
        from boildown.render import render_html

        return render_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for JSON."""
        return {
            "query": self.query,
            "text": self.text,
            "documents": [d.to_dict() for d in self.documents],
            "dropped": [d.to_dict() for d in self.dropped],
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "rate": self.rate,
            "counter": self.counter,
            "method": self.method,
            "order": self.plan.order,
            "seconds": dict(self.seconds),
            "notes": list(self.notes),
        }
