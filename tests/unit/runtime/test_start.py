"""torch's import in a new process, and the garbage collector after it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_CODE = """
import gc, sys
collected = []
gc.callbacks.append(lambda phase, info: collected.append(phase))
{before}
from boildown.runtime.start import import_torch
collected.clear()
import_torch()
print("torch" in sys.modules, bool(collected), gc.isenabled(), gc.get_freeze_count() > 0)
"""


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", ["True", "False", "True", "False"]),
        # What the caller has set stays, and torch is imported by whoever needs it.
        ("gc.disable()", ["False", "False", "False", "False"]),
        ("gc.freeze()", ["False", "False", "True", "True"]),
    ],
)
def test_nothing_is_collected_and_the_collector_is_left_as_it_was(before: str, expected: list[str]) -> None:
    code = _CODE.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == expected
