"""The llmlingua package's key/value lists as the Cache objects that today's transformers want."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["with_cache_objects"]


def with_cache_objects(compressor: Any) -> Any:
    """Lets an `llmlingua.PromptCompressor` with a causal language model run on transformers 5.

    The package (0.2.2) holds keys and values in lists. They are converted where they cross its `get_ppl`, its model
    gets them by the name that it knows, and nothing else is touched. Transformers whose cache has no layers take the
    lists as they are, and nothing is changed.

    Args:
        compressor: an `llmlingua.PromptCompressor`.

    Returns:
        The same object.
    """
    from transformers import DynamicCache

    if not hasattr(DynamicCache(), "layers"):
        return compressor
    plain = compressor.get_ppl

    class Pairs(DynamicCache):  # type: ignore[misc]  # untyped
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

    def renamed(_: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, {"cache" if name == "past_key_values" else name: value for name, value in keywords.items()}

    if "cache" in inspect.signature(compressor.model.forward).parameters:  # since 5.24
        compressor.model.register_forward_pre_hook(renamed, with_kwargs=True)
    compressor.get_ppl = get_ppl
    return compressor
