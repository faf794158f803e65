"""POST /v1/rerank in both dialects, and with the clients that speak them where they are installed."""

from __future__ import annotations

import pytest

QUERY = "How long does the battery of the Pelican last?"
DOCUMENTS = [
    "Annual leave is 28 days.",
    "The Reed weighs 2.1 kg. It is blue.",
    "The battery of the Pelican lasts 36 months.",
]


def relevance(client, documents=DOCUMENTS):
    answer = client.post("/v1/compress", json={"query": QUERY, "documents": documents, "budget": {"tokens": 0}}).json()
    return {d["index"]: pytest.approx(d["score"], abs=1e-4) for d in answer["dropped"]}


@pytest.mark.parametrize(("path", "version"), [("/v1/rerank", "1"), ("/v2/rerank", "2"), ("/rerank", "1")])
def test_cohere(client, path, version):
    response = client.post(path, json={"model": "prune", "query": QUERY, "documents": DOCUMENTS})
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"id", "results", "meta"}
    assert answer["meta"]["api_version"]["version"] == version
    assert [set(result) for result in answer["results"]] == [{"index", "relevance_score"}] * 3
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["results"][0]["index"] == 2
    assert {result["index"]: result["relevance_score"] for result in answer["results"]} == relevance(client)


def test_cohere_with_objects_top_n_and_documents(client):
    given = [{"text": text, "source": i} for i, text in enumerate(DOCUMENTS)]
    answer = client.post(
        "/v1/rerank",
        json={
            "query": QUERY,
            "documents": given,
            "top_n": 2,
            "return_documents": True,
            "rank_fields": ["text"],
            "max_tokens_per_doc": 4096,
            "max_chunks_per_doc": 10,
        },
    ).json()
    assert len(answer["results"]) == 2
    for result in answer["results"]:
        assert result["document"] == given[result["index"]]


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
def test_text_embeddings_inference(client, path):
    given = {"query": QUERY, "texts": DOCUMENTS, "raw_scores": False, "return_text": False, "truncate": True}
    answer = client.post(path, json=given).json()
    assert [set(result) for result in answer] == [{"index", "score"}] * 3
    assert {result["index"]: result["score"] for result in answer} == relevance(client)
    assert answer[0]["index"] == 2
    with_text = client.post(path, json={**given, "return_text": True}).json()
    assert [result["text"] for result in with_text] == [DOCUMENTS[result["index"]] for result in answer]


def test_blank_documents_have_a_score_too(client):
    for model in ("prune", "bm25"):
        answer = client.post("/v1/rerank", json={"model": model, "query": QUERY, "documents": ["", *DOCUMENTS]}).json()
        scores = {result["index"]: result["relevance_score"] for result in answer["results"]}
        assert len(scores) == 4
        assert all(isinstance(score, float) for score in scores.values())
        assert scores[0] <= min(scores.values())


def test_cohere_warns_of_what_scores_do_not_say(client):
    def warnings(query, documents):
        given = {"model": "prune", "query": query, "documents": documents}
        return client.post("/v2/rerank", json=given).json()["meta"].get("warnings")

    assert warnings(QUERY, DOCUMENTS) is None
    assert "BM25" in warnings("港口的天气怎么样?", ["灯塔很高。", "港口很冷。"])[0]


def test_no_documents(client):
    assert client.post("/v1/rerank", json={"query": QUERY, "documents": []}).json()["results"] == []
    assert client.post("/rerank", json={"query": QUERY, "texts": []}).json() == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"documents": []}, "query"),
        ({"query": QUERY}, "documents"),
        ({"query": QUERY, "documents": ["a", 1]}, "documents[1]"),
        ({"query": QUERY, "documents": ["a", {}]}, "documents[1].text"),
        ({"query": QUERY, "documents": ["a"], "top_n": 0}, "top_n"),
        ({"query": QUERY, "documents": ["a"], "model": "rerank-v3.5"}, "model"),
        ({"query": QUERY, "documents": ["a"], "model": "../../etc/passwd"}, "model"),
        ({"query": QUERY, "texts": ["a", None]}, "texts[1]"),
        ({"query": QUERY, "texts": "a"}, "texts"),
        ([], "body"),
    ],
)
def test_errors_name_the_field(client, given, field):
    response = client.post("/v1/rerank", json=given)
    assert response.status_code == 422
    assert response.json()["error"]["field"] == field


def test_models_take_the_name_that_clients_send(serve):
    client = serve(models={"rerank-v3.5": "prune"})
    response = client.post("/v2/rerank", json={"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS})
    assert response.json()["results"][0]["index"] == 2


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_a_default_that_does_not_read_the_query_is_passed_over(serve, bert, path):
    client = serve(models={"l2": f"llmlingua2:{bert}", "words": "bm25"})
    cohere = client.post(path, json={"query": QUERY, "documents": DOCUMENTS}).json()
    tei = client.post(path, json={"query": QUERY, "texts": DOCUMENTS}).json()
    named = client.post(path, json={"model": "words", "query": QUERY, "documents": DOCUMENTS}).json()
    assert cohere["results"] == named["results"]
    assert [one["score"] for one in tei] == [one["relevance_score"] for one in named["results"]]
    assert tei[0]["index"] == 2
    refused = client.post(path, json={"model": "l2", "query": QUERY, "documents": DOCUMENTS})
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "model"
    assert refused.json()["error"]["message"] == (
        "The model 'l2' does not read the query, so it cannot rerank. There are: words, prune, bm25, gzip."
    )


def test_the_cohere_sdk(client):
    cohere = pytest.importorskip("cohere")
    for sdk in (cohere.Client, cohere.ClientV2):
        ours = sdk(api_key="unused", base_url=str(client.base_url).rstrip("/"))
        answer = ours.rerank(model="prune", query=QUERY, documents=DOCUMENTS, top_n=2)
        assert answer.results[0].index == 2
        assert len(answer.results) == 2


def test_langchains_cohere_reranker(client):
    langchain_cohere = pytest.importorskip("langchain_cohere")
    from langchain_core.documents import Document

    reranker = langchain_cohere.CohereRerank(
        cohere_api_key="unused", base_url=str(client.base_url).rstrip("/"), model="prune", top_n=2
    )
    found = reranker.compress_documents([Document(text) for text in DOCUMENTS], QUERY)
    assert found[0].page_content == DOCUMENTS[2]
    assert found[0].metadata["relevance_score"] == relevance(client)[2]


def test_llamaindexs_tei_reranker(client):
    tei = pytest.importorskip("llama_index.postprocessor.tei_rerank")
    from llama_index.core.schema import NodeWithScore, TextNode

    reranker = tei.TextEmbeddingInference(base_url=str(client.base_url).rstrip("/"), model_name="prune", top_n=2)
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in DOCUMENTS]
    found = reranker.postprocess_nodes(nodes, query_str=QUERY)
    assert found[0].text == DOCUMENTS[2]
    assert found[0].score == relevance(client)[2]


@pytest.mark.parametrize("model", ["prune", "bm25", "gzip"])
def test_blank_documents_come_last_by_every_method(client, model):
    given = {"model": model, "query": QUERY, "documents": ["", DOCUMENTS[2], " \n", DOCUMENTS[0]]}
    results = client.post("/v1/rerank", json=given).json()["results"]
    assert {result["index"] for result in results[2:]} == {0, 2}
    scores = [result["relevance_score"] for result in results]
    assert scores == sorted(scores, reverse=True)
