"""Cross-entropy over a vocabulary without ever holding the logits.

A row of logits of a 150,000-word vocabulary takes 600 kB, so a few thousand tokens would take gigabytes. Here the
log-sum-exp is carried over blocks of the vocabulary (the online softmax of Milakov and Gimelshein 2018, section 3),
and the one logit that is asked for is computed by itself, in fp32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["streamed_nll"]

_ROWS, _BLOCK = 1024, 8192
"""Rows times vocabulary entries whose logits exist at one moment: 32 MB in fp32, and still large products."""
_CUDA_ROWS, _CUDA_BLOCK = 4096, 16384
"""256 MB on a GPU, where a product has to be larger to be worth its launch."""
_MODULE_ROWS = 64


def streamed_nll(
    hidden: torch.Tensor,
    head: Any,
    targets: torch.Tensor,
    scale: float = 1.0,
    softcap: float | None = None,
) -> torch.Tensor:
    """Negative log-likelihood of one token for each row.

    Args:
        hidden: shape (rows, width), what the model feeds its LM head.
        head: the LM head, a module from (n, width) to (n, vocabulary). Plain linear layers are taken by blocks of the
            vocabulary; any other module (a quantised head, say) is called on a few rows at a time.
        targets: shape (rows,), token ids.
        scale: factor on the logits (Cohere, Granite).
        softcap: c of c * tanh(logit / c) (Gemma 2).

    Returns:
        shape (rows,), fp32, in nats, at least 0.
    """
    import torch

    plain = type(head) is torch.nn.Linear and head.weight.is_floating_point() and not head.weight.is_meta
    if plain:  # a model spread over devices may have its head elsewhere
        hidden, targets = hidden.to(head.weight.device), targets.to(head.weight.device)
    losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
    rows = (_CUDA_ROWS if hidden.is_cuda else _ROWS) if plain else _MODULE_ROWS
    step = _linear_nll if plain else _module_nll
    for start in range(0, len(targets), rows):
        part = slice(start, start + rows)
        losses[part] = step(hidden[part], head, targets[part], scale, softcap)
    return losses.clamp_(min=0.0)


def _shaped(logits: torch.Tensor, scale: float, softcap: float | None) -> torch.Tensor:
    if scale != 1.0:
        logits = logits * scale
    return logits if softcap is None else (logits / softcap).tanh() * softcap


def _linear_nll(
    hidden: torch.Tensor, head: Any, targets: torch.Tensor, scale: float, softcap: float | None
) -> torch.Tensor:
    import torch
    import torch.nn.functional as functional

    weight, bias = head.weight, head.bias
    hidden = hidden.to(weight.dtype)
    highest = torch.full(targets.shape, float("-inf"), device=hidden.device)
    total = torch.zeros(targets.shape, device=hidden.device)
    width = _CUDA_BLOCK if hidden.is_cuda else _BLOCK
    for start in range(0, weight.shape[0], width):
        block = slice(start, start + width)
        logits = functional.linear(hidden, weight[block], None if bias is None else bias[block]).float()
        logits = _shaped(logits, scale, softcap)
        higher = torch.maximum(highest, logits.amax(dim=-1))
        total = total * (highest - higher).exp() + (logits - higher[:, None]).exp_().sum(dim=-1)
        highest = higher
    wanted = (hidden.float() * weight[targets].float()).sum(dim=-1)
    if bias is not None:
        wanted = wanted + bias[targets].float()
    return highest + total.log() - _shaped(wanted, scale, softcap)


def _module_nll(
    hidden: torch.Tensor, head: Any, targets: torch.Tensor, scale: float, softcap: float | None
) -> torch.Tensor:
    logits = _shaped(head(hidden).float(), scale, softcap)
    wanted: torch.Tensor = logits.gather(1, targets[:, None])[:, 0]
    return logits.logsumexp(dim=-1) - wanted
