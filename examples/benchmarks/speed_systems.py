"""What is measured side by side: the llmlingua package and boildown, each as a function of documents."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["FORWARDED", "REFERENCE", "System", "build"]

REFERENCE = "llmlingua"
QUESTION = "How many days of notice does a member have to give?"
LONGLLMLINGUA = {
    "rank_method": "longllmlingua",
    "condition_in_question": "after_condition",
    "reorder_context": "sort",
    "dynamic_context_compression_ratio": 0.3,
    "condition_compare": True,
}

System = Callable[[list[str]], Any]

FORWARDED: list[int] = []
"""Tokens of each forward, padding included, of whatever system has run since it was last cleared."""


def build(task: str, system: str, folder: Path, device: str) -> System:
    """A loaded system, whose forwards are counted.

    Args:
        task: "classify", "rank", "prompt" or "question".
        system: `REFERENCE`; "exact" for our reproduction of it; or a dtype of boildown's own way.
        folder: the model.
        device: where to run.
    """
    warnings.simplefilter("ignore")
    if system == REFERENCE:
        return _reference(task, folder, device)
    if task == "classify" and system != "exact":
        return _classify(folder, device, system)
    if task == "rank":
        return _rank(folder, device, system)
    return _prompt(task, folder, device, system)


def _reference(task: str, folder: Path, device: str) -> System:
    _offline_tables()
    from llmlingua import PromptCompressor

    from boildown.evaluation.llmlingua_cache import with_cache_objects

    classifier = task == "classify"
    compressor = PromptCompressor(
        str(folder), device_map=device, use_llmlingua2=classifier, model_config={"trust_remote_code": False}
    )
    _count(compressor.model)
    if classifier:
        return lambda documents: compressor.compress_prompt(documents, rate=0.5, use_context_level_filter=False)
    with_cache_objects(compressor)
    if task == "rank":
        return lambda documents: compressor.get_rank_results(
            documents, QUESTION, "longllmlingua", "after", [0] * len(documents)
        )
    options = LONGLLMLINGUA if task == "question" else {}
    return lambda documents: compressor.compress_prompt(documents, question=QUESTION, rate=0.5, **options)


def _prompt(task: str, folder: Path, device: str, system: str) -> System:
    from boildown.compat import PromptCompressor

    _offline_tables()
    exact = system == "exact"
    config = {"dtype": "float32" if exact else _dtype(system, device)}
    ours = PromptCompressor(str(folder), device, config, use_llmlingua2=task == "classify", exact=exact)
    _count_losses()
    options = LONGLLMLINGUA if task == "question" else {}
    return lambda documents: ours.compress_prompt(documents, question=QUESTION, rate=0.5, **options)


def _classify(folder: Path, device: str, dtype: str) -> System:
    from boildown import Budget, Compressor
    from boildown.runtime.encoder import Encoder

    forward = Encoder.forward

    def counted(self: Encoder, batch: Any) -> Any:
        FORWARDED.append(batch.tokens.shape[1])
        return forward(self, batch)

    if forward.__name__ != "counted":
        Encoder.forward = counted  # type: ignore[method-assign]
    ours = Compressor("llmlingua2", model=str(folder), device=device, dtype=dtype, unit="word", cache=False)
    return lambda documents: ours.compress(QUESTION, documents, Budget(rate=0.5))


def _rank(folder: Path, device: str, dtype: str) -> System:
    from boildown.methods.longllmlingua import LongLLMLingua
    from boildown.sources import Sources

    ours = LongLLMLingua(str(folder), token_score="none", device=device, dtype=dtype)
    ours.load()
    _count_losses()
    return lambda documents: ours.score(QUESTION, Sources(documents))


def _dtype(name: str, device: str) -> str:
    from boildown.runtime.devices import pick_device, pick_dtype

    return str(pick_dtype(name, pick_device(device))).removeprefix("torch.")


def _count(model: Any) -> None:
    def note(module: Any, args: Any, kwargs: Any) -> None:
        FORWARDED.append((kwargs["input_ids"] if kwargs.get("input_ids") is not None else args[0]).numel())

    model.base_model.register_forward_pre_hook(note, with_kwargs=True)


def _count_losses() -> None:
    from boildown.runtime.causal_losses import Losses

    forward = Losses.forward

    def counted(self: Losses, batch: Any) -> Any:
        FORWARDED.append(batch.tokens.shape[1])
        return forward(self, batch)

    if forward.__name__ != "counted":
        Losses.forward = counted  # type: ignore[method-assign]


def _offline_tables() -> None:
    """llmlingua counts by a table of tiktoken and splits by NLTK's, which llama-index-core happens to bring."""
    spec = find_spec("llama_index.core") if find_spec("llama_index") else None
    if spec is None or not spec.origin:
        return
    static = Path(spec.origin).parent / "_static"
    if (static / "tiktoken_cache").is_dir():
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(static / "tiktoken_cache"))
    if (static / "nltk_cache").is_dir() and find_spec("nltk"):
        import nltk

        nltk.data.path.insert(0, str(static / "nltk_cache"))
