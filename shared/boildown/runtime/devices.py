"""Which device and which precision to run on; what the hardware can do is read, not guessed."""

from __future__ import annotations

import threading
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from boildown.errors import ConfigurationError, ModelError, unknown_name

if TYPE_CHECKING:
    import torch

__all__ = [
    "available_devices",
    "cast_parameters",
    "dtype_argument",
    "input_device",
    "pick_device",
    "pick_dtype",
    "refuse_int8",
    "to_device",
]

_DTYPES = ("bfloat16", "float16", "float32", "int8")
_warned: set[tuple[str, str]] = set()
_warned_guard = threading.Lock()


def available_devices() -> list[str]:
    """The names of the devices that are there, best first, the CPU last."""
    import torch

    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def pick_device(name: str = "auto") -> torch.device:
    """The device to run on.

    Args:
        name: "auto" takes CUDA, else MPS, else the CPU; or a device's name, such as "cuda:1".

    Raises:
        ConfigurationError: the name is no device of torch, or the device is not there.
    """
    import torch

    there = available_devices()
    if name == "auto":
        return torch.device(there[0])
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        if str(name).casefold().startswith("gpu"):  # which looks most like "cpu"
            raise ConfigurationError(f"Unknown device {name!r}. Torch calls a GPU 'cuda', or 'mps' on a Mac.") from None
        raise unknown_name("device", name, ["auto", *there]) from None
    if device.type == "cuda" and device.index is None and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    bare = device.type if device.index == 0 and device.type in ("cpu", "mps") else str(device)
    if bare not in there:
        hint = ""
        if device.type == "cuda" and torch.version.cuda is None:
            hint = " This build of torch has no CUDA; see https://pytorch.org/get-started for one that has."
        raise ConfigurationError(f"There is no device {name!r} here. There is: {', '.join(there)}.{hint}")
    return torch.device(bare)


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """The precision to compute in.

    Args:
        name: "auto" takes the fastest that the device has in hardware; or "float32", "bfloat16", "float16".
            One that the device lacks is replaced by "float32", with one warning. "int8" is for CPUs, and never what
            "auto" takes, since it changes some of the decisions.
        device: where it will run.

    Raises:
        ConfigurationError: the name is none of these, or it is "int8" and the device no CPU.
    """
    import torch

    name = str(name).removeprefix("torch.")
    if name != "auto" and name not in _DTYPES:
        raise unknown_name("dtype", name, ["auto", *_DTYPES])
    if name == "float32":
        return torch.float32
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if _has(device, "bfloat16") else torch.float16
        return torch.bfloat16 if device.type == "cpu" and _has(device, "bfloat16") else torch.float32
    if name == "int8" and device.type != "cpu":
        raise ConfigurationError(f'dtype="int8" is for CPUs, not for {device}: give device="cpu", or dtype="auto".')
    if not _has(device, name):
        _warn_once(device, name)
        return torch.float32
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def refuse_int8(dtype: str | torch.dtype, what: str) -> None:
    """For models that run by the code of other packages.

    Args:
        dtype: the precision that was asked for.
        what: the model, as the message's subject.

    Raises:
        ConfigurationError: it is int8.
    """
    if str(dtype).removeprefix("torch.") == "int8":
        raise ConfigurationError(
            f'{what} cannot compute in int8, which is for encoders like BERT, RoBERTa and XLM-R: give dtype="auto".'
        )


def dtype_argument(dtype: str | torch.dtype) -> dict[str, Any]:
    """The precision as an argument of transformers' `from_pretrained`, whose name depends on the version.

    A model that is cast when it is there loses what it needs in fp32: the frequencies of rotary positions are its
    buffers, and in bf16 they put far positions elsewhere.
    """
    import transformers

    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    return {"dtype" if version >= (4, 56) else "torch_dtype": dtype}


def cast_parameters(module: Any, dtype: torch.dtype) -> None:
    """Casts a loaded module to a precision, but not its buffers; see `dtype_argument`."""
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)


def input_device(model: Any) -> torch.device:
    """Where the token ids of a transformers model go: to its embeddings, or to where accelerate fetches them.

    Raises:
        ModelError: the embeddings are on no device, and nothing says where they will be.
    """
    import torch

    embeddings = model.get_input_embeddings()
    device: torch.device = embeddings.weight.device
    if device.type != "meta":
        return device
    fetched = getattr(getattr(embeddings, "_hf_hook", None), "execution_device", None)
    if fetched is None:
        raise ModelError(
            f"The embeddings of {type(model).__name__} are on no device. Load its weights, or spread it by device_map=."
        )
    return torch.device(fetched)


def to_device(values: NDArray[Any], device: torch.device) -> torch.Tensor:
    """An array as a tensor on the device.

    To CUDA it is copied out of pinned memory, so that the caller does not wait for all that the GPU has still to do.
    Elsewhere the copy is waited for: on MPS, memory that is freed before is read all the same.
    """
    import torch

    tensor = torch.from_numpy(values)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _has(device: torch.device, dtype: str) -> bool:
    """Whether the device computes in `dtype` in hardware."""
    import torch

    if device.type == "cuda":
        return dtype == "float16" or torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return dtype in _cpu_dtypes() and (dtype != "int8" or _has_int8_operators())
    return dtype == "float16"


@lru_cache(maxsize=1)
def _cpu_dtypes() -> frozenset[str]:
    """The short precisions that the CPU multiplies in hardware; emulated ones are slower than float32."""
    import torch

    flags = _cpu_flags()

    def probe(name: str) -> bool:
        # Private in torch, and not there in every version.
        function = getattr(torch.cpu, name, None)
        return bool(function is not None and function())

    found = set()
    if flags & {"avx512_bf16", "amx_bf16"} or any(
        probe(name) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    ):
        found.add("bfloat16")
    if probe("_is_amx_fp16_supported") or flags & {"avx512_fp16", "amx_fp16"}:
        found.add("float16")
    if flags & {"avx512_vnni", "avx_vnni", "amx_int8"} or probe("_is_vnni_supported"):
        found.add("int8")
    return frozenset(found)


def _has_int8_operators() -> bool:
    from boildown.runtime.int8_linear import int8_available

    return int8_available()


def _cpu_flags() -> frozenset[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("flags"):
                    return frozenset(line.partition(":")[2].split())
    except OSError:
        pass
    return frozenset()


def _warn_once(device: torch.device, dtype: str) -> None:
    with _warned_guard:
        if (device.type, dtype) in _warned:
            return
        _warned.add((device.type, dtype))
    where = "hardware that this torch uses" if dtype == "int8" else "hardware"
    warnings.warn(
        f"This {device.type} has no {dtype} in {where}, so float32 is used; dtype='auto' picks the fastest.",
        RuntimeWarning,
        stacklevel=4,
    )
