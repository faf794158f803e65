from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boildown.compat import PromptCompressor

TEXTS = st.text(alphabet=st.characters(), max_size=120) | st.text(
    alphabet="ab \n<>/,.é漢👍\u0301\u200d\ud83d", max_size=200
)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("model", ["gpt2", "llama", "bert"])
@FEW
@given(contexts=st.lists(TEXTS, min_size=1, max_size=4), rate=st.floats(0, 1), question=TEXTS)
def test_any_text_is_cut_within_its_rate(
    request: pytest.FixtureRequest, cl100k: Any, model: str, contexts: list[str], rate: float, question: str
) -> None:
    folder: Path = request.getfixturevalue(model)
    compressor = PromptCompressor(str(folder), "cpu", use_llmlingua2=model == "bert", counter=cl100k)
    result = compressor.compress_prompt(contexts, question=question, rate=rate, concate_question=False)
    assert result["compressed_tokens"] <= rate * result["origin_tokens"] + 1e-6
    left = iter("".join(contexts))
    assert all(character in left for character in result["compressed_prompt"] if not character.isspace())


@FEW
@given(texts=st.lists(TEXTS, max_size=3), rate=st.floats(0, 1))
def test_any_json_stays_json(bert: Path, cl100k: Any, texts: list[str], rate: float) -> None:
    compressor = PromptCompressor(str(bert), "cpu", use_llmlingua2=True, counter=cl100k)
    data = {"texts": texts, "n": 1, **{f"key {i}": {"text": text} for i, text in enumerate(texts)}}
    result = compressor.compress_json(data, rate=rate)["compressed_prompt"]
    assert list(result) == list(data)
    assert len(result["texts"]) == len(texts)
    assert result["n"] == 1
