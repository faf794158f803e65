from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import ENGLISH
from transformers import AutoModelForCausalLM

from boildown.errors import ModelError
from boildown.runtime.causal_loading import load_causal, load_pretrained


def test_loading_says_what_is_wrong(tmp_path: Path, bert: Path) -> None:
    with pytest.raises(ModelError, match="could not be loaded"):
        load_causal(str(tmp_path / "nowhere"), "cpu")
    with pytest.raises(ModelError, match="llmlingua2"):
        load_causal(str(bert), "cpu")


@pytest.mark.parametrize("kind", ["LlamaModel", "LlamaForSequenceClassification"])
def test_a_model_without_a_head_is_refused(llama: Path, tmp_path: Path, kind: str) -> None:
    """Transformers makes one up, another in each process."""
    import transformers

    transformers.AutoTokenizer.from_pretrained(llama).save_pretrained(tmp_path)
    getattr(transformers, kind).from_pretrained(llama).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"lack lm_head\.weight, which LlamaForCausalLM needs"):
        load_causal(str(tmp_path), "cpu")


def test_a_masked_language_model_is_refused(bert: Path, tmp_path: Path) -> None:
    """It sees each token that it is to tell."""
    from transformers import AutoTokenizer, BertForMaskedLM

    AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path)
    BertForMaskedLM.from_pretrained(bert).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="masked language model"):
        load_causal(str(tmp_path), "cpu")


def test_a_model_without_a_tokenizer_is_refused(gpt2: Path, tmp_path: Path) -> None:
    """Transformers makes one up, to which every text is empty."""
    folder = shutil.copytree(gpt2, tmp_path / "bare")
    for path in folder.glob("*token*"):
        path.unlink()
    with pytest.raises(ModelError, match="tokenizer"):
        load_causal(str(folder), "cpu")


def test_a_spread_model_without_accelerate(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ModelError, match="pip install accelerate"):
        load_pretrained(AutoModelForCausalLM, str(gpt2), "cpu", "float32", device_map="auto")


@pytest.mark.parametrize(
    ("method", "package"), [("gptq", "gptqmodel optimum"), ("awq", "gptqmodel"), ("bitsandbytes", "bitsandbytes")]
)
def test_a_quantised_checkpoint_names_the_package(gpt2: Path, tmp_path: Path, method: str, package: str) -> None:
    import json
    from importlib.util import find_spec

    if find_spec(package.split()[0]):
        pytest.skip(f"{package} is installed")
    folder = tmp_path / "quantised"
    shutil.copytree(gpt2, folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": method, "bits": 4, "load_in_4bit": method == "bitsandbytes"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=f"pip install accelerate {package}"):
        load_causal(str(folder), "cpu")


def test_a_quantisation_that_is_asked_for_is_one(gpt2: Path) -> None:
    from importlib.util import find_spec

    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")
    options = {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
    with pytest.raises(ModelError, match="pip install accelerate bitsandbytes"):
        load_pretrained(AutoModelForCausalLM, str(gpt2), "cpu", "float32", **options)


def test_a_quantised_checkpoint_is_read_as_such(llama: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    pytest.importorskip("accelerate")
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    folder = str(tmp_path / "int8")
    config = BitsAndBytesConfig(load_in_8bit=True)
    made = AutoModelForCausalLM.from_pretrained(llama, quantization_config=config, device_map={"": "cpu"})
    made.save_pretrained(folder)
    AutoTokenizer.from_pretrained(llama).save_pretrained(folder)
    quantised, plain = load_causal(folder, "cpu"), load_causal(str(llama), "cpu", "float32")
    assert any(p.dtype == torch.int8 for p in quantised.model.parameters())
    got, wanted = (np.concatenate(m.token_nll(m.encode(ENGLISH))) for m in (quantised, plain))
    assert np.isfinite(got).all()
    assert np.corrcoef(got, wanted)[0, 1] > 0.95


def test_a_folder_in_the_home_is_found(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(gpt2.parent))
    load_causal(f"~/{gpt2.name}", "cpu", "float32")


def test_models_are_shared(gpt2: Path) -> None:
    assert load_causal(str(gpt2), "cpu", "float32") is load_causal(str(gpt2), "cpu", "float32")
