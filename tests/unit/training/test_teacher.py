from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from boildown.errors import ModelError
from boildown.training.teacher import Teacher


def test_cosines_are_those_of_sentence_transformers(base: Path) -> None:
    models = pytest.importorskip("sentence_transformers.models")
    from sentence_transformers import SentenceTransformer

    teacher = Teacher(str(base), torch.device("cpu"), torch.float32)
    layers = [models.Transformer(str(base), max_seq_length=256), models.Pooling(teacher.encoder.config.hidden_size)]
    theirs = SentenceTransformer(modules=layers, device="cpu")
    texts = ["The bird of Esk is the skua.", "Rain falls there most days.", "ferry " * 400]
    vectors = theirs.encode(["What is the bird of Esk?", *texts], normalize_embeddings=True)
    ours = teacher.cosines("What is the bird of Esk?", texts)
    np.testing.assert_allclose(ours, vectors[1:] @ vectors[0], atol=1e-5)


def test_a_text_has_the_same_vector_in_any_batch(base: Path) -> None:
    texts = [f"The bird of {island} is the skua." for island in ("Esk", "Jura", "Arlo and Benn")]
    together = Teacher(str(base), torch.device("cpu"), torch.float32)
    alone = Teacher(str(base), torch.device("cpu"), torch.float32)
    whole = together.cosines("skua", texts)
    np.testing.assert_allclose(whole, [alone.cosines("skua", [text])[0] for text in texts], atol=1e-5)


def test_batches_are_the_same_in_every_process(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = Teacher(str(base), torch.device("cpu"), torch.float32)
    seen: list[str] = []
    embed = teacher._embed
    monkeypatch.setattr(teacher, "_embed", lambda part: seen.extend(part) or embed(part))
    texts = [f"The ferry runs {number} times." for number in range(10, 50)]
    teacher.cosines("When?", texts)
    assert seen == ["When?", *texts]


def test_a_teacher_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model that transformers can load"):
        Teacher(str(tmp_path), torch.device("cpu"), torch.float32)
