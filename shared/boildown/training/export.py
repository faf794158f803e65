"""Writes the checkpoint layout that the runtime loads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from .model import PruneModel

FORMAT = 1


def weights(model: PruneModel) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint: the encoder under its own names, and the heads."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        name = name.removeprefix("encoder.")
        if "pooler" in name or name.endswith(("position_ids", "token_type_ids")):
            continue
        kind = torch.float16 if tensor.is_floating_point() else tensor.dtype
        tensors[name] = tensor.detach().to("cpu", kind).contiguous()
    return tensors


def export_checkpoint(
    model: PruneModel,
    tokenizer: Any,
    folder: Path,
    *,
    max_length: int,
    max_query: int,
    settings: dict[str, Any],
) -> Path:
    """Writes weights, config, tokenizer and ``boildown.json`` into ``folder``, each file at once.

    Args:
        settings: more for ``boildown.json``: the calibration or the mix, and what the model was trained for.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, data: bytes) -> None:
        temporary = folder / f".{name}.tmp"
        temporary.write_bytes(data)
        temporary.replace(folder / name)

    data = save(weights(model), metadata={"format": "pt"})
    config = model.encoder.config.to_dict()
    for name in ("_name_or_path", "transformers_version", "dtype"):
        config.pop(name, None)
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    write("config.json", json.dumps(config, indent=2, sort_keys=True).encode() + b"\n")
    write("tokenizer.json", backend.to_str(pretty=False).encode())
    # For a tokenizer without a post-processor, which does not say what stands around a text.
    around = {
        "cls_token": tokenizer.cls_token or tokenizer.bos_token,
        "sep_token": tokenizer.sep_token or tokenizer.eos_token,
    }
    write("special_tokens_map.json", json.dumps(around, indent=2).encode() + b"\n")
    write("model.safetensors", data)
    meta = {
        "format": FORMAT,
        "max_length": max_length,
        "max_query": max_query,
        **settings,
        "revision": hashlib.sha256(data).hexdigest(),
    }
    write("boildown.json", json.dumps(meta, indent=2).encode() + b"\n")
    return folder
