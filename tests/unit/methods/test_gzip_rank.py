from __future__ import annotations

import numpy as np

from boildown import Budget, Compressor
from boildown.methods.exact.ranking import rank_texts
from boildown.methods.gzip_rank import Gzip
from boildown.sources import Sources

TEXTS = [
    "Bread made with rye needs a sour starter, which bakers keep alive for decades.",
    "A violin's sound post stands between the top and the back.",
    "",
    "The committee discussed the bridge, and asked whether the old piers could be reused.",
]


def test_the_document_that_repeats_the_query_comes_first() -> None:
    scores = Gzip().score("where does a violin's sound post stand, between the top and the back?", Sources(TEXTS))
    assert scores.relevance.argmax() == 1
    assert np.isfinite(scores.relevance).all()


def test_it_ranks_documents_for_another_method() -> None:
    result = Compressor("bm25", rank=Gzip()).compress(
        "the old piers of the bridge", TEXTS, Budget(rate=0.9, documents=1)
    )
    assert [document.index for document in result.documents] == [3]


def test_lone_surrogates() -> None:
    assert np.isfinite(Gzip().score("a \ud800", Sources(["\udfff b"])).relevance).all()


def test_the_exact_mode_ranks_alike() -> None:
    best = rank_texts(lm=None, texts=["a \ud800", *TEXTS], question=TEXTS[1][:40], method="gzip", condition="none")
    assert best[0] == 2
