"""Whether memory grows with the number of calls: every call has new text, through the bundled model and a full cache.

    python tests/fuzz/leaks.py               # 2,000 calls
    python tests/fuzz/leaks.py --calls 200

The first half of the calls fills what is allowed to fill (models, caches up to their limits, the allocator's pools);
in the second half nothing may grow. Python's own memory is traced to the byte; what the process takes from the system
moves in steps, so that it has some room.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tracemalloc
from pathlib import Path
from typing import NamedTuple

from boildown import Budget, Compressor, Document
from boildown.cache import ScoreCache

_VOCABULARY = ("the", "harbour", "master", "counted", "ships", "and", "nobody", "knew", "why", "water", "goes", "there")
PYTHON_ROOM = 64 << 10
SYSTEM_ROOM = 16 << 20


class Growth(NamedTuple):
    """Bytes that Python, and the process as a whole, hold more after the second half of the calls than before it."""

    python: int
    system: int


def measure(calls: int) -> Growth:
    """Compresses new documents `calls` times."""
    source = random.Random(0)
    compressor = Compressor(cache=ScoreCache(memory=100_000))
    before = Growth(0, 0)
    tracemalloc.start()
    try:
        for call in range(calls):
            if call == calls // 2:
                before = _held()
            texts = [" ".join(source.choices(_VOCABULARY, k=12)).capitalize() + "." for _ in range(2)]
            documents = [Document(text, title=f"Page {source.randrange(10)}") for text in texts]
            result = compressor.compress("Who counted the ships?", documents, Budget(tokens=16))
            result.rebudget(Budget(rate=0.5)).recover(result.text)
            assert result.tokens_out <= 16
            del result, documents, texts
        after = _held()
    finally:
        tracemalloc.stop()
    return Growth(after.python - before.python, after.system - before.system)


def _held() -> Growth:
    gc.collect()
    return Growth(tracemalloc.get_traced_memory()[0], _resident())


def _resident() -> int:
    """Bytes of memory that the process takes; 0 where the system does not tell in this way."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.is_file() else 0


def main() -> int:
    """Returns 1 if memory has grown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2_000)
    calls = parser.parse_args().calls
    growth = measure(calls)
    flat = growth.python <= PYTHON_ROOM and growth.system <= SYSTEM_ROOM
    print(
        f"in the second half of {calls:,} calls: Python's memory grew by {growth.python:,} bytes, the process by "
        f"{growth.system:,}; {'flat' if flat else 'NOT FLAT'}"
    )
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
