from __future__ import annotations

import math
import pickle
import re
from typing import Any

import numpy as np
import pytest

from boildown import (
    BoildownError,
    Budget,
    Client,
    Compression,
    Compressor,
    ConfigurationError,
    Document,
    InputError,
    ServiceError,
)
from boildown.errors import DeadlineError, OverloadedError
from boildown.stored_scores import STORED_KEY
from boildown.tools.content import Content
from boildown.tools.shortening import Shortening

QUESTION = "When was the tower built?"
TEXTS = [
    "The tower was built in 1889.\r\nIt is tall \ud83d, \0and 👍🏽 stands\u2028by the sea.",
    "",
    "Cats sleep a lot. They sleep on mats. The cats' tower was built of cardboard.",
]
DOCUMENTS = [
    TEXTS[0],
    Document(TEXTS[1], id="nothing"),
    Document(TEXTS[2], id="cats", title="Cats \udc00", metadata={"when": object(), STORED_KEY: "abc"}),
]


@pytest.mark.parametrize(
    "budget", [Budget(tokens=12), Budget(rate=0.5), Budget(rate=1.0), Budget(tokens=0), Budget(tokens=30, documents=1)]
)
def test_a_result_is_what_the_engine_gives_cut_from_the_callers_own_texts(small: Any, budget: Budget) -> None:
    local = Compressor("bm25").compress(QUESTION, DOCUMENTS, budget)
    with Client(small.url) as client:
        remote = client.compress(QUESTION, DOCUMENTS, budget)
    assert isinstance(remote, Compression)
    seconds = {"seconds": remote.to_dict()["seconds"]}
    assert remote.to_dict() == {**local.to_dict(), **seconds}
    assert (remote.budget, remote.plan, remote.query) == (local.budget, local.plan, local.query)
    for document in remote.documents:
        assert document.text == "".join(span.of(TEXTS[document.index]) for span in document.spans)
    assert remote.recover("The tower was built in 1889.") == local.recover("The tower was built in 1889.")
    assert remote.to_html() == local.to_html()
    assert np.array_equal(remote.scores.relevance, local.scores.relevance)


def test_ids_and_metadata_stay_at_home(small: Any) -> None:
    with Client(small.url) as client:
        client.compress(QUESTION, DOCUMENTS, Budget(tokens=12))
    path, headers, body = small.requests[0]
    assert (path, headers["Content-Type"]) == ("/v1/compress", "application/json")
    assert [sorted(document) for document in body["documents"]] == [["text"], ["text"], ["metadata", "text", "title"]]
    assert body["documents"][2]["metadata"] == {STORED_KEY: "abc"}
    assert body["budget"] == {"tokens": 12}


@pytest.mark.parametrize("metadata", [None, {STORED_KEY: b"abc"}, {STORED_KEY: None}])
def test_metadata_without_stored_scores_are_no_matter(small: Any, metadata: Any) -> None:
    with Client(small.url) as client:
        client.compress(QUESTION, [Document("The tower.", metadata=metadata)], Budget(tokens=12))
    assert small.requests[0][2]["documents"] == [{"text": "The tower."}]


def test_numbers_of_numpy_are_numbers(small: Any) -> None:
    with Client(small.url) as client:
        client.compress(QUESTION, TEXTS, Budget(rate=np.float32(0.5), documents=np.int64(2)))  # type: ignore[arg-type]
    assert small.requests[0][2]["budget"] == {"rate": 0.5, "documents": 2}


def test_another_budget_is_another_request(small: Any) -> None:
    with Client(small.url) as client:
        first = client.compress(QUESTION, DOCUMENTS, Budget(rate=1.0))
        smaller = first.rebudget(Budget(tokens=12), order="score")
        smallest = smaller.rebudget(Budget(tokens=0))
    local = Compressor("bm25", order="score").compress(QUESTION, DOCUMENTS, Budget(tokens=12))
    assert (smaller.text, smaller.plan.order, smaller.budget) == (local.text, "score", Budget(tokens=12))
    assert (smallest.text, smallest.plan.order) == ("", "score")
    assert [body["order"] for _, _, body in small.requests] == ["original", "score", "score"]


def test_without_a_document_the_service_does_not_see_its_text(small: Any) -> None:
    with Client(small.url) as client:
        first = client.compress(QUESTION, DOCUMENTS, Budget(rate=1.0))
        again = first.rebudget(Budget(rate=1.0), without=[0, 1])
    assert [document["text"] for document in small.requests[1][2]["documents"]] == ["", "", TEXTS[2]]
    assert [document.index for document in again.documents] == [2]
    assert [(d.index, d.reason, d.tokens_in) for d in again.dropped] == [
        (0, "budget", first.documents[0].tokens_in),
        (1, "empty", 0),
    ]
    assert again.tokens_in == first.tokens_in
    assert again.sources.texts == TEXTS


@pytest.mark.parametrize("documents", [0, ["manual-4"], [len(DOCUMENTS)]])
def test_what_is_no_document_by_index_is_not_asked_for(small: Any, documents: Any) -> None:
    with Client(small.url) as client:
        first = client.compress(QUESTION, DOCUMENTS, Budget(rate=1.0))
        with pytest.raises(ConfigurationError, match=r"without= .*documents by index.*got"):
            first.rebudget(Budget(rate=1.0), without=documents)
    assert len(small.requests) == 1


def test_tool_results_are_asked_for_with_their_repetitions(small: Any) -> None:
    text = " ".join(f"Entry {i} of the harbour log notes calm weather." for i in range(50))
    with Client(small.url, order="score") as client:
        assert Shortening(60, 100, None, None, client).short_form("log", Content(text), "weather") is not None
        client.compress("weather", [text], Budget(tokens=20))
    assert [(body["dedupe"], body["order"]) for _, _, body in small.requests] == [(None, "score"), ("long", "score")]


def test_results_can_be_pickled_and_cut_again(small: Any) -> None:
    with Client(small.url) as client:
        result = pickle.loads(pickle.dumps(client.compress(QUESTION, TEXTS, Budget(rate=1.0))))
    smaller = result.rebudget(Budget(tokens=12))
    assert 0 < smaller.tokens_out <= 12
    result._again.__self__.close()


def test_nothing_comes_of_nothing(small: Any) -> None:
    with Client(small.url) as client:
        result = client.compress(QUESTION, [], Budget(tokens=5))
    assert (result.text, result.documents, result.dropped, result.rate) == ("", (), (), 1.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda c: c.compress(QUESTION, TEXTS, Budget(tokens=5, counter=len)), "cannot be sent to a service"),
        (lambda c: c.compress(QUESTION, TEXTS, Budget(threshold=math.inf)), "cannot be sent"),
        (lambda c: c.compress(QUESTION, TEXTS, 5), "must be a Budget"),
        (lambda c: c.compress(QUESTION, "text", Budget(tokens=5)), "must be a list"),
        (lambda c: c.compress(None, TEXTS, Budget(tokens=5)), "query must be text"),
        (lambda c: c.compress(QUESTION, [b"x"], Budget(tokens=5)), "Decode it first"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_once(small: Any, wrong: Any, said: str) -> None:
    with Client(small.url) as client, pytest.raises(BoildownError, match=said):
        wrong(client)
    assert small.requests == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"url": "localhost:8000"}, "begins with http"),
        ({"url": "http://"}, "begins with http"),
        ({"url": None}, "begins with http"),
        ({"timeout": 0}, "above 0"),
        ({"timeout": None}, "above 0"),
        ({"timeout": math.inf}, "up to a million"),
        ({"timeout": 1e12}, "up to a million"),
        ({"retries": None}, "from 0 on"),
        ({"retries": -1}, "from 0 on"),
        ({"token": "from-a-file\n"}, "a line break"),
        ({"token": ""}, "token= is empty"),
        ({"token": b"from-a-file"}, "no HTTP header"),
        ({"separator": "\ud800"}, "cannot be sent as JSON"),
        ({"patterns": ["\ud800"]}, "cannot be sent as JSON"),
        ({"method": b"bm25"}, "cannot be sent as JSON"),
        ({"order": "random"}, "Unknown order"),
        ({"protect": "number"}, r"protect=\['number'\]"),
        ({"patterns": [re.compile("x")]}, "must be strings"),
        ({"on_empty_query": "ignore"}, "Did you mean|Known"),
    ],
)
def test_wrong_settings(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        Client(**{"url": "http://localhost:8000", **arguments})
    assert "from-a-file" not in str(error.value)


def told(message: str, field: str | None = None) -> dict[str, Any]:
    return {"error": {"type": "some_type", "message": message, "field": field, "request_id": "1"}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (422, told("Too strange.", "documents[0].text"), InputError, "Too strange."),
        (413, told("Too much.", "documents"), InputError, "Too much."),
        (422, told("Unknown model 'x'.", "model"), ConfigurationError, "Unknown model 'x'."),
        (429, told("Full."), OverloadedError, "Full."),
        (504, told("Late."), DeadlineError, "Late."),
        (401, told("Who are you?"), ServiceError, "401: Who are you\\? .*token="),
        (500, told("Oh."), ServiceError, "500: Oh."),
        (502, b"<html>Bad gateway</html>", ServiceError, "502: <html>Bad gateway"),
        (404, b"", ServiceError, "404: no message .*without the path"),
        (500, ["what"], ServiceError, "500: no message"),
        (500, {"error": "text"}, ServiceError, "500: no message"),
        (307, b"", ServiceError, "307: no message .*where it ends"),
        (301, b"<html>Moved</html>", ServiceError, "301: <html>Moved.* https://"),
    ],
)
def test_errors_are_those_of_the_engine(small: Any, status: int, body: Any, kind: type, said: str) -> None:
    small.plan = [(status, {"Retry-After": "9"}, body)]
    with Client(small.url, retries=0) as client, pytest.raises(kind, match=said) as error:
        client.compress(QUESTION, TEXTS, Budget(tokens=5))
    if isinstance(error.value, ServiceError):
        assert error.value.status == status
    if isinstance(error.value, OverloadedError):
        assert error.value.retry_after == 9
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def answer_to(query: str, texts: list[str]) -> dict[str, Any]:
    return {**Compressor("bm25").compress(query, texts, Budget(rate=1.0)).to_dict(), "cached": 0}


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer.pop("documents"),
        lambda answer: answer["documents"].pop(),
        lambda answer: answer["documents"].append(answer["documents"][0]),
        lambda answer: answer["documents"][0].update(index=7),
        lambda answer: answer["documents"][0].update(spans=[[0, 10_000]]),
        lambda answer: answer["documents"][0].update(spans=[[5, 9], [0, 4]]),
        lambda answer: answer["documents"][0].update(spans=[["a", "b"]]),
        lambda answer: answer["documents"][0].update(reason="mood"),
        lambda answer: answer.update(tokens_in="many"),
        lambda answer: answer.update(seconds=3),
    ],
)
def test_an_answer_that_does_not_fit_the_documents_is_an_error(small: Any, change: Any) -> None:
    answer = answer_to("tower", ["The tower.", "A cat."])
    change(answer)
    small.plan = [(200, {}, answer)]
    with Client(small.url) as client, pytest.raises(ServiceError, match="no compression of these documents"):
        client.compress("tower", ["The tower.", "A cat."], Budget(rate=1.0))


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"[]", b"null", b"{}", b"\xff"])
def test_so_is_another_service(small: Any, body: bytes) -> None:
    small.plan = [(200, {}, body)]
    with Client(small.url) as client, pytest.raises(ServiceError, match="Is a boildown service"):
        client.compress(QUESTION, TEXTS, Budget(tokens=5))


def test_a_score_that_is_no_number_is_the_lowest(small: Any) -> None:
    with Client(small.url) as client:
        answer = answer_to(QUESTION, ["A tower."])
        answer["documents"][0]["score"] = None
        small.plan = [(200, {}, answer)]
        assert client.compress(QUESTION, ["A tower."], Budget(rate=1.0)).documents[0].score == -math.inf
