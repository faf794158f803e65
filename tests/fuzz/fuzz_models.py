"""Methods that run a model: the bundled one, and small ones of each other kind with random weights."""

from __future__ import annotations

import atexit
import copy
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_checks import check_cut, target
from fuzz_inputs import BUDGET, DOCUMENTS, QUERY
from hypothesis import strategies as st

from boildown import Budget, Compressor, Document

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tiny_models import tiny_bert, tiny_gpt2, tiny_llama, tiny_modernbert, tiny_qwen3, tiny_xlm_roberta


@cache
def made(name: str) -> str:
    """A small checkpoint of this kind, made when it is first asked for and gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="boildown-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    makers = {
        "bert": tiny_bert,
        "xlm-roberta": tiny_xlm_roberta,
        "modernbert": tiny_modernbert,
        "gpt2": tiny_gpt2,
        "llama": tiny_llama,
        "qwen3": tiny_qwen3,
    }
    return str(makers[name](folder / name))


UNIT: st.SearchStrategy[Any] = st.sampled_from([None, "sentence", "word", "token"])


@target("models", share=0.02, query=QUERY, documents=DOCUMENTS, budget=BUDGET, other=BUDGET, unit=UNIT)
def bundled(query: str, documents: list[Document], budget: Budget, other: Budget, unit: Any) -> None:
    """The default method, by sentences, words and tokens."""
    before = copy.deepcopy(documents)
    compressor = Compressor(unit=unit, cache=False)
    result = compressor.compress(query, documents, budget)
    check_cut(result, documents, budget, compressor.plan)
    check_cut(result.rebudget(other), documents, other, compressor.plan)
    assert not np.isnan(result.scores.relevance).any()
    assert compressor.compress(query, documents, budget).text == result.text
    assert documents == before


KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("llmlingua2", "bert", {}),
    ("llmlingua2", "xlm-roberta", {}),
    ("securitylingua", "bert", {}),
    ("llmlingua", "gpt2", {}),
    ("longllmlingua", "llama", {}),
    ("selective_context", "gpt2", {"level": "token"}),
]


@target(
    "models",
    share=0.02,
    kind=st.sampled_from(KINDS),
    query=QUERY,
    documents=DOCUMENTS,
    budget=BUDGET,
    unit=UNIT,
)
def small_models(kind: Any, query: str, documents: list[Document], budget: Budget, unit: Any) -> None:
    """The published methods, by sentences, words and tokens."""
    method, model, options = kind
    compressor = Compressor(method, model=made(model), device="cpu", unit=unit, options=options, cache=False)
    result = compressor.compress(query, documents, budget)
    check_cut(result, documents, budget, compressor.plan)
    assert compressor.compress(query, documents, budget).text == result.text
