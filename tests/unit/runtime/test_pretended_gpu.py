"""Forwards on a GPU that is not there: torch works out shapes, types and devices, and computes nothing.

So a tensor that was left on the host, or has the wrong type, is found on machines without a GPU too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

from boildown.runtime import attention
from boildown.runtime.causal_head import LossHead
from boildown.runtime.causal_losses import Losses
from boildown.runtime.causal_padded import PaddedBody
from boildown.runtime.checkpoint import read_config, read_weights
from boildown.runtime.encoder import Encoder
from boildown.runtime.forward import forward
from boildown.runtime.packing import Packing
from boildown.runtime.pair_classifier import PairClassifier
from boildown.runtime.text_embedder import TextEmbedder
from boildown.runtime.token_classifier import TokenClassifier

GPU = torch.device("cuda", 0)
LENGTHS = (9, 3, 9, 31)


class Indexing(TorchFunctionMode):
    """Indexing and copies by operators that ask for no driver."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.__getitem__:
            return self.view(args[0], args[1] if isinstance(args[1], tuple) else (args[1],))
        if function is torch.Tensor.__setitem__:
            target, index, value = args
            target = self.view(target, index if isinstance(index, tuple) else (index,))
            return target.add_(value)  # whatever the values are
        if function is torch.Tensor.contiguous:
            function = torch.clone
        return function(*args, **(kwargs or {}))

    @staticmethod
    def view(tensor: torch.Tensor, index: tuple[Any, ...]) -> torch.Tensor:
        place = 0
        gathered: dict[int, torch.Tensor] = {}
        for number, one in enumerate(index):
            if one is None:
                tensor, place = tensor.unsqueeze(place), place + 1
            elif one is Ellipsis:
                place = tensor.ndim - sum(later is not None for later in index[number + 1 :])
            elif isinstance(one, slice):
                begin, end, _ = one.indices(tensor.shape[place])
                tensor, place = torch.narrow(tensor, place, begin, max(end - begin, 0)), place + 1
            elif isinstance(one, int):
                tensor = torch.select(tensor, place, one)
            else:
                gathered[place], place = one, place + 1
        if not gathered:
            return tensor
        return torch.ops.aten.index.Tensor(tensor, [gathered.get(i) for i in range(max(gathered) + 1)])


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[FakeTensorMode]]:
    """A context in which there is a GPU. What is read from files is read before it."""
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)  # which needs a driver

    @contextmanager
    def enter() -> Iterator[FakeTensorMode]:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode, Indexing():
            yield mode

    return enter


def rows_of(model: Any, second: list[np.ndarray], head: Any = None) -> torch.Tensor:
    """The rows of all sequences, by what the scheduler's workers call."""
    packing = Packing([np.arange(5, 5 + length) for length in LENGTHS], second)
    (rows,), splits = forward(model, [(packing, np.array([3, 0, 2, 1]))], [head], GPU)
    assert splits == 0
    assert rows.device == GPU
    assert len(rows) == sum(LENGTHS)
    return rows


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_an_encoder_and_its_heads(
    make_model: Any, tmp_path: Path, kind: str, dtype: torch.dtype, pretended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flash = dtype != torch.float32 and attention._varlen_kernel() is not None
    monkeypatch.setattr(attention, "_varlen_runs", lambda *_: flash)  # which tries it, and looks at what comes out
    for task, build in (("TokenClassification", TokenClassifier), ("SequenceClassification", PairClassifier)):
        folder = make_model(kind, tmp_path / task, f"AutoModelFor{task}", num_labels=1)
        config, weights = read_config(folder), read_weights(folder)
        with pretended() as mode:
            encoder = Encoder(config, {n: mode.from_tensor(tensor) for n, tensor in weights.items()}, GPU, dtype)
            monkeypatch.setattr(Encoder, "load", lambda *_, encoder=encoder: encoder)
            states = rows_of(encoder, [np.zeros(length, dtype=np.int64) for length in LENGTHS])
            assert (states.dtype, states.shape[1]) == (dtype, encoder.hidden_size)
            head = build.load(folder, GPU, dtype)._classify
            found = rows_of(encoder, [np.zeros(length, dtype=np.int64) for length in LENGTHS], head)
            assert (found.dtype, found.shape[1]) == (torch.float32, 1)


@pytest.mark.parametrize("first", [True, False])
def test_vectors_of_texts(first: bool, pretended: Any) -> None:
    offsets = np.cumsum([0, *LENGTHS])
    model = TextEmbedder(None, None, ([1], [2]), 64, first, normalized=False, prompts={})  # type: ignore[arg-type]
    with pretended():
        states = torch.empty(int(offsets[-1]), 32, dtype=torch.bfloat16, device=GPU)
        vectors = model._pool(states, offsets)
    assert (vectors.device, vectors.dtype, tuple(vectors.shape)) == (GPU, torch.float32, (len(LENGTHS), 32))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_losses_of_a_causal_model(dtype: torch.dtype, pretended: Any) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=90, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, dtype=dtype,
    )  # fmt: skip
    with torch.device("meta"):
        model = Qwen2ForCausalLM(config).eval()
    asked = [np.where(np.arange(length) % 2, np.arange(length) + 6, -1) for length in LENGTHS]
    with pretended():
        for module in model.modules():
            for tensors in (module._parameters, module._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        tensors[name] = torch.empty(tensor.shape, dtype=tensor.dtype, device=GPU)
        head = LossHead(model)
        # What the head tries cannot be compared here.
        head.whole = False
        body = PaddedBody(model, head.whole)
        losses = rows_of(Losses(body, head, GPU), asked)
        assert (losses.dtype, losses.shape[1]) == (torch.float32, 1)
