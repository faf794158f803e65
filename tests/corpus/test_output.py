"""Where an output may lie, and what an error costs that nobody has thought of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from corpus_files import make_documents, to_lines

from boildown import ConfigurationError
from boildown.corpus.job import score_corpus
from boildown.corpus.output import Output
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
