"""Which model a name stands for right now, without loading it.

A commit tells a model from the hub. A folder is told by what is in it: all of its small files, and of the weights the
shapes and, since training changes values and not shapes, some bytes of every tensor. So reading a folder's identity
takes milliseconds; a change of weights that spares the beginning, the middle and the end of every tensor goes unseen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from boildown.errors import ModelError
from boildown.runtime.checkpoint import find_folder
from boildown.runtime.models import shared_model

__all__ = ["check_identity", "model_identity"]

_SMALL = (".json", ".txt", ".model")
_WEIGHTS = (".safetensors", ".bin", ".pt")
_MODULES = "*[0-9]_*/**/*"
"""What sentence-transformers keeps beside a model: its pooling, or one route's modules (query_0_Transformer)."""
_SAMPLE = 256
"""Bytes read at each of three places of a tensor."""
_PLACES = 64
"""Places of a file whose tensors cannot be told apart."""


def model_identity(name: str | Path) -> str:
    """What tells this model from another, or from another version of itself: the same on every machine.

    Like the model itself it is read once in a process. Of a model on the hub only config.json is fetched.

    Args:
        name: a folder or hub id.

    Raises:
        ModelError: there is no such model, or a file cannot be read.
    """
    return shared_model(("identity", str(name)), lambda: _identity(name))


def check_identity(name: str | Path) -> None:
    """For whoever is about to load a model: the folder must hold what this process has known under its name so far.

    Scores are kept under the identity that was read first, and those of another model must not get there.

    Args:
        name: a folder; or a hub id, whose commits do not change.

    Raises:
        ModelError: the model has been replaced since, or a file cannot be read.
    """
    if isinstance(name, (str, Path)) and not Path(name).expanduser().is_dir():
        return
    found = _identity(name)
    if shared_model(("identity", str(name)), lambda: found) != found:
        raise ModelError(
            f"The model in {name} was replaced while this process used it, or scores of it. Start a new process, or "
            "have this one forget all models: boildown.runtime.models.release()."
        )


def _identity(name: str | Path) -> str:
    folder = find_folder(name, ("config.json",))
    if folder.parent.name == "snapshots" and re.fullmatch("[0-9a-f]{40}", folder.name):
        return folder.name
    digest = hashlib.blake2b(digest_size=20)
    try:
        for path in sorted([*folder.iterdir(), *folder.glob(_MODULES)]):
            if path.suffix in (*_SMALL, *_WEIGHTS):
                place = path.relative_to(folder).as_posix()
                digest.update(f"{place}\0{path.stat().st_size}\0".encode("utf-8", "surrogatepass"))
                with path.open("rb") as file:
                    for block in [file.read()] if path.suffix in _SMALL else _samples(file, path):
                        digest.update(block)
    except (OSError, ValueError) as error:
        raise ModelError(f"The model in {folder} cannot be read: {error} Fetch it again.") from error
    return digest.hexdigest()


def _samples(file: BinaryIO, path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    if path.suffix != ".safetensors":
        for place in range(_PLACES):
            file.seek(size * place // _PLACES)
            yield file.read(_SAMPLE)
        return
    # The format: eight bytes that give the header's length, the header as JSON, the tensors.
    length = int.from_bytes(file.read(8), "little")
    if length > size:
        raise ValueError(f"{path.name} is damaged.")
    header = file.read(length)
    yield header
    for entry in json.loads(header).values():
        begin, end = entry.get("data_offsets", (0, 0))
        for place in (begin, (begin + end) // 2, max(begin, end - _SAMPLE)):
            file.seek(8 + length + place)
            yield file.read(min(_SAMPLE, end - place))
