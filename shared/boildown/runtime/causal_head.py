"""From a causal language model's hidden states to the NLL of tokens, without logits where its head allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from boildown.runtime.devices import input_device
from boildown.runtime.streamed_loss import streamed_nll

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LossHead"]

_BLOCK = 4096
"""Entries of the vocabulary that are multiplied at a time."""
_MOST_BYTES = 1 << 30
"""A head is packed, which copies it, up to this size."""


class LossHead:
    """The LM head of a model.

    Args:
        model: a transformers model with an LM head; it is tried on eight tokens.

    Attributes:
        whole: the head cannot be taken apart from the body, and what `nll` wants are logits.
    """

    def __init__(self, model: Any) -> None:
        config = model.config
        self._model = model
        self._scale = float(getattr(config, "logit_scale", None) or 1.0) / float(
            getattr(config, "logits_scaling", None) or 1.0
        )
        self._softcap: float | None = getattr(config, "final_logit_softcapping", None)
        self._blocks: Sequence[Callable[[Tensor], Tensor]] | None = None
        self.whole = not self._fits()

    def pack(self) -> None:
        """Prepares the head for the fast products of a CPU, where it is a plain linear layer and not too large."""
        from torch import nn

        from boildown.runtime.linear import Linear, onednn_available

        head = self._model.get_output_embeddings()
        if type(head) is not nn.Linear or head.weight.device.type != "cpu" or not onednn_available(head.weight.dtype):
            return
        weight: Tensor = head.weight.detach()
        if weight.numel() * weight.element_size() > _MOST_BYTES:
            return
        blocks = [slice(start, start + _BLOCK) for start in range(0, len(weight), _BLOCK)]
        self._blocks = [Linear(weight[b], None if head.bias is None else head.bias.detach()[b]) for b in blocks]

    def nll(self, states: Tensor, wanted: Tensor) -> Tensor:
        """The NLL in nats of one token after each state, in fp32.

        Args:
            states: of the body, or logits where `whole`; shape (n, width).
            wanted: token ids, shape (n,).
        """
        from torch import nn

        if self.whole:
            return streamed_nll(states, nn.Identity(), wanted)
        head = self._model.get_output_embeddings()
        return streamed_nll(states, head, wanted, self._scale, self._softcap, self._blocks)

    def _fits(self) -> bool:
        """Whether hidden states and head give the model's own logits; some models do more between them."""
        import torch

        vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        probe = (torch.arange(1, 9) % vocabulary)[None].to(input_device(self._model))
        try:
            with torch.inference_mode():
                logits = self._model(probe, use_cache=False).logits[0].float()
                states = self._model.base_model(probe, use_cache=False).last_hidden_state[0]
                wanted = torch.arange(len(states), device=states.device) % logits.shape[-1]
                head = self._model.get_output_embeddings()
                ours = streamed_nll(states, head, wanted, self._scale, self._softcap)
            # A model that is spread over devices has states, logits and the head's weights on any of them.
            theirs = logits.logsumexp(-1) - logits.gather(1, wanted.to(logits.device)[:, None])[:, 0]
            theirs = theirs.to(ours.device)
            rounding = 1e-4 if states.dtype == torch.float32 else 0.01
            return bool((ours - theirs).abs().max() <= rounding * (1 + theirs.abs().max()))
        except (AttributeError, TypeError, RuntimeError, NotImplementedError):
            return False
