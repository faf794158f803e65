"""GET and POST /api/v1/compress_prompt: exactly the keys and formats that its clients read."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

PATH = "/api/v1/compress_prompt"
KEYS = ["compressed_prompt", "origin_tokens", "compressed_tokens", "ratio", "saving"]
CONTEXT = [
    "The Reed weighs 2.1 kg. Its battery lasts nine months. It is blue. It was first sold in 2011.",
    "The battery of the Pelican lasts 36 months. It goes down to 120 m. Its case is red.",
]
QUESTION = "How long does the battery of the Pelican last?"
CHINESE = [
    "灯塔守护人记录了每一艘经过的船只。黑麦面包需要酸面种。天气一直很好。",
    "当地的面包师把面种养了几十年。灯塔有三十米高。码头上有一家小店。",
]


def ask(client, method="POST", **given):
    response = client.request(method, PATH, json=given)
    assert response.status_code == 200, response.text
    assert list(response.json()) == ["data"]
    return response.json()["data"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_keys_types_and_formats(client, method):
    data = ask(client, method, ratio=0.4, context=CONTEXT, question=QUESTION)
    assert list(data) == KEYS
    assert isinstance(data["origin_tokens"], int)
    assert isinstance(data["compressed_tokens"], int)
    assert re.fullmatch(r"\d+\.\dx", data["ratio"])
    assert re.fullmatch(r", Saving \$\d+\.\d in GPT-4\.", data["saving"])
    assert data["ratio"] == f"{data['origin_tokens'] / data['compressed_tokens']:.1f}x"


def test_ratio_is_the_share_removed_and_rate_the_share_kept(client):
    removed = ask(client, ratio=0.2, context=CONTEXT, question=QUESTION)
    kept = ask(client, rate=0.8, context=CONTEXT, question=QUESTION)
    assert removed == kept
    assert 0.5 * removed["origin_tokens"] < removed["compressed_tokens"] <= 0.8 * removed["origin_tokens"]
    much = ask(client, ratio=0.6, context=CONTEXT, question=QUESTION)
    assert much["compressed_tokens"] <= 0.4 * much["origin_tokens"]
    assert ask(client, context=CONTEXT, question=QUESTION) == ask(client, ratio=0.5, context=CONTEXT, question=QUESTION)


def test_the_text_is_instruction_documents_question(client):
    data = ask(client, ratio=0.4, context=CONTEXT, question=QUESTION, instruction="Answer in one word.")
    first, *middle, last = data["compressed_prompt"].split("\n\n")
    assert first == "Answer in one word."
    assert last == QUESTION
    assert "The battery of the Pelican lasts 36 months." in "\n\n".join(middle)
    assert all(part in "\n\n".join(CONTEXT) for part in middle)


def test_saving_follows_the_published_price(client):
    data = ask(client, ratio=0.9, context=["The tide turns at noon today. " * 400], question="When?")
    saved = (data["origin_tokens"] - data["compressed_tokens"]) * 0.06 / 1000
    assert data["saving"] == f", Saving ${saved:.1f} in GPT-4."
    assert saved > 0.1


def test_it_counts_in_the_metrics(serve):
    client = serve()
    data = ask(client, ratio=0.4, context=CONTEXT, question=QUESTION)
    metrics = client.get("/metrics").text
    for name, count in [
        ("queries", 1),
        ("documents", 2),
        ("tokens_in", data["origin_tokens"]),
        ("tokens_out", data["compressed_tokens"]),
    ]:
        assert f'boildown_{name}_total{{model="prune"}} {float(count)}\n' in metrics


def test_one_string_is_one_context(client):
    assert ask(client, ratio=0.4, context=CONTEXT[1]) == ask(client, ratio=0.4, context=[CONTEXT[1]])


def test_a_query_string_says_the_same_as_a_body(client):
    query = urlencode({"ratio": 0.4, "context": CHINESE, "question": "谁记录了船只？"}, doseq=True)
    by_query = client.get(f"{PATH}?{query}")
    assert by_query.status_code == 200
    assert by_query.json()["data"] == ask(client, ratio=0.4, context=CHINESE, question="谁记录了船只？")
    mixed = client.post(
        f"{PATH}?ratio=0.9&question=%E8%B0%81", json={"context": CHINESE, "ratio": 0.4, "question": "谁"}
    )
    assert mixed.json()["data"] == ask(client, ratio=0.4, context=CHINESE, question="谁")


def test_a_body_needs_no_content_type(client):
    response = client.request("GET", PATH, content=b'{"ratio": 0.2, "context": ["The tide turns at noon."]}')
    assert response.status_code == 200


@pytest.mark.parametrize("ratio", [0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
def test_chinese_comes_back_whole(client, ratio):
    response = client.request("GET", PATH, json={"ratio": ratio, "context": CHINESE, "question": "谁记录了船只？"})
    text = response.content.decode("utf-8")
    assert "�" not in text
    assert "\\u" not in text
    prompt = response.json()["data"]["compressed_prompt"]
    assert prompt.endswith("谁记录了船只？")
    for sentence in re.findall(r"[^。\n]+。", prompt):
        assert sentence in "".join(CHINESE)


def test_arguments_of_old_clients_are_taken(client):
    data = ask(
        client,
        ratio=0.4,
        context=CONTEXT,
        question=QUESTION,
        target_token=20,
        rank_method="bm25",
        reorder_context="sort",
        concate_question=False,
        some_field_of_their_own=1,
    )
    assert data["compressed_tokens"] <= 20
    assert QUESTION not in data["compressed_prompt"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "context"),
        ({"context": 5}, "context"),
        ({"context": ["a", None]}, "context[1]"),
        ({"context": ["a"], "ratio": 1.5}, "ratio"),
        ({"context": ["a"], "ratio": "much"}, "ratio"),
        ({"context": ["a"], "rate": -0.1}, "rate"),
        ({"context": ["a"], "rate": 0.5, "ratio": 0.5}, "ratio"),
        ({"context": ["a"], "rank_method": "bge"}, "rank_method"),  # would fetch a model
    ],
)
def test_errors_name_the_field(client, given, field):
    response = client.post(PATH, json=given)
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["type"] == "invalid_request"
    assert error["field"] == field


def test_a_query_string_that_is_not_utf8(client):
    response = client.get(f"{PATH}?context=%ff")
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_query"


@pytest.mark.parametrize("content", [b"[1]", b'"a"', b"null"])
def test_a_body_that_is_no_object(client, content):
    response = client.post(PATH, content=content)
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "body"
