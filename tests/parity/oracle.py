"""The `llmlingua` package as it runs on today's transformers: its key/value lists and Cache objects are converted
where they cross its `get_ppl`, and nothing else of it is touched."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any


def load_reference(folder: Path, *, llmlingua2: bool = False) -> Any:
    """An `llmlingua.PromptCompressor` on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from llmlingua import PromptCompressor
        from transformers import DynamicCache

        compressor = PromptCompressor(
            str(folder), device_map="cpu", use_llmlingua2=llmlingua2, model_config={"trust_remote_code": False}
        )
    plain = compressor.get_ppl

    class Pairs(DynamicCache):
        """Answers `cache[layer][0].shape`, by which the package measures a cache's length."""

        def __getitem__(self, layer: int) -> tuple[Any, Any]:
            return self.layers[layer].keys, self.layers[layer].values

    def get_ppl(*args: Any, past_key_values: Any = None, return_kv: bool = False, **kwargs: Any) -> Any:
        cache = None
        if past_key_values is not None:
            cache = Pairs()
            for layer, (keys, values) in enumerate(past_key_values):
                cache.update(keys, values, layer)
        result = plain(*args, past_key_values=cache, return_kv=return_kv, **kwargs)
        return (result[0], [[layer.keys, layer.values] for layer in result[1].layers]) if return_kv else result

    if not llmlingua2:
        compressor.get_ppl = get_ppl
    return compressor
