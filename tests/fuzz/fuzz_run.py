"""One target on some inputs; by itself, so that another process can do it."""

from __future__ import annotations

import random
import traceback

from fuzz_targets import COUNTS, TARGETS
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import InMemoryExampleDatabase

__all__ = ["run"]

_BYTES = (50, 500, 4_000)
"""How much chance an input is made of; what is left over of it costs nothing."""


def run(name: str, number: int, count: int) -> tuple[str, int, str | None]:
    """Runs a target on `count` inputs; gives its name, how many it ran, and the failure in words, if there is one.

    Inputs are made of random bytes without hypothesis's engine, which takes as long as the targets themselves; it is
    called when one has failed, to look for the smallest that does.
    """
    how = settings(
        deadline=None,
        database=InMemoryExampleDatabase(),
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.shrink),
        print_blob=False,
    )
    source = random.Random(number)
    before, finding = COUNTS[name], None
    try:
        fuzz = how(TARGETS[name].make()).hypothesis.fuzz_one_input
        while COUNTS[name] - before < count:
            fuzz(source.randbytes(source.choice(_BYTES)))
    except Exception as first:
        finding = _in_words(first)
        try:
            how(TARGETS[name].make())()
        except Exception as smallest:
            traceback.print_exc(limit=-3)
            finding = _in_words(smallest)
    return name, COUNTS[name] - before, finding


def _in_words(error: Exception) -> str:
    return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])[:2000]
