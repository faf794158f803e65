"""The `llmlingua` package, as it runs on today's transformers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from boildown.evaluation.llmlingua_cache import with_cache_objects

T = TypeVar("T")


def load_reference(folder: Path, *, llmlingua2: bool = False) -> Any:
    """An `llmlingua.PromptCompressor` on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from llmlingua import PromptCompressor

        compressor = PromptCompressor(
            str(folder), device_map="cpu", use_llmlingua2=llmlingua2, model_config={"trust_remote_code": False}
        )
    return compressor if llmlingua2 else with_cache_objects(compressor)


def assert_reproduced(reference: Any, ask: Callable[[Any], T], found: T) -> None:
    """Checks that what was found is what the reference answers.

    Where two scores differ by no more than rounding, the machine decides which token is kept, and there is nothing to
    reproduce: such a case is skipped, if the reference contradicts itself when its logits are moved by that little.
    """
    expected = ask(reference)
    if found != expected:
        for seed in range(8):
            with _rounded_otherwise(reference.model, seed):
                if ask(reference) != expected:
                    pytest.skip("two scores lie closer together than rounding on this machine")
    assert found == expected


@contextmanager
def _rounded_otherwise(model: Any, seed: int) -> Iterator[None]:
    """The model with logits that are off by about as much as fp32 rounds them."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def nudge(_: Any, __: Any, output: Any) -> Any:
        output.logits = output.logits + 1e-5 * torch.randn(output.logits.shape, generator=generator)
        return output

    handle = model.register_forward_hook(nudge)
    try:
        yield
    finally:
        handle.remove()
