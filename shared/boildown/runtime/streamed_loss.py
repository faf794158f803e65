"""Cross-entropy over a vocabulary without ever holding the logits.

A row of logits of a 150,000-word vocabulary takes 600 kB, so a few thousand tokens would take gigabytes. Here the
log-sum-exp is carried over blocks of the vocabulary (the online softmax of Milakov and Gimelshein 2018, section 3),
and the one logit that is asked for is computed by itself, in fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from boildown.runtime.packing import padded_rows

if TYPE_CHECKING:
    import torch

__all__ = ["streamed_nll"]

_ROWS, _BLOCK = 256, 4096
"""Rows times vocabulary entries whose logits exist at one moment: 4 MB in fp32, which stay in the CPU's cache."""
_CUDA_ROWS, _CUDA_BLOCK = 4096, 16384
"""256 MB on a GPU, where a product has to be larger to be worth its launch."""
_MODULE_ROWS = 64


def streamed_nll(
    hidden: torch.Tensor,
    head: Any,
    targets: torch.Tensor,
    scale: float = 1.0,
    softcap: float | None = None,
    blocks: Sequence[Callable[[torch.Tensor], torch.Tensor]] | None = None,
) -> torch.Tensor:
    """Negative log-likelihood of one token for each row.

    Args:
        hidden: shape (rows, width), what the model feeds its LM head.
        head: the LM head, a module from (n, width) to (n, vocabulary). Plain linear layers are taken by blocks of the
            vocabulary; any other module (a quantised head, say) is called on a few rows at a time.
        targets: shape (rows,), token ids.
        scale: factor on the logits (Cohere, Granite).
        softcap: c of c * tanh(logit / c) (Gemma 2).
        blocks: a plain head's products with parts of its vocabulary, one after the other, where something faster than
            torch's is at hand.

    Returns:
        shape (rows,), fp32, in nats, at least 0.
    """
    import torch
    from torch.nn import functional

    plain = type(head) is torch.nn.Linear and head.weight.is_floating_point() and not head.weight.is_meta
    count = len(targets)
    if plain:  # a model spread over devices may have its head elsewhere
        more = padded_rows(count) - count
        hidden = functional.pad(hidden.to(head.weight.device, head.weight.dtype), (0, 0, 0, more))
        targets = functional.pad(targets.to(head.weight.device), (0, more))
    losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
    rows = (_CUDA_ROWS if hidden.is_cuda else _ROWS) if plain else _MODULE_ROWS
    for start in range(0, len(targets), rows):
        part = slice(start, start + rows)
        if not plain:
            losses[part] = _module_nll(hidden[part], head, targets[part], scale, softcap)
            continue
        wanted = _wanted(hidden[part], head, targets[part], scale, softcap)
        if hidden.is_cuda:
            losses[part] = _online(hidden[part], head, scale, softcap) - wanted
            continue
        # The wanted logit takes the place of the greatest, which spares a look for it; it is hardly ever 88 below it.
        total = torch.zeros_like(wanted)
        for product in blocks or _products(head, _BLOCK):
            logits = _shaped(product(hidden[part]).float(), scale, softcap)
            total += logits.sub_(wanted[:, None]).exp_().sum(dim=-1)
        losses[part] = total.log_()
        over = ~losses[part].isfinite()
        if over.any():
            losses[part] = torch.where(over, _online(hidden[part], head, scale, softcap) - wanted, losses[part])
    return losses[:count].clamp_(min=0.0)


def _online(hidden: torch.Tensor, head: Any, scale: float, softcap: float | None) -> torch.Tensor:
    """The log-sum-exp of each row's logits."""
    import torch

    highest = torch.full(hidden.shape[:1], float("-inf"), device=hidden.device)
    total = torch.zeros(hidden.shape[:1], device=hidden.device)
    for product in _products(head, _CUDA_BLOCK if hidden.is_cuda else _BLOCK):
        logits = _shaped(product(hidden).float(), scale, softcap)
        higher = torch.maximum(highest, logits.amax(dim=-1))
        total = total * (highest - higher).exp() + (logits - higher[:, None]).exp_().sum(dim=-1)
        highest = higher
    return highest + total.log()


def _products(head: Any, width: int) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    import torch.nn.functional as functional

    weight, bias = head.weight, head.bias
    for start in range(0, weight.shape[0], width):
        block = slice(start, start + width)
        part, offset = weight[block], None if bias is None else bias[block]
        yield lambda hidden, part=part, offset=offset: functional.linear(hidden, part, offset)  # type: ignore[misc]


def _wanted(
    hidden: torch.Tensor, head: Any, targets: torch.Tensor, scale: float, softcap: float | None
) -> torch.Tensor:
    wanted = (hidden.float() * head.weight[targets].float()).sum(dim=-1)
    if head.bias is not None:
        wanted = wanted + head.bias[targets].float()
    return _shaped(wanted, scale, softcap)


def _shaped(logits: torch.Tensor, scale: float, softcap: float | None) -> torch.Tensor:
    if scale != 1.0:
        logits = logits * scale
    return logits if softcap is None else (logits / softcap).tanh() * softcap


def _module_nll(
    hidden: torch.Tensor, head: Any, targets: torch.Tensor, scale: float, softcap: float | None
) -> torch.Tensor:
    logits = _shaped(head(hidden).float(), scale, softcap)
    wanted: torch.Tensor = logits.gather(1, targets.to(logits.device)[:, None])[:, 0]
    return logits.logsumexp(dim=-1) - wanted
