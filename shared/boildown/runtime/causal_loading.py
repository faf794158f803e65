"""Loads causal language models through transformers, quantised checkpoints included."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from boildown.errors import ModelError
from boildown.runtime.causal import CausalLM
from boildown.runtime.checkpoint import first_line, refuse_no_vocabulary, refuse_pickles, remember_no_texts
from boildown.runtime.devices import dtype_argument, pick_device, pick_dtype, refuse_int8
from boildown.runtime.identity import check_identity
from boildown.runtime.models import shared_model

__all__ = ["load_causal", "load_pretrained"]

_QUANTISERS = {
    "bitsandbytes": "bitsandbytes",
    "gptq": "gptqmodel optimum",
    "awq": "gptqmodel",
    "quanto": "optimum-quanto",
    "aqlm": "aqlm",
    "compressed-tensors": "compressed-tensors",
    "torchao": "torchao",
    "hqq": "hqq",
}


def load_causal(name: str, device: str = "auto", dtype: str = "auto") -> CausalLM:
    """The process's causal language model of that name; loaded when first asked for.

    Args:
        name: a folder or hub id.
        device: see `pick_device`.
        dtype: see `pick_dtype`; a quantised checkpoint keeps its own.

    Raises:
        ModelError: the model cannot be loaded, needs a package that is missing, or is no causal language model.
        ConfigurationError: the dtype is int8, or there is no such device.
    """
    _refuse_int8(name, dtype)
    place = pick_device(device)
    where = str(place), str(pick_dtype(dtype, place))  # resolved, so that "auto" shares the model it stands for

    def load() -> CausalLM:
        from transformers import AutoModelForCausalLM

        check_identity(name)
        model, tokenizer = load_pretrained(AutoModelForCausalLM, name, *where)
        if tokenizer.is_fast:
            remember_no_texts(tokenizer.backend_tokenizer)
        return CausalLM(model, tokenizer)

    return shared_model(("causal", str(name), *where), load)


def load_pretrained(
    auto_class: Any,
    name: str,
    device: str,
    dtype: str,
    *,
    device_map: Any = None,
    trust_remote_code: bool = False,
    **options: Any,
) -> tuple[Any, Any]:
    """A fresh model in evaluation mode, and its tokenizer.

    Args:
        auto_class: a transformers Auto class, such as `AutoModelForCausalLM`.
        name: a folder or hub id.
        device: where to put it, unless `device_map` spreads it.
        dtype: see `pick_dtype`.
        device_map: as accelerate has it.
        trust_remote_code: run code that comes with the checkpoint.
        options: passed to all three `from_pretrained`; not changed.

    Raises:
        ModelError, ConfigurationError: as `load_causal`.
    """
    import transformers

    _refuse_int8(name, dtype)
    name = os.path.expanduser(name)
    options = {**options, "trust_remote_code": trust_remote_code}
    try:
        config = transformers.AutoConfig.from_pretrained(name, **options)
        _check_kind(auto_class, config, name)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
        refuse_no_vocabulary(tokenizer, name)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"The model {name!r} could not be loaded: {first_line(error)} Give a folder in the Hugging Face layout "
            "with a tokenizer in it, or a hub id while there is a network."
        ) from error
    refuse_pickles(Path(name))
    place = pick_device(device) if device_map is None else None
    quantisation = options.get("quantization_config") or getattr(config, "quantization_config", None)
    arguments: dict[str, Any] = {"use_safetensors": True}
    if quantisation is not None:
        arguments["device_map"] = device_map or {"": str(place)}
    elif place is not None:
        arguments |= dtype_argument(pick_dtype(dtype, place))
    else:
        arguments |= {"device_map": device_map, **dtype_argument(dtype)}
    needs = "accelerate" if quantisation is None else _quantiser(quantisation)
    try:
        if "device_map" in arguments:
            import_module("accelerate")  # transformers raises a ValueError where it is missing
        model, report = auto_class.from_pretrained(
            name, config=config, **{**options, **arguments, "output_loading_info": True}
        )
    except ImportError as error:
        raise ModelError(
            f"The model {name!r} needs a package that is missing: pip install {needs}. ({error})"
        ) from error
    except Exception as error:
        raise ModelError(f"The model {name!r} could not be loaded: {first_line(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing and quantisation is None:  # what a quantised one lacks is its quantiser's to tell
        raise ModelError(
            f"The weights of {name!r} lack {', '.join(missing[:8])}, which {type(model).__name__} needs and would be "
            "random. Give a checkpoint that was saved from that class, or fetch the model again."
        )
    if quantisation is None and place is not None:
        model = model.to(place)
    return model.eval(), tokenizer


def _refuse_int8(name: str, dtype: str) -> None:
    refuse_int8(dtype, f"The model {name!r}, which runs by transformers' classes,")


def _check_kind(auto_class: Any, config: Any, name: str) -> None:
    kinds = getattr(config, "architectures", None) or []
    classifier = any("ForTokenClassification" in kind for kind in kinds)
    if classifier and "CausalLM" in auto_class.__name__:
        raise ModelError(
            f"{name!r} is a token classifier, not a causal language model: use it with method 'llmlingua2'."
        )
    masked = any("ForMaskedLM" in kind or "ForPreTraining" in kind for kind in kinds)
    if masked and not getattr(config, "is_decoder", False) and "CausalLM" in auto_class.__name__:
        # Transformers loads it all the same; each token would be told by itself, as it is seen from both sides.
        raise ModelError(f"{name!r} is a masked language model; this method needs a causal one, such as GPT-2.")
    if getattr(config, "is_encoder_decoder", False) and "CausalLM" in auto_class.__name__:
        raise ModelError(f"{name!r} is an encoder-decoder; this method needs a causal language model, such as GPT-2.")


def _quantiser(quantisation: Any) -> str:
    method = quantisation.get("quant_method", "") if isinstance(quantisation, dict) else quantisation.quant_method
    kind = str(getattr(method, "value", method))
    return f"accelerate {_QUANTISERS.get(kind, kind)}"
