from __future__ import annotations

from pathlib import Path

from tiny_models import ENGLISH

from boildown import Budget, Compressor
from boildown.methods.securitylingua import SecurityLingua


def test_its_threshold_keeps_words_above_a_half(xlm_roberta: Path) -> None:
    method = SecurityLingua(str(xlm_roberta), device="cpu", dtype="float32")
    assert method.name == "securitylingua"
    result = Compressor(method, protect=[]).compress("", ENGLISH, Budget(threshold=SecurityLingua.THRESHOLD))
    assert 0 < result.tokens_out < result.tokens_in
    fewer = result.rebudget(Budget(threshold=0.6))
    assert set(fewer.text.split()) <= set(result.text.split())


def test_the_exact_mode_keeps_the_words_of_the_drop_in(xlm_roberta: Path) -> None:
    from boildown.compat import PromptCompressor

    compressor = Compressor("securitylingua", model=str(xlm_roberta), device="cpu", options={"exact": True})
    result = compressor.compress("", ENGLISH, Budget(threshold=SecurityLingua.THRESHOLD))
    drop_in = PromptCompressor(str(xlm_roberta), "cpu", use_slingua=True, exact=True, counter="estimate")
    expected = drop_in.compress_prompt(ENGLISH)["compressed_prompt_list"]
    assert ["".join(document.text.split()) for document in result.documents] == ["".join(t.split()) for t in expected]
