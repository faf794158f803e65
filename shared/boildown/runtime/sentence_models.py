"""Embedding models and cross-encoders of sentence-transformers; most of them run here without that package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from boildown.errors import MissingExtraError, ModelError
from boildown.runtime.checkpoint import find_folder, refuse_no_vocabulary, refuse_pickles
from boildown.runtime.devices import cast_parameters, dtype_argument, pick_device, pick_dtype, refuse_int8
from boildown.runtime.identity import check_identity
from boildown.runtime.models import shared_model
from boildown.runtime.seats import away

if TYPE_CHECKING:
    from boildown.runtime.pair_classifier import PairClassifier
    from boildown.runtime.text_embedder import TextEmbedder

__all__ = ["load_pair_classifier", "load_sentence_model", "load_text_embedder", "sentence_model", "with_owner"]

Kind = Literal["SentenceTransformer", "CrossEncoder"]
Own = TypeVar("Own", "PairClassifier", "TextEmbedder")


@contextmanager
def sentence_model(kind: Kind, model: str | Any, device: str, dtype: str, method: str) -> Iterator[Any]:
    """The model that the block calls: one that is given by name is loaded.

    An object of the caller's own may be far away, or wait for others, so the block runs without this thread's seat.
    """
    if not isinstance(model, str):
        with away():
            yield model
        return
    load_own = load_pair_classifier if kind == "CrossEncoder" else load_text_embedder
    yield load_own(model, device, dtype) or load_sentence_model(kind, model, device, dtype, method)


def load_pair_classifier(name: str, device: str, dtype: str) -> PairClassifier | None:
    """The process's cross-encoder of that name, or None where it is of a kind that sentence-transformers has to run.

    Args:
        name: a folder or hub id.
        device: see `pick_device`.
        dtype: see `pick_dtype`.

    Raises:
        ModelError: there is no such model, or it does not fit or cannot rank.
        ConfigurationError: int8 where the model or the device cannot do it.
    """
    from boildown.runtime.pair_classifier import PairClassifier

    return _load_own(PairClassifier, name, device, dtype)


def load_text_embedder(name: str, device: str, dtype: str) -> TextEmbedder | None:
    """The process's embedding model of that name, or None where sentence-transformers has to run it.

    Args and errors are those of `load_pair_classifier`; see also `with_owner`.
    """
    from boildown.runtime.text_embedder import TextEmbedder

    return _load_own(TextEmbedder, with_owner(name), device, dtype)


def with_owner(name: str) -> str:
    """A folder, or a hub id; one without an owner is of sentence-transformers, whose models are often named so."""
    return name if "/" in name or Path(name).exists() else f"sentence-transformers/{name}"


def _load_own(kind: type[Own], name: str, device: str, dtype: str) -> Own | None:
    place = pick_device(device)
    precision = pick_dtype(dtype, place)

    def load() -> Own | None:
        check_identity(name)
        folder = find_folder(name)
        return kind.load(folder, place, precision) if kind.supports(folder) else None

    return shared_model((kind, name, str(place), str(precision)), load)


def load_sentence_model(kind: Kind, name: str, device: str, dtype: str, method: str) -> Any:
    """The process's model of that name; loaded when first asked for.

    Args:
        kind: the class in sentence-transformers.
        name: a folder or hub id.
        device: see `pick_device`.
        dtype: see `pick_dtype`.
        method: who asks, for the message where the package is missing.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
        ModelError: the model cannot be loaded, has pickled weights, or comes without a tokenizer; or a cross-encoder
            lacks tensors, such as those of its head.
        ConfigurationError: the dtype is int8.
    """
    refuse_int8(dtype, f"The model {name!r}, which runs by sentence-transformers,")
    place = pick_device(device)
    precision = pick_dtype(dtype, place)
    known, name = name, os.path.expanduser(name)

    def load() -> Any:
        check_identity(known)
        try:
            import sentence_transformers
        except ImportError:
            raise MissingExtraError("sentence-transformers", "embeddings", f"The method {method!r}") from None
        for folder in (Path(name), *Path(name).glob("**/*[0-9]_*")):  # the model, and its modules
            refuse_pickles(folder)
        build = getattr(sentence_transformers, kind)
        try:
            arguments = {"use_safetensors": True, **dtype_argument(precision)}
            loaded = build(name, device=str(place), model_kwargs=arguments)
            # A CrossEncoder holds its module; a SentenceTransformer is one.
            module = (loaded.model if kind == "CrossEncoder" else loaded).eval()
            cast_parameters(module, precision)  # of other modules than transformers'
            missing = _missing(module) if kind == "CrossEncoder" else []
        except Exception as error:
            raise ModelError(
                f"sentence-transformers could not load {name!r}: {error} Give the folder of a model, or its id on "
                "the hub while there is a network."
            ) from error
        if missing:
            raise ModelError(
                f"{name!r} is no cross-encoder: its weights lack {', '.join(missing[:8])}, and would be random there. "
                "Give a checkpoint that was trained to rank, with one label, such as a sentence-transformers "
                "CrossEncoder."
            )
        tokenizer = getattr(loaded, "tokenizer", None)
        if hasattr(tokenizer, "all_special_ids"):  # models of static embeddings have another kind of tokenizer
            refuse_no_vocabulary(tokenizer, name)
        return loaded

    return shared_model((kind, name, str(place), str(precision)), load)


def _missing(module: Any) -> list[str]:
    """The tensors of a cross-encoder that its checkpoint does not have."""
    from transformers import PreTrainedModel

    # An adapter's tensors are in files of its own.
    if not isinstance(module, PreTrainedModel) or getattr(module, "_hf_peft_config_loaded", False):
        return []
    # sentence-transformers keeps transformers' report to itself, so the weights are read once more for it.
    _, report = type(module).from_pretrained(
        module.name_or_path, config=module.config, use_safetensors=True, output_loading_info=True
    )
    return sorted(report["missing_keys"])
