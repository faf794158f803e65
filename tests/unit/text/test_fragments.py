from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.text.fragments import join_fragments
from boildown.text.sentences import split_sentences


def joined(text: str, min_words: int = 3) -> list[str]:
    return [text[s:e] for s, e in join_fragments(text, split_sentences(text), min_words)]


# "‖" marks the expected boundaries.
CASES = {
    "conjunction": "They agreed to build it. And? ‖Then nothing happened.",
    "end of a paragraph": "The pump was tested twice in May. It failed.\n\n‖The Reed is light and cheap.",
    "begin of a paragraph": "The pump was tested twice in May.\n\n‖It failed. The test was too long.",
    "begin of a text": "It failed. The test was too long.",
    "several at the end": "They agreed to build it. And so. Not now. Oh well.",
    "paragraph of its own": "The pump was tested twice in May.\n\n‖It failed.\n\n‖The Reed is light and cheap.",
    "answers": "Q: Is it waterproof at all?\nA: No.\n‖Q: Is the Reed waterproof at all?\nA: Yes.",
    "answers apart": "Is it waterproof at all?\n\nNo.\n\n‖Is the Reed waterproof at all?\n\nYes.",
    "heading": "Opening hours\n\nWe open at nine every day. ‖We close at six.",
    "long heading": "Opening hours of the shop\n\nWe open at nine every day. ‖We close at six.",
    "Markdown": "# On call\n\nEngineers are paid for it.\n\n‖## Leave, and what is carried over\n\nIt is 28 days.",
    "headings below each other": "# The whole of it\n\n## On call of engineers\n\nEngineers are paid for it.",
    "empty section": "# On call of engineers\n\n‖# Leave of all people\n\nAnnual leave is 28 days.",
    "underlined": "The opening hours\n=====\n\nWe open at nine every day.",
    "headings of a page": "<h1>Reed</h1><h2>Weight</h2><p>It weighs 2.1 kg.</p>‖<h2>Depth</h2><p>It dives to 40 m.",
    "heading inside of another element": '<div class="a"><h2>The <b>Reed</b></h2><p>It weighs 2.1 kg.</p>',
    "prompts of a shell": "# extendlv testlv 2\n#\n\n‖The commands below confirm that.",
    "rows without spaces": "store,month,sales\n‖Lyon,May,91350\n‖Nice,May,80200\n‖Lyon,June,70990\n",
    "records": "{\n  name: the Reed of the rivers,\n  depth: 40 },\n‖{\n  name: the Heron of lakes,\n  depth: 55 }\n",
    "values": "Weight: 2kg\nDepth: 40m\n‖Life: long\nName: Reed\n\n‖Another paragraph follows them.",
    "announced list": "Fruit:\n- Apples\n- Pears\n‖- Plums\n- Kiwis\n\n‖Another paragraph follows them.",
    "table": "| a | b |\n|---|---|\n| 1 | 2 |\n‖| 3 | 4 |\n| 5 | 6 |\n\n‖Another paragraph follows them.",
    "steps with lines between": "1. Launch the tool\n\n‖2. Click the button\n\n‖Then everything is done.",
    "subtitles": (
        "1\n00:00:01,000 --> 00:00:04,000\n‖Hello there, my old friends.\n\n"
        "‖2\n00:00:05,000 --> 00:00:08,000\n‖How are you all today?"
    ),
    "numbered lines": (
        "Replacing the filter\n\nStep 1. Turn both screws to the left.\n‖Step 2. Take off the lid and wait.\n"
        "‖Step 3. Wait.\n‖Step 4. Put the lid back on."
    ),
    "answers with a reason": "Ben: No. I will not go there.\n‖Ann: Yes. But not before ten.\n‖Ben: Why not?\nAnn: No.",
    "Chinese": "标题\n\n这是一个很长的句子。好。\n\n‖另一个段落在这里。",
}


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES.keys())
def test_fragments(marked: str) -> None:
    assert joined(marked.replace("‖", "")) == marked.split("‖")


@pytest.mark.parametrize("item", ["- item {}\n", "Item {}\n\n", "# Item {}\n\n", "Item {}. "])
def test_fragments_in_a_row_do_not_become_one_lump(item: str) -> None:
    text = "".join(item.format(i) for i in range(40))
    assert max(len(piece) for piece in joined(text, 6)) < 60


@given(
    st.lists(st.sampled_from(["No.", "Why?", "# A", "Title", "- b", "\n", "\n\n", " ", "A sentence of five words."]))
)
def test_every_piece_begins_a_sentence_and_the_text_is_covered(pieces: list[str]) -> None:
    text = "".join(pieces)
    before, after = split_sentences(text), join_fragments(text, split_sentences(text), 3)
    assert "".join(text[s:e] for s, e in after) == text
    assert set(after[:, 0]) <= set(before[:, 0])


def test_nothing_is_joined_for_one_word() -> None:
    spans = np.array([[0, 3], [3, 6]])
    assert join_fragments("Oh. No.", spans, 1) is spans
