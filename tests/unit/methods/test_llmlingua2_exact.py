"""The mode that cuts as the published implementation does."""

from __future__ import annotations

import os
import pickle
import signal
from pathlib import Path
from typing import Any

import pytest

from boildown import Budget, Compressor
from boildown.errors import ConfigurationError, RebudgetError
from boildown.methods.exact.word_spans import load_exact_llmlingua2
from boildown.methods.llmlingua2 import LLMLingua2


def test_the_exact_mode_cuts_by_itself_and_cannot_be_cut_again(bert: Path) -> None:
    text = "The harbour master keeps a log. In 1874 she counted 312 ships, most of them carrying timber. " * 12
    texts = [text, text[40:], "", "Bread needs time."]
    compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options={"exact": True})
    result = compressor.compress("", texts, Budget(rate=0.5))
    assert 0 < result.tokens_out < result.tokens_in
    for document in result.documents:
        assert document.text == "".join(span.of(texts[document.index]) for span in document.spans)
    with pytest.raises(RebudgetError):
        result.rebudget(Budget(rate=0.2))
    assert compressor.compress("", texts, Budget(rate=0.5)).text == result.text
    assert pickle.loads(pickle.dumps(compressor)).compress("", texts, Budget(rate=0.5)).text == result.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_does_not_wait_for_a_thread_of_its_parent(bert: Path) -> None:
    text = "The harbour master keeps a log. In 1874 she counted 312 ships."
    compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options={"exact": True}, cache=False)
    expected = compressor.compress("", [text], Budget(rate=0.5)).text
    with load_exact_llmlingua2(str(bert), "cpu", "auto").guard:  # as a thread that is at work
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(compressor.compress("", [text], Budget(rate=0.5)).text != expected)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_exact_mode_says_where_it_keeps_more_than_the_budget(bert: Path) -> None:
    texts = ["The harbour master keeps a log. In 1874 she counted 312 ships, most of them carrying timber. " * 12]

    def notes(budget: Budget, **options: Any) -> tuple[str, ...]:
        compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options=options)
        return compressor.compress("", texts, budget).notes

    dear = lambda text: 5 * len(text)  # noqa: E731  counts more than the model's tokenizer, as a user's may
    for budget in (Budget(tokens=200, counter=dear), Budget(rate=0.04, counter=dear)):
        (note,) = notes(budget, exact=True, force_tokens=["harbour"])
        assert "more than the budget of" in note
        assert not notes(budget)
    assert not notes(Budget(tokens=1_000_000), exact=True)


@pytest.mark.parametrize("text", ["A [NEW0] stands here. So does [PAD], and \ud83d.", "?", "\n\n", "[NEW0][NEW1]?\n?"])
def test_the_exact_mode_takes_odd_text(bert: Path, text: str) -> None:
    options = {"exact": True, "force_tokens": ["\n", "? ", "stands "]}
    compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options=options)
    for document in compressor.compress("", [text, text * 3], Budget(rate=0.6)).documents:
        assert document.text == "".join(span.of([text, text * 3][document.index]) for span in document.spans)


def test_the_exact_mode_takes_label_one() -> None:
    with pytest.raises(ConfigurationError, match="takes label 1"):
        LLMLingua2("model", exact=True, keep_label=0)


def test_the_exact_mode_keeps_text_of_as_many_documents_as_asked_for(bert: Path) -> None:
    texts = [f"The harbour master of port {i} keeps a log and counts {i} ships. " * 4 for i in range(4)]
    compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options={"exact": True})
    assert len(compressor.compress("", texts, Budget(rate=0.8)).documents) > 1
    result = compressor.compress("", texts, Budget(rate=0.8, documents=1))
    assert len(result.documents) == 1
    assert {document.reason for document in result.dropped} <= {"documents", "budget"}


@pytest.mark.parametrize("texts", [["The harbour master keeps a log."], ["The harbour master.", "She keeps a log."]])
def test_the_exact_mode_keeps_nothing_for_a_budget_of_nothing(bert: Path, texts: list[str]) -> None:
    compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options={"exact": True})
    assert compressor.compress("", texts, Budget(tokens=0)).text == ""
    assert compressor.compress("", texts, Budget(rate=0.0)).text == ""
