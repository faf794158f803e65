from __future__ import annotations

import warnings

import pytest
import torch

from boildown.errors import ConfigurationError
from boildown.runtime import devices
from boildown.runtime.devices import available_devices, pick_device, pick_dtype

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
