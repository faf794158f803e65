from __future__ import annotations

import copy
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boildown import Budget, Compressor
from boildown.errors import ConfigurationError, ModelError, RebudgetError
from boildown.methods.llmlingua2 import LLMLingua2, keep_index
from boildown.sources import Sources

KINDS = ("bert", "roberta", "xlm-roberta", "modernbert")
DOCUMENTS = [
    "The harbour master counted 312 ships. Moving the sound post changes the tone!",
    "",
    "灯塔守护人记录了船只。当地的面包师把面种养了几十年。",
    " \n\t ",
    "Where does the water go? Größere Straßen 👍🏽 führen\nüber die Brücke, \ud83d naturellement.",
]
LONG = " ".join(f"Sentence number {i} tells of {i * 7} ships in the harbour." for i in range(60))


def method(folder: Path, **options: Any) -> LLMLingua2:
    return LLMLingua2(str(folder), device="cpu", dtype="float32", **options)


def reference(folder: Path, text: str) -> list[tuple[int, int, float]]:
    """Start, end and keep probability of each token, by transformers alone."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    offsets = inputs.pop("offset_mapping")[0].tolist()
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        keep = model(**inputs).logits[0].softmax(-1)[:, 1].tolist()
    return [(s, e, p) for (s, e), p in zip(offsets, keep, strict=True)][1:-1]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_models_own(token_classifiers: dict[str, Path], kind: str) -> None:
    folder = token_classifiers[kind]
    texts = [DOCUMENTS[0], "A [bracket] and a line\nbreak."]
    scores = method(folder).score("", Sources(texts))
    tokens = scores.tokens
    assert tokens is not None
    for i, text in enumerate(texts):
        mine = tokens.document == i
        expected = [(s, e, p) for s, e, p in reference(folder, text) if text[s:e].strip()]
        assert np.allclose(tokens.score[mine], [p for _, _, p in expected], atol=1e-4)
        pieces = [text[s:e] for s, e in zip(tokens.start[mine], tokens.end[mine], strict=True)]
        assert pieces == [text[s:e].strip() for s, e, _ in expected]
        assert scores.relevance[i] == pytest.approx(np.mean([p for _, _, p in expected]), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_do_not_depend_on_each_other(token_classifiers: dict[str, Path], kind: str) -> None:
    engine = method(token_classifiers[kind])
    together = engine.score("", Sources([*DOCUMENTS, LONG]))
    for i, text in enumerate([*DOCUMENTS, LONG]):
        alone = engine.score("", Sources([text]))
        assert together.tokens is not None
        assert alone.tokens is not None
        mine = together.tokens.document == i
        assert np.allclose(together.tokens.score[mine], alone.tokens.score, atol=1e-4)
        assert together.tokens.start[mine].tolist() == alone.tokens.start.tolist()
        assert together.relevance[i] == pytest.approx(alone.relevance[0], abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_has_a_token(token_classifiers: dict[str, Path], kind: str) -> None:
    sources = Sources([*DOCUMENTS, LONG])
    scores = method(token_classifiers[kind]).score("", sources)
    tokens = scores.tokens
    assert tokens is not None
    assert (np.diff(tokens.document) >= 0).all()
    assert ((tokens.end > tokens.start) & (tokens.score >= 0) & (tokens.score <= 1)).all()
    words = sources.words
    for document, start, end in zip(words.document, words.start, words.end, strict=True):
        piece = sources.texts[document][start:end]
        inside = (tokens.document == document) & (tokens.start >= start) & (tokens.end <= end)
        if piece.strip().strip("\ud83d\ufe0f\u200d"):
            assert inside.any(), piece
    assert scores.relevance[1] == scores.relevance[3] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_long_documents_are_read_in_windows_that_end_with_sentences(make_model: Any, tmp_path: Path, kind: str) -> None:
    from tokenizers import Tokenizer

    folder = make_model(kind, tmp_path / "model", max_position_embeddings=514)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    sources = Sources([LONG])
    tokens = method(folder, window=200).score("", sources).tokens
    assert tokens is not None
    heads = [LONG[: int(end)].rstrip() for end in sources.sentences.end]
    head = [text for text in heads if len(tokenizer.encode(text)) <= 200][-1]
    expected = [p for s, e, p in reference(folder, head) if LONG[s:e].strip()]
    assert np.allclose(tokens.score[: len(expected)], expected, atol=1e-4)
    assert tokens.start[len(expected)] == LONG.index("Sentence", len(head))
    other = method(folder, window=120).score("", sources).tokens
    assert other is not None
    assert not np.allclose(other.score[: len(expected)], expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_never_split(token_classifiers: dict[str, Path], kind: str) -> None:
    compressor = Compressor(method(token_classifiers[kind]))
    documents = [*DOCUMENTS, LONG]
    sources = Sources(documents)
    edges = {
        (int(d), int(p))
        for d, s, e in zip(sources.words.document, sources.words.start, sources.words.end, strict=True)
        for p in (s, e, s + len(sources.texts[d][s:e].rstrip()), e - len(sources.texts[d][s:e].lstrip()))
    }
    result = compressor.compress("", documents, Budget(rate=0.4))
    assert result.documents
    for document in result.documents:
        assert document.text == "".join(documents[document.index][s.start : s.end] for s in document.spans)
        for span in document.spans:
            assert {(document.index, span.start), (document.index, span.end)} <= edges
    assert result.tokens_out <= 0.4 * result.tokens_in


@pytest.mark.parametrize("kind", KINDS)
def test_forced_strings_are_kept_first(token_classifiers: dict[str, Path], kind: str) -> None:
    engine = method(token_classifiers[kind], force_tokens=["!", "\n", "sound post"], force_reserve_digit=True)
    text = "The harbour master counted 312 ships.\nMoving the sound post changes the tone! It grows warm, but dull."
    for unit in ("word", "token"):
        result = Compressor(engine, unit=unit, protect=()).compress("", [text], Budget(rate=0.6))
        for wanted in ("312", "!", "\n", "sound", "post"):
            assert wanted in result.text, (unit, result.text)
    plain = method(token_classifiers[kind]).score("", Sources([text]))
    forced = engine.score("", Sources([text]))
    assert forced.relevance.tolist() == plain.relevance.tolist()
    assert plain.tokens is not None
    assert plain.tokens.score.max() <= 1


def test_forced_strings_that_do_not_occur_change_nothing(token_classifiers: dict[str, Path]) -> None:
    sources = Sources(["The harbour master keeps a log."])
    plain = method(token_classifiers["bert"]).score("", sources).tokens
    forced = method(token_classifiers["bert"], force_tokens=["zebra", ""]).score("", sources).tokens
    assert plain is not None
    assert forced is not None
    assert plain.score.tolist() == forced.score.tolist()


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        (("LABEL_0", "LABEL_1"), 1),
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
    "labels", [("LABEL_0", "LABEL_1", "LABEL_2"), ("B-KEEP", "I-KEEP", "O"), ("A", "B"), ("keep",) * 2]
)
def test_labels_that_do_not_tell(labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="keep_label="):
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


@pytest.mark.parametrize(
    ("options", "message"), [({"force_tokens": "?!"}, "takes a list"), ({"window": 3}, "at least 16")]
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LLMLingua2("model", **options)


def test_a_copy_carries_no_weights(token_classifiers: dict[str, Path]) -> None:
    engine = method(token_classifiers["bert"])
    before = engine.score("", Sources(DOCUMENTS))
    assert len(pickle.dumps(engine)) < 1000
    for again in (pickle.loads(pickle.dumps(engine)), copy.deepcopy(engine)):
        assert np.allclose(again.score("", Sources(DOCUMENTS)).relevance, before.relevance)


def test_building_a_compressor_loads_no_model_code() -> None:
    code = (
        "import sys; from boildown import Compressor\n"
        "for name in ('llmlingua2', 'embedding', 'cross_encoder'): Compressor(name, model='some/model')\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'tokenizers'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_exact_mode_cuts_by_itself_and_cannot_be_cut_again(bert: Path) -> None:
    text = "The harbour master keeps a log. In 1874 she counted 312 ships, most of them carrying timber. " * 12
    texts = [text, text[40:], "", "Bread needs time."]
    compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options={"exact": True})
    result = compressor.compress("", texts, Budget(rate=0.5))
    assert 0 < result.tokens_out < result.tokens_in
    for document in result.documents:
        assert document.text == "".join(span.of(texts[document.index]) for span in document.spans)
    with pytest.raises(RebudgetError):
        result.rebudget(Budget(rate=0.2))
    assert compressor.compress("", texts, Budget(rate=0.5)).text == result.text
    assert pickle.loads(pickle.dumps(compressor)).compress("", texts, Budget(rate=0.5)).text == result.text


@pytest.mark.parametrize("text", ["A [NEW0] stands here. So does [PAD], and \ud83d.", "?", "\n\n", "[NEW0][NEW1]?\n?"])
def test_the_exact_mode_takes_odd_text(bert: Path, text: str) -> None:
    options = {"exact": True, "force_tokens": ["\n", "? ", "stands "]}
    compressor = Compressor("llmlingua2", model=str(bert), device="cpu", options=options)
    for document in compressor.compress("", [text, text * 3], Budget(rate=0.6)).documents:
        assert document.text == "".join(span.of([text, text * 3][document.index]) for span in document.spans)


def test_the_exact_mode_takes_label_one() -> None:
    with pytest.raises(ConfigurationError, match="takes label 1"):
        LLMLingua2("model", exact=True, keep_label=0)
