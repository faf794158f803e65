"""Compresses every question with every entrant and measures what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from time import perf_counter
from typing import Any

from boildown import __version__
from boildown.budget import Budget
from boildown.compressor import Compressor
from boildown.counters import Counter, resolve_counter
from boildown.errors import ConfigurationError
from boildown.evaluation.baselines import TextBaseline
from boildown.evaluation.entrants import Entrant
from boildown.evaluation.journal import Journal
from boildown.evaluation.metrics import gold_retention, holds_answer, sentences_kept
from boildown.evaluation.records import DataSet, Record, all_of
from boildown.result import Compression

__all__ = ["CutResult", "QuestionResult", "budget_label", "evaluate"]


@dataclass(frozen=True, slots=True)
class CutResult:
    """What one cut of one question left.

    Attributes:
        asked: the budget, such as "rate=0.25".
        tokens: tokens of the compressed text.
        rate: tokens kept / tokens in.
        answer: whether an answer is left; None where none stood in the original documents.
        gold: the share of the gold documents of which text is left; None where none is gold or spans are unknown.
        sentences: the share of the sentences of which text is left; None where spans are unknown.
        seconds: time from the question to this text, scoring included.
        model_seconds: of these, inside model forwards; None where unknown.
    """

    asked: str
    tokens: int
    rate: float
    answer: bool | None
    gold: float | None
    sentences: float | None
    seconds: float
    model_seconds: float | None


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """One question, one entrant, all cuts.

    Attributes:
        file: name of the data set.
        id: of the record.
        method: the entrant's label.
        tokens_in: tokens of the original documents.
        answerable: whether an answer stands in the original documents.
        cuts: one for each budget, in their order.
        notes: what the user should know of how it was scored, such as a fallback for a script.
    """

    file: str
    id: str
    method: str
    tokens_in: int
    answerable: bool
    cuts: tuple[CutResult, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> QuestionResult:
        """The inverse of `to_dict`; other keys are ignored."""
        own = {key: value[key] for key in ("file", "id", "method", "tokens_in", "answerable")}
        known = [field.name for field in fields(CutResult)]
        cuts = tuple(CutResult(*(cut[name] for name in known)) for cut in value["cuts"])
        return cls(**own, cuts=cuts, notes=tuple(value.get("notes", ())))  # which earlier journals lack


def evaluate(
    data_sets: Sequence[DataSet],
    entrants: Sequence[Entrant],
    budgets: Sequence[Budget],
    *,
    journal: Journal | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[QuestionResult]:
    """Compresses every question of every set with every entrant; scores once, cuts at all budgets.

    Args:
        data_sets: questions; no two sets of one name.
        entrants: what is compared.
        budgets: where to cut; all with the same counter.
        journal: holds results of earlier runs, which are taken from it, and gets every new one.
        progress: called after each question with the names of its set and entrant.

    Raises:
        ConfigurationError: there is no budget, two data sets have one name, the budgets' counters differ, or an entrant
            that knows rates only gets another budget.
        InputError: a data set, an entrant or a budget is of another type.
        BoildownError: whatever an entrant raises.
    """
    data_sets = all_of("data_sets", data_sets, DataSet)
    entrants = all_of("entrants", entrants, Entrant)
    budgets = all_of("budgets", budgets, Budget)
    counter = _common_counter(data_sets, entrants, budgets)
    how = {"boildown": __version__, "counter": counter.name, "budgets": [budget_label(budget) for budget in budgets]}
    results = []
    for data_set in data_sets:
        for entrant in entrants:
            settings = {**entrant.settings, **how}
            warm = False
            for record in data_set.records:
                found = journal.get(data_set.name, record, settings) if journal else None
                if found is not None:
                    result = QuestionResult.from_dict({**found, "method": entrant.label})
                else:
                    if not warm:  # the first call loads the model, which is no part of a question's latency
                        list(_cuts(entrant.system, record, budgets[:1], counter))
                        warm = True
                    cuts = [*_cuts(entrant.system, record, budgets, counter)]
                    result = _result(data_set, entrant, record, cuts, counter)
                    if journal is not None:
                        journal.add(record, settings, result.to_dict())
                results.append(result)
                if progress is not None:
                    progress(f"{data_set.name} {entrant.label}")
    return results


def _common_counter(data_sets: Sequence[DataSet], entrants: Sequence[Entrant], budgets: Sequence[Budget]) -> Counter:
    """The counter of all budgets, once it is sure that every entrant can be cut at each and results are told apart."""
    if not budgets:
        raise ConfigurationError("There is no budget. Give at least one, such as budgets=[Budget(rate=0.25)].")
    names = [data_set.name for data_set in data_sets]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"Two data sets are called {name!r}; results are told apart by the file's name.")
    counter = resolve_counter(budgets[0].counter)
    if any(resolve_counter(budget.counter).name != counter.name for budget in budgets):
        raise ConfigurationError("All budgets of one evaluation must have the same counter.")
    for entrant, budget in product(entrants, budgets):
        if not isinstance(entrant.system, Compressor) and budget.rate is None:
            raise ConfigurationError(f"{entrant.system.name!r} knows rates only, not {budget_label(budget)}.")
    return counter


def budget_label(budget: Budget) -> str:
    """Such as "rate=0.25"; in full, since results are told apart by it."""
    for name in ("rate", "tokens", "threshold"):
        value = getattr(budget, name)
        if value is not None:
            return f"{name}={str(value).removesuffix('.0')}"
    raise AssertionError("a Budget has one of the three")


def _result(
    data_set: DataSet,
    entrant: Entrant,
    record: Record,
    cuts: Sequence[tuple[CutResult, tuple[str, ...]]],
    counter: Counter,
) -> QuestionResult:
    texts = [document.text for document in record.documents]
    return QuestionResult(
        file=data_set.name,
        id=record.id,
        method=entrant.label,
        tokens_in=_tokens_in(texts, counter),
        answerable=holds_answer(texts, record.answers),
        cuts=tuple(cut for cut, _ in cuts),
        notes=tuple(dict.fromkeys(note for _, notes in cuts for note in notes)),
    )


def _tokens_in(texts: Sequence[str], counter: Counter) -> int:
    return counter.count("\n\n".join(texts)) if texts else 0


def _cuts(
    system: Compressor | TextBaseline, record: Record, budgets: Sequence[Budget], counter: Counter
) -> Iterator[tuple[CutResult, tuple[str, ...]]]:
    """Each cut, with the notes of its scoring. Those of the cut itself say what its rate says."""
    texts = [document.text for document in record.documents]
    answerable = holds_answer(texts, record.answers)

    def measured(budget: Budget, text: str, total: int, tokens: int, **rest: Any) -> CutResult:
        return CutResult(
            asked=budget_label(budget),
            tokens=tokens,
            rate=tokens / total if total else 1.0,
            answer=holds_answer([text], record.answers) if answerable else None,
            **rest,
        )

    if isinstance(system, Compressor):
        for budget, made, score_seconds, model_seconds in _compressions(system, record, budgets):
            kept = {document.index: document.text for document in made.documents}
            spans = {document.index: document.spans for document in made.documents}
            result = measured(
                budget,
                made.text,
                made.tokens_in,
                made.tokens_out,
                gold=gold_retention(record.gold, kept),
                sentences=sentences_kept(made.sources, spans),
                seconds=score_seconds + made.seconds["select"],
                model_seconds=model_seconds,
            )
            yield result, made.scores.notes
        return
    total = _tokens_in(texts, counter)
    for budget in budgets:
        assert budget.rate is not None
        begin = perf_counter()
        text = system.compress(record.question, texts, budget.rate)
        seconds = perf_counter() - begin
        unknown = {"gold": None, "sentences": None, "model_seconds": None}
        yield measured(budget, text, total, counter.count(text) if text else 0, seconds=seconds, **unknown), ()


def _compressions(
    compressor: Compressor, record: Record, budgets: Sequence[Budget]
) -> Iterator[tuple[Budget, Compression, float, float]]:
    """The compression at each budget, with the seconds of the scoring behind it and of the model in that."""
    scored: Compression | None = None
    for budget in budgets:
        if scored is None or scored.scores.final:
            scored = made = compressor.compress(record.question, record.documents, budget)
        else:
            made = scored.rebudget(budget)
        yield budget, made, scored.seconds["score"], scored.seconds["model"]
