"""The rest of a line, and its beginning."""

from __future__ import annotations

import pytest
from thread_seconds import thread_seconds

from boildown.sources import Sources
from boildown.text.sentences import split_sentences

DASHES = (
    "Eluent -- the solvent that carries a sample. It must be degassed first.\n"
    "dead volume -- the volume between two parts. It should be very small.\n"
)
COLONS = (
    "buffer: a solution that keeps its pH. It must be kept in a cool place.\n"
    "dead volume: the volume between two parts. It should be very small.\n"
)
MARKED = "`--pool` – how many of them are open. It must be one or more.\n**wait** – for how long. It is in seconds.\n"
PAGE = (
    "<dl><dt>The eluent of a column</dt><dd>It carries a sample. It must be degassed.</dd></dl>\n"
    "<ul>\n<li>You are pregnant now. Do ask a doctor.</li>\n</ul>\n"
)
LOG = (
    "2024-05-03 10:16:12,004 ERROR [pool] It could not be saved. A database was down.\n"
    "java.sql.SQLException: It was refused by db-3. See that it runs.\n"
    "\tat com.acme.db.Connector.open(Connector.java:57)\n\t... 12 more\n"
    "2024-05-03 10:16:42,110 INFO  [pool] It was saved at last. All is well now.\n"
)
SYSTEM = "May  3 10:15:07 web-1 kernel: Out of memory. It used four.\n[ERROR] It was killed. It will be back.\n"
TRACE = (
    'Traceback (most recent call last):\n  File "/srv/jobs.py", line 88, in run\n    self.load(path)\n'
    "ValueError: There is no such column. It must be one of three.\n"
)
ROWS = "1,Meyer GmbH,It came late. We would order again.,4\n2,Dupont SA,It leaks there. We want no more.,1\n"
CELLS = '1,"Meyer GmbH","It came late.\nWe would order again.",4\n2,"Dupont SA","It leaks there.\nWe want no more.",1\n'
TIMES = "09:40 Move to Lyon now. It takes place in May.\n10:15 - 11:00 A long break. We do not eat.\n"
TABS = "Meyer GmbH\tIt came late. We would order again.\nDupont SA\tIt leaks there. We want no more.\n"


def needed(text: str) -> list[tuple[str, str]]:
    """Pairs of the sentences' beginnings."""
    sources = Sources([text])
    short = [sentence.strip()[:10] for sentence in sources.sentence_texts()]
    return [(short[i], short[j]) for i, j in sources.needs.tolist()]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (DASHES, [("It must be", "Eluent -- "), ("It should ", "dead volum")]),
        (COLONS, [("It must be", "buffer: a "), ("It should ", "dead volum")]),
        (MARKED, [("It must be", "`--pool` –"), ("It is in s", "**wait** –")]),
        (PAGE, [("<dd>It car", "<dl><dt>Th"), ("It must be", "<dd>It car"), ("Do ask a d", "<ul>\n<li>Y")]),
        (
            LOG,
            [
                ("A database", "2024-05-03"),
                ("java.sql.S", "2024-05-03"),
                ("See that i", "java.sql.S"),
                ("at com.acm", "2024-05-03"),
                ("at com.acm", "java.sql.S"),
                ("All is wel", "2024-05-03"),
            ],
        ),
        (SYSTEM, [("It used fo", "May  3 10:"), ("It will be", "[ERROR] It")]),
        (
            TRACE,
            [
                ("Traceback ", "ValueError"),
                ('File "/srv', "Traceback "),
                ('File "/srv', "ValueError"),
                ("It must be", "ValueError"),
            ],
        ),
        (ROWS, [("We would o", "1,Meyer Gm"), ("We want no", "2,Dupont S")]),
        (CELLS, [("We would o", '1,"Meyer G'), ("We want no", '2,"Dupont ')]),
        (TIMES, [("It takes p", "09:40 Move"), ("We do not ", "10:15 - 11")]),
        (TABS, [("We would o", "Meyer GmbH"), ("We want no", "Dupont SA\t")]),
    ],
    ids=["dashes", "colons", "marked", "page", "log", "system", "trace", "rows", "cells of two lines", "times", "tabs"],
)
def test_the_rest_of_a_line_needs_its_beginning(text: str, pairs: list[tuple[str, str]]) -> None:
    assert needed(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "The result – as expected – was good. It was late when we came.\nWe slept for long. It rained all day.\n",
        "1,450,000 people live there. So it has been for long.\nHe said, so it is. No one knew that.\n",
        "WARNING: Keep away from fire at all times.\nPull the plug. Then open the lid of it.\nWARNING: It is hot.\n",
        "At 10:15:00 the train left. It was late.\nWe stood at home (all of us). It was cold.\n",
        "<p>It is a pump. It is blue.</p>\n<p>It is old. It is sold.</p>\n",
    ],
    ids=["dashes in prose", "numbers", "warnings", "a time in prose", "paragraphs"],
)
def test_lines_of_prose_do_not(text: str) -> None:
    assert needed(text) == []


def test_what_a_page_announces_ends_with_the_list() -> None:
    page = "<p>Do not take it if:</p>\n<ul>\n<li>you are pregnant</li>\n</ul>\n<p>Take one each day.</p>\n"
    assert needed(page) == [("<ul>\n<li>y", "<p>Do not ")]
    assert needed(page.replace("\n", "")) == [("<ul><li>yo", "<p>Do not ")]


@pytest.mark.parametrize(
    "row",
    [
        '2,"Dupont SA","It leaks. Nobody, ever, answers. We want it back.",1',
        '2;"It leaks. Nobody answers. They said ""no"". We want it back.";1',
        "2\tDupont SA\tIt leaks. Nobody answers. We want it back.\t1",
        "<tr><td>2</td><td>It leaks. Nobody answers. We want it back.</td></tr>",
    ],
)
def test_a_row_is_not_torn(row: str) -> None:
    text = f"{row.replace('2', '1', 1)}\n{row}\n"
    assert [text[start:end].strip() for start, end in split_sentences(text)] == text.splitlines()


@pytest.mark.parametrize(
    "text",
    [
        'He said,"We go now. It is late for us."\n',
        '"We go," she said, "and they stay. It is late."\n',
        "1.\tThe seller pays. The buyer does not.\n",
        f'2,"Dupont SA","{"It leaks at the lower flange. " * 20}",1\n',
    ],
)
def test_what_is_no_row_or_a_long_one_is_cut(text: str) -> None:
    assert len(split_sentences(text)) > 1


def test_rows_with_quoted_commas_need_their_header() -> None:
    rows = 'no,buyer,text\n1,"Ann","It is late, or so."\n2,"Ben","It is, I say,so."\n3,"Eve","It leaks there."\n'
    assert [needed for _, needed in Sources([rows]).needs.tolist()] == [0, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        "a: b. c d e f. ",
        "a -- b c. D e f.\n",
        '1,"a b\n',
        "<li>a b. C d.\n",
        "<td>a b c\n",
        "10:15:07 a b. C d.\n\tat b(",
    ],
)
def test_time_grows_with_the_text(text: str) -> None:
    sources = Sources(["Traceback (\n" + text * 20_000])
    assert len(sources.sentences)
    assert thread_seconds(lambda: sources.needs) < 2
