"""What is read of results that are too large to be read whole."""

from __future__ import annotations

from boildown.counters import resolve_counter
from boildown.tools.large import MOST_READ, parts_to_read
from boildown.types import Document, Span

QUESTION = "How high is the tower of the lighthouse?"
LOG = "".join(f"Entry {i} notes calm weather.\nThe harbour log has {i % 7} boats at the quay. " for i in range(1500))


def tokens(*texts: str) -> int:
    return sum(resolve_counter(None).count_many(list(texts)))


def test_what_is_not_too_large_is_read_whole() -> None:
    documents = [Document(LOG[:20_000], title="log"), Document("Short.")]
    parts, notes = parts_to_read(QUESTION, documents, 500)
    assert [(part.number, part.document) for part in parts] == list(enumerate(documents))
    assert [*parts[0].places([Span(5, 9)])] == [Span(5, 9)]
    assert notes == ()


def test_of_the_rest_the_best_passages_are() -> None:
    answer = "It is a lighthouse with a tower. Those who climb up count 41.5 m on the stairs. "
    documents = [Document(LOG), Document("Nothing."), Document(f"{LOG}{answer}{LOG}", title="lights")]
    parts, (note,) = parts_to_read(QUESTION, documents, 500)
    assert MOST_READ / 2 < tokens(*(part.document.text for part in parts)) <= MOST_READ
    assert "10,000" in note
    assert answer in next(part for part in parts if part.number == 2).document.text
    for part in parts:
        given = documents[part.number]
        assert part.document.title == given.title
        assert [*part.spans] == sorted(part.spans)
        for start in range(0, len(part.document.text) - 3000, 700):
            span = Span(start, start + 3000)
            assert "".join(place.of(given.text) for place in part.places([span])) == span.of(part.document.text)


def test_more_is_read_where_more_is_kept() -> None:
    parts, (note,) = parts_to_read(QUESTION, [Document(LOG)], 8_000)
    assert 12_000 < tokens(parts[0].document.text) <= 16_000
    assert "16,000" in note
    assert parts_to_read(QUESTION, [Document(LOG)], 40_000)[1] == ()


def test_rows_come_with_their_header() -> None:
    head = "| name | depth |\n| --- | --- |\n"
    rows = [f"| {'buoy' if i < 500 else 'tower'} {i} of the coast | {i * 3} |\n" for i in range(3000)]
    (part,), _ = parts_to_read("tower 2900", [Document(head + "".join(rows))], 500)
    assert part.document.text.startswith(head)
    assert rows[2900] in part.document.text
    assert tokens(part.document.text) <= MOST_READ


def test_an_encoded_file_has_no_passages() -> None:
    assert parts_to_read(QUESTION, [Document("iVBORw0KGgo" * 10_000)], 500)[0] == []
