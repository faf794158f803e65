"""The architectures of the models that people compress with: small ones in their published layout, in several files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import ENGLISH

from boildown import Budget, Compressor
from boildown.errors import ModelError
from boildown.runtime.causal_loading import load_causal

TEXTS = [*ENGLISH[:3], " ".join(ENGLISH * 2)]
OPTIONS: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 32},
    "qwen2": {},
    "qwen3": {},
    "phi": {"num_key_value_heads": 4},
    "phi3": {},
    "gemma": {},
    "gemma2": {"sliding_window": 32, "query_pre_attn_scalar": 8},
    "gemma3_text": {"sliding_window": 32, "query_pre_attn_scalar": 8},
    "gpt_neox": {"num_key_value_heads": 4},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "granite": {"logits_scaling": 4.0},
}
STATES: dict[str, dict[str, Any]] = {
    "mamba": {"state_size": 8},
    "mamba2": {"num_heads": 8, "head_dim": 8, "state_size": 8},
    "falcon_h1": {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "qwen3_next": {
        "num_hidden_layers": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 8,
        "linear_value_head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    },
    "openai-gpt": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
}  # fmt: skip
"""Models that keep a state of what they have read, in some layers or beside attention, or nothing at all."""


@pytest.fixture(params=[*OPTIONS, *STATES])
def model(request: pytest.FixtureRequest, gpt2: Path, tmp_path: Path) -> tuple[Any, str]:
    """A model, and the folder where it is saved with a tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    try:
        config = AutoConfig.for_model(request.param)
    except ValueError:
        pytest.skip(f"this transformers knows no {request.param}")
    tokenizer = AutoTokenizer.from_pretrained(gpt2)
    shape = {
        "vocab_size": len(tokenizer) + 28, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256,
        "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "initializer_range": 0.2,
    }  # fmt: skip
    for name, value in {**shape, **{**OPTIONS, **STATES}[request.param]}.items():
        setattr(config, name, value)
    if getattr(config, "layer_types", None) and "layer_types" in vars(config):
        config.layer_types = config.layer_types[: config.num_hidden_layers]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = AutoModelForCausalLM.from_config(config).eval().float()
    made.save_pretrained(tmp_path, max_shard_size="60KB")
    tokenizer.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors.index.json").is_file()
    return made, str(tmp_path)


def test_losses_are_the_models_own(model: tuple[Any, str]) -> None:
    import torch

    made, folder = model
    loaded = load_causal(folder, "cpu", "float32")
    texts = loaded.encode(TEXTS[:3])
    question = loaded.encode(["Who counted the ships, and how many were there?\n\n"])[0].ids
    for prefix in (np.zeros(0, dtype=np.int64), question):
        context = np.concatenate([loaded.start_ids, prefix])
        for text, found in zip(texts, loaded.token_nll(texts, prefix), strict=True):
            ids = torch.from_numpy(np.concatenate([context, text.ids]))[None]
            with torch.inference_mode():
                logits = made(ids).logits[0, len(context) - 1 : -1].log_softmax(-1)
            expected = -logits.gather(1, ids[0, len(context) :, None])[:, 0].numpy()
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_family_runs(model: tuple[Any, str]) -> None:
    from boildown.compat import PromptCompressor

    folder = model[1]
    result = Compressor("longllmlingua", model=folder, device="cpu").compress("Who counted?", TEXTS, Budget(rate=0.4))
    assert 0.3 * result.tokens_in < result.tokens_out <= 0.4 * result.tokens_in
    published: dict[str, Any] = {
        "question": "Who counted?", "rank_method": "longllmlingua", "condition_in_question": "after_condition",
        "condition_compare": True, "rate": 0.5,
    }  # fmt: skip
    compressor = PromptCompressor(folder, "cpu", exact=True, counter="estimate")
    if model[0].config.model_type in STATES:
        with pytest.raises(ModelError, match="no keys and values of single tokens"):
            compressor.compress_prompt(TEXTS, **published)
        return
    exact = compressor.compress_prompt(TEXTS, **published)
    assert 0 < exact["compressed_tokens"] < exact["origin_tokens"]
