"""Whether memory grows with the number of calls: every call has new text, so that caches fill up and turn over.

    python tests/fuzz/leaks.py                       # 2,000 calls of each subject
    python tests/fuzz/leaks.py --calls 200 bundled langchain
    python tests/fuzz/leaks.py --record FILE.json    # writes what was measured

The first half of the calls fills what is allowed to fill (models, caches up to their limits, the allocator's pools);
in the second half nothing may grow. Python's own memory is traced to the byte; what the process takes from the system
moves in steps, so that it has some room. Subjects run one after the other in one process.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import sys
import time
import tracemalloc
from pathlib import Path

from leak_subjects import SUBJECTS

import boildown

_VOCABULARY = ("the", "harbour", "master", "counted", "ships", "and", "nobody", "knew", "why", "water", "goes", "there")
PYTHON_ROOM = 64 << 10
SYSTEM_ROOM = 16 << 20


class Growth:
    """Bytes that Python, and the process as a whole, hold more after the second half of the calls than before it."""

    def __init__(self, python: int, system: int) -> None:
        self.python, self.system = python, system

    @property
    def flat(self) -> bool:
        return self.python <= PYTHON_ROOM and self.system <= SYSTEM_ROOM


def measure(calls: int, subject: str = "bundled") -> Growth:
    """Gives a subject new documents `calls` times."""
    source = random.Random(0)
    before = (0, 0)
    with SUBJECTS[subject]() as call:
        tracemalloc.start()
        try:
            for number in range(calls):
                if number == calls // 2:
                    before = _held()
                call([" ".join(source.choices(_VOCABULARY, k=12)).capitalize() + "." for _ in range(2)])
            after = _held()
        finally:
            tracemalloc.stop()
    return Growth(after[0] - before[0], after[1] - before[1])


def _held() -> tuple[int, int]:
    gc.collect()
    return tracemalloc.get_traced_memory()[0], _resident()


def _resident() -> int:
    """Bytes of memory that the process takes; 0 where the system does not tell in this way."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.is_file() else 0


def main() -> int:
    """Returns the number of subjects whose memory has grown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subjects", nargs="*", help=f"of {', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--calls", type=int, default=2_000, help="of each subject")
    parser.add_argument("--record", type=Path, help="a JSON file")
    arguments = parser.parse_args()
    unknown = set(arguments.subjects) - set(SUBJECTS)
    if unknown:
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    rows = []
    for subject in arguments.subjects or SUBJECTS:
        begin = time.perf_counter()
        growth = measure(arguments.calls, subject)
        rows.append(
            {
                "subject": subject,
                "calls": arguments.calls,
                "python_bytes": growth.python,
                "process_bytes": growth.system,
                "flat": growth.flat,
                "seconds": round(time.perf_counter() - begin, 1),
            }
        )
        print(
            f"{subject:>20}: in the second half of {arguments.calls:,} calls Python's memory grew by "
            f"{growth.python:,} bytes, the process by {growth.system:,}; {'flat' if growth.flat else 'NOT FLAT'}",
            flush=True,
        )
        if arguments.record is not None:
            report = {
                "command": f"python tests/fuzz/leaks.py --calls {arguments.calls} --record FILE.json",
                "boildown": boildown.__version__,
                "python": platform.python_version(),
                "room": {"python_bytes": PYTHON_ROOM, "process_bytes": SYSTEM_ROOM},
                "rows": rows,
            }
            arguments.record.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return sum(not row["flat"] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
