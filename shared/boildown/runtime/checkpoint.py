"""Reads a model's folder in the Hugging Face layout, and finds the folder by path or hub id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boildown.errors import ModelError

if TYPE_CHECKING:
    import torch

__all__ = [
    "check_vocabulary",
    "check_weights",
    "find_folder",
    "first_line",
    "has_files",
    "read_as_text",
    "read_config",
    "read_json",
    "read_tokenizer",
    "read_weights",
    "refuse_no_vocabulary",
    "refuse_pickles",
    "remember_no_texts",
    "tokenizer_limit",
]

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin", "model.pt")
_FEWEST_TOKENS = 8
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model")


def find_folder(name: str | Path, files: Sequence[str] = _WANTED) -> Path:
    """The folder of a model.

    Args:
        name: a folder, or an id on the Hugging Face hub, whose files are downloaded once and
            then found in its cache.
        files: patterns of the files to download.

    Raises:
        ModelError: the folder does not exist, and the hub does not have it or cannot be reached.
    """
    if not isinstance(name, (str, Path)):
        raise ModelError(f"This model is given by its folder or its id on the hub, not by a {type(name).__name__}.")
    path = Path(name).expanduser()
    if path.is_dir() and str(name):  # an empty name would be the working directory
        return path
    if path.is_file():
        raise ModelError(f"{path} is a file. Give the folder that holds it, config.json and tokenizer.json.")
    text = str(name)
    if text.startswith((".", "/", "~", "\\")) or text.count("/") > 1 or not text.strip():
        raise ModelError(f"There is no folder {text!r} (looked at {path.absolute()}).")
    from huggingface_hub import constants, snapshot_download

    try:
        return Path(snapshot_download(text, allow_patterns=list(files)))
    except Exception as error:
        raise ModelError(
            f"The model {text!r} was not found. Looked for a folder at {path.absolute()}, for a downloaded "
            f"copy in {constants.HF_HUB_CACHE}, and on the hub ({constants.ENDPOINT}): {first_line(error)} "
            "Check the name; without a network, give the path of a folder that holds the model."
        ) from error


def has_files(folder: Path) -> bool:
    """Whether a model's config.json and its fast tokenizer are there, which for older models other libraries make."""
    return (folder / "config.json").is_file() and (folder / "tokenizer.json").is_file()


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json.

    Raises:
        ModelError: it is missing, or not a JSON object.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(f"{folder} has no config.json: no model in the Hugging Face layout.")
    config: dict[str, Any] = read_json(path, {})
    return config


def read_json(path: Path, default: Any) -> Any:
    """What a JSON file holds, or the default where there is no such file.

    Raises:
        ModelError: it cannot be read, or holds something else than the default is.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {first_line(error)}") from error
    if not isinstance(found, type(default)):
        wanted = "object" if isinstance(default, dict) else "array"
        raise ModelError(f"{path} must hold a JSON {wanted}, not a {type(found).__name__}.")
    return found


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint, on the CPU, from one safetensors file or several with an index.

    Raises:
        ModelError: there are none, or only pickled ones, or a file is damaged.
    """
    from safetensors.torch import load_file

    check_weights(folder)
    if (folder / _WEIGHTS).is_file():
        names = [_WEIGHTS]
    else:
        path = folder / _INDEX
        try:
            names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ModelError(f"{path} cannot be read: {first_line(error)} Fetch the model again.") from error
    tensors: dict[str, torch.Tensor] = {}
    for name in names:
        try:
            tensors.update(load_file(folder / name))
        except Exception as error:
            raise ModelError(f"{folder / name} cannot be read: {first_line(error)} Fetch the model again.") from error
    return tensors


def check_weights(folder: Path) -> None:
    """Checks that the weights are there as safetensors.

    Raises:
        ModelError: there are none, or only pickled ones.
    """
    if (folder / _WEIGHTS).is_file() or (folder / _INDEX).is_file():
        return
    refuse_pickles(folder)
    raise ModelError(
        f"{folder} has no weights: looked for {_WEIGHTS} and {_INDEX}. Pickled weights (pytorch_model.bin) can run "
        "code when they are loaded, so they are refused, and not fetched from the hub. For a model on the hub that "
        "has no others, convert them once, where you trust them, with the Auto class of the model's task, and give the "
        "new folder: from transformers import AutoModelForTokenClassification as M, AutoTokenizer as T; "
        "[A.from_pretrained('ID').save_pretrained('FOLDER') for A in (M, T)]"
    )


def refuse_pickles(folder: Path) -> None:
    """Refuses a folder with pickled weights only, before a library that would read them does.

    Raises:
        ModelError: it is one; the message says how to convert them.
    """
    pickles = [name for name in _PICKLES if (folder / name).is_file()]
    if pickles and not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder} has pickled weights only ({pickles[0]}). Pickles can run code when they are loaded, so "
            "they are refused. Convert them once, where you trust them, with the Auto class of the model's task: "
            "from transformers import AutoModelForTokenClassification as M; "
            f"M.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        )


def read_tokenizer(folder: Path) -> Any:
    """The model's fast tokenizer, a `tokenizers.Tokenizer` that neither cuts nor pads.

    Raises:
        ModelError: the model has only a slow tokenizer, which knows no offsets, or the file is damaged.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(
            f"{folder} has no tokenizer.json, only a slow tokenizer at best, which gives no character offsets; "
            "the cut needs them. If transformers can convert it, write the fast one once: "
            "from transformers import AutoTokenizer as T; "
            f"T.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise ModelError(f"{path} cannot be read: {first_line(error)}") from error
    read_as_text(tokenizer)
    remember_no_texts(tokenizer)
    return tokenizer


def read_as_text(tokenizer: Any) -> None:
    """Lets a `tokenizers.Tokenizer` neither cut nor pad, as files of another use say, and take "[SEP]" for text."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True


def tokenizer_limit(folder: Path) -> int | None:
    """The most tokens that tokenizer_config.json allows, special ones included; None where it sets no limit.

    Raises:
        ModelError: it is no number, or leaves hardly any room between special tokens.
    """
    path = folder / "tokenizer_config.json"
    try:
        limit = int(read_json(path, {}).get("model_max_length") or 0)
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path} cannot be read: {first_line(error)}") from error
    if 0 < limit < _FEWEST_TOKENS:
        raise ModelError(
            f"{path} lets the model read {limit} tokens (model_max_length), which leaves no room for a text. Write "
            "there how many it was trained on."
        )
    return limit if limit > 0 else None


def check_vocabulary(tokenizer: Any, rows: int, folder: Path) -> None:
    """Checks that a tokenizer's tokens are about those of the model's embedding table.

    A table may have rows to spare: some models fill it up to a round number, or for tokens that are added later.

    Args:
        tokenizer: a `tokenizers.Tokenizer`.
        rows: of the table.
        folder: the model's, for the message.

    Raises:
        ModelError: it has more tokens than the table has rows, or less than half as many.
    """
    tokens = tokenizer.get_vocab_size()
    if not rows / 2 <= tokens <= rows:
        raise ModelError(
            f"{folder / 'tokenizer.json'} has {tokens} tokens, and the model's table has {rows} rows: it is the "
            "tokenizer of another model. Put the model's own there."
        )


def refuse_no_vocabulary(tokenizer: Any, name: str | Path) -> None:
    """Refuses the tokenizer that transformers makes up for a folder without one: no word is known to it.

    Raises:
        ModelError: it is one.
    """
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ModelError(f"The model {str(name)!r} comes without a tokenizer. Save its own into its folder.")


def remember_no_texts(tokenizer: Any) -> None:
    """Turns off the cache of a tokenizer that does not split at words: it would hold thousands of whole texts.

    Args:
        tokenizer: a `tokenizers.Tokenizer`; what it gives stays the same.
    """
    splitter = tokenizer.pre_tokenizer
    splits = splitter is not None and len(splitter.pre_tokenize_str("a b")) > 1
    resize = getattr(tokenizer.model, "_resize_cache", None)  # private, and not in every version
    if resize is not None and not splits:
        resize(0)


def first_line(error: Exception) -> str:
    """An error of another library's, as the end of a message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.') if lines else ''}."
