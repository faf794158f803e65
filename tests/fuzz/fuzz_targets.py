"""What is fuzzed, and what must hold for any input: no crash, the budget, exact spans, and inputs as they were.

Each target is a property of hypothesis. What was found by one stays with it as an `@example`.
"""

from __future__ import annotations

import fuzz_frameworks  # noqa: F401
import fuzz_models  # noqa: F401
import fuzz_selection  # noqa: F401
import fuzz_stored  # noqa: F401
import fuzz_structured  # noqa: F401
import fuzz_text  # noqa: F401
from fuzz_checks import COUNTS, TARGETS

__all__ = ["COUNTS", "TARGETS"]
