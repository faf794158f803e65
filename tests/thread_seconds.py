"""How long work takes of this thread's own time, which a busy machine does not add to."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import thread_time


def thread_seconds(work: Callable[[], object]) -> float:
    """Without garbage collections, which would go through all that the other tests have left in the process."""
    gc.disable()
    try:
        begin = thread_time()
        work()
        return thread_time() - begin
    finally:
        gc.enable()
