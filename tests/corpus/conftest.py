"""A model to score with, a corpus of JSONL, gzipped JSONL and Parquet with broken lines in it, and a cluster of Ray."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from corpus_files import make_documents, to_lines
from tiny_models import bert

from boildown.corpus.scoring import Scoring

__all__ = ["bert"]


@pytest.fixture(scope="session")
def scoring(bert: Path) -> Scoring:
    return Scoring("llmlingua2", str(bert), device="cpu", dtype="float32")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """300 documents in JSONL, 100 in a folder below it, gzipped, with two broken lines, and 100 in Parquet."""
    pyarrow = pytest.importorskip("pyarrow", exc_type=ImportError)
    from pyarrow import parquet

    folder = tmp_path / "corpus"
    (folder / "more").mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(to_lines(make_documents(0, 300)))
    lines = to_lines(make_documents(300, 100)).splitlines(keepends=True)
    lines[40:40] = [b'{"text": "cut off\n', b"\n", b'{"id": "x", "text": 5}\n']
    (folder / "more" / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(lines)))
    parquet.write_table(
        pyarrow.Table.from_pylist(make_documents(400, 100)), folder / "more" / "c.parquet", row_group_size=30
    )
    return folder


_CLUSTER = """
import ray, sys
for last in (False, False, True):
    try:
        ray.init(num_cpus=2, object_store_memory=200_000_000, include_dashboard=False, log_to_driver=False)
        break
    except Exception:  # on a busy machine it may not be up in Ray's 30 seconds
        ray.shutdown()
        if last:
            raise
print("address", ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
ray.shutdown()
"""
_ENVIRONMENT = {
    **os.environ,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_worker_niceness": "0",
    "HF_HUB_OFFLINE": "1",
}


@pytest.fixture(scope="session")
def cluster() -> Iterator[dict[str, str]]:
    """The environment of a command that is to work on a cluster of two cores, which all tests share."""
    pytest.importorskip("ray.data", reason="Ray is not installed: pip install 'boildown[ray]'", exc_type=ImportError)
    command = [sys.executable, "-c", _CLUSTER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT) as held:
        assert held.stdin is not None
        assert held.stdout is not None
        address = next((line.split()[1] for line in held.stdout if line.startswith("address ")), None)
        assert address is not None
        yield {**_ENVIRONMENT, "RAY_ADDRESS": address}
        held.stdin.close()
        held.wait(timeout=60)
