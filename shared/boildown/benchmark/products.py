"""The matrix products of a call by themselves: no forward is faster than these."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from boildown.runtime.linear import Linear

if TYPE_CHECKING:
    import torch

__all__ = ["Products", "finish"]

_Shape = tuple[int, int, int, Any]
"""Rows, what goes in, what comes out, and the dtype."""


class Products:
    """Notes what linear layers in fp32 or half precision multiply, and multiplies as much again, with nothing between.

    Args:
        device: where it is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._shapes: list[_Shape] = []
        self._made: dict[tuple[int, int, Any], tuple[Any, Linear]] = {}

    @contextmanager
    def noted(self) -> Iterator[None]:
        """What is multiplied inside, in any thread, takes the place of what was noted before."""
        self._shapes = shapes = []  # appending to it is safe in threads
        multiply = Linear.__call__

        def noting(layer: Linear, x: Any, residual: Any = None) -> Any:
            y = multiply(layer, x, residual)
            shapes.append((x.shape[0], x.shape[1], y.shape[1], x.dtype))
            return y

        Linear.__call__ = noting  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            Linear.__call__ = multiply  # type: ignore[method-assign]

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return sum(2 * rows * width * out for rows, width, out, _ in self._shapes)

    def seconds(self) -> float | None:
        """The time they take, shared out as the device's scheduler has it: each worker with its share of the cores.

        The numbers multiplied are random. None if nothing was noted, as of layers in int8.
        """
        import torch

        from boildown.runtime.scheduler import running

        if not self._shapes:
            return None
        for shape in set(self._shapes):
            self._once(shape)
        finish(self._device)
        workers = running()[str(self._device)].stats.workers
        threads = max(torch.get_num_threads() // workers, 1)
        waiting = iter(self._shapes)  # of all workers: each takes the next one

        def work() -> None:
            with torch.inference_mode():
                for shape in waiting:
                    self._once(shape)

        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
            list(pool.map(lambda _: None, range(workers)))  # the threads have started
            begin = perf_counter()
            for done in [pool.submit(work) for _ in range(workers)]:
                done.result()
            finish(self._device)
            return perf_counter() - begin

    def _once(self, shape: _Shape) -> None:
        import torch

        rows, width, out, dtype = shape
        if (width, out, dtype) not in self._made:
            weight = torch.randn(out, width, dtype=dtype, device=self._device)
            self._made[width, out, dtype] = weight.new_empty(0, width), Linear(weight, None)
        x, product = self._made[width, out, dtype]
        if len(x) < rows:
            x = torch.randn(rows, width, dtype=dtype, device=self._device)
            self._made[width, out, dtype] = x, product
        product(x[:rows])


def finish(device: torch.device) -> None:
    """Waits until a GPU has done what it was given."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
