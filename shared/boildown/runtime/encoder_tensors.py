"""Which tensors of a checkpoint are a BERT-like encoder's own, and whether they fit its config.json."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from boildown.errors import ModelError

__all__ = ["check_heads", "split_tensors"]

_BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
_WIDE = 3072
"""Of the feed-forward, where config.json does not say; transformers takes the same."""
_SHOWN = 8


def split_tensors(config: dict[str, Any], tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The encoder's own tensors under plain names, and the others.

    Raises:
        ModelError: an own tensor is missing or of another shape than config.json says, or one stands where the
            architecture has none.
    """
    anchor = "embeddings.word_embeddings.weight"
    found = [name for name in tensors if name == anchor or name.endswith("." + anchor)]
    if len(found) != 1:
        raise ModelError(f"The weights have {len(found)} tensors called {anchor!r}; there must be one.")
    prefix = found[0].removesuffix(anchor)
    expected = _shapes(config)
    own: dict[str, Tensor] = {}
    foreign: dict[str, Tensor] = {}
    unknown = []
    for name, tensor in tensors.items():
        plain = name.removeprefix(prefix)
        # Old checkpoints call a norm's weight and bias gamma and beta.
        plain = plain.replace("Norm.gamma", "Norm.weight").replace("Norm.beta", "Norm.bias")
        if name.startswith(prefix) and plain in expected:
            own[plain] = tensor
        elif plain in _BUFFERS:
            continue
        elif name.startswith(prefix) and plain.startswith(("embeddings.", "encoder.")):
            unknown.append(name)
        else:
            foreign[name] = tensor
    missing = sorted(expected.keys() - own.keys())
    other = [
        f"{name} {tuple(tensor.shape)} instead of {expected[name]}"
        for name, tensor in sorted(own.items())
        if not _fits(name, tuple(tensor.shape), expected[name])
    ]
    if missing or unknown or other:
        raise ModelError(
            "The weights do not fit config.json."
            + (f" Missing: {_some(missing)}." if missing else "")
            + (f" Not of this architecture: {_some(sorted(unknown))}." if unknown else "")
            + (f" Of another shape: {_some(other)}." if other else "")
        )
    return own, foreign


def check_heads(count: int, width: int) -> None:
    """Checks that attention can share out a state's `width` among `count` heads.

    Raises:
        ModelError: it cannot.
    """
    if count < 1 or width % count:
        raise ModelError(
            f"config.json has num_attention_heads {count}, which does not divide hidden_size {width}. Put the model's "
            "own config.json there."
        )


def _shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The tensors' names, and their shapes."""
    width, wide = int(config["hidden_size"]), int(config.get("intermediate_size") or _WIDE)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (int(config.get("vocab_size") or 0), width),
        "embeddings.position_embeddings.weight": (int(config["max_position_embeddings"]), width),
        "embeddings.token_type_embeddings.weight": (1, width),
    }

    def norm(name: str) -> None:
        shapes.update({f"{name}.LayerNorm.weight": (width,), f"{name}.LayerNorm.bias": (width,)})

    def linear(name: str, rows: int, columns: int) -> None:
        shapes.update({f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)})

    norm("embeddings")
    for layer in (f"encoder.layer.{i}" for i in range(int(config["num_hidden_layers"]))):
        for kind in ("query", "key", "value"):
            linear(f"{layer}.attention.self.{kind}", width, width)
        linear(f"{layer}.attention.output.dense", width, width)
        norm(f"{layer}.attention.output")
        linear(f"{layer}.intermediate.dense", wide, width)
        linear(f"{layer}.output.dense", width, wide)
        norm(f"{layer}.output")
    return shapes


def _fits(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether the shape is the one wanted; tables may have more rows, which are then not read."""
    if name.endswith("_embeddings.weight"):
        return len(shape) == len(wanted) and shape[0] >= wanted[0] and shape[1:] == wanted[1:]
    return shape == wanted


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
