"""From a causal language model's hidden states to the NLL of tokens, without logits where its head allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boildown.runtime.streamed_loss import streamed_nll

if TYPE_CHECKING:
    import torch

__all__ = ["LossHead"]


class LossHead:
    """The LM head of a model.

    Args:
        model: a transformers model with an LM head; it is tried on eight tokens.

    Attributes:
        whole: the head cannot be taken apart from the body, and what `states` gives are logits.
    """

    def __init__(self, model: Any) -> None:
        config = model.config
        self._model = model
        self._scale = float(getattr(config, "logit_scale", None) or 1.0) / float(
            getattr(config, "logits_scaling", None) or 1.0
        )
        self._softcap: float | None = getattr(config, "final_logit_softcapping", None)
        self.whole = not self._fits()

    def states(self, arguments: dict[str, Any]) -> tuple[torch.Tensor, Any]:
        """A forward's hidden states, or logits where `whole`, of shape (sequences, length, width), and its output."""
        if self.whole:
            output = self._model(**arguments)
            return output.logits, output
        output = self._model.base_model(**arguments)
        return output.last_hidden_state, output

    def nll(self, states: torch.Tensor, wanted: torch.Tensor) -> NDArray[np.float64]:
        """The NLL in nats of one token after each state.

        Args:
            states: as `states` gives them, shape (n, width).
            wanted: token ids, shape (n,).
        """
        import torch

        if self.whole:
            losses = streamed_nll(states, torch.nn.Identity(), wanted)
        else:
            losses = streamed_nll(states, self._model.get_output_embeddings(), wanted, self._scale, self._softcap)
        found: NDArray[np.float64] = losses.cpu().double().numpy()
        return found

    def _fits(self) -> bool:
        """Whether hidden states and head give the model's own logits; some models do more between them."""
        import torch

        embeddings = self._model.get_input_embeddings()
        probe = (torch.arange(1, 9) % int(embeddings.num_embeddings))[None].to(embeddings.weight.device)
        try:
            with torch.inference_mode():
                logits = self._model(probe, use_cache=False).logits[0].float()
                states = self._model.base_model(probe, use_cache=False).last_hidden_state[0]
                wanted = torch.arange(len(states), device=states.device) % logits.shape[-1]
                head = self._model.get_output_embeddings()
                ours = streamed_nll(states, head, wanted, self._scale, self._softcap)
            theirs = logits.logsumexp(-1) - logits.gather(1, wanted[:, None])[:, 0]
            rounding = 1e-4 if states.dtype == torch.float32 else 0.01
            return bool((ours - theirs).abs().max() <= rounding * (1 + theirs.abs().max()))
        except (AttributeError, TypeError, RuntimeError, NotImplementedError):
            return False
