from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache

from boildown.runtime.key_values import KeyValues, PairedKeyValues, StaticKeyValues

LENGTH = 12


@pytest.fixture(params=["static", "paired"])
def cache(request: pytest.FixtureRequest) -> KeyValues:
    """Two layers and two heads of width 4, filled with numbers that tell where they belong."""
    data = torch.arange(2 * 2 * 2 * LENGTH * 4, dtype=torch.float32).view(2, 2, 2, LENGTH, 4)
    if request.param == "static":
        static = StaticKeyValues(2, 2, 4, LENGTH + 5, torch.float32)
        static.data[:, :, :, :LENGTH] = data
        static.length = LENGTH
        return static
    paired, made = PairedKeyValues(), DynamicCache()
    for layer in range(2):
        made.update(data[layer, 0][None], data[layer, 1][None], layer)
    paired.put(made, LENGTH)
    return paired


def held(cache: KeyValues) -> torch.Tensor:
    """Shape (layers, 2, heads, length, width)."""
    if isinstance(cache, StaticKeyValues):
        return cache.data[:, :, :, : cache.length].clone()
    assert isinstance(cache, PairedKeyValues)
    return torch.stack([torch.stack([keys[0], values[0]]) for keys, values in cache.pairs()])


@pytest.mark.parametrize("size", [0, 5, LENGTH, LENGTH + 3, -2, -LENGTH - 1])
def test_crop_is_a_slice(cache: KeyValues, size: int) -> None:
    before = held(cache)
    cache.crop(size)
    assert torch.equal(held(cache), before[:, :, :, :size])
    assert cache.length == before[:, :, :, :size].shape[3]


@pytest.mark.parametrize(("count", "sink"), [(3, 2), (0, 4), (4, 0), (20, 5), (3, LENGTH), (2, 30)])
def test_forget_leaves_the_rest_as_it_is(cache: KeyValues, count: int, sink: int) -> None:
    before = held(cache)
    cache.forget(count, sink)
    expected = torch.cat([before[:, :, :, :sink], before[:, :, :, sink + count :]], dim=3)
    assert torch.equal(held(cache), expected)
    cache.crop(1)
    cache.forget(0, 1)
    assert torch.equal(held(cache), expected[:, :, :, :1])


def test_room_is_made_by_copying() -> None:
    cache = StaticKeyValues(1, 1, 2, 3, torch.float32)
    cache.data[:] = 7
    cache.length = 3
    cache.reserve(3)
    assert cache.data.shape[3] == 3
    cache.reserve(4)
    assert cache.data.shape[3] >= 4
    assert (held(cache) == 7).all()
