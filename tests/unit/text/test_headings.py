"""What stands below which heading."""

from __future__ import annotations

import pytest
from thread_seconds import thread_seconds

from boildown.sources import Sources

MARKED = (
    "# Alpin\n\n## Adults\n\nNausea is common. It passes soon.\n\n## Children\n\nFever is common.\n\n"
    "# Borex\n\n## Children\n\nA cough is common."
)
UNDERLINED = "Alpin\n=====\nIt is a white pill.\n\nAdults\n------\nNausea is common in them.\n"
PAGE = "<h3>Bristol</h3><ul><li>Sat: it is closed</li></ul><h3>Cardiff</h3><p>Sat: it is open</p>"
TIMES = "Hours of the pool\n\nMonday to Friday\n7 to 12 for all\n13 to 19 for a few\n\nSaturday\n10 to 12 for all\n"
LINES = "These commands follow.\n\nconfig\n\nweb-mgmt\n\nno ssl\n\nexit\n\nThey reset what was set."
PROSE = (
    "The harbour was rebuilt after the great storm by engineers\nwho had come from Rotterdam for it and who stayed for"
    " long.\nSo it ends.\n\nIt begins again here."
)

LENTICULAR = "净水器使用说明书\n\n【产品参数】\n净水流量为每分钟一升。\n\n【滤芯更换】\n每六个月更换一次滤芯。\n"
INI = (
    "name = x\n\n[cache]\nhost = redis\nport = 6379\nttl = 9\n[mail]\n\n# relay\ntls = true\n\nuser = none\nport = 25\n"
    "\nThe file is read at the start. So begin again after a change.\n"
)
GIT = '[remote "origin"]\n\turl = example.com\n\tfetch = +refs\n[branch "main"]\n\tremote = origin\n\tmerge = refs\n'
TOML = "# Settings\n\nThey are these, then:\n\n[tool.ruff]\n# long\nline-length = 120\n\n[[tool.mypy]]\nstrict = true\n"
SECTIONS = "§ 7 Laufzeit\n\nDer Vertrag läuft zwei Jahre.\n\n§ 8 Haftung\n\nDer Verein haftet nicht.\n"


WIKI = (
    "It is a ship.\n\n== History ==\nShe was built in Gdynia. She was sold soon.\n\n===Refit===\nHer engines were"
    " replaced.\n\n== Crew ==\nIt has a crew of 14.\n"
)
ASCIIDOC = "== Full backup\n\nIt takes four hours.\n\n== Incremental backup\n\nIt can be interrupted.\n"
COMMENTS = (
    "Nothing is shown.\n\n--- Comment by Ann, 2024-03-12 ---\nI can see it too.\n\n--- Comment by Ben ---\n"
    "It runs out of memory.\n\n--- Page 2 of 3 ---\n\nSo split the report.\n"
)


MINUTES = (
    "Meeting of 3 May\n\n1. Budget\nIt is over plan.\nDecision: We tell the board.\n\n2. Move\nDates were discussed."
    "\nDecision: It takes place in May.\n"
)
RENT = "CONTRACT\n\n§ 1 Rent\n(1) The rent is 850 euros.\n\n§ 2 Deposit\n(1) It is 2,550.\n(2) It is paid at once.\n"
NESTED = (
    "1. Scope\n\n1.1 Persons\n\nIt is for all staff.\n\n1.2 Places\n\nIt is for sites.\n\n2. Leave\n\nIt is paid.\n"
)
ARTICLES = "Article 1 - Scope\nIt applies to all of them.\nArticle 2 - Fees\nThey are 5 euros for all.\n"
CHAPTERS = "员工手册\n\n第三章 休假\n第十条 每年享有十天年假。\n\n第四章 加班\n第十三条 加班须经批准。\n"


def below(text: str) -> list[tuple[str, str]]:
    """Pairs of a piece and the heading above it, in their first words."""
    pieces, outline = Sources([text]).outline
    short = [text[a:b].strip().split("\n")[0][:14] for a, b in zip(pieces.start, pieces.end, strict=True)]
    assert "".join(text[a:b] for a, b in zip(pieces.start, pieces.end, strict=True)) == text
    assert set(outline.heading.nonzero()[0].tolist()) <= set(outline.below[:, 1].tolist())
    return [(short[i], short[j]) for i, j in outline.below.tolist()]


def test_marked_headings() -> None:
    assert below(MARKED) == [
        ("## Adults", "# Alpin"),
        ("Nausea is comm", "## Adults"),
        ("It passes soon", "## Adults"),
        ("## Children", "# Alpin"),
        ("Fever is commo", "## Children"),
        ("## Children", "# Borex"),
        ("A cough is com", "## Children"),
    ]
    assert below(UNDERLINED) == [("It is a white ", "Alpin"), ("Adults", "Alpin"), ("Nausea is comm", "Adults")]


def test_headings_of_other_markup() -> None:
    assert below(WIKI) == [
        ("She was built ", "== History =="),
        ("She was sold s", "== History =="),
        ("===Refit===", "== History =="),
        ("Her engines we", "===Refit==="),
        ("It has a crew ", "== Crew =="),
    ]
    assert below(ASCIIDOC) == [("It takes four ", "== Full backup"), ("It can be inte", "== Incremental")]


def test_lines_between_rules_but_not_the_numbers_of_pages() -> None:
    assert below(COMMENTS) == [
        ("I can see it t", "--- Comment by"),
        ("It runs out of", "--- Comment by"),
        ("--- Page 2 of ", "--- Comment by"),
        ("So split the r", "--- Comment by"),
    ]


def test_headings_with_numbers() -> None:
    assert below(MINUTES) == [
        ("1. Budget", "Meeting of 3 M"),
        ("It is over pla", "1. Budget"),
        ("Decision: We t", "1. Budget"),
        ("2. Move", "Meeting of 3 M"),
        ("Dates were dis", "2. Move"),
        ("Decision: It t", "2. Move"),
    ]
    assert below(RENT)[-3:] == [
        ("§ 2 Deposit", "CONTRACT"),
        ("(1) It is 2,55", "§ 2 Deposit"),
        ("(2) It is paid", "§ 2 Deposit"),
    ]
    assert below(NESTED) == [
        ("1.1 Persons", "1. Scope"),
        ("It is for all ", "1.1 Persons"),
        ("1.2 Places", "1. Scope"),
        ("It is for site", "1.2 Places"),
        ("It is paid.", "2. Leave"),
    ]
    assert [heading for _, heading in below(ARTICLES)] == ["Article 1 - Sc", "Article 2 - Fe"]
    assert below(CHAPTERS)[2:] == [("第四章 加班", "员工手册"), ("第十三条 加班须经批准。", "第四章 加班")]


@pytest.mark.parametrize(
    "text",
    [
        "1. Open the lid\n\n2. Take out the filter\n\n3. Close the lid\n\nIt is ready for the day.\n",
        "1. Stop the service\n   Run the first of them.\n2. Start the service\n   Run the second of them.\n",
        "1. Turn the two screws on top of it to the left\nuntil they are loose.\n2. Take off the lid\nby its grip.\n",
        "1. Boil the water in the pot.\n2. Serve it hot\n\nIt keeps for three days.\n",
        "The ratio was\n3.5 times of what it was before.\nSo it ends.\n",
    ],
    ids=["list", "items that go on", "wrapped items", "items with stops", "number"],
)
def test_numbers_of_other_things(text: str) -> None:
    assert not [heading for _, heading in below(text) if heading[0].isdigit()]


def test_tags() -> None:
    heads = [heading for _, heading in below(PAGE)]
    assert heads == ["<h3>Bristol</h", "<h3>Cardiff</h"]


def test_short_lines_without_a_stop() -> None:
    assert below(TIMES) == [
        ("Monday to Frid", "Hours of the p"),
        ("7 to 12 for al", "Monday to Frid"),
        ("13 to 19 for a", "Monday to Frid"),
        ("Saturday", "Hours of the p"),
        ("10 to 12 for a", "Saturday"),
    ]


@pytest.mark.parametrize(("line", "alone"), [("2.4.0", True), ("v2.4", True), ("§ 3", True), ("Ada Lovelace", False)])
def test_a_number_right_above_a_sentence_says_nothing_alone(line: str, alone: bool) -> None:
    text = f"News\n\n{line}\nThere is a dark mode. The export is faster.\n"
    pieces, outline = Sources([text]).outline
    assert outline.heading[pieces.start.tolist().index(text.index(line))] == alone


def test_two_words_right_above_a_sentence_are_a_heading() -> None:
    text = "Opening hours\nWe open at nine on all days but Sunday. We close at six.\n"
    assert below(text) == [("We open at nin", "Opening hours"), ("We close at si", "Opening hours")]


def test_settings_stand_below_their_name() -> None:
    assert below(INI) == [
        ("host = redis", "[cache]"),
        ("port = 6379", "[cache]"),
        ("# relay", "[mail]"),
        ("user = none", "[mail]"),
    ]
    assert below(GIT) == [
        ("url = example.", '[remote "origi'),
        ("fetch = +refs", '[remote "origi'),
        ("remote = origi", '[branch "main"'),
    ]
    assert below(TOML) == [
        ("They are these", "# Settings"),
        ("[tool.ruff]", "# Settings"),
        ("# long", "[tool.ruff]"),
        ("[[tool.mypy]]", "# Settings"),
        ("strict = true", "[[tool.mypy]]"),
    ]
    fence = (
        "```ini\n" + "".join(f"[host-{i}]\nport = {i}\n# for tests alone\nwait = 20s\n\n" for i in range(30)) + "```\n"
    )
    pairs = below(f"{fence}\nSo begin again.")
    assert pairs.count(("port = 7", "[host-7]")) == 1
    assert len(pairs) == 60


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        PROSE,
        "[Music]\nBen: hello to all.\n[Applause]\nThank you.\n",
        "One line alone",
        "Compare them:\n\na\n=== b\n\nand so on, then.\n\n======= \nOurs is this one.\n",
        "# Nothing follows it",
        "",
    ],
)
def test_no_headings(text: str) -> None:
    assert below(text) == []


def test_pairs_count_over_all_documents() -> None:
    pieces, outline = Sources([PROSE, "", MARKED, PAGE]).outline
    assert len(pieces) == len(outline.sentence) == len(outline.heading)
    assert set(pieces.document[outline.below].T[0].tolist()) == {2, 3}
    assert (pieces.document[outline.below[:, 0]] == pieces.document[outline.below[:, 1]]).all()


@pytest.mark.parametrize(
    "text",
    [
        "# a\n",
        "a b\n\n",
        "[a]\n",
        "[a]\n#\n",
        "<h1>a</h1>",
        "<h1>",
        "a\n===\n",
        "== a\n",
        "--- a",
        "1. A\n",
        "1. A\n\nb. ",
        "Words\nthat go on. ",
    ],
)
def test_time_grows_with_the_text(text: str) -> None:
    sources = Sources([text * 20_000])
    assert len(sources.sentences)
    assert thread_seconds(lambda: sources.outline) < 2


def test_comments_and_fences_have_no_headings() -> None:
    assert below("# Licensed under the\n# Apache License.\n\nimport os\n\nprint(os.name)\n") == []
    fence = "```sh\n" + "# take a step\nrun --all the things\n" * 40 + "```\n"
    assert [heading for _, heading in below(f"{fence}\n## Licence\n\nIt is free.")] == ["## Licence"]


def test_headings_in_lenticular_brackets_and_with_a_section_sign() -> None:
    assert below(LENTICULAR) == [
        ("【产品参数】", "净水器使用说明书"),
        ("净水流量为每分钟一升。", "【产品参数】"),
        ("【滤芯更换】", "净水器使用说明书"),
        ("每六个月更换一次滤芯。", "【滤芯更换】"),
    ]
    assert below(SECTIONS) == [("Der Vertrag lä", "§ 7 Laufzeit"), ("Der Verein haf", "§ 8 Haftung")]


def test_a_line_right_above_a_list_is_above_nothing_else() -> None:
    text = "Do not take it if you\n- are older than six\n- are ill\n\n- are cold\n\nTake one each day. It helps.\n"
    assert {heading for _, heading in below(text)} <= {"Do not take it"}
    assert not {"Take one each ", "It helps."}.intersection(piece for piece, _ in below(text))
