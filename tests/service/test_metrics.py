"""What the service counts, for Prometheus."""

from __future__ import annotations

import threading

GOOD = {"query": "zebrafish", "documents": ["The marmalade is kept in the cellar."], "budget": {"tokens": 20}}


async def test_metrics_do_not_hold_up_the_event_loop(monkeypatch):
    import httpx

    from boildown.service.app import create_app
    from boildown.service.metrics import Metrics

    def exposition(self):
        threads.append(threading.current_thread())
        return b"boildown_ready 1"

    threads = []
    monkeypatch.setattr(Metrics, "exposition", exposition)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app()), base_url="http://test") as client:
        assert (await client.get("/metrics")).content == b"boildown_ready 1"
    assert threads[0] is not threading.current_thread()


def test_made_up_methods_are_one_series(serve):
    client = serve(models={"fast": "bm25"})
    for method in ("BREW", "PROPFIND", "GET", "DELETE"):
        client.request(method, "/health")
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith("boildown_requests_total")]
    methods = {line.split('method="')[1].split('"')[0] for line in lines if 'route="/health"' in line}
    assert methods == {"other", "GET", "DELETE"}


def test_what_the_gate_refuses_counts_for_its_route(serve):
    from boildown.service.settings import Limits

    client = serve(models={"fast": "bm25"}, tokens=("secret",), limits=Limits(body_bytes=500))
    for path in ("/v1/compress", "/v2/rerank", "/metrics", "/nothing"):
        client.post(path, json=GOOD, headers={"Authorization": ""})
    client.post("/v1/compress/batch", json={"requests": ["x" * 600]})
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith("boildown_requests_total")]
    for method, route, status in [
        ("POST", "/v1/compress", 401),
        ("POST", "/v2/rerank", 401),
        ("POST", "/metrics", 401),
        ("other", "unmatched", 401),
        ("POST", "/v1/compress/batch", 413),
    ]:
        labels = f'method="{method}",route="{route}",status="{status}"'
        assert f"boildown_requests_total{{{labels}}} 1.0" in lines


def test_metrics(serve):
    from prometheus_client.parser import text_string_to_metric_families

    client = serve()
    document = "The observatory opens at dusk. Its dome is made of copper."
    for tokens in (8, 20):
        body = {"query": "When does the observatory open?", "documents": [document], "budget": {"tokens": tokens}}
        answer = client.post("/v1/compress", json=body).json()
    client.post("/v1/compress", json={})
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    samples = {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(response.text)
        for s in family.samples
    }
    route = (("route", "/v1/compress"),)
    assert samples["boildown_requests_total", (("method", "POST"), *route, ("status", "200"))] == 2
    assert samples["boildown_requests_total", (("method", "POST"), *route, ("status", "422"))] == 1
    assert samples["boildown_request_seconds_count", route] == 3
    assert samples["boildown_queries_total", (("model", "prune"),)] == 2
    assert samples["boildown_tokens_in_total", (("model", "prune"),)] == 2 * answer["tokens_in"]
    assert 0 < samples["boildown_tokens_out_total", (("model", "prune"),)] <= 28
    assert samples["boildown_queue_depth", ()] == 0
    assert samples["boildown_requests_in_flight", ()] == 1  # this one
    assert samples["boildown_ready", ()] == 1
    assert samples["boildown_cache_hits_total", ()] >= 1
    assert samples["boildown_cache_misses_total", ()] >= 1
    batches = {key[1]: value for key, value in samples.items() if key[0] == "boildown_batch_tokens_bucket"}
    assert batches
    assert max(batches.values()) >= 1


def test_services_of_one_process_count_apart(serve):
    first, second = serve(models={"fast": "bm25"}), serve(models={"fast": "bm25"})
    first.post("/v1/compress", json=GOOD)
    assert 'boildown_queries_total{model="fast"} 1.0' in first.get("/metrics").text
    assert "boildown_queries_total{" not in second.get("/metrics").text
