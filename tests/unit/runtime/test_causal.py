from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import ALL, CHINESE, ENGLISH, MIXED, tiny_gpt2
from tokenizers import pre_tokenizers

from boildown.errors import InputError, ModelError
from boildown.runtime.causal import CausalLM
from boildown.runtime.causal_loading import load_causal
from boildown.runtime.causal_packed import PackedBody
from boildown.runtime.causal_text import windows
from boildown.runtime.checkpoint import remember_no_texts
from boildown.runtime.linear import onednn_available
from boildown.runtime.packing import MicroBatch


@pytest.fixture(params=["gpt2", "llama", "gpt2, padded", "llama, padded"])
def model(request: pytest.FixtureRequest) -> CausalLM:
    """With our own forward, and with that of transformers."""
    name, _, padded = request.param.partition(", ")
    found = load_causal(str(request.getfixturevalue(name)), "cpu", "float32")
    if not padded:
        if onednn_available(torch.float32):
            assert isinstance(found._losses.body, PackedBody)
        return found
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PackedBody, "of", lambda model: None)
        return CausalLM(found.model, found.tokenizer)


def naive(model: CausalLM, context: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """NLL of `ids` after `context`, from the model's own logits of this sequence alone."""
    whole = torch.tensor(np.concatenate([context, ids]))[None]
    with torch.no_grad():
        logits = model.model(whole).logits[0].log_softmax(-1)
    first = len(context)
    return -logits[first - 1 : -1].gather(1, whole[0, first:, None])[:, 0].numpy()


def test_token_nll_equals_the_naive_computation(model: CausalLM) -> None:
    texts = model.encode([*ALL, "", "x"])
    found = model.token_nll(texts)
    for text, values in zip(texts, found, strict=True):
        assert len(values) == len(text.ids)
        if len(text.ids):
            np.testing.assert_allclose(values, naive(model, model.start_ids, text.ids), atol=1e-4)


def test_a_prefix_is_read_once_and_changes_nothing(model: CausalLM) -> None:
    texts = model.encode(ALL)
    prefix = model.encode(["Who counted the ships in 1874, and where were the notebooks found?"])[0].ids
    context = np.concatenate([model.start_ids, prefix])
    for text, values in zip(texts, model.token_nll(texts, prefix), strict=True):
        np.testing.assert_allclose(values, naive(model, context, text.ids), atol=1e-4)
    short = prefix[:3]
    context = np.concatenate([model.start_ids, short])
    for text, values in zip(texts, model.token_nll(texts, short), strict=True):
        np.testing.assert_allclose(values, naive(model, context, text.ids), atol=1e-4)


def test_continuation_nll_equals_the_naive_computation(model: CausalLM) -> None:
    texts = model.encode([*ENGLISH, ""])
    question = model.encode([" Who counted the ships?"])[0].ids
    for unscored in (0, 2):
        found = model.continuation_nll(texts, question, unscored)
        for text, value in zip(texts, found, strict=True):
            context = np.concatenate([model.start_ids, text.ids])
            assert value == pytest.approx(naive(model, context, question)[unscored:].mean(), abs=1e-4)


def test_only_the_questions_rows_go_through_the_head(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    from boildown.runtime import causal_head

    plain = causal_head.streamed_nll
    monkeypatch.setattr(causal_head, "streamed_nll", lambda states, *a: rows.append(len(states)) or plain(states, *a))
    question = model.encode([" Who counted the ships?"])[0].ids
    model.continuation_nll(model.encode(ALL), question)
    assert sum(rows) == len(ALL) * len(question)


def test_documents_are_read_in_a_few_forwards(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    body = model._losses.body
    plain = body.states

    def counted(batch: MicroBatch, *arguments: Any) -> torch.Tensor:
        sizes.append(batch.tokens.shape[1])
        return plain(batch, *arguments)

    monkeypatch.setattr(body, "states", counted)
    texts = model.encode(ENGLISH * 6)
    model.token_nll(texts)
    tokens = sum(len(text.ids) for text in texts)
    assert 0 < len(sizes) <= 2 + 2 * tokens // body.batch_tokens
    assert sum(sizes) == tokens  # of each text with the token that stands before it, and without its last


def test_texts_longer_than_the_window(model: CausalLM) -> None:
    text = model.encode([" ".join(ENGLISH * 4)])[0]
    assert len(text.ids) > 2 * model.limit
    values = model.token_nll([text])[0]
    assert len(values) == len(text.ids)
    assert np.isfinite(values).all()
    room = model.limit - len(model.start_ids)
    np.testing.assert_allclose(values[:room], naive(model, model.start_ids, text.ids[:room]), atol=1e-4)
    second = windows(len(text.ids), room)[1]
    expected = naive(model, model.start_ids, text.ids[second.begin : second.end])[second.score_from - second.begin :]
    np.testing.assert_allclose(values[second.score_from : second.end], expected, atol=1e-4)
    question = model.encode([" Who?"])[0].ids
    assert np.isfinite(model.continuation_nll([text], question)).all()


def test_extend_continues_a_cache(model: CausalLM) -> None:
    ids = model.encode([ENGLISH[0]])[0].ids
    whole = model.sequence_nll([ids])[0]
    np.testing.assert_allclose(whole, naive(model, ids[:1], ids[1:]), atol=1e-4)
    cache = model.new_cache(10)
    for begin, end in ((0, 20), (20, 21), (21, len(ids))):
        assert cache.length == begin
        found = model.extend(ids[begin:end], cache)
        np.testing.assert_allclose(found, whole[begin : end - 1], atol=1e-4)
    cache.crop(30)
    np.testing.assert_allclose(model.extend(ids[30:40], cache), whole[30:39], atol=1e-4)
    assert cache.length == 40


def test_a_text_does_not_depend_on_those_beside_it(model: CausalLM) -> None:
    texts = model.encode([*ALL, "x"])
    question = model.encode(["Who counted the ships in 1874?"])[0].ids
    together = model.token_nll(texts), model.token_nll(texts, question), model.continuation_nll(texts, question)
    for i, text in enumerate(texts):
        # Two, since a question before a single text is not read for itself.
        alone = (
            model.token_nll([text]),
            model.token_nll([text, text], question),
            model.continuation_nll([text], question),
        )
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[i], b[0], rtol=0, atol=1e-5)


def test_a_question_that_leaves_no_room(model: CausalLM) -> None:
    question = model.encode([" ".join(ENGLISH * 3)])[0].ids
    with pytest.raises(InputError, match="Shorten it"):
        model.token_nll(model.encode(ENGLISH), question)
    cut, shortened = model.fit_question(question)
    assert shortened
    assert len(cut) == model.limit // 2
    assert np.isfinite(model.token_nll(model.encode(ENGLISH), cut)[0]).all()


def test_offsets_begin_at_the_word(model: CausalLM) -> None:
    for text in (ENGLISH[0], CHINESE[0], MIXED[0]):
        tokens = model.encode([text])[0]
        for start, end in zip(tokens.start.tolist(), tokens.end.tolist(), strict=True):
            assert start == end or not text[start].isspace()
            assert 0 <= start <= end <= len(text)


def test_lone_surrogates_are_read(model: CausalLM) -> None:
    assert np.isfinite(model.token_nll(model.encode(["a \ud83d b"]))[0]).all()


def test_a_tokenizer_that_is_no_pair(model: CausalLM, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    big = AutoTokenizer.from_pretrained(tiny_gpt2(tmp_path / "big", vocabulary=900))
    with pytest.raises(ModelError, match="not a pair"):
        CausalLM(model.model, big).encode(ENGLISH)


def test_ids_of_another_tokenizer_are_refused_wherever_they_come_from(model: CausalLM) -> None:
    ids = np.array([3, 4, 90_000])
    with pytest.raises(ModelError, match="not a pair"):
        model.sequence_nll([ids])
    with pytest.raises(ModelError, match="not a pair"):
        model.extend(ids, model.new_cache(8))


def test_whole_texts_stay_in_no_cache_of_the_tokenizer(llama: Path) -> None:
    backend = load_causal(str(llama), "cpu", "float32").tokenizer.backend_tokenizer
    sizes: list[int] = []

    class Tokenizer:
        pre_tokenizer = backend.pre_tokenizer

        class model:
            _resize_cache = sizes.append

    remember_no_texts(Tokenizer())
    assert sizes == [0]
    Tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    remember_no_texts(Tokenizer())
    assert sizes == [0]


def test_all_names_of_a_device_share_one_model(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boildown.runtime.devices.available_devices", lambda: ["cpu"])
    found = load_causal(str(gpt2), "auto", "auto")
    assert load_causal(str(gpt2), "cpu", "auto") is found
    assert load_causal(str(gpt2), "cpu", str(found.model.dtype).removeprefix("torch.")) is found


def test_a_slow_tokenizer_is_refused(model: CausalLM) -> None:
    class Slow:
        pass

    with pytest.raises(ModelError, match="slow tokenizer"):
        CausalLM(model.model, Slow())


def test_models_that_do_more_between_states_and_logits(model: CausalLM) -> None:
    """Some models change logits in ways we do not know; then their own logits are used."""

    class Odd:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            output = self._inner(*args, **kwargs)
            output.logits = output.logits * 0.5
            return output

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    odd = CausalLM(Odd(model.model), model.tokenizer)
    texts = odd.encode(ENGLISH)
    prefix = odd.encode(["Who counted the ships in 1874?"])[0].ids
    context = np.concatenate([odd.start_ids, prefix])
    for text, values in zip(texts, odd.token_nll(texts, prefix), strict=True):
        np.testing.assert_allclose(values, naive(odd, context, text.ids), atol=1e-4)


def test_scaled_and_capped_logits(model: CausalLM) -> None:
    changed = copy.deepcopy(model.model)
    changed.config.final_logit_softcapping = 30.0
    plain = CausalLM(changed, model.tokenizer)  # the model itself does not cap, which is noticed
    texts = plain.encode(ENGLISH[:1])
    np.testing.assert_allclose(plain.token_nll(texts)[0], naive(plain, plain.start_ids, texts[0].ids), atol=1e-4)


def test_threads_agree(model: CausalLM) -> None:
    texts = model.encode(ENGLISH)
    expected = model.token_nll(texts)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: model.token_nll(model.encode(ENGLISH)), range(8)):
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, atol=1e-5)


def test_half_precision_keeps_the_order(gpt2: Path) -> None:
    whole = load_causal(str(gpt2), "cpu", "float32")
    half = CausalLM(copy.deepcopy(whole.model).to(torch.bfloat16), whole.tokenizer)
    a = np.concatenate(whole.token_nll(whole.encode(ENGLISH)))
    b = np.concatenate(half.token_nll(half.encode(ENGLISH)))
    assert np.corrcoef(a, b)[0, 1] > 0.99
