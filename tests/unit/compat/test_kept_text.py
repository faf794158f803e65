"""What is kept is part of the input: whole words and characters, in any script."""

from __future__ import annotations

import pytest
from compat_texts import CLASSIFIERS, LONG, MODELS, QUESTION, Make, is_subsequence
from tiny_models import ALL, CHINESE, CODE, ENGLISH, MIXED

JAPANESE = ["灯台守は通り過ぎるすべての船を記録した。1874年には312隻を数え、ほとんどがタイムスを運ぶﾌﾈだった。"]
THAI = ["คนเฝ้าประภาคารจดเรือทุกลำที่แล่นผ่าน ในปี 1874 เขานับได้ 312 ลำ ส่วนใหญ่บรรทุกไม้จากทางเหนือ"]
SPACED = [
    "سجّل حارس المنارة كل سفينة مرت. في عام 1874 أحصى 312 سفينة، معظمها تحمل الأخشاب من الشمال.",
    "प्रकाशस्तंभ के रखवाले ने हर गुज़रते जहाज़ को लिखा। 1874 में उसने 312 जहाज़ गिने, अधिकतर उत्तर की लकड़ी लिए।",
    "שומר המגדלור רשם כל ספינה שעברה. בשנת 1874 הוא ספר 312 כלי שיט, רובם נושאי עצים מהצפון.",
]
OTHER_SCRIPTS = [JAPANESE, THAI, SPACED]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("texts", [CHINESE, MIXED, CODE, *OTHER_SCRIPTS, ["naïve café 👩‍👩‍👧‍👦 🇫🇷 é\u0301 ﬁn"]])
def test_no_character_breaks_and_no_word_is_glued(make: Make, model: str, texts: list[str]) -> None:
    result = make(model).compress_prompt(texts, rate=0.5, use_context_level_filter=False)["compressed_prompt"]
    assert "\ufffd" not in result
    assert is_subsequence(result, "".join(texts))
    for text in texts:
        if text in [*MIXED, *CODE, *SPACED]:
            assert set(result.split()) <= {word for other in texts for word in other.split()}


def test_words_are_whole_over_chunk_borders(make: Make) -> None:
    text = " ".join(LONG * 2)
    for model in CLASSIFIERS:
        for rate in (0.3, 0.7):
            result = make(model).compress_prompt([text], rate=rate)["compressed_prompt"]
            assert set(result.split()) <= set(text.split())


@pytest.mark.parametrize("model", MODELS)
def test_texts_that_look_like_special_tokens(make: Make, model: str) -> None:
    text = "The tag <s> strikes </s> out; [NEW0] and <mask>, <|endoftext|> or [SEP] are words too. " + ENGLISH[0]
    force = {"force_tokens": ["lighthouse keeper"]} if model in CLASSIFIERS else {}
    assert make(model).compress_prompt([text], rate=1.0, **force)["compressed_prompt"] == text
    half = make(model).compress_prompt([text], rate=0.5, **force)["compressed_prompt"]
    assert is_subsequence(half, text)


@pytest.mark.parametrize("model", MODELS)
def test_an_empty_document_among_others(make: Make, model: str) -> None:
    for arguments in ({}, {"question": QUESTION, "rank_method": "bm25", "use_sentence_level_filter": True}):
        result = make(model).compress_prompt([ENGLISH[0], "", "  \n", ENGLISH[1]], rate=0.5, **arguments)
        assert result["compressed_prompt"].strip()
    assert make(model).compress_prompt([""])["compressed_prompt"] == ""
    assert make(model).compress_prompt([])["compressed_prompt"].strip() == ""
    assert make(model).compress_prompt("A single text is one context, and not a list of letters.", rate=0.6)


def test_blank_lines_stay_with_keep_split(make: Make) -> None:
    text = "\n\n".join(ENGLISH)
    result = make("gpt2").compress_prompt([text], rate=0.4, keep_split=True)
    assert result["compressed_prompt"].count("\n\n") == len(ENGLISH) - 1
    assert result["compressed_tokens"] <= 0.4 * result["origin_tokens"]


def test_whole_documents_are_spans_of_the_input(make: Make) -> None:
    for model in MODELS:
        text = make(model).compress_prompt(ALL, rate=0.6, use_context_level_filter=False)["compressed_prompt"]
        assert is_subsequence(text, "".join(ALL))
