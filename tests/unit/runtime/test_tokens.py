from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boildown.errors import ModelError
from boildown.runtime.checkpoint import read_tokenizer
from boildown.runtime.tokens import Tokens, character_starts, special_tokens, split_at, tokenize, windows

KINDS = ("bert", "roberta", "xlm-roberta", "modernbert")
TEXTS = [
    "The harbour master counted 312 ships.  Two\nlines, and\ta tab.",
    "",
    " \n ",
    "  leading space, größere Straßen; 灯塔守护人记录了船只。 👍🏽 end ",
    "half of a pair \ud83d here",
    "def add(a, b):\n    return a + b",
]


@pytest.mark.parametrize("kind", KINDS)
def test_offsets_cut_what_the_token_spells(encoders: dict[str, Path], kind: str) -> None:
    tokenizer = read_tokenizer(encoders[kind])
    tokens = tokenize(tokenizer, TEXTS)
    pieces = [TEXTS[t][s:e] for t, s, e in zip(tokens.text, tokens.start, tokens.end, strict=True)]
    for piece in pieces:
        assert not piece[:1].isspace()
    if kind in ("bert", "xlm-roberta"):
        assert all(pieces)  # these tokenizers have no tokens of white space
    order = tokens.text * 1000 + tokens.start
    assert (np.diff(order) >= 0).all()
    assert not (tokens.text == 1).any()
    # Nothing but white space lies outside of all tokens.
    for i, text in enumerate(TEXTS):
        covered = np.zeros(len(text), dtype=bool)
        for start, end in zip(tokens.start[tokens.text == i], tokens.end[tokens.text == i], strict=True):
            covered[start:end] = True
        outside = "".join(c for c, inside in zip(text, covered, strict=True) if not inside)
        assert not outside.replace("\ud83d", "").strip()  # BERT's own clean-up leaves out what cannot be encoded
    first = set(tokens.start[tokens.text == 0].tolist())
    assert {TEXTS[0].index(word) for word in ("harbour", "master", "lines")} <= first


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_the_tokenizers_own(encoders: dict[str, Path], kind: str) -> None:
    tokenizer = read_tokenizer(encoders[kind])
    tokens = tokenize(tokenizer, TEXTS)
    for i in (0, 3, 5):
        assert tokens.ids[tokens.text == i].tolist() == tokenizer.encode(TEXTS[i], add_special_tokens=False).ids


@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert"])
def test_a_special_token_in_a_document_is_text(encoders: dict[str, Path], kind: str) -> None:
    tokenizer = read_tokenizer(encoders[kind])
    before, after = special_tokens(tokenizer, encoders[kind])
    tokens = tokenize(tokenizer, ["a [SEP] b </s> c [CLS] <s>"])
    assert not set(tokens.ids.tolist()) & {*before, *after}


@pytest.mark.parametrize(("kind", "ids"), [("bert", (2, 3)), ("roberta", (0, 2)), ("xlm-roberta", (0, 2))])
def test_special_tokens_come_from_the_post_processor(
    encoders: dict[str, Path], kind: str, ids: tuple[int, int]
) -> None:
    assert special_tokens(read_tokenizer(encoders[kind]), encoders[kind]) == ([ids[0]], [ids[1]])


def test_special_tokens_come_from_the_map_else(encoders: dict[str, Path], tmp_path: Path) -> None:
    import json

    state = json.loads((encoders["bert"] / "tokenizer.json").read_text())
    state["post_processor"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(state))
    tokenizer = read_tokenizer(tmp_path)
    with pytest.raises(ModelError, match="cls_token"):
        special_tokens(tokenizer, tmp_path)
    (tmp_path / "special_tokens_map.json").write_text(
        json.dumps({"cls_token": "[CLS]", "sep_token": {"content": "[SEP]"}})
    )
    assert special_tokens(tokenizer, tmp_path) == ([2], [3])


def test_no_texts(encoders: dict[str, Path]) -> None:
    tokens = tokenize(read_tokenizer(encoders["bert"]), [])
    assert len(tokens) == 0
    assert windows(tokens, 10, []) == []


def _tokens(counts: list[int]) -> Tokens:
    text = np.repeat(np.arange(len(counts)), counts)
    place = np.concatenate([np.arange(n) for n in counts]) if counts else np.zeros(0, dtype=np.int64)
    return Tokens(np.zeros_like(place), text, place, place + 1)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 80), max_size=5),
    st.integers(1, 20),
    st.lists(st.booleans(), min_size=400, max_size=400),
)
def test_windows_cover_every_text_once(counts: list[int], room: int, flags: list[bool]) -> None:
    tokens = _tokens(counts)
    allowed = np.array(flags[: len(tokens)], dtype=bool)
    found = windows(tokens, room, [allowed])
    covered = [i for begin, end in found for i in range(begin, end)]
    assert covered == list(range(len(tokens)))
    for begin, end in found:
        assert 0 < end - begin <= room
        assert len(set(tokens.text[begin:end].tolist())) == 1


def test_windows_begin_at_the_best_break() -> None:
    tokens = _tokens([25])
    sentences, words = np.zeros(25, dtype=bool), np.zeros(25, dtype=bool)
    sentences[[0, 7]] = True
    words[[0, 7, 9, 16, 20]] = True
    assert windows(tokens, 10, [sentences, words]) == [(0, 7), (7, 16), (16, 25)]
    assert windows(tokens, 10, []) == [(0, 10), (10, 20), (20, 25)]


def test_a_token_of_several_words_is_split() -> None:
    texts = ["ab cd", "灯塔守"]
    base = character_starts(texts)
    assert base.tolist() == [0, 6]
    tokens = Tokens(np.array([5, 6, 7]), np.array([0, 0, 1]), np.array([0, 3, 0]), np.array([2, 5, 3]))
    words = np.array([0, 3, 6, 7, 8])
    parts, origin = split_at(tokens, words, base)
    assert origin.tolist() == [0, 1, 2, 2, 2]
    assert parts.start.tolist() == [0, 3, 0, 1, 2]
    assert parts.end.tolist() == [2, 5, 1, 2, 3]
    assert parts.ids.tolist() == [5, 6, 7, 7, 7]
    same, origin = split_at(tokens, np.array([0, 3, 6]), base)
    assert same is tokens
    assert origin.tolist() == [0, 1, 2]


@settings(deadline=None)
@given(st.data())
def test_split_parts_lie_inside_units(data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, 40), max_size=10)))
    edges = [0, *cuts, 41]
    tokens = Tokens(
        np.arange(len(edges) - 1), np.zeros(len(edges) - 1, dtype=np.int64), np.array(edges[:-1]), np.array(edges[1:])
    )
    starts = np.array([0, *sorted(data.draw(st.sets(st.integers(1, 40), max_size=10)))])
    parts, origin = split_at(tokens, starts, np.array([0]))
    assert "".join(f"{s}-{e} " for s, e in zip(parts.start, parts.end, strict=True)).split() == [
        f"{a}-{b}"
        for a, b in zip(sorted({*edges, *starts.tolist()})[:-1], sorted({*edges, *starts.tolist()})[1:], strict=True)
    ]
    assert (tokens.start[origin] <= parts.start).all()
    assert (parts.end <= tokens.end[origin]).all()
