"""Linear layers in int8: close to the float ones, the same for a row alone and among others, and refused elsewhere."""

from __future__ import annotations

import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from boildown import Budget, Compressor
from boildown.cache import ScoreCache
from boildown.errors import ConfigurationError
from boildown.runtime import devices, encoder
from boildown.runtime.causal_loading import load_causal
from boildown.runtime.checkpoint import read_config
from boildown.runtime.devices import pick_dtype
from boildown.runtime.encoder import Encoder
from boildown.runtime.int8_linear import Int8Linear, int8_available
from boildown.runtime.reader import CrossReader
from boildown.runtime.sentence_models import load_sentence_model
from boildown.runtime.token_classifier import TokenClassifier
from boildown.runtime.transformers_encoder import TransformersEncoder

CPU = torch.device("cpu")
BUNDLED = Path(str(files("boildown") / "assets" / "prune-minilm"))
needs_int8 = pytest.mark.skipif(not int8_available(), reason="no linear layers in int8 here")
LENGTHS = (7, 1, 30, 7, 60, 12, 30, 20)
QUERY = "How long may a member keep a borrowed tool?"
TEXTS = [
    "The tool library opened in 1987 in a former bakery. Its first members were bicycle mechanics who shared a lathe. "
    "Members may keep a borrowed tool for fourteen days. After that a reminder is sent, and from the third week on a "
    "fee of two euros a day is due. Tools that others wait for cannot be renewed. Saws and drills are checked before "
    "they go out, and again when they come back.",
    "Glaciers store about two thirds of the world's fresh water. When they melt faster than snow falls, the sea rises "
    "by about a millimetre a year. Scientists drill cores out of the ice to read past temperatures from trapped air.",
    "The quarterly meeting was moved to Thursday because the hall was being painted. Twelve people came. The treasurer "
    "reported a surplus of 340 euros, and it was agreed to buy a second pillar drill. A vote on opening hours was put "
    "off until the autumn, when more of the members are expected to have come back from their holidays.",
    "A loan can be extended once by seven days, by telephone or at the counter, if nobody has asked for the tool. "
    "Whoever breaks a tool reports it at once; wear is no reason to pay, carelessness is.",
]


def layer_inputs(rows: int = 40, inner: int = 384, outer: int = 256) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, inner, generator=generator) * torch.rand(rows, 1, generator=generator).mul_(9).exp_()
    weight = torch.randn(outer, inner, generator=generator) * torch.rand(outer, 1, generator=generator)
    return x, weight / inner**0.5, torch.randn(outer, generator=generator)


def deviation(found: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Each row's, relative."""
    return (found - expected).norm(dim=1) / expected.norm(dim=1).clamp_min(1e-6)


def ids_for(folder: Path) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(5, read_config(folder)["vocab_size"], length) for length in LENGTHS]


@needs_int8
@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("", lambda y: y),
        ("gelu", functional.gelu),
        ("gelu_new", lambda y: functional.gelu(y, approximate="tanh")),
        ("relu", torch.relu),
    ],
)
def test_a_layer_computes_what_the_float_layer_does(activation: str, expected) -> None:
    x, weight, bias = layer_inputs()
    before = x.clone()
    found = Int8Linear(weight, bias, activation)(x)
    assert deviation(found, expected(functional.linear(x, weight, bias))).max() < 0.03
    assert torch.equal(x, before)


@needs_int8
@pytest.mark.parametrize("with_bias", [True, False])
def test_residual(with_bias: bool) -> None:
    x, weight, bias = layer_inputs()
    given = bias if with_bias else None
    residual = torch.randn(40, 256, generator=torch.Generator().manual_seed(1))
    before = residual.clone()
    found = Int8Linear(weight, given)(x, residual)
    assert deviation(found, functional.linear(x, weight, given) + before).max() < 0.03
    assert torch.equal(residual, before)


@needs_int8
def test_a_row_does_not_depend_on_the_others() -> None:
    x, weight, bias = layer_inputs()
    x[3] = 0
    layer = Int8Linear(weight, bias, "gelu")
    together = layer(x)
    for rows in (slice(0, 1), slice(3, 4), slice(5, 12), slice(0, 33)):
        assert torch.equal(layer(x[rows].clone()), together[rows])
    assert torch.allclose(together[3], functional.gelu(bias))


@needs_int8
def test_extremes_neither_overflow_nor_give_nan() -> None:
    x = torch.tensor([[1e30], [-1e30], [1e-38], [0.0], [1.0]]).expand(5, 4096).contiguous()
    weight = torch.cat([torch.full((16, 4096), 0.25), torch.zeros(16, 4096)])
    found = Int8Linear(weight, None)(x)
    expected = functional.linear(x, weight)
    assert torch.allclose(found, expected, rtol=0.01, atol=1e-30)


@needs_int8
@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta"])
def test_an_encoder_stays_close_and_a_sequence_has_no_batch_mates(encoders: dict[str, Path], kind: str) -> None:
    ids = ids_for(encoders[kind])
    exact, offsets = Encoder.load(encoders[kind]).hidden(ids)
    model = Encoder.load(encoders[kind], "cpu", torch.int8)
    states, _ = model.hidden(ids)
    assert model.dtype == states.dtype == torch.float32
    assert 0 < deviation(states, exact).mean() < 0.06
    for i in range(len(ids)):
        alone, _ = model.hidden([ids[i]])
        # Attention is in fp32: where its last bit differs, a byte may be rounded the other way.
        assert deviation(alone, states[offsets[i] : offsets[i + 1]]).max() < 0.01


@needs_int8
def test_the_bundled_model_decides_nearly_alike() -> None:
    exact = CrossReader.load(BUNDLED, "cpu", "float32").read([QUERY] * len(TEXTS), TEXTS, [""] * len(TEXTS))
    reader = CrossReader.load(BUNDLED, "cpu", "int8")
    found = reader.read([QUERY] * len(TEXTS), TEXTS, [""] * len(TEXTS))
    kept = [reading.keep > np.median(reading.keep) for reading in (exact, found)]
    assert (kept[0] != kept[1]).mean() <= 0.05
    ranks = [reading.keep.argsort().argsort() for reading in (exact, found)]
    assert np.corrcoef(*ranks)[0, 1] > 0.99
    assert (exact.relevance.argsort() == found.relevance.argsort()).all()
    for i in range(len(TEXTS)):
        alone = reader.read([QUERY], TEXTS[i : i + 1], [""])
        assert alone.keep == pytest.approx(found.keep[found.document == i], abs=0.02)
        assert alone.relevance[0] == pytest.approx(found.relevance[i], abs=0.02)


@needs_int8
def test_a_token_classifier(bert: Path) -> None:
    ids = ids_for(bert)
    exact = TokenClassifier.load(bert, CPU, torch.float32).probabilities(ids)
    found = TokenClassifier.load(bert, CPU, torch.int8).probabilities(ids)
    assert np.abs(found - exact).mean() < 0.03


@needs_int8
def test_a_compressor_keeps_its_scores_apart_from_those_of_another_precision() -> None:
    cache = ScoreCache()
    results = [
        Compressor(device="cpu", dtype=dtype, cache=cache).compress(QUERY, TEXTS, Budget(rate=0.4))
        for dtype in ("float32", "int8", "int8")
    ]
    assert [result.cached for result in results] == [0, 0, len(TEXTS)]
    assert results[1].text == results[2].text
    assert "fourteen days" in results[1].text


def test_auto_never_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_cpu_dtypes", lambda: frozenset({"int8"}))
    assert pick_dtype("auto", CPU) == torch.float32


@pytest.mark.parametrize("lacks", ["hardware", "operators"])
def test_a_cpu_without_it_computes_in_float32_with_one_warning(monkeypatch: pytest.MonkeyPatch, lacks: str) -> None:
    monkeypatch.setattr(devices, "_warned", set())
    monkeypatch.setattr(devices, "_cpu_dtypes", lambda: frozenset(() if lacks == "hardware" else ("int8",)))
    monkeypatch.setattr(devices, "_has_int8_operators", lambda: lacks != "operators")
    with pytest.warns(RuntimeWarning, match="no int8 in hardware that this torch uses, so float32"):
        assert pick_dtype("int8", CPU) == torch.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pick_dtype("torch.int8", CPU) == torch.float32


def test_operators_that_compute_something_else_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Int8Linear, "__call__", lambda self, x: torch.zeros(len(x), 17))
    assert not int8_available.__wrapped__()


def test_it_is_refused_where_it_cannot_be(gpt2: Path, encoders: dict[str, Path], monkeypatch) -> None:
    with pytest.raises(ConfigurationError, match='for CPUs, not for cuda:0: give device="cpu"'):
        pick_dtype("int8", torch.device("cuda:0"))
    with pytest.raises(ConfigurationError, match="transformers' classes, cannot compute in int8"):
        load_causal(str(gpt2), "cpu", "int8")
    with pytest.raises(ConfigurationError, match="cannot compute in int8"):
        TransformersEncoder.load(encoders["bert"], "cpu", torch.int8)
    with pytest.raises(ConfigurationError, match="sentence-transformers, cannot compute in int8"):
        load_sentence_model("SentenceTransformer", str(encoders["bert"]), "cpu", "int8", "embedding")
    monkeypatch.setattr(encoder, "int8_available", lambda: False)
    with pytest.raises(ConfigurationError, match="no linear layers in int8"):
        Encoder.load(encoders["bert"], "cpu", torch.int8)
