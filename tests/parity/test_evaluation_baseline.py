"""The llmlingua package as a baseline of the evaluation, on a small model."""

from __future__ import annotations

from pathlib import Path

import pytest

from boildown import Budget
from boildown.errors import ModelError
from boildown.evaluation.baselines import LLMLinguaPackage
from boildown.evaluation.entrants import build_entrants
from boildown.evaluation.records import DataSet, parse_record
from boildown.evaluation.runner import evaluate

pytestmark = pytest.mark.filterwarnings("ignore")  # the package's own

RECORD = {
    "id": "1",
    "question": "How many ships did he count?",
    "answers": ["312"],
    "documents": [
        {"text": "The lighthouse keeper wrote down every ship that passed. He counted 312 vessels.", "gold": True},
        {"text": "Bread made with rye needs a sour starter."},
    ],
}


def test_the_package_takes_part(xlm_roberta: Path) -> None:
    data_set = DataSet("made", (parse_record(RECORD),))
    entrants = build_entrants([f"llmlingua_package={xlm_roberta}"])
    (result,) = evaluate([data_set], entrants, [Budget(rate=0.5), Budget(rate=1.0)])
    half, whole = result.cuts
    assert 0 < half.tokens < whole.tokens <= result.tokens_in + 2
    assert whole.answer is True
    assert (half.gold, half.sentences, half.model_seconds) == (None, None, None)


@pytest.mark.parametrize("variant", ["llmlingua", "longllmlingua"])
def test_its_causal_variants_run_over_several_windows(gpt2: Path, variant: str) -> None:
    texts = [document["text"] * 12 for document in RECORD["documents"]]  # type: ignore[index]
    found = LLMLinguaPackage(str(gpt2), variant=variant).compress(str(RECORD["question"]), texts, 0.5)
    assert 0 < len(found) < len("".join(texts))


def test_what_the_package_cannot_load_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="llmlingua could not load"):
        LLMLinguaPackage(str(tmp_path / "absent")).compress("q", ["text"], 0.5)
