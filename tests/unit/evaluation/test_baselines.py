import sys

import numpy as np
import pytest

from boildown import Budget, Compressor
from boildown.errors import ConfigurationError, MissingExtraError
from boildown.evaluation.baselines import LLMLinguaPackage, RandomSentences, Truncate
from boildown.sources import Sources

DOCUMENTS = ["alpha beta gamma delta. epsilon zeta eta theta.", "iota kappa lambda mu. nu xi omicron pi."]


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize("count", [4, 8, 11, 16])
def test_truncate_keeps_the_head(count):
    budget = Budget(tokens=count, counter=words)
    result = Compressor(Truncate()).compress("anything", DOCUMENTS, budget)
    kept, everything = result.text.split(), " ".join(DOCUMENTS).split()
    # The selection fills its last gap with a word that fits, which need not be the very next one.
    assert kept[:-1] == everything[: len(kept) - 1]
    assert count - 2 <= len(kept) <= count


def test_random_is_seeded_and_reads_the_question():
    sources = Sources(DOCUMENTS)
    first = RandomSentences().score("q", sources)
    assert np.array_equal(first.sentences, RandomSentences(seed=0).score("q", Sources(DOCUMENTS)).sentences)
    assert not np.array_equal(first.sentences, RandomSentences(seed=1).score("q", sources).sentences)
    assert not np.array_equal(first.sentences, RandomSentences().score("r", sources).sentences)
    assert first.relevance.tolist() == [first.sentences[:2].max(), first.sentences[2:].max()]


def test_the_package_baseline_says_what_it_needs(monkeypatch):
    with pytest.raises(ConfigurationError, match="llmlingua2, llmlingua, longllmlingua"):
        LLMLinguaPackage("model", variant="other")
    monkeypatch.setitem(sys.modules, "llmlingua", None)
    with pytest.raises(MissingExtraError, match=r"boildown\[llmlingua\]"):
        LLMLinguaPackage("model").compress("q", DOCUMENTS, 0.5)
