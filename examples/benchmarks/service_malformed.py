"""The HTTP service under bad treatment: no fault, no lasting memory.

    python examples/benchmarks/service_malformed.py             # 10,000 requests; writes results/service_malformed.json

First come requests made by hand (wrong types, deep nesting, huge numbers, invalid UTF-8, slow bodies), then those that
schemathesis makes from the service's own schema, where its command is installed (`pip install schemathesis`, or name
it: --schemathesis PATH). Memory is the server's resident set.

Needs: pip install '.[service,client]'
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from service_load import Server, connect, machine, make_requests, send_all, serving

RESULTS = Path(__file__).parent / "results" / "service_malformed.json"
GOAL_GROWTH = 0.05


def main() -> None:
    """Sends them, prints what came back, and writes it."""
    parser = argparse.ArgumentParser(description="Sends the service requests that no client should send.")
    parser.add_argument("--requests", type=int, default=10_000, help="of each kind (default: 10000)")
    parser.add_argument("--schemathesis", default=shutil.which("schemathesis"), help="path of its command")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args()
    report = {"machine": machine(), **asyncio.run(malformed(args.requests, args.schemathesis))}
    print(json.dumps(report, indent=1))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


GOOD = {"query": "a", "documents": ["The tide turns at noon."], "budget": {"tokens": 10}}
WRONG: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    1e308,
    10**40,
    "",
    "a",
    "../x",
    [],
    [[]],
    {},
    {"a": {}},
    ["a", 1],
    "\x00",
    "😀" * 99,
]


def make_malformed(source: random.Random) -> tuple[str, str, bytes, dict[str, str]]:
    """Method, path, body and headers of a request that is wrong in some way."""
    path = source.choice(
        ["/v1/compress", "/v1/compress/batch", "/v1/rerank", "/rerank", "/api/v1/compress_prompt", "/v1/x", "/ready"]
    )
    headers = {"Content-Type": "application/json"}
    kind = source.randrange(8)
    value: Any = {**GOOD, "texts": ["a"], "context": ["a"], "requests": [GOOD]}
    if kind <= 2:  # a field of a wrong type, an unknown one, or one less
        for _ in range(source.randint(1, 3)):
            value[source.choice([*value, "unit", "patterns", "protect", "model", "timeout", "ratio"])] = source.choice(
                WRONG
            )
        value.pop(source.choice(list(value)))
        body = json.dumps(value).encode()
    elif kind == 3:
        depth = source.randint(50, 20_000)
        body = source.choice([b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth])
    elif kind == 4:
        number = source.choice(["9" * 5000, "1e999", "-1e999", "NaN", "1" + "0" * 300, "0." + "1" * 3000])
        body = f'{{"query":"a","documents":["a"],"budget":{{"tokens":{number}}}}}'.encode()
    elif kind == 5:  # bytes that are not UTF-8
        broken = bytearray(json.dumps(value).encode())
        broken[source.randrange(len(broken))] = source.randrange(128, 256)
        body = bytes(broken)
    elif kind == 6:
        body = bytes(source.randrange(256) for _ in range(source.randint(0, 200)))
    else:
        headers = {"Content-Type": source.choice(["text/plain", "x", "application/xml", "multipart/form-data"])}
        headers["X-Timeout"] = source.choice(["soon", "-1", "nan", "1e-9"])
        body = json.dumps(value)[: source.randrange(200)].encode()
    return source.choice(["POST", "POST", "POST", "GET", "PUT"]), path, body, headers


async def malformed(count: int, schemathesis: str | None) -> dict[str, Any]:
    """Requests that no client should send, some of them slowly."""
    source = random.Random(0)
    statuses: Counter[int | str] = Counter()
    with serving("--max-body-seconds", "2") as server:
        await send_all(server, make_requests(8), 8)

        async def send(number: int) -> None:
            async with connect(server) as client:
                for _ in range(number):
                    method, path, body, headers = make_malformed(source)
                    response = await client.request(method, path, content=body, headers=headers)
                    statuses[response.status_code] += 1
                    if response.status_code >= 400:
                        assert {"type", "message"} <= set(response.json()["error"]), response.text

        await asyncio.gather(*(send(count // 80) for _ in range(8)))
        settled = server.memory()
        await asyncio.gather(*(send(-(-count * 9 // 80)) for _ in range(8)), *(slow_body(server) for _ in range(20)))
        after = server.memory()
        report: dict[str, Any] = {
            "requests": sum(statuses.values()),
            "statuses": {str(status): n for status, n in sorted(statuses.items(), key=str)},
            "faults": sum(n for status, n in statuses.items() if isinstance(status, int) and status >= 500),
            "memory_after_a_tenth": settled,
            "memory_at_the_end": after,
            "growth": round(after / settled - 1, 4) if settled and after else None,
            "goal_growth": GOAL_GROWTH,
        }
        if schemathesis:
            report["schemathesis"] = await asyncio.to_thread(by_schema, server, schemathesis, count)
    return report


async def slow_body(server: Server) -> None:
    """A body that never ends; it must be answered with 408 all the same."""
    url = httpx.URL(server.address)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /v1/compress HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    answer = await asyncio.wait_for(reader.readline(), 60)
    assert b" 408 " in answer, answer
    writer.close()


def by_schema(server: Server, command: str, count: int) -> dict[str, Any]:
    """Lets schemathesis send requests that it makes of the service's schema, and counts them by the metrics."""
    before, memory = requests_by_status(server), server.memory()
    operations = 9
    arguments = ["run", f"{server.address}/openapi.json", "--checks", "not_a_server_error", "--mode", "all"]
    arguments += ["--phases", "fuzzing", "--max-examples", str(-(-count // operations)), "--no-color", "--seed", "1"]
    with TemporaryDirectory() as folder:  # it leaves its notes where it runs
        done = subprocess.run(
            [str(Path(command).absolute()), *arguments], capture_output=True, text=True, check=False, cwd=folder
        )
    counts = {status: n - before.get(status, 0) for status, n in requests_by_status(server).items()}
    after = server.memory()
    return {
        "exit_code": done.returncode,
        "requests": int(sum(counts.values())),
        "statuses": {status: int(n) for status, n in sorted(counts.items())},
        "faults": int(sum(n for status, n in counts.items() if status >= "500")),
        "growth": round(after / memory - 1, 4) if memory and after else None,
        "said": done.stdout.strip().splitlines()[-12:] if done.returncode else [],
    }


def requests_by_status(server: Server) -> dict[str, float]:
    """What the service has counted."""
    counts: Counter[str] = Counter()
    text = httpx.get(f"{server.address}/metrics", timeout=60).text
    for status, number in re.findall(r'^boildown_requests_total\{.*status="(\d+)"\} (\S+)$', text, re.MULTILINE):
        counts[status] += float(number)  # type: ignore[assignment]
    return dict(counts)


if __name__ == "__main__":
    main()
