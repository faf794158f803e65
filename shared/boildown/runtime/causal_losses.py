"""What a device's scheduler runs for a causal language model: from ids to the losses of the tokens after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boildown.runtime.causal_head import LossHead
from boildown.runtime.causal_packed import PackedBody
from boildown.runtime.causal_padded import PaddedBody
from boildown.runtime.devices import to_device
from boildown.runtime.idle_cores import on_idle_cores
from boildown.runtime.key_values import KeyValues
from boildown.runtime.packing import Ids, MicroBatch, Packing
from boildown.runtime.scheduler import scheduler_for

__all__ = ["Body", "Losses", "losses_of"]


class Body(Protocol):
    """Computes states; see `PackedBody`."""

    batch_tokens: int

    def new_cache(self, capacity: int) -> KeyValues:
        """Room for the keys and values of one text."""
        ...

    def states(
        self, batch: MicroBatch, rows: NDArray[np.int64], past: KeyValues | None = None, extend: bool = False
    ) -> Tensor:
        """Shape (rows, width)."""
        ...


class Losses:
    """NLLs of the tokens that follow those it is given. Calls of the same object share micro-batches.

    A micro-batch brings the token that follows in the place of a token's type, and -1 where none is asked for, so that
    only the rows that count go through the LM head, and together.

    Args:
        body: gives states.
        head: makes losses of them.
        device: where both are.
        past: what stands before every sequence.
        extend: put a sequence's keys and values into `past`; then one sequence at a time.
    """

    def __init__(
        self, body: Body, head: LossHead, device: torch.device, past: KeyValues | None = None, extend: bool = False
    ) -> None:
        self.body, self._head, self._device = body, head, device
        self._past, self._extend = past, extend
        self.batch_tokens = body.batch_tokens

    def after(self, past: KeyValues, extend: bool = False) -> Losses:
        """The same behind what `past` holds."""
        return Losses(self.body, self._head, self._device, past, extend)

    def run(self, ids: Sequence[Ids], following: Sequence[Ids]) -> list[NDArray[np.float64]]:
        """Waits for the losses.

        Args:
            ids: of each sequence.
            following: of the same shapes: the token that follows each one, or -1 if it is not asked for.

        Returns:
            For each sequence the losses asked for, in nats.

        Raises:
            BoildownError: the scheduler did not do it; see `Scheduler.run`.
        """
        packing = Packing(ids, following)
        if not len(packing.ids):
            return [np.zeros(0) for _ in ids]
        losses = scheduler_for(self._device).run(self, packing)[:, 0].cpu().double().numpy()
        parts = np.split(losses, packing.offsets[1:-1])
        return [part[np.asarray(asked) >= 0] for part, asked in zip(parts, following, strict=True)]

    def forward(self, batch: MicroBatch) -> Tensor:
        """Shape (tokens, 1), in the order of the batch; 0 where no loss is asked for."""
        return on_idle_cores(self._device, lambda: self._forward(batch))

    @torch.inference_mode()
    def _forward(self, batch: MicroBatch) -> Tensor:
        following: Any = batch.tokens[1]
        rows = np.flatnonzero(following >= 0)
        found = torch.zeros(len(following), 1, device=self._device)
        if len(rows) or self._extend:
            states = self.body.states(batch, rows, self._past, self._extend)
            if len(rows):
                losses = self._head.nll(states, to_device(following[rows], states.device))
                found[to_device(rows, self._device), 0] = losses.to(self._device)
        return found


def losses_of(model: Any, device: torch.device) -> Losses:
    """The fastest way to the losses of a transformers model that is known to give the model's own."""
    head = LossHead(model)
    packed = None if head.whole else PackedBody.of(model)
    if packed is None:
        return Losses(PaddedBody(model, head.whole), head, device)
    head.pack()
    return Losses(packed, head, device)
