"""Runs the fuzz targets on many inputs and prints how many, and what was found.

    python tests/fuzz                                  # 100,000 inputs, shared evenly
    python tests/fuzz --inputs 20000 selection facade  # some targets only
    python tests/fuzz --seed 7                         # other inputs

A failure is printed with the smallest input that hypothesis finds for it; put it into the target as an `@example`.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from fuzz_targets import COUNTS, TARGETS
from hypothesis import HealthCheck, Phase, seed, settings


def main() -> int:
    """Returns the number of targets that failed."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--inputs", type=int, default=100_000, help="over all targets")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    names = arguments.targets or list(TARGETS)
    each = -(-arguments.inputs // len(names))
    how = settings(
        max_examples=each,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        print_blob=True,
    )
    failed = []
    for name in names:
        begin = time.perf_counter()
        try:
            seed(arguments.seed)(how(TARGETS[name]))()
            outcome = "ok"
        except Exception:
            failed.append(name)
            outcome = "FAILED"
            traceback.print_exc(limit=-3)
        seconds = time.perf_counter() - begin
        print(f"{name:>20}: {COUNTS[name]:>7,} inputs in {seconds:6.1f} s  {outcome}", flush=True)
    print(f"{'all':>20}: {COUNTS.total():>7,} inputs, {len(failed)} of {len(names)} targets failed")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
