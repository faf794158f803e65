"""The model card: what the weights were made from, and how."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .curve import read_log

if TYPE_CHECKING:
    from .trainer import Trainer

_CARD = """\
# {name}

A query-aware pruning model for boildown: reads a query together with a document and gives the document
a relevance and every token a keep logit. A sentence's logit is the mean of its tokens' logits.

Input: `[CLS] query [SEP] title. passage [SEP]`, token types 0 and 1, at most {max_length} tokens, of them
at most {max_query} of the query.

## Base

`{base}`, {parameters:.1f} million parameters.

## Training data

{questions} questions, {pairs} passages. Questions with `sha1(qid) % 50 == 0` are held out for calibration.

| source | questions | passages | licence |
|---|---|---|---|
{sources}

{skipped}

## Training

{steps} steps of {questions_per_step} questions, AdamW, peak rate {rate}, seed {seed}.

| last {window} log entries | mean |
|---|---|
{metrics}

{held_out}

{scales}

## Limits

Languages in the training data: {languages}. For other languages and scripts check it against `bm25`
first. The model keeps what it believes the query needs; it does not judge whether the text is true, and
it shares the biases of its data.
"""


_HELD_OUT = """\
On {count} held-out questions, each among {documents} documents at most: the share of pairs of a right and a wrong
one in which the right one scores higher (AUC within a question, by the model alone, without BM25).

| held-out questions | AUC |
|---|---|
{rows}"""
_NAMES = {"relevance": "relevance of documents", "keep": "keeping of sentences"}


def _scales(settings: dict[str, Any], measured: bool) -> str:
    if "mix" in settings:
        return f"The mix with BM25, and with it what a threshold means, is the base's: `{settings['mix']}`."
    if not settings["calibration"]:
        return "Scores are not calibrated, for want of held-out questions."
    origin = "fitted on the held-out questions" if measured else "the base's"
    return (
        f"Calibration, `p = sigmoid(logit / temperature + bias)` of the logit mixed with BM25, {origin}: "
        f"`{settings['calibration']}`."
    )


def _not_measured(held_out: int) -> str:
    why = f"None of the {held_out} held-out questions has marked answers" if held_out else "No question was held out"
    return f"{why}, so nothing was measured."


def write_card(trainer: Trainer, settings: dict[str, Any], measures: dict[str, float], pools: int) -> None:
    """Writes ``README.md`` beside the weights.

    Args:
        settings: of the checkpoint's boildown.json.
        measures: of `pools` held-out questions; empty where there is none.
    """
    config = trainer.config
    questions = Counter(q.source for q in trainer.questions)
    pairs = Counter[str]()
    for question in trainer.questions:
        pairs[question.source] += len(question.positives) + len(question.negatives)
    sources = "\n".join(
        f"| {name} | {questions[name]} | {pairs[name]} | {config.licences.get(name, 'not stated')} |"
        for name in sorted(questions)
    )
    entries = read_log(config.output / "log.jsonl")[-20:]
    names = [n for n in (entries[-1] if entries else {}) if n not in ("step", "rate", "norm")]
    metrics = "\n".join(f"| {n} | {sum(e[n] for e in entries) / len(entries):.4f} |" for n in names)
    rows = "\n".join(f"| {_NAMES[name]} | {value:.4f} |" for name, value in measures.items())
    text = _CARD.format(
        name=config.output.resolve().name,
        base=config.base_name or config.base,
        parameters=sum(p.numel() for p in trainer.model.parameters()) / 1e6,
        questions=sum(questions.values()),
        pairs=sum(pairs.values()),
        sources=sources,
        skipped=f"{len(trainer.broken)} broken lines were skipped." if trainer.broken else "",
        window=len(entries),
        metrics=metrics,
        rate=config.learning_rate,
        held_out=_HELD_OUT.format(count=pools, documents=config.calibration_documents, rows=rows)
        if rows
        else _not_measured(len(trainer.held_out)),
        scales=_scales(settings, pools > 0),
        languages=", ".join(sorted({q.lang or "unknown" for q in trainer.questions})),
        **{n: getattr(config, n) for n in ("max_length", "max_query", "steps", "questions_per_step", "seed")},
    )
    (config.output / "README.md").write_text(text, encoding="utf-8")
