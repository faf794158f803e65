"""What a sentence needs beside it."""

from __future__ import annotations

import pytest
from thread_seconds import thread_seconds

from boildown.sources import Sources
from boildown.text.needs import is_opener

TABLE = "Prices rose.\n\n| Kind | Days |\n|---|---|\n| Summer sale | 14 |\n| Winter sale | 7 |\n\nCall us for more."
CSV = "store,month,sales\nParis Nord,March,1310\nLyon Gare,March,9135\nNice Port,March,7099\n"
COMMAS = "Tarif\tPreis\tNutzer\nBasis\t9,99 €\t1\nProfi\t24,90 €\t5\nFirma\tauf Anfrage\talle\n"
ALIGNED = "               2023      2022\nNet sales   383,285   394,328\nGross margin   169,148   170,782\n"
HTML = "<tr><th>Part</th><th>Unit</th></tr>\n<tr><td>Supply voltage</td><td>V</td></tr>\n"
LIST = (
    "It may be ended at once if:\n(a) the fee is not paid; or\n(b) a term is breached. That is all.\nIt is yearly.\n"
    "- bring a photo of you\n"
)
STOPPED = "Goods can be sent back. The following are excluded.\n- All gift cards\n- Some of the perfumes\n"
KOREAN = "환불을 신청하실 수 있습니다. 다음의 경우에는 불가능합니다.\n- 포장을 개봉한 경우\n- 주문 제작 상품\n"
JAPANESE = "返品を承ります。次の場合は有償となります。\n- 保証書の提示がない場合\n- 落下による故障\n"
DOTS = "以下の場合は有償です：\n・保証書の提示がない場合\n・落下による故障\n修理は五日で終わります。\n"
TITLED = "Excluded goods\n- All perfume\n- Software with a broken seal\n- All gift cards\n"
TURN = "Ann: I agree with that. Please add the steps. It is late.\nBen said so, as it was late. We go home now.\n"
BOLD = (
    "**Are there refunds?**\nWithin 14 days of the first purchase.\n\n"
    "**Not allowed on board:**\n- knives and other blades\n- lighters of any kind\n"
)
STATUTE = "(3) It does not apply to\n  (a) those with a licence; or\n  (b) those below ten.\n(4) It is yearly."
LEAFLET = "Do not take it\n- if you are ill. Ask a doctor first.\n- if you are old\n\nTake it with a meal.\n"
MIXED = "1. Excluded goods here:\n- war and any riots\n- floods of rivers\n2. Included goods here:\n- theft at night\n"
TIGHT = "Prices rose.\n\n|Kind of sale|Days|\n|---|---|\n|Summer sale|14|\n|Winter sale|7|\n"
ANSWERS = "Answer 1:\nRun the first command. It is safe.\n\nAnswer 2:\nUse the other command. Nothing is lost by it.\n"
ANSWER = "The other answer:\nRun the first command. It is safe.\n\nWe hope that it helps.\n"
TERMS = "Amount\n: It is in cents. It must be given.\n\nReason for the payment\n: It says why. It may be left out.\n"
NOTES = "Pro costs nine*.\nTeam costs twenty†.\n\nIt is *very* good.\n\n* if paid yearly\n† for up to five\n"
WIDE = "客服：您好！请先关闭进水阀。请问您的是哪个型号？\n小张：买了八个月，是标准的型号。明天有人来吗？\n"
CHAPTERS = (
    "员工手册\n\n第三章 休假\n第十条 每年享有十天年假。\n第十一条 病假须通知。\n\n第四章 加班\n第十二条 须批准。\n"
)
SECTIONS = (
    "1.2 It means all but that which\n(a) is public; or\n(b) is known.\n\n2. Term and its end\n2.1 It is yearly.\n"
)
JSON = (
    '{"listeners": [\n    {"name": "public", "port": 8443, "tls": true}\n  ],\n  "database": {\n    "host": "pg-7",\n'
    '    "port": 5432, "pool": {"min": 5, "max": 20, "ms": 9}\n  }\n}\n'
)
YAML = (
    "containers:\n  - name: heron\n    image: registry.local/heron\n    ports:\n      - port: 8443\n    resources:\n"
    "      requests:\n        cpu: 500m\n        memory: 2Gi\n      limits:\n        cpu: 2\n        memory: 4Gi\n"
    "  - name: proxy\n    image: registry.local/envoy\n    resources:\n"
)
LETTERS = "Q. 届いた商品が壊れていました。どうすればいいですか？\nA. 七日以内にご連絡ください。交換いたします。\n"
CHAT = "Ann: Who writes the release notes?\nBen: I can do that today.\nAnn: Thanks a lot for that.\n"


def needed(text: str) -> list[tuple[str, str]]:
    """Pairs of the sentences' first four letters."""
    sources = Sources([text])
    short = [sentence.strip()[:4] for sentence in sources.sentence_texts()]
    return [(short[i], short[j]) for i, j in sources.needs.tolist()]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (TABLE, [("| Su", "| Ki"), ("| Wi", "| Ki")]),
        (TIGHT, [("|Sum", "|Kin"), ("|Win", "|Kin")]),
        (CSV, [("Pari", "stor"), ("Lyon", "stor"), ("Nice", "stor")]),
        (COMMAS, [("Basi", "Tari"), ("Prof", "Tari"), ("Firm", "Tari")]),
        (ALIGNED, [("Net ", "2023"), ("Gros", "2023")]),
        (HTML, [("<tr>", "<tr>")]),
        (LIST, [("(a) ", "It m"), ("(b) ", "It m"), ("That", "(b) ")]),
        (STOPPED, [("- Al", "The "), ("- So", "The ")]),
        (KOREAN, [("- 포장", "다음의 "), ("- 주문", "다음의 ")]),
        (JAPANESE, [("- 保証", "次の場合"), ("- 落下", "次の場合")]),
        (DOTS, [("・保証書", "以下の場"), ("・落下に", "以下の場")]),
        (STATUTE, [("(a) ", "(3) "), ("(b) ", "(3) ")]),
        (LEAFLET, [("- if", "Do n"), ("Ask ", "- if"), ("- if", "Do n")]),
        (JSON, [('"dat', '{"li'), ('"por', '"dat')]),
        (
            YAML,
            [
                ("- po", "cont"),
                ("requ", "- po"),
                ("memo", "- po"),
                ("memo", "requ"),
                ("cpu:", "- po"),
                ("cpu:", "memo"),
                ("- na", "cont"),
            ],
        ),
        (CHAPTERS, [("第十条 ", "员工手册"), ("第十一条", "员工手册"), ("第十二条", "第四章 ")]),
        (SECTIONS, [("(a) ", "1.2 "), ("(b) ", "1.2 ")]),
        (MIXED, [("- wa", "1. E"), ("- fl", "1. E"), ("- th", "2. I")]),
        (ANSWERS, [("It i", "Answ"), ("Noth", "Answ")]),
        (ANSWER, [("Run ", "The "), ("It i", "The ")]),
        (TERMS, [("It m", "Amou"), (": It", "Reas"), ("It m", ": It")]),
        (NOTES, [("Pro ", "* if"), ("Team", "† fo"), ("* if", "Pro "), ("† fo", "Team")]),
        (TITLED, [("- So", "Excl"), ("- Al", "Excl")]),
        (TURN, [("Plea", "Ann:"), ("It i", "Ann:")]),
        (
            WIDE,
            [
                ("请先关闭", "客服：您"),
                ("请问您的", "客服：您"),
                ("请问您的", "小张：买"),
                ("小张：买", "请问您的"),
                ("明天有人", "请问您的"),
                ("明天有人", "小张：买"),
            ],
        ),
        (
            LETTERS,
            [
                ("どうすれ", "Q. 届"),
                ("どうすれ", "A. 七"),
                ("A. 七", "どうすれ"),
                ("交換いた", "どうすれ"),
                ("交換いた", "A. 七"),
            ],
        ),
        (CHAT, [("Ann:", "Ben:"), ("Ben:", "Ann:")]),
        ("May it be sent back?\nWho pays for that?\nThe buyer pays.\n", [("Who ", "The "), ("The ", "Who ")]),
        ("- Close the valve at once. Then call the engineer on duty.", [("Then", "- Cl")]),
        ("Step 1. Take off the lid. If it sticks, wait.\nStep 2. Turn it.\n", [("If i", "Step")]),
        (
            "Why is it so?\nNo one knows. It is old. It is odd.\nWe go home.\n",
            [("Why ", "No o"), ("No o", "Why "), ("It i", "Why "), ("It i", "Why ")],
        ),
        (
            "Pro costs nine¹. So it is.\nAll cost more¹.\n\n¹ If paid yearly. Or else ten.\n",
            [("Pro ", "¹ If"), ("All ", "¹ If"), ("¹ If", "Pro "), ("Or e", "¹ If")],
        ),
        (
            "(1) It is free.\n(2) It may end if one\n(a) does not pay, or\n(b) breaks a rule,\n\nunless it is late.\n",
            [("(2) ", "unle"), ("(a) ", "(2) "), ("(b) ", "(2) "), ("unle", "(2) ")],
        ),
        ("Pay for all of these:\n- a trip by bus;\n- a cab by night.\n\nor so we say.\n", [("- a ", "Pay ")] * 2),
        (BOLD, [("**Ar", "With"), ("With", "**Ar"), ("- kn", "**No"), ("- li", "**No")]),
    ],
    ids=[
        "table",
        "table without spaces",
        "csv",
        "decimal commas",
        "aligned",
        "html",
        "list",
        "list after a stop",
        "Korean list",
        "Japanese list",
        "list with dots",
        "statute",
        "leaflet",
        "json",
        "yaml",
        "chapters",
        "sections",
        "lists in turn",
        "answers",
        "answer up to a blank line",
        "terms",
        "footnotes",
        "titled list",
        "turn",
        "turn with a wide colon",
        "letters of question and answer",
        "question",
        "question after question",
        "item by itself",
        "steps",
        "answer of several sentences",
        "footnote of several sentences",
        "list inside of a sentence",
        "list that ends with a stop",
        "bold",
    ],
)
def test_what_is_not_understood_alone(text: str, pairs: list[tuple[str, str]]) -> None:
    assert needed(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "The harbour is old. It was rebuilt in 1931. Why? Nobody knows that today.",
        "1,Paris Nord,1310\n2,Lyon Gare,9135\n3,Nice Port,7099\n",
        "- wash the pump\n- close the valve\n",
        "We sell apples; they sell pears. Tickets are cheap; children pay half. It is late; we go.\nGood night.",
        "It was said.\n1. wash the pump\n2. close the valve\n",
    ],
    ids=["prose", "rows without a header", "list without an announcement", "semicolons", "list after a stop"],
)
def test_what_is(text: str) -> None:
    assert needed(text) == []


def test_pairs_count_over_all_documents() -> None:
    assert Sources(["One short sentence.", "", TABLE]).needs.tolist() == [[3, 2], [4, 2]]
    assert Sources([]).needs.shape == (0, 2)


@pytest.mark.parametrize(
    "speaker",
    [
        "**{}:**",
        "**{}**:",
        "18:05 {}:",
        "00:18:05 {}:",
        "{} (18:05):",
        "**{}** [00:18:05]:",
        "[18:05] **{}:**",
        "12/05/2024, 18:05 - {}:",
        "5/12/24, 6:05 PM - {}:",
        "<{}>",
        "[18:05] <{}>",
    ],
)
@pytest.mark.parametrize("name", ["Ben", "Dr. Ann-Marie O'Hara", "Łukasz", "Speaker 2"])
def test_who_speaks_is_told_in_many_ways(speaker: str, name: str) -> None:
    said = "I am not sure. Let us wait.\n"
    first, other = Sources([f"{speaker.format(name)} {said}{speaker.format('Ann')} {said}"]).needs.tolist()
    assert (first, other) == ([1, 0], [3, 2])


@pytest.mark.parametrize(
    "begin", ["<P>", "<em>", "**Not** at", "At 18:05 Ben said:", "12/05/2024 was", "<https://a.de>"]
)
def test_what_is_no_speaker(begin: str) -> None:
    assert needed(f"{begin} that I am not sure. Let us wait.\nWe have time for that.\n") == []


def test_openers() -> None:
    assert is_opener("The rules are:\n")
    assert is_opener("## Prices\n\n| Kind | Days |\n")
    assert not is_opener("Open: from nine to five.\n")


@pytest.mark.parametrize(
    "text", ["x   ", "a | ", "- a b c\n", "a,b,c\n", "| a |\n", "Why is it?\nSo it is.\n", "a: [\n b\n"]
)
def test_time_grows_with_the_text(text: str) -> None:
    sources = Sources(["All of these:\n" + text * 20_000])
    assert len(sources.sentences)
    assert thread_seconds(lambda: sources.needs) < 2
    assert sources.needs.shape[1] == 2
