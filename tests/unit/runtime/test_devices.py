from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from boildown.errors import ConfigurationError, ModelError
from boildown.runtime import devices
from boildown.runtime.devices import (
    available_devices,
    cast_parameters,
    input_device,
    pick_device,
    pick_dtype,
    to_device,
)

CPU = torch.device("cpu")


@pytest.fixture
def cpu_has(monkeypatch: pytest.MonkeyPatch):
    """Says what the CPU can do, since the machine that runs the tests may be any."""

    def say(*dtypes: str) -> None:
        monkeypatch.setattr(devices, "_cpu_dtypes", lambda: frozenset(dtypes))
        monkeypatch.setattr(devices, "_warned", set())

    return say


def test_auto_takes_the_best_device() -> None:
    there = available_devices()
    assert there[-1] == "cpu"
    assert pick_device("auto") == torch.device(there[0])
    assert pick_device("cpu") == pick_device("cpu:0") == CPU


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match=r"no device 'cuda:77' here. There is: .*cpu"):
        pick_device("cuda:77")
    with pytest.raises(ConfigurationError, match=r"There is: .*cpu"):
        pick_device("xpu")


def test_an_unknown_device() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'cpu'"):
        pick_device("cpus")
    with pytest.raises(ConfigurationError, match="calls a GPU 'cuda'"):
        pick_device("gpu")


def test_auto_dtype_follows_the_hardware(cpu_has) -> None:
    cpu_has("bfloat16")
    assert pick_dtype("auto", CPU) == torch.bfloat16
    cpu_has()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pick_dtype("auto", CPU) == torch.float32


def test_a_precision_that_is_there(cpu_has) -> None:
    cpu_has("bfloat16", "float16")
    assert pick_dtype("bfloat16", CPU) == torch.bfloat16
    assert pick_dtype("torch.float16", CPU) == torch.float16
    assert pick_dtype("float32", CPU) == torch.float32


def test_a_precision_that_is_not_there_warns_once(cpu_has) -> None:
    cpu_has()
    with pytest.warns(RuntimeWarning, match="no bfloat16 in hardware"):
        assert pick_dtype("bfloat16", CPU) == torch.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pick_dtype("bfloat16", CPU) == torch.float32
    with pytest.warns(RuntimeWarning, match="no float16"):
        assert pick_dtype("float16", CPU) == torch.float32


def test_an_unknown_dtype() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'bfloat16'"):
        pick_dtype("bfloat61", CPU)


def test_what_the_cpu_says_agrees_with_its_flags() -> None:
    flags = devices._cpu_flags()
    if flags:
        assert ("bfloat16" in devices._cpu_dtypes()) == bool(flags & {"avx512_bf16", "amx_bf16"})


@pytest.mark.parametrize("name", ["cpu", "mps", "cuda"])
def test_only_a_copy_out_of_pinned_memory_is_not_waited_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[torch.Tensor] = []
    copies: list[tuple[torch.Tensor, bool]] = []

    def pin(self: torch.Tensor) -> torch.Tensor:
        pinned.append(self.clone())
        return pinned[-1]

    def copy(self: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        copies.append((self, non_blocking))
        return self

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", copy)
    assert to_device(np.arange(3), torch.device(name)).tolist() == [0, 1, 2]
    (source, non_blocking) = copies[0]
    assert non_blocking == (name == "cuda") == any(source is tensor for tensor in pinned)


def test_where_the_input_of_an_offloaded_model_goes() -> None:
    class Model:
        def __init__(self, device: str) -> None:
            self.embeddings = torch.nn.Embedding(3, 2, device=device)

        def get_input_embeddings(self) -> torch.nn.Embedding:
            return self.embeddings

    class Hook:
        execution_device = "cpu"

    assert input_device(Model("cpu")).type == "cpu"
    offloaded = Model("meta")
    with pytest.raises(ModelError, match="on no device"):
        input_device(offloaded)
    offloaded.embeddings._hf_hook = Hook()
    assert input_device(offloaded).type == "cpu"


def test_a_cast_spares_what_is_no_parameter() -> None:
    module = torch.nn.Linear(2, 2)
    module.register_buffer("frequencies", torch.ones(2))
    cast_parameters(module, torch.bfloat16)
    assert {parameter.dtype for parameter in module.parameters()} == {torch.bfloat16}
    assert module.frequencies.dtype == torch.float32
