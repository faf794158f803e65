"""Lines of data, of which none says alone whose it is."""

from __future__ import annotations

import pytest
from thread_seconds import thread_seconds

from boildown.budget import Budget
from boildown.compressor import Compressor
from boildown.sources import Sources

PEOPLE = (
    "Name: Ada Lovelace\nBorn: 1815 in London\nRole: Mathematician, wrote programs\n\n"
    "Name: Grace Hopper\nBorn: 1906 in New York\nRole: Scientist, wrote a compiler\n"
)
MAILS = (
    "From: Ann Meyer\nTo: Ben Dupont\n\nThe pumps leave on Friday. They will be late.\n\n"
    "From: Ben Dupont\nTo: Ann Meyer\n\nThat is too late. We have to stop the line.\n"
)
BOLD = "# Our staff\n\n**Name:** Ada Lovelace\n**Born:** 1815 there\n\n**Name:** Grace Hopper\n**Born:** 1906 here\n"
WIDE = "氏名：山田太郎\n役職：営業部の部長で大阪に勤務\n\n氏名：鈴木花子\n役職：開発部の課長で東京に勤務\n"
ROW = "id: Ada Lovelace\nborn: 1815 in London\nrole: Mathematician of England"


def needed(text: str) -> list[tuple[str, str]]:
    """Pairs of the sentences' beginnings."""
    sources = Sources([text])
    short = [sentence.strip()[:12] for sentence in sources.sentence_texts()]
    return [(short[i], short[j]) for i, j in sources.needs.tolist()]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (
            PEOPLE,
            [
                ("Born: 1815 i", "Name: Ada Lo"),
                ("Role: Mathem", "Name: Ada Lo"),
                ("Born: 1906 i", "Name: Grace "),
                ("Role: Scient", "Name: Grace "),
            ],
        ),
        (
            PEOPLE.replace("\n\n", "\n"),
            [
                ("Born: 1815 i", "Name: Ada Lo"),
                ("Role: Mathem", "Name: Ada Lo"),
                ("Born: 1906 i", "Name: Grace "),
                ("Role: Scient", "Name: Grace "),
            ],
        ),
        (
            MAILS,
            [
                ("To: Ben Dupo", "From: Ann Me"),
                ("The pumps le", "From: Ann Me"),
                ("They will be", "From: Ann Me"),
                ("To: Ann Meye", "From: Ben Du"),
                ("That is too ", "From: Ben Du"),
                ("We have to s", "From: Ben Du"),
            ],
        ),
        (BOLD, [("**Born:** 18", "# Our staff\n"), ("**Born:** 19", "**Name:** Gr")]),
        (WIDE, [("役職：営業部の部長で大阪", "氏名：山田太郎"), ("役職：開発部の課長で東京", "氏名：鈴木花子")]),
        (ROW, [("born: 1815 i", "id: Ada Love"), ("role: Mathem", "id: Ada Love")]),
    ],
    ids=["records", "without blank lines", "mails", "bold", "wide colons", "one row"],
)
def test_a_field_needs_the_first_of_its_record(text: str, pairs: list[tuple[str, str]]) -> None:
    assert needed(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "Ann: I agree with that now.\nBen: We said so before.\n\nAnn: It is late for that.\nBen: We go home now.\n",
        "Note: It is only a draft\nAction: Ben sends all numbers\n",
        "The pump is old.\nWeight: eleven and a half\nDepth: one hundred meters\nPower: two hundred watts\n",
        "It is old and heavy.\n\nNote: it is sold\n\nIt was very loud.\n\nNote: it is not\n",
    ],
    ids=["turns", "two lines", "a list of facts", "single notes"],
)
def test_what_is_no_record(text: str) -> None:
    assert needed(text) == []


@pytest.mark.parametrize("method", ["prune", "bm25"])
@pytest.mark.parametrize("documents", [[PEOPLE], PEOPLE.split("\n\n")], ids=["one document", "a document each"])
def test_what_is_kept_says_whose_it_is(method: str, documents: list[str]) -> None:
    result = Compressor(method=method).compress("Who wrote a compiler?", documents, Budget(tokens=30))
    assert "Name: Grace Hopper" in result.text
    assert "wrote a compiler" in result.text


@pytest.mark.parametrize("text", ["Name: a b\nBorn: c d\n\n", "Name: a b\nBorn: c d\nRole: e f\n", "a: b c\n", ": \n"])
def test_time_grows_with_the_text(text: str) -> None:
    sources = Sources([text * 20_000])
    assert len(sources.sentences)
    assert thread_seconds(lambda: sources.needs) < 2
