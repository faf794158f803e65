"""What is measured side by side: another package and boildown, each as a function of documents."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from boildown.benchmark.rows import Task
from boildown.benchmark.texts import QUESTION
from boildown.evaluation.baselines import LONGLLMLINGUA

__all__ = ["FORWARDED", "System", "build"]

System = Callable[[list[str]], Any]

FORWARDED: list[int] = []
"""Tokens of each forward, padding included, of whatever system has run since it was last cleared."""


def build(task: Task, system: str) -> System:
    """A loaded system, whose forwards are counted.

    Args:
        task: of a row whose task is "classify", "rank", "prompt", "question", "rerank" or "embed".
        system: the row's `base`; "exact" for our reproduction of it; or a dtype of boildown's own way.

    Raises:
        BoildownError: the model cannot run here.
    """
    warnings.simplefilter("ignore")
    kind, folder, device = task.row.task, str(task.folder), task.device
    if kind in ("rerank", "embed"):
        return _sentences(kind, folder, device, None if system == task.row.base else system)
    if system == task.row.base:
        return _llmlingua(kind, folder, device)
    if kind == "rank":
        return _rank(folder, device, system)
    return _classify(folder, device, system) if kind == "classify" else _prompt(kind, folder, device, system)


def _llmlingua(kind: str, folder: str, device: str) -> System:
    _offline_tables()
    from llmlingua import PromptCompressor

    from boildown.evaluation.llmlingua_cache import with_cache_objects

    classifier = kind == "classify"
    compressor = PromptCompressor(
        folder, device_map=device, use_llmlingua2=classifier, model_config={"trust_remote_code": False}
    )
    _count_theirs(compressor.model)
    if classifier:
        return lambda documents: compressor.compress_prompt(documents, rate=0.5, use_context_level_filter=False)
    with_cache_objects(compressor)
    if kind == "rank":
        return lambda documents: compressor.get_rank_results(
            documents, QUESTION, "longllmlingua", "after", [0] * len(documents)
        )
    options = LONGLLMLINGUA if kind == "question" else {}
    return lambda documents: compressor.compress_prompt(documents, question=QUESTION, rate=0.5, **options)


def _prompt(kind: str, folder: str, device: str, system: str) -> System:
    from boildown.compat import PromptCompressor
    from boildown.runtime.causal_losses import Losses
    from boildown.runtime.devices import pick_device, pick_dtype

    _offline_tables()
    _count(Losses)
    exact = system == "exact"
    dtype = "float32" if exact else str(pick_dtype(system, pick_device(device))).removeprefix("torch.")
    ours = PromptCompressor(folder, device, {"dtype": dtype}, exact=exact)
    options = LONGLLMLINGUA if kind == "question" else {}
    return lambda documents: ours.compress_prompt(documents, question=QUESTION, rate=0.5, **options)


def _classify(folder: str, device: str, dtype: str) -> System:
    from boildown import Budget, Compressor
    from boildown.runtime.encoder import Encoder

    _count(Encoder)
    ours = Compressor("llmlingua2", model=folder, device=device, dtype=dtype, unit="word", cache=False)
    return lambda documents: ours.compress(QUESTION, documents, Budget(rate=0.5))


def _rank(folder: str, device: str, dtype: str) -> System:
    from boildown.methods.longllmlingua import LongLLMLingua
    from boildown.runtime.causal_losses import Losses
    from boildown.sources import Sources

    _count(Losses)
    ours = LongLLMLingua(folder, token_score="none", device=device, dtype=dtype)
    ours.load()
    return lambda documents: ours.score(QUESTION, Sources(documents))


def _sentences(kind: str, folder: str, device: str, dtype: str | None) -> System:
    """A method by its model's name in a dtype of ours, or, without one, by an object of sentence-transformers."""
    from boildown.methods.cross_encoder import CrossEncoder
    from boildown.methods.embedding import Embedding
    from boildown.runtime.encoder import Encoder
    from boildown.sources import Sources

    _count(Encoder)
    method = CrossEncoder if kind == "rerank" else Embedding
    if dtype is not None:
        ours = method(folder, device=device, dtype=dtype)
        return lambda documents: ours.score(QUESTION, Sources(documents))
    import sentence_transformers

    if kind == "rerank":
        theirs = sentence_transformers.CrossEncoder(folder, device=device)
        _count_theirs(theirs.model)
    else:
        theirs = sentence_transformers.SentenceTransformer(folder, device=device)
        _count_theirs(theirs[0].auto_model)
    given = method(theirs)
    return lambda documents: given.score(QUESTION, Sources(documents))


def _count_theirs(model: Any) -> None:
    def note(embeddings: Any, args: Any) -> None:
        FORWARDED.append(args[0].numel())

    # Every forward begins there, and not all packages call the model itself as a module.
    model.get_input_embeddings().register_forward_pre_hook(note)


def _count(ours: Any) -> None:
    """Counts the forwards of a class of the runtime, once for all systems."""
    forward = ours.forward

    def counted(self: Any, batch: Any) -> Any:
        FORWARDED.append(batch.tokens.shape[1])
        return forward(self, batch)

    if forward.__name__ != "counted":
        ours.forward = counted


def _offline_tables() -> None:
    """llmlingua counts by a table of tiktoken and splits by NLTK's, which llama-index-core happens to bring."""
    spec = find_spec("llama_index.core") if find_spec("llama_index") else None
    if spec is None or not spec.origin:
        return
    static = Path(spec.origin).parent / "_static"
    for variable, name in (("TIKTOKEN_CACHE_DIR", "tiktoken_cache"), ("NLTK_DATA", "nltk_cache")):
        if (static / name).is_dir():
            os.environ.setdefault(variable, str(static / name))
