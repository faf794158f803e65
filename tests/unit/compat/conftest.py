"""The small models of `tests/tiny_models.py` as fixtures."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tiny_models import bert, gpt2, llama, xlm_roberta

__all__ = ["bert", "gpt2", "llama", "xlm_roberta"]
