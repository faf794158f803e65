"""Which label keeps a token, and the layouts in which such models are published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llmlingua2_documents import DOCUMENTS, LONG
from stored_documents import method

from boildown import Budget, Compressor
from boildown.errors import ConfigurationError, ModelError
from boildown.methods.llmlingua2 import keep_index
from boildown.sources import Sources


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        (("LABEL_0", "LABEL_1"), 1),
        (("0", "1"), 1),
        (("drop", "keep"), 1),
        (("KEEP", "DROP"), 0),
        (("do_not_keep", "keep"), 1),
        (("not preserve", "preserve"), 1),
        (("remove", "other"), 1),
        (("O", "keep", "pad"), 1),
    ],
)
def test_the_keep_label_is_read_from_the_names(labels: tuple[str, ...], index: int) -> None:
    assert keep_index(labels) == index


@pytest.mark.parametrize(
    "labels", [("LABEL_0", "LABEL_1", "LABEL_2"), ("B-KEEP", "I-KEEP", "O"), ("A", "B"), ("1", "0"), ("keep",) * 2]
)
def test_labels_that_do_not_tell(labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match=r"id2label.*keep_label="):  # the drop-in has no keep_label
        keep_index(labels)
    assert keep_index(labels, 0) == 0
    assert keep_index(labels, labels[-1]) == labels.index(labels[-1])


@pytest.mark.parametrize("wanted", ["nothing", 2, -1, True, 1.5])
def test_a_keep_label_that_is_not_there(wanted: Any) -> None:
    with pytest.raises(ConfigurationError, match="none of the model's labels: 0: 'drop', 1: 'keep'"):
        keep_index(("drop", "keep"), wanted)


def test_labels_in_another_order(make_model: Any, tmp_path: Path) -> None:
    folder = make_model("bert", tmp_path / "model", id2label={0: "keep", 1: "drop"}, label2id={"keep": 0, "drop": 1})
    sources = Sources([DOCUMENTS[0]])
    read = method(folder).score("", sources).tokens
    told = method(folder, keep_label="keep").score("", sources).tokens
    other = method(folder, keep_label=1).score("", sources).tokens
    assert read is not None
    assert told is not None
    assert other is not None
    assert read.score.tolist() == told.score.tolist()
    assert np.allclose(read.score + other.score, 1)


def more_rows(folder: Path) -> None:
    """The published models have a hundred rows for placeholders that their tokenizers lack."""
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(folder)
    model.resize_token_embeddings(model.config.vocab_size + 100)
    model.save_pretrained(folder)


def several_files(folder: Path) -> None:
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1


def position_ids(folder: Path) -> None:
    """Checkpoints of older versions hold this buffer."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    name = next(key for key in tensors if key.endswith("position_embeddings.weight"))
    count = tensors[name].shape[0]
    tensors[name.replace("position_embeddings.weight", "position_ids")] = torch.arange(count)[None]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def half_precision(folder: Path) -> None:
    import torch
    from transformers import AutoModelForTokenClassification

    AutoModelForTokenClassification.from_pretrained(folder).to(torch.float16).save_pretrained(folder)


def written_labels(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("change", [more_rows, several_files, position_ids, half_precision, written_labels])
@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_layouts_of_published_checkpoints(
    token_classifiers: dict[str, Path], tmp_path: Path, kind: str, change: Callable[[Path], None]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(token_classifiers[kind], folder)
    change(folder)
    sources = Sources([DOCUMENTS[0], LONG])
    wanted, found = (method(place).score("", sources).tokens for place in (token_classifiers[kind], folder))
    assert wanted is not None
    assert found is not None
    assert np.allclose(found.score, wanted.score, atol=0.02 if change is half_precision else 1e-5)


def test_three_labels(make_model: Any, tmp_path: Path) -> None:
    folder = make_model("xlm-roberta", tmp_path / "model", num_labels=3)
    with pytest.raises(ModelError, match="0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'"):
        method(folder).score("", Sources(["text"]))
    assert method(folder, keep_label="LABEL_2").score("", Sources(["text"])).relevance[0] > 0


def test_a_model_of_another_task_is_refused(
    encoders: dict[str, Path], token_classifiers: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="BertModel, which is no token classifier"):
        method(encoders["bert"]).score("", Sources(["text"]))
    folder = tmp_path / "model"
    shutil.copytree(encoders["bert"], folder)
    config = json.loads((folder / "config.json").read_text())
    del config["architectures"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"classifier\.weight"):
        method(folder).score("", Sources(["text"]))


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    compressor = Compressor("llmlingua2", model=str(tmp_path / "nothing"))
    with pytest.raises(ModelError, match="nothing"):
        compressor.compress("", ["text"], Budget(rate=0.5))
