from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture
def offline(monkeypatch):
    """Processes that reach no network, where llmlingua has the table by which it counts, if it is installed."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if find_spec("llmlingua"):
        spec = find_spec("llama_index.core") if find_spec("llama_index") else None
        tables = Path(spec.origin).parent / "_static" / "tiktoken_cache" if spec and spec.origin else Path("nowhere")
        if not tables.is_dir():
            pytest.skip("llama-index-core, which brings tiktoken's table, is not installed")


@pytest.fixture
def uncounted(monkeypatch):
    """Takes away after the test what counts forwards in this process."""
    from boildown.runtime.causal_losses import Losses
    from boildown.runtime.encoder import Encoder

    for counted in (Encoder, Losses):
        monkeypatch.setattr(counted, "forward", counted.forward)
