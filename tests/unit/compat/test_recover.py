"""An answer in compressed text is given back in the words of the original."""

from __future__ import annotations

import pytest
from compat_texts import MODELS, Make, is_subsequence
from tiny_models import CHINESE, ENGLISH


@pytest.mark.parametrize(
    ("text", "compressed", "answer", "recovered"),
    [
        (
            ENGLISH[0],
            "The keeper wrote every ship passed. counted 312 vessels, carrying timber the north.",
            "He  wrote every  ship passed",
            "He  wrote down every ship that passed",
        ),
        (
            CHINESE[0],
            "灯塔守护人记录每一艘船只。他数到了312艘。",
            "守护人记录每一艘船只",
            "守护人记录了每一艘经过的船只",
        ),
    ],
)
def test_recover(make: Make, text: str, compressed: str, answer: str, recovered: str) -> None:
    compressor = make("gpt2")
    assert compressor.recover(text, compressed, answer) == recovered
    assert compressor.recover(text, compressed, "no  such   words") == "no  such   words"


@pytest.mark.parametrize("model", MODELS)
def test_what_was_compressed_is_recovered(make: Make, model: str) -> None:
    compressed = make(model).compress_prompt(ENGLISH[:2], rate=0.8, use_context_level_filter=False)["compressed_prompt"]
    original = "\n\n".join(ENGLISH[:2])
    recovered = make(model).recover(original, compressed, compressed)
    assert len(compressed) < len(recovered) <= len(original)
    assert is_subsequence(compressed, recovered)
    assert is_subsequence(recovered, original)


def test_words_are_found_though_a_run_elsewhere_stands_in_their_way(make: Make) -> None:
    original = "closer to the bridge it is brighter, further away it grows warm"
    compressed = "closer is further it warm"
    assert make("gpt2").recover(original, compressed, "is further it") == "is brighter, further away it"
