"""A forward over sequences of several callers, in as many steps as the memory asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boildown.errors import ModelError
from boildown.runtime.devices import to_device
from boildown.runtime.jobs import Head, Model
from boildown.runtime.packing import Packing, join

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["forward"]


def forward(
    model: Model,
    sequences: list[tuple[Packing, NDArray[np.int64]]],
    heads: list[Head | None],
    device: torch.device,
) -> tuple[list[Tensor], int]:
    """Runs sequences as one micro-batch; where that does not fit into memory, its halves one after the other.

    Args:
        model: what to run.
        sequences: packings, and which of their sequences.
        heads: for each packing what to make of its states, row by row.
        device: where the model is.

    Returns:
        The rows of each packing's sequences, in their order; and how often something was halved.

    Raises:
        ModelError: a single sequence does not fit.
    """
    try:
        return _whole(model, sequences, heads), 0
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
        reason = str(error)
    # Outside of the handler, which would keep all that the failed forward has allocated.
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    packing, members = sequences[0]
    if len(sequences) > 1:
        half = len(sequences) // 2
        halves = [(sequences[:half], heads[:half]), (sequences[half:], heads[half:])]
    elif len(members) > 1:
        half = len(members) // 2
        halves = [([(packing, members[:half])], heads), ([(packing, members[half:])], heads)]
    else:
        raise ModelError(
            f"A sequence of {int(packing.lengths[members[0]])} tokens does not fit into the memory of {device}: "
            f"{reason} Take a smaller model, a shorter dtype, or a device with more memory."
        )
    (first, m), (second, n) = (forward(model, *part, device) for part in halves)
    rows = first + second
    return rows if len(sequences) > 1 else [torch.cat(rows)], m + n + 1


def _whole(model: Model, sequences: list[tuple[Packing, NDArray[np.int64]]], heads: list[Head | None]) -> list[Tensor]:
    """All at once. A function of its own, whose states are gone when it has failed."""
    batch, places = join(sequences)
    states = model.forward(batch)
    parts = [states] if len(places) == 1 else [states[to_device(place, states.device)] for place in places]
    return [part if head is None else head(part) for part, head in zip(parts, heads, strict=True)]


def _out_of_memory(error: BaseException) -> bool:
    import torch

    # Only CUDA has a class for it, and not for what its libraries allocate.
    words = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) or any(w in str(error) for w in words)
