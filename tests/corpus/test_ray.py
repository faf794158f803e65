"""The same job on a real cluster of Ray, on this machine: one for all tests, of two cores."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from corpus_files import BROKEN, DOCUMENTS, read_parts

from boildown import ConfigurationError, ModelError
from boildown.corpus.job import score_corpus
from boildown.corpus.output import Output
from boildown.corpus.ray_pool import RayPool, _Scorer
from boildown.corpus.scoring import Scoring
from boildown.stored_scores import STORED_KEY, unpack_scores

BLOCKS = 61 + 21 + 20
"""Of the fixture `corpus`, by five documents."""


def start(corpus: Path, output: Path, scoring: Scoring, environment: dict[str, str]) -> subprocess.Popen[str]:
    arguments = ["score", str(corpus), "--output", str(output), "--model", str(scoring.model), "--block", "5"]
    arguments += ["--device", "cpu", "--dtype", "float32", "--ray", "--cores", "1", "--json"]
    command = [sys.executable, "-m", "boildown", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def first_receipt(output: Path, job: subprocess.Popen[str]) -> dict[str, Any]:
    """Waits until a worker has finished a block."""
    while True:
        for path in (output / "_boildown" / "receipts").glob("*.json"):
            receipt: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return receipt
        assert job.poll() is None, job.communicate()
        time.sleep(0.01)


def receipts(output: Path) -> int:
    return len(list((output / "_boildown" / "receipts").rglob("*.json")))


def test_a_worker_killed_in_the_midst_leaves_the_output_of_one_process(
    corpus: Path, scoring: Scoring, tmp_path: Path, cluster: dict[str, str]
) -> None:
    output = tmp_path / "by-ray"
    with start(corpus, output, scoring, cluster) as job:
        victim = first_receipt(output, job)["pid"]
        os.kill(victim, signal.SIGKILL)
        assert receipts(output) < BLOCKS
        printed, complaints = job.communicate()
    assert job.returncode == 1, complaints
    summary = json.loads(printed)
    assert (summary["documents_written"], summary["documents_failed"]) == (DOCUMENTS, BROKEN)
    assert "line 41: not JSON" in complaints
    pids = {json.loads(p.read_text())["pid"] for p in (output / "_boildown" / "receipts").rglob("*.json")}
    assert len(pids - {victim}) >= 1

    score_corpus([corpus], tmp_path / "here", scoring, block_documents=5)
    found, expected = list(read_parts(output)), list(read_parts(tmp_path / "here"))
    assert len(found) == DOCUMENTS
    for one, other in zip(found, expected, strict=True):
        packed = one["metadata"].pop(STORED_KEY).split("."), other["metadata"].pop(STORED_KEY).split(".")
        assert one == other
        assert packed[0][:4] == packed[1][:4]
        scores, wanted = (unpack_scores(parts[4], len(one["text"])).tokens for parts in packed)
        assert scores is not None
        assert wanted is not None
        # Another number of threads may add up in another order.
        assert scores.score == pytest.approx(wanted.score, abs=1e-4)


def test_the_driver_killed_in_the_midst_is_resumed(
    corpus: Path, scoring: Scoring, tmp_path: Path, cluster: dict[str, str]
) -> None:
    output = tmp_path / "out"
    (corpus / "d.parquet").write_bytes(b"PAR1 it is not")
    with start(corpus, output, scoring, cluster) as job:
        first_receipt(output, job)
        os.kill(job.pid, signal.SIGKILL)
    assert receipts(output) < BLOCKS
    with start(corpus, output, scoring, cluster) as job:
        printed, complaints = job.communicate()
    assert job.returncode == 1, complaints
    summary = json.loads(printed)
    assert (summary["files"], summary["files_failed"]) == (4, 1)
    assert f"{corpus / 'd.parquet'}: {corpus / 'd.parquet'} cannot be read" in complaints
    assert summary["blocks_skipped"] >= 1
    assert summary["documents_scored"] < DOCUMENTS
    assert (summary["documents_written"], summary["documents_failed"]) == (DOCUMENTS, BROKEN)
    ids = [document["id"] for document in read_parts(output)]
    assert len(ids) == len(set(ids)) == DOCUMENTS


def test_a_worker_that_no_machine_has_room_for_is_an_error(
    corpus: Path, scoring: Scoring, tmp_path: Path, cluster: dict[str, str]
) -> None:
    arguments = ["score", str(corpus), "-o", str(tmp_path / "out"), "--model", str(scoring.model), "--ray"]
    done = subprocess.run(
        [sys.executable, "-m", "boildown", *arguments, "--cores", "64"],
        capture_output=True, text=True, env=cluster, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "No machine of the Ray cluster has 64 CPU cores" in done.stderr


def test_a_cluster_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray.data", reason="Ray is not installed: pip install 'boildown[ray]'", exc_type=ImportError)
    monkeypatch.setenv("RAY_ADDRESS", "no cluster")
    with pytest.raises(ConfigurationError, match="The Ray cluster cannot be reached or started"), RayPool():
        raise AssertionError("there is a cluster")


def test_a_worker_with_another_model_than_the_jobs_ends_it(scoring: Scoring, tmp_path: Path) -> None:
    output = Output(tmp_path / "out")
    output.prepare([])
    _Scorer(scoring, output, scoring.key)
    with pytest.raises(ModelError, match="another model than where the job began"):
        _Scorer(scoring, output, "another")


def test_the_example_runs_no_model_when_it_compresses(scoring: Scoring, cluster: dict[str, str]) -> None:
    script = Path(__file__).parents[2] / "examples" / "score_with_ray.py"
    command = [sys.executable, str(script), "--model", str(scoring.model)]
    done = subprocess.run(command, capture_output=True, text=True, env=cluster, check=False)
    assert done.returncode == 0, done.stderr
    counts, compressed = done.stdout.splitlines()
    assert re.fullmatch(r"(\d+) chunks read = \1 written \+ 0 failed, in \d+ blocks; \d+ bytes each\.", counts)
    assert compressed.endswith(" tokens, 0.000 s in the model.")
