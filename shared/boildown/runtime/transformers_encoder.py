"""Encoders of any architecture that transformers knows, in padded batches of about equal length."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boildown.errors import ModelError
from boildown.runtime.checkpoint import check_weights, read_config, read_weights, tokenizer_limit
from boildown.runtime.devices import cast_parameters, dtype_argument, refuse_int8, to_device
from boildown.runtime.encoder import MODEL_TYPES
from boildown.runtime.jobs import Head
from boildown.runtime.packing import Ids, MicroBatch, Packing, padded
from boildown.runtime.scheduler import scheduler_for

__all__ = ["TransformersEncoder"]

_CLASSES = {
    "encoder": "AutoModel",
    "token-classification": "AutoModelForTokenClassification",
    "text-classification": "AutoModelForSequenceClassification",
}
_CPU_TOKENS = 2048
_GPU_TOKENS = 32768


class TransformersEncoder:
    """A model of transformers behind the interface of `Encoder`.

    Attributes:
        config: the model's config.json.
        heads: the checkpoint's tensors that the model does not use, in fp32 on the device.
        hidden_size: the width of what `hidden` gives: the states', or the number of labels.
        vocabulary: the number of token ids that the model has a state for.
        max_length: the most tokens a sequence may have, special tokens included.
    """

    def __init__(
        self, model: Any, config: dict[str, Any], heads: dict[str, Tensor], max_length: int, hidden_size: int
    ) -> None:
        self._model = model
        self.config = config
        self.heads = heads
        self.max_length = max_length
        self.hidden_size = hidden_size
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        takes = inspect.signature(model.forward).parameters
        self.batch_tokens = _CPU_TOKENS if self.device.type == "cpu" else _GPU_TOKENS
        self._typed = "token_type_ids" in takes and int(config.get("type_vocab_size") or 0) > 1
        self.vocabulary = int(model.get_input_embeddings().num_embeddings)
        self._pad = int(config.get("pad_token_id") or 0)

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        task: Literal["encoder", "token-classification", "text-classification"] = "encoder",
    ) -> TransformersEncoder:
        """Loads the model from a folder; the architecture is the one that config.json names.

        Args:
            path: a folder with config.json and model.safetensors.
            device: where to run.
            dtype: what to compute in.
            task: whether `hidden` gives the last layer's states, the logits of a token classifier, or those of a
                classifier of texts, the same for every token of a sequence.

        Raises:
            ModelError: transformers does not know the architecture, or a file or a tensor is missing.
            ConfigurationError: the dtype is int8.
        """
        import transformers

        folder = Path(path)
        refuse_int8(dtype, f"The model in {folder}, which runs by transformers' classes,")
        config = read_config(folder)
        check_weights(folder)
        kind = config.get("model_type")
        if kind is not None and kind not in transformers.CONFIG_MAPPING:
            raise ModelError(
                f"{folder} has the model_type {kind!r}, which neither boildown nor transformers "
                f"{transformers.__version__} knows. boildown runs {', '.join(MODEL_TYPES)} by itself; all others go "
                "through transformers, of which a newer version may know this one. Code that comes with a checkpoint "
                "is not run."
            )
        try:
            model, report = getattr(transformers, _CLASSES[task]).from_pretrained(
                folder,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                **dtype_argument(dtype),
            )
        except Exception as error:
            raise ModelError(
                f"transformers {transformers.__version__} cannot load {folder} (model_type {kind!r}) as "
                f"{_CLASSES[task]}: {error}"
            ) from error
        # The pooler of a bare encoder is not used; any other tensor that is missing would be random.
        pooled = task == "text-classification"
        missing = sorted(name for name in report["missing_keys"] if pooled or "pooler" not in name)
        if missing:
            raise ModelError(f"The weights in {folder} do not fit {type(model).__name__}. Missing: {missing[:8]}.")
        unused = set(report["unexpected_keys"])
        heads = {n: t.to(device, torch.float32) for n, t in read_weights(folder).items() if n in unused}
        width = model.config.hidden_size if task == "encoder" else model.config.num_labels
        model = model.to(device).eval()
        cast_parameters(model, dtype)  # transformers leaves some of DeBERTa's biases in fp32
        return cls(model, config, heads, _max_length(model, folder), int(width))

    def hidden(
        self, ids: Sequence[Ids], token_types: Sequence[Ids] | None = None, head: Head | None = None
    ) -> tuple[Tensor, NDArray[np.int64]]:
        """The last layer's states, or the logits, or what the head makes of them; see `Encoder.hidden`."""
        packing = Packing(ids, token_types)
        packing.check(self.max_length, self.vocabulary)
        if not len(packing.ids):
            nothing = torch.empty(0, self.hidden_size, dtype=self.dtype, device=self.device)
            return nothing if head is None else head(nothing), packing.offsets
        return scheduler_for(self.device).run(self, packing, head), packing.offsets

    @torch.inference_mode()
    def forward(self, batch: MicroBatch) -> Tensor:
        """Rows of shape (tokens, hidden_size), in the order of the batch."""
        ids, types, _ = batch.tokens
        states = torch.empty(len(ids), self.hidden_size, dtype=self.dtype, device=self.device)
        for rows, mask in padded(batch.runs, self.batch_tokens, self.max_length):
            given = {"input_ids": np.where(mask, ids[rows], self._pad), "attention_mask": mask.astype(np.int64)}
            if self._typed:
                given["token_type_ids"] = np.where(mask, types[rows], 0)
            output = self._model(**{name: to_device(values, self.device) for name, values in given.items()})[0]
            if output.ndim == 2:  # one row for each sequence
                output = output[:, None].expand(-1, mask.shape[1], -1)
            # By places and not by the mask, whose true ones the host would have to wait for.
            places = to_device(np.flatnonzero(mask), self.device)
            states[to_device(rows[mask], self.device)] = output.flatten(0, 1)[places]
        return states


def _max_length(model: Any, folder: Path) -> int:
    """The shortest of the limits that the positions, the configuration and the tokenizer set."""
    limits = [int(getattr(model.config, "max_position_embeddings", 0) or 0)]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1)
    limits.append(tokenizer_limit(folder) or 0)
    return min((limit for limit in limits if limit > 0), default=512)
