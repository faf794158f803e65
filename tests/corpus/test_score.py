"""Scoring in this process: what comes out, what is reported, and what a second run does."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from corpus_files import BROKEN, DOCUMENTS, make_documents, read_parts, to_lines

from boildown import Budget, Compressor, ConfigurationError, Document, InputError, ModelError
from boildown.cli import main
from boildown.corpus.blocks import Block
from boildown.corpus.job import score_corpus
from boildown.corpus.output import Output
from boildown.corpus.scoring import BlockScorer, Scoring
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY


def failures(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "_boildown" / "failed.jsonl").read_text("utf-8").splitlines()]


def test_documents_come_out_as_they_were_with_the_scores_of_the_method(
    corpus: Path, scoring: Scoring, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    summary = score_corpus([corpus], output, scoring, block_documents=64)
    found = {document["id"]: document for document in read_parts(output)}
    assert len(list(read_parts(output))) == len(found) == DOCUMENTS
    expected = make_documents(0, 300) + make_documents(300, 100) + make_documents(400, 100)
    # The batches are the job's, so that equal means equal.
    for begin in range(0, 300, 64):
        some = expected[begin : min(begin + 64, 300)]
        values = scoring.build().values(Sources([Document(one["text"]) for one in some]))
        assert [found[one["id"]]["metadata"].pop(STORED_KEY) for one in some] == values
    for document in expected[300:]:
        value = found[document["id"]]["metadata"].pop(STORED_KEY)
        assert value.split(".")[:3] == values[0].split(".")[:3]
    assert [found[document["id"]] for document in expected] == expected
    assert (summary.files, summary.files_failed, summary.blocks) == (3, 0, 5 + 2 + 2)
    assert summary.documents_read == DOCUMENTS + BROKEN
    assert (summary.documents_written, summary.documents_failed) == (DOCUMENTS, BROKEN)
    assert json.loads((output / "_boildown" / "summary.json").read_text()) == summary.to_dict()
    assert sorted(path.name for path in (output / "_boildown").iterdir()) == [
        "failed.jsonl",
        "receipts",
        "summary.json",
    ]


def test_a_compressor_reads_the_scores_and_runs_no_model(corpus: Path, scoring: Scoring, tmp_path: Path) -> None:
    score_corpus([corpus / "a.jsonl"], tmp_path / "out", scoring)
    documents = [Document(d["text"], metadata=d["metadata"]) for d in read_parts(tmp_path / "out")][:20]
    compressor = Compressor("llmlingua2", model=scoring.model, device="cpu", dtype="float32", cache=False)
    result = compressor.compress("Who?", documents, Budget(rate=0.5))
    assert result.seconds["model"] == 0.0
    assert result.notes == ()


def test_broken_lines_are_reported_with_their_numbers(corpus: Path, scoring: Scoring, tmp_path: Path) -> None:
    score_corpus([corpus], tmp_path / "out", scoring, block_documents=30)
    first, second = failures(tmp_path / "out")
    assert first["file"] == second["file"] == str(corpus / "more" / "b.jsonl.gz")
    assert (first["line"], second["line"]) == (41, 43)
    assert first["error"].startswith("not JSON")
    assert second["error"] == '"text" must be a string, not int'


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"text": "caf\xe9"}', "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"text": "a", "n": 1' + b"0" * 5000 + b"}", "not JSON"),
        (b'{"text": "a", "n": [1e400]}', "not JSON: the number 1e400 is too large"),
        (b'["text"]', "a document must be a JSON object, not list"),
        (b'{"id": "a"}', '"text" is missing'),
        (b'{"text": null}', '"text" is missing'),
        (b'{"text": "a", "metadata": "b"}', '"metadata" must be an object, not str'),
    ],
)
def test_what_is_no_document_spoils_no_other(line: bytes, error: str, scoring: Scoring, tmp_path: Path) -> None:
    given = tmp_path / "in.jsonl"
    given.write_bytes(b'\xef\xbb\xbf{"text": "One. Two."}\n' + line + b'\n{"text": "\\ud83d three"}\n{"text": ""}')
    summary = score_corpus([given], tmp_path / "out", scoring)
    assert (summary.documents_read, summary.documents_written, summary.documents_failed) == (4, 3, 1)
    assert [document["text"] for document in read_parts(tmp_path / "out")] == ["One. Two.", "\ud83d three", ""]
    (failure,) = failures(tmp_path / "out")
    assert failure["line"] == 2
    assert failure["error"].startswith(error)


def test_a_file_that_cannot_be_read_is_reported_and_taken_up_when_it_can(
    corpus: Path, scoring: Scoring, tmp_path: Path
) -> None:
    whole = (corpus / "more" / "b.jsonl.gz").read_bytes()
    (corpus / "more" / "b.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (corpus / "d.parquet").write_bytes(b"PAR1 it is not")
    output = tmp_path / "out"
    summary = score_corpus([corpus], output, scoring)
    assert (summary.files, summary.files_failed) == (4, 2)
    assert summary.documents_read == summary.documents_written == 400
    assert {Path(one["file"]).name: one["line"] for one in failures(output)} == {"d.parquet": None, "b.jsonl.gz": None}
    assert not summary.complete
    (corpus / "more" / "b.jsonl.gz").write_bytes(whole)
    (corpus / "d.parquet").unlink()
    summary = score_corpus([corpus], output, scoring)
    assert (summary.documents_written, summary.documents_scored, summary.files_failed) == (500, 100, 0)


def test_a_second_run_does_nothing_and_a_change_is_scored_again(corpus: Path, scoring: Scoring, tmp_path: Path) -> None:
    output = tmp_path / "out"
    score_corpus([corpus], output, scoring, block_documents=50)
    made = {path: path.stat().st_mtime_ns for path in output.rglob("*-0*")}
    again = score_corpus([corpus], output, scoring, block_documents=50)
    assert (again.documents_scored, again.blocks_skipped, again.blocks) == (0, 11, 11)
    assert made == {path: path.stat().st_mtime_ns for path in output.rglob("*-0*")}

    documents = make_documents(0, 300)
    documents[120]["text"] = "Something else was written here."
    (corpus / "a.jsonl").write_bytes(to_lines(documents))
    changed = score_corpus([corpus], output, scoring, block_documents=50)
    assert changed.documents_scored == 50
    assert "Something else was written here." in {document["text"] for document in read_parts(output)}

    (corpus / "a.jsonl").write_bytes(to_lines(documents[:70]))
    shorter = score_corpus([corpus], output, scoring, block_documents=50)
    assert (shorter.documents_scored, shorter.documents_written) == (20, 270)
    assert len(list(read_parts(output))) == 270  # the parts that the file no longer has are gone


def test_another_setting_scores_everything_again(corpus: Path, scoring: Scoring, tmp_path: Path) -> None:
    score_corpus([corpus / "a.jsonl"], tmp_path / "out", scoring)
    other = replace(scoring, options={"force_tokens": ["."]})
    assert score_corpus([corpus / "a.jsonl"], tmp_path / "out", other).documents_scored == 300


def test_half_written_output_counts_for_nothing(corpus: Path, scoring: Scoring, tmp_path: Path) -> None:
    output = tmp_path / "out"
    score_corpus([corpus / "a.jsonl"], output, scoring, block_documents=100)
    (output / "a-00001.jsonl").write_bytes(b'{"text": "half')
    (output / "_boildown" / "receipts" / "a-00001.jsonl.json").unlink()
    (output / "_boildown" / "receipts" / "a-00002.jsonl.json").write_text('{"block": {"file"')
    (output / "_boildown" / "partial").mkdir()
    (output / "_boildown" / "partial" / "1-left.jsonl").write_bytes(b"{")
    summary = score_corpus([corpus / "a.jsonl"], output, scoring, block_documents=100)
    assert (summary.documents_scored, summary.documents_written) == (200, 300)
    assert len({document["id"] for document in read_parts(output)}) == len(list(read_parts(output))) == 300


def test_the_job_killed_in_the_midst_is_finished_by_the_next(corpus: Path, scoring: Scoring, tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = ["score", str(corpus), "--output", str(output), "--model", str(scoring.model), "--block", "5"]
    arguments += ["--dtype", "float32", "--device", "cpu"]
    with subprocess.Popen([sys.executable, "-m", "boildown", *arguments]) as job:
        receipts = output / "_boildown" / "receipts"
        while not list(receipts.glob("*.json")):
            assert job.poll() is None
            time.sleep(0.002)
        os.kill(job.pid, signal.SIGKILL)
    before = len(list(receipts.rglob("*.json")))
    assert 0 < before < 101
    summary = score_corpus([corpus], output, scoring, block_documents=5)
    assert summary.blocks_skipped == before
    assert (summary.documents_written, summary.documents_failed) == (DOCUMENTS, BROKEN)
    ids = [document["id"] for document in read_parts(output)]
    assert len(ids) == len(set(ids)) == DOCUMENTS


def test_one_that_the_model_cannot_score_spoils_no_other_and_is_tried_again(
    bert: Path, scoring: Scoring, tmp_path: Path
) -> None:
    import shutil

    from safetensors.torch import load_file, save_file
    from tokenizers import Tokenizer

    model = shutil.copytree(bert, tmp_path / "model")
    tensors = load_file(model / "model.safetensors")
    word = Tokenizer.from_file(str(model / "tokenizer.json")).encode("lighthouse").ids[1]
    name = next(name for name in tensors if name.endswith("word_embeddings.weight"))
    tensors[name][word] = float("nan")
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    texts = ["Swifts sleep.", "The lighthouse keeper.", "Bread needs a starter."]
    given = tmp_path / "in.jsonl"
    given.write_bytes(to_lines([{"id": text[:3], "text": text} for text in texts]))
    broken = replace(scoring, model=str(model))
    for _ in range(2):
        summary = score_corpus([given], tmp_path / "out", broken)
        assert (summary.documents_scored, summary.documents_failed, summary.blocks_skipped) == (2, 1, 0)
    (failure,) = failures(tmp_path / "out")
    assert (failure["id"], failure["line"]) == ("The", 2)
    assert "NaN" in failure["error"]


def test_documents_that_kill_every_worker_are_given_up(scoring: Scoring, tmp_path: Path) -> None:
    given = tmp_path / "in.jsonl"
    given.write_bytes(to_lines(make_documents(0, 3)))
    output = Output(tmp_path / "out")
    output.prepare([given])
    block = Block(str(given), "in-00000.jsonl", 1, 3, 3, 0, "")
    for _ in range(3):
        output.attempt(block.part)
    receipt = BlockScorer(scoring, output)(block)
    assert receipt.written == 0
    assert (receipt.failures[0].documents, receipt.finished) == (3, False)
    assert "died 3 times" in receipt.failures[0].error


def test_a_file_that_changes_under_the_job_fails_whole(scoring: Scoring, tmp_path: Path) -> None:
    given = tmp_path / "in.jsonl"
    given.write_bytes(to_lines(make_documents(0, 10)))

    class Changing:
        """This process, in a moment when someone else cuts the file short."""

        def split(self, files: Any, size: int) -> Any:
            from boildown.corpus.job import InProcess

            yield from InProcess().split(files, size)

        def score(self, blocks: Sequence[Block], scoring: Scoring, output: Output, step: Any) -> Any:
            given.write_bytes(to_lines(make_documents(0, 4)))
            yield from map(BlockScorer(scoring, output), blocks)

    summary = score_corpus([given], tmp_path / "out", scoring, workers=Changing())
    assert (summary.documents_read, summary.documents_written, summary.documents_failed) == (10, 0, 10)
    assert "has changed" in failures(tmp_path / "out")[0]["error"]


def test_folders_and_files_that_cannot_be_used(corpus: Path, scoring: Scoring, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        score_corpus([tmp_path / "none.jsonl"], tmp_path / "out", scoring)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file that ends with"):
        score_corpus([tmp_path / "empty"], tmp_path / "out", scoring)
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(InputError, match="the name must end with"):
        score_corpus([tmp_path / "notes.txt"], tmp_path / "out", scoring)
    with pytest.raises(ConfigurationError, match="holds the input"):
        score_corpus([corpus], corpus, scoring)
    with pytest.raises(ConfigurationError, match="not from this command"):
        score_corpus([corpus / "a.jsonl"], corpus / "more", scoring)
    with pytest.raises(ConfigurationError, match="same output"):
        score_corpus([corpus / "a.jsonl", corpus], tmp_path / "out", scoring)
    with pytest.raises(ConfigurationError, match="reads the query"):
        score_corpus([corpus], tmp_path / "out", Scoring("bm25"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(ModelError):
        score_corpus([corpus], tmp_path / "out", replace(scoring, model=str(tmp_path / "empty")))


def test_what_is_not_installed_is_named(
    corpus: Path, scoring: Scoring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["score", str(corpus), "-o", str(tmp_path / "out"), "--model", str(scoring.model)]
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([*arguments, "--ray"]) == 2
    assert "pip install 'boildown[ray]'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(arguments) == 2
    assert "pip install 'boildown[parquet]'" in capsys.readouterr().err


def test_the_command(corpus: Path, scoring: Scoring, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    arguments = ["score", str(corpus), "-o", str(output), "--model", str(scoring.model), "--device", "cpu"]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("502 documents read = 500 written + 2 failed\n")
    assert f"{corpus / 'more' / 'b.jsonl.gz'}, line 41: not JSON" in printed.err
    assert main([*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["documents_scored"] == 0
    lines = gzip.decompress((corpus / "more" / "b.jsonl.gz").read_bytes()).splitlines(keepends=True)
    (corpus / "more" / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[:40] + lines[43:])))
    assert main(arguments) == 0
    assert (
        capsys.readouterr().out
        == "500 documents read = 500 written + 0 failed; 400 of those written by an earlier run\n"
    )
    assert main([*arguments, "--workers", "2"]) == 2
    assert "go with --ray" in capsys.readouterr().err
