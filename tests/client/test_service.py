"""The client against the real service: the same answers as from an engine in the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_service import running

from boildown import Budget, Client, Compressor, ConfigurationError, Document, InputError, ServiceError
from boildown.client.answers import Call, write_request
from boildown.counters import resolve_counter
from boildown.errors import DeadlineError, OverloadedError
from boildown.service.settings import Limits, Settings
from boildown.sources import Sources

QUESTION = "How long does the battery of the Pelican last?"
DOCUMENTS = [
    "The Reed is made for marinas and rivers. It weighs 2.1 kg. Its battery lasts nine months.",
    Document(
        "The Pelican goes down to 120 m and weighs 11.5 kg. The battery of the Pelican lasts 36 months. "
        "Its packs exceed 100 Wh, so they travel by road, by sea or by cargo aircraft only.",
        id="pelican",
        title="The Pelican 🐦",
    ),
    "",
    Document("Annual leave is 28 days. Up to five days can be carried over until 31 March.", metadata={"n": 1}),
]


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def same(remote: Any, local: Any) -> bool:
    left, right = remote.to_dict(), local.to_dict()
    for one in (left, right):
        del one["seconds"]
        for document in (*one["documents"], *one["dropped"]):
            document["score"] = pytest.approx(document["score"], abs=1e-5)
    return bool(left == right)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"method": "bm25", "order": "score", "unit": "word", "protect": ["number"], "separator": "\n---\n"},
        {"method": "bm25", "rank": "gzip", "allocation": "linear", "spread": 0.5, "dedupe": 0.9, "order": "edges"},
        {"patterns": [r"\d+ months"], "unit": "word", "min_sentence": 1},
    ],
)
@pytest.mark.parametrize("budget", [Budget(tokens=30), Budget(rate=0.4, documents=1), Budget(threshold=0.2)])
def test_the_service_answers_as_a_compressor(url: str, arguments: dict[str, Any], budget: Budget) -> None:
    local = Compressor(**arguments).compress(QUESTION, DOCUMENTS, budget)
    with Client(url, **arguments) as client:
        remote = client.compress(QUESTION, DOCUMENTS, budget)
    assert same(remote, local)
    assert remote.plan == local.plan


async def test_and_so_for_many_at_once(url: str) -> None:
    questions = [QUESTION, "How much does the Reed weigh?", "How many days of leave are there?", ""] * 4
    async with Client(url) as client:
        found = await asyncio.gather(*[client.acompress(q, DOCUMENTS, Budget(tokens=30)) for q in questions])
    for question, remote in zip(questions, found, strict=True):
        assert same(remote, Compressor().compress(question, DOCUMENTS, Budget(tokens=30)))


TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(TEXT, st.builds(lambda a, b: f"{a}. {b}", TEXT, TEXT)), max_size=4), TEXT, st.integers(0, 40))
def test_any_text_stays_within_the_budget_and_is_cut_from_the_original(
    url: str, texts: list[str], query: str, tokens: int
) -> None:
    with Client(url, method="bm25") as client:
        result = client.compress(query, texts, Budget(tokens=tokens))
    assert resolve_counter(None).count(result.text) <= tokens
    assert result.tokens_out <= tokens
    for document in result.documents:
        assert document.text == "".join(span.of(texts[document.index]) for span in document.spans)
    assert result.text == "\n\n".join(document.text for document in result.documents)


def test_another_budget_runs_no_model_again(client: Client) -> None:
    question = "How heavy is the Pelican?"
    first = client.compress(question, DOCUMENTS, Budget(rate=1.0))
    smaller = first.rebudget(Budget(tokens=25), order="score")
    assert first.cached < 3 <= smaller.cached
    assert smaller.seconds["model"] == 0
    assert 0 < smaller.tokens_out <= 25
    assert same(smaller, Compressor(order="score").compress(question, DOCUMENTS, Budget(tokens=25)))


@pytest.mark.parametrize(
    ("arguments", "budget", "said"),
    [
        ({"method": "nonsense"}, Budget(tokens=5), "method"),
        ({"model": "../../etc/passwd"}, Budget(tokens=5), "model"),
        ({"patterns": ["(a{1000}){1000}"]}, Budget(tokens=5), "The patterns repeat too often"),
        ({}, Budget(tokens=5, counter="nobody/has-this"), "counter"),
        ({"on_empty_query": "raise"}, Budget(tokens=5), "blank"),
    ],
)
def test_what_the_service_refuses_is_an_error_of_the_engine(
    url: str, arguments: dict[str, Any], budget: Budget, said: str
) -> None:
    with Client(url, **arguments) as client, pytest.raises((ConfigurationError, InputError), match=said):
        client.compress("", DOCUMENTS, budget)


def test_more_than_the_service_takes() -> None:
    with running(Settings(limits=Limits(documents=3, tokens=1000))) as url, Client(url, method="bm25") as client:
        with pytest.raises(InputError, match="3"):
            client.compress(QUESTION, ["A tower."] * 4, Budget(tokens=5))
        with pytest.raises(InputError, match=r"1,?000"):
            client.compress(QUESTION, ["A tower. " * 1000], Budget(tokens=5))


def test_a_service_that_wants_a_token() -> None:
    with running(Settings(tokens=("sesame",))) as url:
        with Client(url, token="sesame", method="bm25") as client:
            assert client.compress(QUESTION, DOCUMENTS, Budget(rate=1.0)).documents
        for token in (None, "wrong"):
            with Client(url, token=token) as client, pytest.raises(ServiceError, match=r"token=") as error:
                client.compress(QUESTION, DOCUMENTS, Budget(rate=1.0))
            assert error.value.status == 401


def test_a_service_without_time(url: str) -> None:
    texts = [f"Number {i} is {i * i}. " * 60 for i in range(40)]
    with Client(url, timeout=0.01) as client, pytest.raises(DeadlineError):
        client.compress("Which number?", texts, Budget(tokens=30))


async def test_a_service_without_room_is_asked_until_it_has_some() -> None:
    with running(Settings(limits=Limits(queue=1))) as url:
        async with Client(url, retries=0) as hasty:
            asked = [hasty.acompress(f"Question {i}?", DOCUMENTS, Budget(tokens=30)) for i in range(24)]
            found = await asyncio.gather(*asked, return_exceptions=True)
            assert any(isinstance(one, OverloadedError) for one in found)
            assert all(isinstance(one, OverloadedError) or one.tokens_out <= 30 for one in found)  # type: ignore[union-attr]
        async with Client(url, retries=100) as patient:
            asked = [patient.acompress(f"Question {i}?", DOCUMENTS, Budget(tokens=30)) for i in range(6)]
            assert all(result.tokens_out <= 30 for result in await asyncio.gather(*asked))


def test_what_is_sent_is_in_the_published_schema(url: str) -> None:
    schema = httpx.get(f"{url}/openapi.json").json()
    reference = schema["paths"]["/v1/compress"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    known = schema["components"]["schemas"][reference.rsplit("/", 1)[-1]]["properties"]
    with Client(url) as client:
        call = Call("q", Sources(DOCUMENTS), Budget(tokens=1, documents=1, counter="estimate"), client.plan)
        sent = json.loads(write_request(call, client._settings))
    assert sent.keys() <= known.keys()
    assert sent.keys() >= known.keys() - {"units", "timeout"}
