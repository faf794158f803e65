"""Scoring a corpus on a Ray cluster, here one on this machine, and compressing from what came out without a model.

    pip install '.[ray]' && python examples/score_with_ray.py

Without --model, the published weights are downloaded once. On a real cluster set RAY_ADDRESS; `boildown score --ray` is
the same from the command line. Run it a second time with the same --output, and there is nothing left to do.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from boildown import Budget, Compressor, Document
from boildown.corpus.job import score_corpus
from boildown.corpus.ray_pool import RayPool
from boildown.corpus.scoring import Scoring

HANDBOOK = Path(__file__).parent / "data" / "handbook"
QUESTION = "How often does the pH sensor have to be calibrated?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="microsoft/llmlingua-2-bert-base-multilingual-cased-meetingbank")
    parser.add_argument("--output", type=Path, help="folder for the scored files (default: a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given, output = Path(folder) / "handbook.jsonl", arguments.output or Path(folder) / "scored"
        chunks = [
            {"id": f"{page.stem}-{number}", "text": text, "metadata": {"source": page.name}}
            for page in sorted(HANDBOOK.glob("*.md"))
            for number, text in enumerate(page.read_text("utf-8").split("\n\n"))
        ]
        given.write_text("".join(json.dumps(chunk) + "\n" for chunk in chunks), encoding="utf-8")

        scoring = Scoring("llmlingua2", arguments.model)
        with RayPool(cores=1) as pool:
            summary = score_corpus([given], output, scoring, workers=pool, block_documents=50)
        print(
            f"{summary.documents_read} chunks read = {summary.documents_written} written + {summary.documents_failed} "
            f"failed, in {summary.blocks} blocks; {summary.score_bytes / summary.documents_written:.0f} bytes each."
        )

        lines = (line for part in sorted(output.glob("*.jsonl")) for line in part.read_text("utf-8").splitlines())
        found = [json.loads(line) for line in lines]
        documents = [Document(one["text"], id=one["id"], metadata=one["metadata"]) for one in found]
        retrieved = [document for document in documents if (document.id or "").startswith(("ph-", "calibration-"))]
        compressor = Compressor("llmlingua2", model=arguments.model, cache=False)
        result = compressor.compress(QUESTION, retrieved, Budget(rate=0.5))
        print(f"{result.tokens_in} -> {result.tokens_out} tokens, {result.seconds['model']:.3f} s in the model.")


if __name__ == "__main__":
    main()
