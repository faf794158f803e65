"""Where an output may lie, and what an error costs that nobody has thought of."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from corpus_files import make_documents, read_parts, to_lines

from boildown import BoildownError, ConfigurationError, ModelError
from boildown.cli import main
from boildown.corpus.blocks import Block
from boildown.corpus.job import InProcess, Step, score_corpus
from boildown.corpus.output import Output, Receipt
from boildown.corpus.scoring import Scoring


def test_an_error_that_nobody_has_thought_of_costs_its_block_alone(
    scoring: Scoring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in.jsonl").write_bytes(to_lines(make_documents(0, 4)))
    publish = Output.publish

    def sometimes(output: Output, part: str, write: Any) -> None:
        if part == "in-00000.jsonl":
            raise LookupError("what is this?")
        publish(output, part, write)

    with monkeypatch.context() as patch:
        patch.setattr(Output, "publish", sometimes)
        summary = score_corpus([tmp_path / "in.jsonl"], tmp_path / "out", scoring, block_documents=2)
    assert (summary.documents_written, summary.documents_failed) == (2, 2)
    failure = json.loads(Path(summary.failed).read_text("utf-8"))
    assert failure["error"] == "LookupError: what is this?"
    assert score_corpus([tmp_path / "in.jsonl"], tmp_path / "out", scoring, block_documents=2).complete


def test_a_part_of_another_model_than_the_jobs_does_not_count_as_written(
    bert: Path, scoring: Scoring, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_bytes(to_lines(make_documents(0, 4)))
    other = replace(scoring, model=str(shutil.copytree(bert, tmp_path / "other")))
    (tmp_path / "other" / "note.txt").write_text("replaced")

    class Elsewhere(InProcess):
        """Another machine, where the model's folder holds another one."""

        def score(self, blocks: Sequence[Block], scoring: Scoring, output: Output, step: Step) -> Iterator[Receipt]:
            yield from super().score(blocks[:1], other, output, step)
            yield from super().score(blocks[1:], scoring, output, step)

    summary = score_corpus([tmp_path / "in.jsonl"], tmp_path / "out", scoring, workers=Elsewhere(), block_documents=2)
    assert (summary.documents_written, summary.documents_failed) == (2, 2)
    assert len(list(read_parts(tmp_path / "out"))) == 2
    assert "another model" in json.loads(Path(summary.failed).read_text("utf-8"))["error"]
    again = score_corpus([tmp_path / "in.jsonl"], tmp_path / "out", scoring, block_documents=2)
    assert (again.complete, again.blocks_skipped) == (True, 1)


def test_an_output_below_the_input_is_no_input(scoring: Scoring, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "in.jsonl").write_bytes(to_lines(make_documents(0, 4)))
    (tmp_path / "link").symlink_to(folder)
    for given in (folder, folder, tmp_path / "link"):
        summary = score_corpus([given], folder / "scored", scoring)
        assert (summary.files, summary.documents_written) == (1, 4)
    with pytest.raises(ConfigurationError, match="holds the input"):
        score_corpus([folder / "scored"], folder / "scored", scoring)


def test_a_path_below_the_home_folder_leads_there(
    scoring: Scoring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "in.jsonl").write_bytes(to_lines(make_documents(0, 2)))
    assert score_corpus(["~/in.jsonl"], "~/out", scoring).complete
    assert len(list(read_parts(tmp_path / "out"))) == 2


def test_a_run_that_cannot_start_leaves_what_is_finished(scoring: Scoring, tmp_path: Path) -> None:
    given, output = tmp_path / "in.jsonl", tmp_path / "out"
    given.write_bytes(to_lines(make_documents(0, 6)))
    score_corpus([given], output, scoring, block_documents=2)
    made = {path: path.read_bytes() for path in output.rglob("in-*")}
    assert len(made) == 6
    for slip in ({"dtype": "flaot32"}, {"options": {"nosuch": 1}}, {"dtype": "float16", "device": "no"}):
        with pytest.raises(BoildownError):
            score_corpus([given], output, replace(scoring, **slip), block_documents=3)
        assert {path: path.read_bytes() for path in output.rglob("in-*")} == made
    assert score_corpus([given], output, scoring, block_documents=2).blocks_skipped == 3


def test_what_another_setting_left_goes_when_a_run_has_gone_through(
    scoring: Scoring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, output = tmp_path / "in.jsonl", tmp_path / "out"
    given.write_bytes(to_lines(make_documents(0, 6)))
    score_corpus([given], output, scoring, block_documents=2)
    publish = Output.publish

    def once(output: Output, part: str, write: Any) -> None:
        publish(output, part, write)
        raise ModelError("the machine is gone")

    other = replace(scoring, options={"force_tokens": ["."]})
    with monkeypatch.context() as patch:
        patch.setattr(Output, "publish", once)
        with pytest.raises(ModelError):
            score_corpus([given], output, other, block_documents=2)
    # The part that was replaced has no receipt of the file that was there before.
    assert score_corpus([given], output, scoring, block_documents=2).blocks_skipped == 2
    summary = score_corpus([given], output, other, block_documents=4)
    assert (summary.documents_scored, summary.blocks_skipped) == (6, 0)
    assert [document["id"] for document in read_parts(output)] == [f"d{i}" for i in range(6)]
    assert len(list((output / "_boildown" / "receipts").iterdir())) == 2


def test_a_file_that_cannot_be_read_for_once_keeps_its_finished_part(scoring: Scoring, tmp_path: Path) -> None:
    folder, output = tmp_path / "corpus", tmp_path / "out"
    folder.mkdir()
    whole = gzip.compress(to_lines(make_documents(0, 4)))
    (folder / "a.jsonl.gz").write_bytes(whole)
    (folder / "b.jsonl").write_bytes(to_lines(make_documents(4, 4)))
    score_corpus([folder], output, scoring)
    made = (output / "a-00000.jsonl.gz").read_bytes()
    (folder / "a.jsonl.gz").write_bytes(whole[:20])
    summary = score_corpus([folder], output, scoring)
    assert (summary.files_failed, summary.documents_read) == (1, 4)
    assert (output / "a-00000.jsonl.gz").read_bytes() == made
    (folder / "a.jsonl.gz").write_bytes(whole)
    assert score_corpus([folder], output, scoring).documents_scored == 0


def test_another_file_of_the_same_name_does_not_replace_the_first(scoring: Scoring, tmp_path: Path) -> None:
    output = tmp_path / "out"
    for name, first in (("one", 0), ("two", 10), ("copy", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "in.jsonl").write_bytes(to_lines(make_documents(first, 3)))
    (tmp_path / "link").symlink_to(tmp_path / "one")
    score_corpus([tmp_path / "one"], output, scoring)
    with pytest.raises(ConfigurationError, match=r"was made from .*one.in\.jsonl, and would be replaced by .*two"):
        score_corpus([tmp_path / "two"], output, scoring)
    assert [document["id"] for document in read_parts(output)] == ["d0", "d1", "d2"]
    assert score_corpus([tmp_path / "copy"], output, scoring).documents_scored == 0
    (tmp_path / "one" / "in.jsonl").write_bytes(to_lines(make_documents(0, 4)))
    assert score_corpus([tmp_path / "link"], output, scoring).documents_scored == 4
    (tmp_path / "one").rename(tmp_path / "moved")
    (tmp_path / "link").unlink()
    assert score_corpus([tmp_path / "two"], output, scoring).documents_scored == 3  # the first is no more


def test_inputs_that_are_not_given_now_are_named(
    scoring: Scoring, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = tmp_path / "corpus", tmp_path / "out"
    (folder / "below").mkdir(parents=True)
    for name, first in (("a.jsonl", 0), ("below/b.jsonl", 10)):
        (folder / name).write_bytes(to_lines(make_documents(first, 3)))
    assert score_corpus([folder], output, scoring).others == []
    (folder / "below" / "b.jsonl").unlink()
    arguments = ["score", str(folder), "-o", str(output), "--model", str(scoring.model), "--device", "cpu"]
    assert main([*arguments, "--dtype", "float32"]) == 0
    assert capsys.readouterr().out.endswith("also in the output, of inputs not given now: below/b.jsonl\n")
    (output / "below" / "b-00000.jsonl").unlink()
    assert score_corpus([folder], output, scoring).others == []
