"""What a process has to import before its first result."""

from __future__ import annotations

import subprocess
import sys

import pytest

_FIRST_RESULT = """
import sys
from boildown import Budget, Compressor
result = Compressor().compress("How long is the notice?", ["The notice is 30 days. It rains."] * 2, Budget(rate=0.5))
assert result.text and not result.notes, result
slow = ("transformers", "sentence_transformers", "huggingface_hub", "torch._dynamo", "torch._inductor", "sympy")
print(*(name for name in slow if name in sys.modules))
"""


def test_the_bundled_model_loads_no_slow_package() -> None:
    done = subprocess.run([sys.executable, "-c", _FIRST_RESULT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("name", "slow"),
    [("__version__", ("numpy", "boildown.compressor")), ("Compressor", ("asyncio", "ssl", "email", "torch"))],
)
def test_a_name_loads_no_more_than_it_needs(name: str, slow: tuple[str, ...]) -> None:
    # What the interpreter and its site-packages load before is none of this package's doing.
    code = f"import sys; before = set(sys.modules); from boildown import {name}"
    code += f"; print(*(set({slow!r}) & (set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_names_that_load_late_are_still_there() -> None:
    import boildown

    for name in boildown.__all__:
        assert getattr(boildown, name).__name__ == name
        assert name in dir(boildown)
    assert not hasattr(boildown, "nothing_of_this_name")
