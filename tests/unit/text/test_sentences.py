from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from thread_seconds import thread_seconds

from boildown.text.graphemes import is_boundary
from boildown.text.sentences import split_sentences

# fmt: off
PIECES = st.sampled_from(
    [
        "Dr. ", "Hello there", ". ", "! ", "?", "…", "“", "”", '"', "(", ") ", "\n", "\n\n", "\r\n", "\r", "\t",
        " ", "- ", "* ", "1. ", "a) ", "# Head", "| a | b |\n", "|---|\n", "```", "```py\n", "~~~", "> ", "。",
        "你好", "？」", "اللغة", "؟ ", "है", "। ", "สวัสดี ", "ខ្មែរ", "។", "։", "a\u0301",
        "\U0001f469\u200d\U0001f467", "🇫🇷", "\ud800", "\udc00", "\x00", "\u2028", "x" * 40, "v2.0.1", "e.g. ",
        "<p>", "</p>", "<br>",
    ]
)
# fmt: on
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200)


def units(text: str, **options: int) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, **options).tolist()]


@given(TEXTS, st.sampled_from([7, 40, 1000]))
@example("\n\n", 40)
@example("```\n" * 30, 7)
@example("1.\n2.\n3.", 1000)
@example("", 7)
def test_units_cover_the_text_in_order(text, max_length):
    spans = split_sentences(text, max_length=max_length)
    assert spans.dtype == np.int64
    assert spans.shape == (len(spans), 2)
    assert "".join(text[start:end] for start, end in spans) == text
    assert (spans[:, 0] < spans[:, 1]).all()
    if text:
        assert spans[0, 0] == 0
        assert (spans[1:, 0] == spans[:-1, 1]).all()


@given(TEXTS)
def test_white_space_belongs_to_the_unit_before_it_and_indentation_to_its_line(text):
    parts = units(text)
    for before, unit in itertools.pairwise(parts):
        assert not unit[0].isspace() or before[-1] in LINE_ENDS
        assert unit.splitlines()[0].strip()


@given(TEXTS)
def test_a_unit_holds_a_word_unless_the_text_has_none(text):
    parts = units(text)
    if any(character.isalnum() for character in text) and len(parts) > 1:
        for part in parts:
            assert any(character.isalnum() or character == "_" for character in part)


@given(TEXTS, st.integers(5, 60))
def test_long_units_are_cut_and_no_character_is_torn(text, max_length):
    spans = split_sentences(text, max_length=max_length)
    whole = {0, *split_sentences(text, max_length=0)[:, 1].tolist()}
    for start, end in spans.tolist():
        if end not in whole:
            assert is_boundary(text, end) or text[end - 1].isspace()
        if end - start > max_length and text[start:end].rstrip() == text[start:end]:
            # Only a cluster that is longer than the limit, or one that reaches over it, may stay.
            assert not any(is_boundary(text, at) for at in range(start + max_length // 2 + 1, start + max_length + 1))


@given(
    st.lists(
        st.sampled_from(["It rained.", "Who came?", "Nobody, they said!", "他来了。", "वह गया।"]),
        min_size=1,
        max_size=20,
    )
)
def test_blocks_split_as_they_do_alone(sentences):
    text = "\n\n".join(sentences)
    assert [unit.strip() for unit in units(text)] == [unit for sentence in sentences for unit in units(sentence)]


# "‖" marks the expected boundaries.
PROSE = {
    "titles and initials": "Dr. Smith met J. K. Rowling and Mr. T. S. Eliot Jr. today. ‖They left.",
    "initials in cells": "1,North pond,M. Brandt\n‖2,South pond,L. Okafor,3\n‖He saw A,B,C. ‖Then he left.",
    "dotted": "He came at 3 p.m. in the U.S. Senate. ‖It was, e.g. No. 5, i.e. Fig. 3 and pp. 12, vol. 2. ‖See Sec. 4.",
    "dotted at the end": "He lives in the U.S. ‖The firm is Acme Inc. ‖It sells tools, nails etc. ‖Nothing else.",
    "pronoun": "So do I. ‖The end.",
    "decimals and versions": "It grew by 3.5 percent in 2.0.1. ‖In v1.2.3 it fell. ‖At $4.99 it sold.",
    "number at the end": "It was founded in 1998. ‖Three years later it closed in 2001. ‖12 people left.",
    "addresses": "Visit https://a.org/b.c?d=e. ‖Mail a.b@c.org or see www.d.net/e. ‖Thanks.",
    "ellipses": "Well... maybe not. ‖Then it stopped… ‖We waited. . . ‖Nothing.",
    "quotes": "“Come!” she said. ‖\"He left.\" ‖'Who?' ‖(It was late.) ‖[Nobody knew.] ‖Good.",
    "several stops": "Really?! ‖Yes!!! ‖No.",
    "names with stops": "Yahoo! is a firm. ‖iPhone sales rose. ‖eBay fell.",
    "small letter openers": "It works. ‖iPhone users agree.",
    "reference marks": "It ended in May.[12] ‖The next one[3] began.[4][5] ‖Fine.",
    "superscripts": "It ended in 2019.¹ ‖The next one began.²³ ‖Fine.",
    "circa": "Hackman (January 30, 1930 – c. February 18, 2025) was an actor. ‖He is dead.",
    "a word in brackets": "It lowers pressure (HF). ‖They measured it before [12]. ‖It is free (EUR).",
    "life dates": "Khan (d. 1325, b. 1253) and Li (c. 1200) met (pop. 486). ‖They spoke.",
    "court cases": "In Roe v. Wade et al. (1973) it was said. ‖Then it was not.",
    "stop far away": f"Far{' ' * 30}. ‖Next.",
    "no capitals": "i went home. ‖then i slept. ‖why not?",
    "lower after stop": "The approx. value of the dept. is ca. five. ‖Done.",
    "German": "Am 3. Oktober 1990 war es z. B. so weit. ‖Im 19. Jahrhundert d. h. damals. ‖„Ja.“ ‖Der 2. Weltkrieg.",
    "French": "« Bonjour ! » dit-il. ‖M. Dupont est là ! ‖Quoi ? ‖Il dit : « Non. » ‖C'était en 30 av. J.-C. à Rome.",
    "Spanish": "¿Quién es? ‖¡El Sr. García! ‖Vive en EE. UU. con la Dra. López.",
    "Portuguese": "O Sr. Silva chegou. ‖A Dra. Costa não.",
    "Italian": "Il dott. Rossi abita qui. ‖La sig. Bianchi no.",
    "Russian": "А. С. Пушкин жил на ул. Ленина в г. Москва. ‖Он умер в 1837 г. ‖Потом и т. д. и т. п. ‖Всё.",
    "Greek": "Τι κάνεις; ‖Είμαι καλά. ‖Εσύ;",
    "Turkish": "Ali 5. sınıfta okuyor. ‖Çok iyi! ‖Değil mi?",
    "Vietnamese": "TP. Hồ Chí Minh rất đông. ‖Tại sao?",
    "Polish": "To jest m.in. dr Kowalski. ‖Np. Warszawa.",
    "Arabic": "وصل الرجل. ‖ماذا قال؟ ‖لا شيء! ‖ثم ذهب.",
    "Urdu": "وہ آیا۔ ‖کیا ہوا؟ ‖کچھ نہیں۔",
    "Hindi": "रेमंड एस. ब्रेडले और के. ह्यूज आए। ‖वह गया॥ ‖क्यों?",
    "Hindi without danda": "वह आया. ‖वह गया.",
    "Chinese": "他来了。‖她走了！‖“你好。”‖他问：“谁？”‖是的；‖价格是3.5元。",
    "Chinese with ASCII stops": "他来了.‖她走了!‖真的?‖是.",
    "Chinese pause": "我……不知道。‖“好……”他说。",
    "Japanese": "彼は来た。‖「本当？」と聞いた。‖「行きます。」と彼は言った。‖「来て。」って。‖「はい。」‖とても良い。",
    "Korean": "그는 왔다. ‖정말? ‖네.",
    "Korean quotation": "그는 “정말 왔습니까?”라고 물었다. ‖“네.” ‖그녀는 갔다.",
    "Thai": "ราคา 5.5 บาท ใน พ.ศ. 2567 และ 5 ต.ค. 2568 โดย ดร. สมชาย",
    "Khmer": "ខ្ញុំមក។ ‖គាត់ទៅ។",
    "Myanmar": "သူလာသည်။ ‖သူသွားသည်။",
    "Amharic": "እሱ መጣ። ‖እሷ ሄደች።",
    "Armenian": "Նա եկավ։ ‖Նա գնաց։",
}


@pytest.mark.parametrize("marked", PROSE.values(), ids=PROSE.keys())
def test_prose(marked):
    assert units(marked.replace("‖", "")) == marked.split("‖")


ABBREVIATIONS = {
    "English": [
        "It cost Rs. 500 then. ‖The house, est. 1990, is Bldg. 4 of Rev. 2. ‖Tel. +49 30 1234, ext. 12, Apt. 5.",
        "Go to Art. XII and Vol. II of it. ‖He said no. ‖I left.",
        "Acme Inc. 2019 was its report. ‖It was founded by J. K. A. Smith in the U.S. ‖The rest is known.",
    ],
    "German": [
        "Es waren 5 Mio. Euro und 3 Mrd. Dollar, inkl. Steuer, exkl. Versand, zzgl. Porto, vgl. Abschnitt 3. ‖Ja.",
        "Es gab bspw. Äpfel, sog. Nüsse, evtl. Birnen, ggf. Pflaumen, insb. Zwetschgen. ‖Es sind 5 Mio. ‖Das ist viel.",
        "Es dauert max. 20 und min. 10 Minuten bis zur Hauptstr. 12 in Bonn. ‖Nein.",
        "Am 13. 5. 2024 und am 14. 12. 2024 kam er. ‖Dazu gehören u. a. Krankenhäuser, d. h. Zahlungen. ‖Ja.",
    ],
    "German titles": ["Dr. med. Müller u. Söhne kamen. ‖Das ist alles."],
    "Spanish": ["Vive en la Avda. Sol desde marzo. ‖Es todo."],
    "Italian": ["Vedi l'art. 5 e la perizia dell'ing. Rossi. ‖Il resto manca."],
    "Polish": ["Zgodnie z art. 5 ust. 2 od godz. 15 czeka dr hab. Jan. ‖To wszystko."],
    "Indonesian": ["Harganya Rp. 500 untuk 3 s.d. 5 hari, kata Bpk. Andi. ‖Itu saja."],
    "French": [
        "Il en faut trois, c.-à-d. 1 200 mg. ‖Le reste manque.",
        "Alors M. Le Maire est venu. ‖M. La Fontaine aussi. ‖Ils sont à 5 m. ‖Le reste manque.",
    ],
    "Russian": ["Он жил в г. Москва, кв. 5 и т. п. ‖Всё."],
    "Arabic": ["قال د. محمد إن الأمر سهل. ‖ثم ذهب أ. د. علي عام ١٩٩٠ م. ‖ثم عاد."],
}


@pytest.mark.parametrize(
    "marked", [pytest.param(t, id=language) for language, texts in ABBREVIATIONS.items() for t in texts]
)
def test_abbreviations(marked: str) -> None:
    assert units(marked.replace("‖", "")) == marked.split("‖")


BLOCKS = {
    "bullets": "Fruit:\n‖- Apples. \n‖* Pears\n‖• Plums and figs\nand so on\n‖And more",
    "numbered": "1. First one\n‖2. Second one. ‖It is long.\n‖10) Tenth\n‖(b) Letter\n‖iv. Roman",
    "continued item": "- An item that\n  goes on. ‖And on\n  and on\n‖- Next",
    "lone markers": "1.\nApples.\n‖2.\nPears.",
    "Chinese items": "一、总则\n‖（二）范围\n‖1、定义\n‖第三章 附则",
    "task list": "- [ ] Open it\n‖- [x] Close it",
    "headings": "# Part 1. One\n‖Text here. ‖More.\n\n‖## Part 2\n\n‖End.",
    "underlined heading": "Title\n=====\n\n‖Text.\n\n---\n\n‖More.",
    "heading underlined above its text": (
        "The heading of the next part\n----------------------------------------------\n"
        "‖Use the following steps to start the server. ‖Then stop it."
    ),
    "plain heading": "Short Heading\n‖The body of the text is a good deal longer than its heading. ‖Yes.",
    "table": "Before.\n‖| a | b. C |\n|---|---|\n‖| 1. X | 2 |\n‖| 3 | 4 |\n\n‖After.",
    "bare table": "name | size\n--- | ---\n‖one | 1\n‖two | 2",
    "tabs": "name\tsize\n‖One\t1\n‖Two\t2",
    "fence": "Run it:\n‖```python\nx = 1. \n\nY = 2\n```\n‖Then look. ‖Done.",
    "tildes": "~~~\nA. B\n~~~\n\n‖Text.",
    "open fence": "Look.\n‖```sh\nls. A\n\nB",
    "rest of a fence": "x = 1\n```\n‖Text. ‖More.",
    "nested fence": "````md\n```\nA. B\n```\n````\n‖End.",
    "quoted block": "> A quote that\n> goes on. ‖And on.",
    "paragraphs": "One two\n\n‖Three four\n \n‖Five",
    "line breaks": "One.\r\n‖Two.\r‖Three.\u2028‖Four.",
    "markup lines": "<p>One</p>\n‖<p>Two</p>",
    "page on one line": (
        "<html><body><div><h1>Reed</h1>‖<p>It <b>weighs</b> 2 kg. ‖It is <i>light</i>.</p>"
        "‖<ul><li>One</li>‖<li>Two</li></ul>‖<table><tr><th>Part</th><th>Unit</th></tr>‖<tr><td>Pump</td><td>kg</td></tr></table>"
        "‖After.<br>‖More.</div></body>"
    ),
    "objects": "[\n  {\n    a: 1\n  },\n‖  {\n    b: 2\n  }\n]\n",
    "no page": "If a < b and c > d then List<String> and </b> are one.",
    "dialogue": "Anna: Where?\n‖Bert: There.\n‖Anna: Oh.",
    "rule first": "---\n\nText.",
    "reference mark line": "It ended.\n[1]\n‖Then it began.",
    "hard wrap": (
        "This paragraph was written for a terminal and has been wrapped at the\n"
        "width of seventy characters. ‖It was signed by the chairman, who is Dr.\n"
        "Smith. ‖Every line end in it is a space.\n"
        "‖New paragraphs may follow without a blank line between them, as here\n"
        "is shown."
    ),
    "wrapped at a comma": "Yes, we can,\nAnna said.",
    "wrapped Chinese": "这一段文字在每行达到相同宽度的时候就会换行因此换\n行不是句子的结尾而是句子的中间。‖好。",
    "long lines": f"{'Word ' * 40}end\n‖{'Word ' * 40}end",
}


@pytest.mark.parametrize("marked", BLOCKS.values(), ids=BLOCKS.keys())
def test_blocks(marked):
    assert units(marked.replace("‖", "")) == marked.split("‖")


def test_empty_text_has_no_units():
    assert split_sentences("").shape == (0, 2)


@pytest.mark.parametrize("text", ["...", " \n ", "\ud800", "\x00", "1.", "!", "```", "a)"])
def test_a_text_without_words_is_one_unit(text):
    assert units(text) == [text]


def test_thai_is_split_at_spaces_once_a_unit_is_long():
    clause = "กังหันไอน้ำมักปล่อยไอเสียเข้าไปในคอนเดนเซอร์ผนังซึ่งผลิตสุญญากาศ"
    parts = units(" ".join([clause] * 9))
    assert len(parts) == 5
    assert all(len(part) <= 2 * len(clause) + 2 for part in parts)
    assert units(f"{clause} {clause}") == [f"{clause} {clause}"]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("one two three, four five", "one two three, "),
        ("one two three four five", "one two three "),
        ("一二三四五六七八九，十一二三四五六七", "一二三四五六七八九，"),
        ("one two three\n4, five six", "one two three\n"),
        ("<b>one, a</b><b>two three four</b>", "<b>one, a</b>"),
        ("x" * 40, "x" * 16),
        ("👩\u200d👩\u200d👧" * 9, "👩\u200d👩\u200d👧" * 3),
        ("🇫🇷" * 20, "🇫🇷" * 8),
        ("e\u0301" * 20, "e\u0301" * 8),
        ("\ud83d\ude00" * 20, "\ud83d\ude00" * 8),
        ("a" + "\u0301" * 30 + "bc", "a" + "\u0301" * 30),
    ],
)
def test_a_runaway_unit_is_cut_at_the_best_place(text, ends):
    assert units(text, max_length=16)[0] == ends


def test_a_cluster_longer_than_the_limit_stays_whole():
    text = "a" + "\u0301" * 5000
    assert units(text) == [text]


def test_a_long_fence_is_cut_into_lines():
    code = "```\n" + "x = 1\n" * 10 + "```\nEnd."
    assert units(code, max_length=30)[:3] == ["```\nx = 1\n", "x = 1\n", "x = 1\n"]
    assert units(code)[0] == code[:-4]


def test_white_space_does_not_count_as_length():
    text = "one" + " " * 5000
    assert units(text) == [text]


def test_a_long_text_without_stops():
    text = "word " * 20_000
    assert max(map(len, units(text))) <= 1001


def test_no_mark_stands_beyond_the_longest_length() -> None:
    text = "「" + "す" * 39 + "、うまい。"
    assert [end - start for start, end in split_sentences(text, 40).tolist()] == [40, 5]


def test_a_long_cluster_at_the_limit_goes_to_the_next_unit() -> None:
    text = "0" * 20 + "\u200c" * 21
    assert [text[a:b] for a, b in split_sentences(text, 40).tolist()] == [text[:19], text[19:]]


@pytest.mark.parametrize("text", ["<p ", "<!--", "</p><p>", "a</b>", "< "])
def test_a_page_takes_time_by_its_length(text: str) -> None:
    assert thread_seconds(lambda: split_sentences("</p>" + text * 40_000)) < 5


@pytest.mark.parametrize("before", ["", "Download the report: ", "看" * 990])
def test_a_long_link_stays_whole(before: str) -> None:
    link = "https://files.example/report.pdf?signature=" + "9aF3" * 300
    units = [(a, b) for a, b in split_sentences(f"{before}{link} before Friday. It is long.").tolist()]
    start = len(before)
    assert any(a <= start and start + len(link) <= b for a, b in units)


RECORDS = [
    {"id": f"PRB-{i}", "text": f"Probe {i}. It is of steel and has a cable of {i} metres.", "tags": ["a", "b"]}
    for i in range(9)
]


@pytest.mark.parametrize("options", [{}, {"indent": 1}, {"separators": (",", ":")}], ids=["line", "lines", "compact"])
def test_no_unit_runs_from_one_record_of_data_into_the_next(options):
    text = "Stock: " + json.dumps(RECORDS, **options) + " That is all."
    starts = [text.index(f"PRB-{i}") for i in range(9)]
    starts = [text.rindex("{", 0, start) for start in starts]
    ends = split_sentences(text)[:, 1].tolist()
    for start in starts[1:]:
        assert any(not text[end:start].strip() for end in ends if end <= start)
    assert all(any(c.isalnum() for c in unit) for unit in units(text))


def test_records_without_words():
    text = "[" + ", ".join(['{"": ["", "", "", "", ""]}'] * 30) + "]"
    assert units(text) == [text]
    assert units(f"a {text} b")[-1].endswith("b")


def test_brackets_in_a_string_of_data_end_no_unit():
    text = json.dumps(
        [{"note": f"{i}: take the steps [1, 2, 3, 4], then close the valve " + "again " * 70} for i in range(5)]
    )
    assert not any(unit.rstrip().endswith("4],") for unit in units(text))


@pytest.mark.parametrize("text", ['{"a":' * 190 + '"' + "word " * 40_000 + '"' + "}" * 190, '[{"a": "b c"}]' * 20_000])
def test_data_takes_time_by_its_length(text):
    assert thread_seconds(lambda: split_sentences(text)) < 4
