"""The network: an encoder with a relevance head, a keep head and an answer head, and how its base is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from boildown.errors import ModelError
from boildown.runtime.checkpoint import read_config, read_tokenizer, read_weights, refuse_no_vocabulary, refuse_pickles
from boildown.runtime.tokens import special_tokens

_HEADS = ("relevance_head", "keep_head", "answer_head")


class PruneModel(nn.Module):
    """Any Hugging Face encoder with three linear heads.

    ``forward`` takes ``(B, T)`` ids, mask and token types and returns relevance logits ``(B,)`` from
    the first token, and keep and answer logits, each ``(B, T)``. Heads run in fp32 whatever the encoder's dtype.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        hidden = int(encoder.config.hidden_size)
        self.relevance_head = nn.Linear(hidden, 1)
        self.keep_head = nn.Linear(hidden, 1)
        self.answer_head = nn.Linear(hidden, 1)
        for head in (self.relevance_head, self.keep_head, self.answer_head):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    @property
    def token_types(self) -> int:
        return int(getattr(self.encoder.config, "type_vocab_size", 0) or 0)

    @property
    def positions(self) -> int:
        """Longest input; RoBERTa and its kin number positions from the padding id on."""
        config = self.encoder.config
        offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
        return int(getattr(config, "max_position_embeddings", 1 << 20)) - offset

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if self.token_types > 1:
            inputs["token_type_ids"] = types
        hidden = self.encoder(**inputs).last_hidden_state.float()

        def head(layer: nn.Linear, states: torch.Tensor) -> torch.Tensor:
            return F.linear(states, layer.weight.float(), layer.bias.float()).squeeze(-1)

        return head(self.relevance_head, hidden[:, 0]), head(self.keep_head, hidden), head(self.answer_head, hidden)


@contextmanager
def _loading(base: str) -> Iterator[None]:
    """Turns what comes of a base that cannot be loaded into a ``ModelError`` that names it."""
    try:
        yield
    except Exception as error:  # transformers, tokenizers and safetensors raise many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"The base {base!r} is no model that transformers can load: {reason} Give the folder of a Hugging Face "
            "encoder or of a boildown model, or a hub id."
        ) from error


def load_encoder(base: str) -> Any:
    """Loads a base encoder without dropout and, where it has one, without its pooler.

    Raises:
        ModelError: there is no such model, or it cannot be read.
    """
    from transformers import AutoConfig, AutoModel

    with _loading(base):
        config = AutoConfig.from_pretrained(base, trust_remote_code=False)
    refuse_pickles(Path(base))
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout", "dropout"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    # Eager attention: on a CPU its bf16 products are faster than SDPA at these short lengths.
    options = {} if torch.cuda.is_available() else {"attn_implementation": "eager"}
    if (Path(base) / "boildown.json").is_file():
        return _load_trained(base, config, options)
    keywords = {"config": config, "use_safetensors": True, "trust_remote_code": False, **options}
    with _loading(base):
        try:
            return AutoModel.from_pretrained(base, add_pooling_layer=False, **keywords).float()
        except TypeError:
            return AutoModel.from_pretrained(base, **keywords).float()


def _load_trained(base: str, config: Any, options: dict[str, str]) -> Any:
    """The encoder of a boildown checkpoint, of which transformers would report the heads as unexpected.

    Raises:
        ModelError: a tensor is missing, or does not fit; trained further, it would be random.
    """
    from transformers import AutoModel

    tensors = {name: tensor for name, tensor in read_weights(Path(base)).items() if _of_encoder(name)}
    with _loading(base):
        try:
            encoder = AutoModel.from_config(config, add_pooling_layer=False, **options)
        except TypeError:
            encoder = AutoModel.from_config(config, **options)
    own = {name: tensor for name, tensor in encoder.state_dict().items() if _of_encoder(name)}
    both = own.keys() & tensors.keys()
    wrong = sorted((own.keys() ^ tensors.keys()) | {name for name in both if own[name].shape != tensors[name].shape})
    if wrong:
        raise ModelError(
            f"The weights of the boildown model {base!r} do not fit {type(encoder).__name__}: {', '.join(wrong[:8])} "
            "missing, unknown or of another shape. Take an intact copy."
        )
    encoder.load_state_dict(tensors, strict=False)
    return encoder.float()


def _of_encoder(name: str) -> bool:
    """Whether a checkpoint's tensor is one that the encoder has to have: no head, no pooler, no constant."""
    return not (name.startswith(_HEADS) or "pooler" in name or name.endswith(("position_ids", "token_type_ids")))


def load_tokenizer(base: str) -> Any:
    """The base's tokenizer; raises ``ModelError`` where it has none that knows character offsets."""
    from transformers import AutoTokenizer

    folder = Path(base)
    with _loading(base):
        if (folder / "tokenizer.json").is_file() and not (folder / "tokenizer_config.json").is_file():
            tokenizer = _as_it_is(folder)
        else:
            tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    refuse_no_vocabulary(tokenizer, base)
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"The base {base!r} has no fast tokenizer, and a slow one knows no character offsets.")
    return tokenizer


def _as_it_is(folder: Path) -> Any:
    """The tokenizer of a tokenizer.json that stands alone, as in a boildown checkpoint.

    Transformers would take the vocabulary alone and the rules from the class of the model's kind: a cased BERT would
    be read in lower case, and a ModernBERT have no special tokens.
    """
    from transformers import PreTrainedTokenizerFast

    raw = read_tokenizer(folder)
    before, after = special_tokens(raw, folder)
    ids = {"cls_token": before[:1], "sep_token": after[:1], "pad_token": [read_config(folder).get("pad_token_id") or 0]}
    names = {name: raw.id_to_token(found[0]) for name, found in ids.items() if found}
    # Token types are left out: a single text has none, and some encoders do not take any.
    inputs = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_input_names=inputs, **names)


def load_heads(model: PruneModel, base: str) -> None:
    """Takes over the heads where the base is itself a boildown checkpoint, so that it is trained further.

    Raises:
        ModelError: it lacks one, or one does not fit.
    """
    folder = Path(base)
    if not (folder / "boildown.json").is_file():
        return
    tensors = read_weights(folder)
    for name in _HEADS:
        if name == "answer_head" and f"{name}.weight" not in tensors:
            # Older checkpoints have none; an answer stands in what is needed, but is less of it.
            model.answer_head.load_state_dict(model.keep_head.state_dict())
            model.answer_head.bias.data.sub_(6.0)
            continue
        own = getattr(model, name).state_dict()
        head = {part: tensors.get(f"{name}.{part}") for part in own}
        if any(given is None or given.shape != own[part].shape for part, given in head.items()):
            raise ModelError(
                f"The weights of the boildown model {base!r} hold no {name} that fits its encoder. Take an intact "
                "copy; or remove its boildown.json, and it is trained with new heads."
            )
        getattr(model, name).load_state_dict(head)
