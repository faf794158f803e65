"""POST /v1/compress and its batch form, as a client reads them."""

from __future__ import annotations

from typing import Any

import pytest

from boildown import Budget, Compressor, Document

QUESTION = "How long does the battery of the Pelican last?"
DOCUMENTS: list[Any] = [
    "The Reed weighs 2.1 kg. Its battery lasts nine months.",
    {
        "text": "The Pelican goes down to 120 m. The battery of the Pelican lasts 36 months. Order it as PEL-10042.",
        "id": "pelican",
        "title": "Pelican",
        "metadata": {"page": 4, "tags": ["a", None], "深さ": 120.5},
    },
    "Annual leave is 28 days. Up to five days can be carried over until 31 March.",
]


def body(**changes: Any) -> dict[str, Any]:
    return {"query": QUESTION, "documents": DOCUMENTS, "budget": {"tokens": 30}, **changes}


def text_of(document: Any) -> str:
    return document if isinstance(document, str) else document["text"]


def ask(client: Any, path: str = "/v1/compress", **changes: Any) -> Any:
    response = client.post(path, json=body(**changes))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def test_the_answer_is_the_engines(client):
    answer = ask(client)
    documents = [Document(**d) if isinstance(d, dict) else d for d in DOCUMENTS]
    expected = Compressor().compress(QUESTION, documents, Budget(tokens=30)).to_dict()
    for key in ("text", "tokens_in", "tokens_out", "rate", "counter", "method", "order", "notes"):
        assert answer[key] == expected[key], key
    for kind in ("documents", "dropped"):
        assert [d["index"] for d in answer[kind]] == [d["index"] for d in expected[kind]]
        for ours, theirs in zip(answer[kind], expected[kind], strict=True):
            assert {**theirs, "score": pytest.approx(theirs["score"], abs=1e-4)}.items() <= ours.items()
    assert answer["tokens_out"] <= 30
    assert "The battery of the Pelican lasts 36 months." in answer["text"]
    assert answer["budget"] == {"tokens": 30}
    assert set(answer["seconds"]) == {"score", "model", "select", "total"}


def test_documents_come_back_with_what_they_brought(client):
    answer = ask(client)
    found = {d["index"]: d for d in [*answer["documents"], *answer["dropped"]]}
    assert sorted(found) == [0, 1, 2]
    assert found[1]["id"] == "pelican"
    assert found[1]["title"] == "Pelican"
    assert found[1]["metadata"] == DOCUMENTS[1]["metadata"]
    assert (found[0]["id"], found[0]["title"], found[0]["metadata"]) == (None, "", {})


def test_spans_are_code_points_of_the_document(client):
    documents = [
        "🚢🚢 Das größte Schiff heißt Möwe. 灯塔守护人记录了船只。 The ferry leaves at nine. Bread is sold here."
    ]
    answer = ask(client, query="When does the ferry leave?", documents=documents, budget={"rate": 0.4})
    (document,) = answer["documents"]
    assert document["text"] == "".join(documents[0][start:end] for start, end in document["spans"])
    assert "ferry leaves at nine" in document["text"]


def test_units_cover_every_document_and_agree_with_the_spans(client):
    answer = ask(client, units=True, unit="word", budget={"rate": 0.5})
    assert "units" not in ask(client)["documents"][0]
    for document in [*answer["documents"], *answer["dropped"]]:
        text = text_of(DOCUMENTS[document["index"]])
        units = document["units"]
        assert "".join(text[u["start"] : u["end"]] for u in units) == text
        kept = "".join(text[u["start"] : u["end"]] for u in units if u["kept"])
        assert kept.strip() == document["text"].strip()
        assert all(isinstance(u["score"], float) for u in units)


def test_a_unit_of_which_only_the_line_end_is_kept_is_not_kept(client):
    first = "# Battery\n\nThe battery of the Pelican lasts 36 months. "
    text = f"{first}Annual leave is 28 days.\n\n# Pelican battery\n\nIt lasts."
    (document,) = ask(client, documents=[text], units=True, unit="sentence", budget={"tokens": 26})["documents"]
    assert document["text"].startswith("# Battery")
    assert "\n\n# Pelican" in document["text"]
    assert "leave" not in document["text"]
    assert [u["kept"] for u in document["units"]] == [True, True, False, True, True]


@pytest.mark.parametrize("budget", [{"rate": 0.5}, {"threshold": 0.5}, {"tokens": 60, "documents": 1}])
def test_other_budgets(client, budget):
    answer = ask(client, budget=budget)
    assert answer["budget"] == budget
    expected = Compressor().compress(QUESTION, [text_of(d) for d in DOCUMENTS], Budget(**budget))
    assert answer["tokens_in"] == expected.tokens_in
    if "rate" in budget:
        assert answer["tokens_out"] <= 0.5 * answer["tokens_in"]
    if "documents" in budget:
        assert len(answer["documents"]) == 1
        assert {d["reason"] for d in answer["dropped"]} == {"documents"}


def test_another_budget_costs_no_forward(client):
    documents = ["The weir was built in 1911. It is made of oak.", "Nobody fishes there in winter. The weir is steep."]
    query = "When was the weir built?"
    first = ask(client, query=query, documents=documents, budget={"tokens": 9})
    again = ask(client, query=query, documents=documents, budget={"tokens": 20})
    assert first["seconds"]["model"] > 0
    assert again["cached"] == 2
    assert again["seconds"]["model"] == 0
    assert again["tokens_out"] > first["tokens_out"]


def test_order_and_protection(client):
    answer = ask(client, order="score", unit="word", protect=["number"], budget={"rate": 0.6}, separator=" | ")
    scores = [d["score"] for d in answer["documents"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["order"] == "score"
    assert answer["separator"] == " | "
    assert answer["text"] == " | ".join(d["text"] for d in answer["documents"])
    assert {p["kind"] for d in answer["documents"] for p in d["protected"]} == {"number"}


def test_rank_by_another_method(client):
    answer = ask(client, rank="bm25")
    bm25 = ask(client, model="bm25")
    assert {d["index"]: d["score"] for d in [*answer["documents"], *answer["dropped"]]} == {
        d["index"]: d["score"] for d in [*bm25["documents"], *bm25["dropped"]]
    }
    assert (answer["method"], bm25["method"]) == ("prune", "bm25")


def test_a_method_in_place_of_a_model(client):
    assert ask(client, method="gzip")["model"] == "gzip"


def test_nothing_comes_of_nothing(client):
    answer = ask(client, documents=[])
    assert (answer["text"], answer["documents"], answer["dropped"], answer["tokens_in"]) == ("", [], [], 0)
    blank = ask(client, documents=["", "  "])
    assert [d["reason"] for d in blank["dropped"]] == ["empty", "empty"]


def test_a_blank_query_says_so(client):
    answer = ask(client, query="", units=True)
    assert any("blank" in note for note in answer["notes"])
    assert answer["documents"][0]["units"][0]["score"] is None  # infinite, for which JSON has no word


def test_a_batch_answers_each_in_order(client):
    requests = [body(budget={"tokens": n}) for n in (10, 20, 30)] + [body(model="bm25", unit="token")]
    response = client.post("/v1/compress/batch", json={"requests": requests})
    assert response.status_code == 200
    results = response.json()["results"]
    assert len(results) == 4
    for n, result in zip((10, 20, 30), results, strict=False):
        assert result["text"] == ask(client, budget={"tokens": n})["text"]
    error = results[3]["error"]
    assert error["type"] == "invalid_request"
    assert error["field"] == "requests[3].unit"
    assert "scores no tokens" in error["message"]


def test_the_request_id_comes_back(client):
    response = client.post("/v1/compress", json=body(), headers={"X-Request-ID": "abc-1"})
    assert response.headers["x-request-id"] == "abc-1"
    forged = client.post("/v1/compress", json=body(), headers={"X-Request-ID": "a b {}"})
    assert len(forged.headers["x-request-id"]) == 32


def test_counters_have_public_names(serve, token_counter):
    client = serve(models={"fast": "bm25"}, counters={"mine": str(token_counter)})
    mine = ask(client, budget={"tokens": 30, "counter": "mine"})
    assert mine["counter"] == "mine"
    assert ask(client)["counter"] == "mine"  # the first one is the default
    estimate = ask(client, budget={"tokens": 30, "counter": "estimate"})
    assert estimate["counter"] == "estimate"
    assert estimate["tokens_in"] != mine["tokens_in"]
    assert str(token_counter) not in client.get("/v1/models").text


@pytest.fixture
def token_counter(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    return path
