"""What a document gets does not depend on its company: on the others of its batch, their order, or other threads.

Scores agree to 1e-4 and text to the letter, in fp32. The bundled method compares documents with each other on purpose
(BM25 weighs words by how many documents have them, and a document may name another), so that what holds for it alone
holds for the same documents in any order, in any thread and beside any other call; what its model reads is compared
document by document in `runtime/test_reader.py`. Where two documents' sentences score exactly the same, the one that
came first goes first; no two do here.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boildown import Budget, Compression, Compressor
from boildown.select.units import build_candidates

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clear_threshold import clear_threshold
from tiny_models import CHINESE, CODE, ENGLISH, MIXED, gpt2, llama

__all__ = ["gpt2", "llama"]

QUERY = "Who counted the ships, and in which year?"
TEXTS = [*ENGLISH, *MIXED[:2], CHINESE[0], *CODE, "", "The year was 1874.", " ".join(ENGLISH[:4]), ENGLISH[0][:70]]
COMPANY = [f"{ENGLISH[i % 5]} It was day {i}. {'More was said of it later. ' * (i % 5)}" for i in range(20)]

Make = Callable[..., Compressor]
ALONE = ["llmlingua2 xlm-roberta", "llmlingua2 modernbert", "llmlingua", "longllmlingua", "selective_context"]
RANKED = ["cross_encoder", "embedding"]


@pytest.fixture
def make(
    token_classifiers: dict[str, Path], make_model: Any, gpt2: Path, llama: Path, tmp_path: Path
) -> Callable[[str], Compressor]:
    def build(name: str, **settings: Any) -> Compressor:
        method, *kind = name.split()
        if method == "llmlingua2":
            settings["model"] = str(token_classifiers[kind[0]])
        elif method in ("llmlingua", "longllmlingua", "selective_context"):
            settings["model"] = str(llama if method == "longllmlingua" else gpt2)
        elif method in RANKED:
            task = {"cross_encoder": "AutoModelForSequenceClassification", "embedding": "AutoModel"}[method]
            options = {"num_labels": 1} if method == "cross_encoder" else {}
            settings |= {"rank": method, "rank_model": str(make_model("bert", tmp_path / method, task, **options))}
            method = "bm25"
        return Compressor(method, device="cpu", dtype="float32", cache=False, dedupe=None, **settings)

    return build


def by_text(texts: list[str], result: Compression) -> dict[str, tuple[str, float, np.ndarray]]:
    """For each text what was kept of it, its relevance, and the scores of its units."""
    candidates = build_candidates(result.sources, result.scores, result.plan)
    kept = {d.index: d.text for d in result.documents}
    return {
        text: (
            kept.get(i, ""),
            float(result.scores.relevance[i]),
            candidates.score[candidates.units.document == i],
        )
        for i, text in enumerate(texts)
    }


def same(found: tuple[str, float, np.ndarray], expected: tuple[str, float, np.ndarray]) -> None:
    assert found[0] == expected[0]
    assert found[1] == pytest.approx(expected[1], abs=1e-4)
    assert found[2] == pytest.approx(expected[2], abs=1e-4)


@pytest.mark.parametrize("name", ALONE)
def test_alone_and_in_any_company(make: Make, name: str) -> None:
    compressor = make(name)
    budget = clear_threshold(compressor.compress(QUERY, TEXTS, Budget(rate=0.5)))
    alone: dict[str, Any] = {}
    for text in TEXTS:
        alone |= by_text([text], compressor.compress(QUERY, [text], budget))
    assert len({kept for kept, _, _ in alone.values()}) > len(TEXTS) // 2
    for batch in (TEXTS, TEXTS[::-1], TEXTS[5:8], [*COMPANY, *TEXTS]):
        found = by_text(batch, compressor.compress(QUERY, batch, budget))
        for text in set(TEXTS) & set(batch):
            same(found[text], alone[text]) if text.strip() else None


@pytest.mark.parametrize("name", ["prune", *ALONE, *RANKED])
def test_in_any_order_and_any_thread(make: Make, name: str) -> None:
    compressor = make(name, order="score")
    # A share would be one of a total that may count a token more in another order.
    budget = Budget(tokens=250)
    if name in ALONE:  # Random weights score many words nearly alike, and a rate may end between two of these.
        budget = clear_threshold(compressor.compress(QUERY, TEXTS, budget))
    expected = compressor.compress(QUERY, TEXTS, budget)
    one = by_text(TEXTS, expected)
    orders = [random.Random(i).sample(TEXTS, len(TEXTS)) for i in range(4)]

    def compress(texts: list[str]) -> Compression:
        return compressor.compress(QUERY, texts, budget)

    with ThreadPoolExecutor(6) as pool:  # whose calls share forwards, and so are each other's company
        beside = [pool.submit(compressor.compress, QUERY, COMPANY[i : i + 9], budget) for i in range(2)]
        results = list(pool.map(compress, orders))
        for future in beside:
            future.result()
    for texts, result in zip(orders, results, strict=True):
        found = by_text(texts, result)
        for text in TEXTS:
            same(found[text], one[text])
        assert sorted(result.text.split("\n\n")) == sorted(expected.text.split("\n\n"))


@pytest.mark.parametrize("name", ["prune", "llmlingua2 xlm-roberta", "llmlingua", "longllmlingua"])
def test_running_out_of_memory_costs_time_and_changes_nothing(
    make: Make, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every forward of more than two sequences fails, as it does on a device that is too small for it."""
    import torch

    from boildown.runtime.causal_losses import Losses
    from boildown.runtime.encoder import Encoder

    compressor = make(name)
    # A share would be one of a total that may count a token more in another order.
    budget = Budget(tokens=250)
    if name in ALONE:  # as above
        budget = clear_threshold(compressor.compress(QUERY, TEXTS, budget))
    expected = by_text(TEXTS, compressor.compress(QUERY, TEXTS, budget))
    failed = []
    for owner in (Encoder, Losses):

        def small(self: Any, batch: Any, forward: Any = owner.forward) -> Any:
            if sum(count for count, _ in batch.runs) > 2:
                failed.append(batch)
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
            return forward(self, batch)

        monkeypatch.setattr(owner, "forward", small)
    found = by_text(TEXTS, compressor.compress(QUERY, TEXTS, budget))
    assert failed
    for text in TEXTS:
        same(found[text], expected[text])
