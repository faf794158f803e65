"""Scores that documents carry are believed only where nothing has changed that they depend on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_documents import READ, TEXTS, Forwards, assert_close, method, release, stored

from boildown import Budget, Compressor, Document, ModelError
from boildown.methods.stored import Stored
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY


def another_text(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text.replace("312", "313"), metadata=documents[0].metadata)
    return {}


def swapped(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text, metadata=documents[5].metadata)
    return {}


def damaged(documents: list[Document], folder: Path) -> dict[str, Any]:
    value = documents[0].metadata[STORED_KEY]
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: value[:-9] + "AAAAAAAAA"})
    return {}


def cut_off(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: documents[0].metadata[STORED_KEY][:100]})
    return {}


def no_string(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: 12})
    return {}


def another_version(documents: list[Document], folder: Path) -> dict[str, Any]:
    value = documents[0].metadata[STORED_KEY]
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: "0" + value[1:]})
    return {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (another_text, "of another text"),
        (swapped, "of another text"),
        (damaged, "damaged"),
        (cut_off, "damaged"),
        (no_string, "damaged"),
        (another_version, "stored by another version"),
    ],
)
def test_one_that_does_not_fit_is_scored_again(
    folder: Path, forwards: Forwards, change: Callable[..., Any], reason: str
) -> None:
    documents = stored(folder, TEXTS)
    change(documents, folder)
    before = forwards.texts
    result = Compressor(method(folder), cache=False).compress("", documents, Budget(rate=0.5))
    assert forwards.texts - before == 1
    assert result.notes == (f"Of 6 documents, 1 had stored scores that do not fit and were scored again: 1 {reason}.",)
    texts = [document.text for document in documents]
    assert result.text == Compressor(method(folder), cache=False).compress("", texts, Budget(rate=0.5)).text


def retrained(folder: Path) -> None:
    """Other values in one small tensor; names, shapes and sizes stay."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"] = tensors["classifier.bias"] + 0.5
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def other_config(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "layer_norm_eps": 1e-3}))


def other_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text())
    data["normalizer"]["lowercase"] = not data["normalizer"]["lowercase"]
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("change", [retrained, other_config, other_tokenizer])
def test_a_changed_model_makes_all_stale(folder: Path, forwards: Forwards, change: Callable[[Path], None]) -> None:
    documents = stored(folder, TEXTS)
    change(folder)
    release()
    before = forwards.texts
    found = Stored(method(folder)).score("", Sources(documents))
    assert forwards.texts - before == READ
    assert "6 of another method, model or setting" in found.notes[0]
    assert_close(found, method(folder).score("", Sources(TEXTS)))


def test_a_moved_model_changes_nothing(folder: Path, forwards: Forwards, tmp_path: Path) -> None:
    documents = stored(folder, TEXTS)
    moved = Path(shutil.move(folder, tmp_path / "moved"))
    release()
    assert Stored(method(moved)).score("", Sources(documents)).notes == ()
    assert forwards.loads == 1


@pytest.mark.parametrize("options", [{"window": 64}, {"force_tokens": ["?"]}, {"keep_label": 0}])
def test_another_option_makes_all_stale(folder: Path, options: dict[str, Any]) -> None:
    documents = stored(folder, TEXTS)
    for written, read in ((documents, method(folder, **options)), (stored(folder, TEXTS, **options), method(folder))):
        found = Stored(read).score("", Sources(written))
        assert "6 of another method, model or setting" in found.notes[0]
        assert_close(found, read.score("", Sources(TEXTS)))


def test_another_method_makes_all_stale(folder: Path) -> None:
    from boildown.methods.securitylingua import SecurityLingua

    security = SecurityLingua(str(folder), device="cpu", dtype="float32")
    found = Stored(security).score("", Sources(stored(folder, TEXTS)))
    assert "6 of another method, model or setting" in found.notes[0]


def test_other_sentences_make_stale(folder: Path) -> None:
    text = "No. Never. The harbour master counted many ships. It rained."
    documents = stored(folder, [text])
    assert Stored(method(folder)).score("", Sources(documents, min_sentence=3)).notes == ()
    assert "1 of another text" in Stored(method(folder)).score("", Sources(documents, min_sentence=1)).notes[0]


def test_a_named_precision_is_demanded_and_auto_takes_any(folder: Path) -> None:
    documents = stored(folder, TEXTS)
    value = documents[0].metadata[STORED_KEY]
    assert value.split(".")[1] == "float32"
    half = [Document(TEXTS[0], metadata={STORED_KEY: value.replace(".float32.", ".float16.")})]
    assert Stored(method(folder, dtype="auto")).score("", Sources(half)).notes == ()
    assert Stored(method(folder, dtype="float32")).score("", Sources(half)).notes != ()


def test_a_missing_model_is_an_error(folder: Path) -> None:
    documents = stored(folder, TEXTS)
    shutil.rmtree(folder)
    release()
    with pytest.raises(ModelError, match="no folder"):
        Stored(method(folder)).score("", Sources(documents))
