from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from running_service import running

# LlamaIndex imports langchain-community where it is installed, and that warns of its own end when it is imported.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    import llama_index.core.bridge.langchain  # noqa: F401


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The address of a service with the bundled model."""
    pytest.importorskip("fastapi", exc_type=ImportError)
    with running() as url:
        yield url
