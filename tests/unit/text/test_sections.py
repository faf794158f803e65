"""Long texts of several subjects."""

from __future__ import annotations

import pytest

from boildown.text.fragments import join_fragments
from boildown.text.sections import find_sections
from boildown.text.sentences import split_sentences

REST = "It was first described by sailors. " * 20
ENTRIES = {
    "Hestan Lighthouse": f"Hestan Lighthouse is a tower on the western shore. {REST}",
    "Isobel Tarrant": f"Isobel Tarrant (born 1838) was an engineer. {REST}",
    "Oxna": f"Oxna is an island with a ferry. {REST}",
}
CODE = {
    f"{name}.open(path);": f"{name.capitalize()} is opened by open, with a path. {REST}"
    for name in ("file", "port", "pipe")
}
PAGE = {
    "Cause": f"A full disk stops the service. {REST}",
    "Resolving the problem": f"Delete old files and start it again. {REST}",
    "Related information": f"Administrators may want to read on. {REST}",
}


def sections(text: str) -> list[tuple[str, str]]:
    """The name of each section, and what it begins with."""
    sentences = join_fragments(text, split_sentences(text), 3)
    return [(name, text[int(sentences[first, 0]) :][:12]) for first, name in find_sections(text, sentences)]


def pasted(form: str, entries: dict[str, str] = ENTRIES) -> str:
    return "\n\n".join(
        form.format(number=i, title=title, text=text) for i, (title, text) in enumerate(entries.items(), 1)
    )


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("{title}\n{text}", "{title}"),
        ("{title}\n\n{text}", "{title}"),
        ("## {title}\n\n{text}", "## {title}"),
        ("**{title}**\n{text}", "**{title}"),
        ("Passage {number}:\n{title}\n{text}", "Passage {number}:"),
        ("{title}\r\n{text}\r\n", "{title}"),
    ],
)
def test_a_heading_whose_words_come_again_begins_a_section(form, beginning):
    wanted = [(t, beginning.format(title=t, number=i)[:12]) for i, t in enumerate(ENTRIES, 1)]
    found = sections(pasted(form))
    assert [(name, start[: len(begin)]) for (name, start), (_, begin) in zip(found, wanted, strict=True)] == wanted


def test_without_headings_the_names_that_paragraphs_open_with_count():
    assert [name for name, _ in sections(pasted("{text}"))] == list(ENTRIES)


def test_paragraphs_below_a_heading_belong_to_it():
    text = pasted("## {title}\n\n{text}\n\nJohn Fell (died 1901) kept it.\n\n" + REST)
    assert [name for name, _ in sections(text)] == list(ENTRIES)


def test_what_stands_before_the_first_heading_is_a_section_without_a_name():
    found = sections(f"{REST}\n\n{pasted('## {title}' + chr(10) * 2 + '{text}')}")
    assert [name for name, _ in found] == ["", *ENTRIES]


def test_the_only_heading_of_the_first_level_names_the_page():
    found = sections("# The islands\n\nThe islands lie in the west.\n\n" + pasted("## {title}\n\n{text}"))
    assert [name for name, _ in found] == ["The islands", *(f"The islands. {title}" for title in ENTRIES)]
    assert [name for name, _ in sections(pasted("# {title}\n\n{text}"))] == list(ENTRIES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        pasted("{title}\n\n{text}", PAGE),
        pasted("## {title}\n\n{text}", PAGE),
        pasted("{text}", PAGE),
        pasted("{title}\n{text}", CODE),
        pasted("{title}\n{text}")[:1500],
        pasted("Hestan\nHestan is a tower. " + REST),
        " ".join(ENTRIES.values()),
        "\n" * 100_000,
    ],
    ids=["empty", "generic", "marked", "paragraphs", "code", "short", "one name", "one paragraph", "blank"],
)
def test_a_text_that_does_not_say_what_its_parts_are_about_stays_whole(text):
    sentences = join_fragments(text, split_sentences(text), 3)
    assert find_sections(text, sentences) == [(0, "")]
