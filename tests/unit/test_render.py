from __future__ import annotations

from html.parser import HTMLParser

import pytest

from boildown import Budget, Compression, Compressor, Document

VOID = {"meta"}


class Page(HTMLParser):
    """Reads a page back: the text inside and outside marks, tags, and whether tags nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.kept: list[str] = []
        self.texts: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if dict(attrs).get("class") == "text":
            self.texts.append("")
            self.kept.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        if "div" in self.open:
            self.texts[-1] += data
            if "mark" in self.open:
                self.kept[-1] += data


DOCUMENTS = [
    Document(
        "The timeout is 30 seconds & <b>fixed</b>. See https://example.com/x?a=1&b=2 for more.\n\nCats sleep.",
        id="a<1>",
        title='Timeouts & "limits"',
    ),
    Document("Nothing to see here, move on to the next.", id="plain"),
    Document(""),
    Document("A timeout of 45 s holds for uploads."),
]


def compress(budget: Budget, query: str = "what <timeout> holds?", **options: object) -> Compression:
    return Compressor("bm25", **options).compress(query, DOCUMENTS, budget)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"unit": "word"}, {"order": "score"}])
def test_shows_every_document_and_marks_what_was_kept(options: dict[str, object]) -> None:
    result = compress(Budget(tokens=25), **options)
    page = Page(result.to_html())
    shown = [*result.documents, *result.dropped]
    assert page.texts == [DOCUMENTS[d.index].text for d in shown]
    assert page.kept == [d.text for d in shown]
    text = "".join(page.words)
    assert "what <timeout> holds?" in text
    assert f"{result.tokens_out:,} of {result.tokens_in:,} tokens" in text
    assert 'Timeouts & "limits" (a<1>)' in text
    assert "at most 25 tokens" in text
    for document in result.documents:
        assert f"{document.tokens_out:,} of {document.tokens_in:,} tokens" in text


def test_marks_protected_spans_with_their_kind() -> None:
    result = compress(Budget(rate=1.0), unit="word", protect=["number", "url"])
    guards = [attrs["title"] for tag, attrs in Page(result.to_html()).tags if tag == "b" and "title" in attrs]
    assert guards == [span.label for document in result.documents for span in document.protected]
    assert {"number", "url"} <= set(guards)


def test_dropped_documents_are_folded_and_say_why() -> None:
    result = compress(Budget(tokens=1000, documents=1))
    page = Page(result.to_html())
    assert [tag for tag, _ in page.tags].count("details") == len(result.dropped) == 3
    text = "".join(page.words)
    assert "at most 1 documents" in text
    assert "beyond the number of documents" in text
    assert "dropped: no text" in text


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(rate=0.5), "at most 50% of"),
        (Budget(rate=0.29), "at most 29% of"),
        (Budget(rate=0.004), "at most 0.4% of"),
        (Budget(threshold=0.25), "at least 0.25"),
    ],
)
def test_says_which_budget_was_given(budget: Budget, said: str) -> None:
    assert said in compress(budget).to_html()


def test_what_a_threshold_drops_lost_no_budget_to_better_text() -> None:
    html = compress(Budget(threshold=1000)).to_html()
    assert "dropped: scores less than asked for" in html
    assert "better text" not in html


def test_needs_nothing_from_elsewhere() -> None:
    page = Page(compress(Budget(tokens=25)).to_html())
    assert not {"script", "link", "img"} & {tag for tag, _ in page.tags}
    assert not any(name in attrs for _, attrs in page.tags for name in ("src", "href"))


def test_no_documents_and_no_query() -> None:
    result = Compressor("bm25").compress(" ", [], Budget(tokens=5))
    assert "(no query)" in "".join(Page(result.to_html()).words)
    assert "nothing was scored" in compress(Budget(tokens=25), query="").to_html()


def test_an_id_that_is_a_number_is_shown_as_one() -> None:
    result = Compressor("bm25").compress("uploads", [Document("Uploads work.", id=7)], Budget(tokens=9))  # type: ignore[arg-type]
    assert "1. 7" in Page(result.to_html()).words


def test_can_be_written_whatever_the_text_holds() -> None:
    result = Compressor("bm25").compress("\ud800 \0", ["lone \udfff and \0 stay", "مرحبا 你好"], Budget(rate=1.0))
    html = result.to_html()
    html.encode("utf-8")
    assert "\0" not in html
    assert "你好" in html
