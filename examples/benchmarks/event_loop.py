"""How late an event loop runs while 50 LangChain retrievers are awaited on it.

    python examples/benchmarks/event_loop.py                 # half a minute; writes results/event_loop.json

Each of the requests is `await ContextualCompressionRetriever.ainvoke(...)` with a `BoildownCompressor`; beside them a
ticker of 10 ms tells how late the loop runs. How late it runs with nothing else to do is measured too, since a busy
machine is late by itself. Scores are not cached.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from statistics import median
from typing import Any

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from boildown import Budget
from boildown.benchmark.concurrency import lateness, make_requests
from boildown.benchmark.rows import ROWS
from langchain_boildown import BoildownCompressor

RESULTS = Path(__file__).parent / "results" / "event_loop.json"


class Fixed(BaseRetriever):
    """Always finds the same documents."""

    documents: list[Document]

    def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
        return self.documents

    async def _aget_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
        return self.documents


class ThroughLangChain:
    """What `lateness` awaits, by way of a retriever."""

    async def acompress(self, query: str, documents: list[str], budget: Budget) -> Any:
        """One request."""
        retriever = ContextualCompressionRetriever(
            base_compressor=BoildownCompressor(tokens=budget.tokens, cache=False),
            base_retriever=Fixed(documents=[Document(text) for text in documents]),
        )
        return await retriever.ainvoke(query)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description="How late an event loop runs beside LangChain retrievers.")
    parser.add_argument("--requests", type=int, default=50, help="awaited at once (default: 50)")
    parser.add_argument("--repeats", type=int, default=3, help="how often (default: 3)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args()
    face: Any = ThroughLangChain()
    lateness(face, make_requests(1, 10))  # loads the model
    late = [max(lateness(face, make_requests(args.requests, 10))) for _ in range(args.repeats)]
    idle = [max(lateness(face, [])) for _ in range(args.repeats)]
    report = {
        "requests": args.requests,
        "cores": os.cpu_count(),
        "goal_late_ms": ROWS["concurrency"].goals["late_ms"],
        "most_late_ms": [round(value, 1) for value in late],
        "idle_most_late_ms": [round(value, 1) for value in idle],
    }
    print(f"at most {median(late):.0f} ms late beside {args.requests} retrievers; idle: {median(idle):.0f} ms")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written to {args.out}")


if __name__ == "__main__":
    main()
