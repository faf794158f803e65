"""How fast a corpus is scored at ingest, and how much room the scores take: the inputs of examples/deploy/README.md.

    python examples/benchmarks/corpus_scoring.py                  # one core; writes results/corpus_scoring.json
    python examples/benchmarks/corpus_scoring.py --device cuda    # one GPU; writes results/corpus_scoring_cuda.json
    python examples/benchmarks/corpus_scoring.py --ray            # and how busy a pool of Ray actors keeps the cores

The whole job is measured, from JSONL to JSONL, but for loading the model. What a model computes does not depend on the
values of its weights, so token classifiers of the sizes below are made with random ones, and nothing is downloaded; the
tokenizer is the bundled one. A chunk is the handbook of the examples, cut at about 200 tokens.

On a CPU each model runs in a process of its own on one thread, and the time is processor time, so that a busy machine
matters less; on a GPU it is the clock's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

HERE = Path(__file__).parent
PAGES = HERE.parent / "data" / "handbook"
TOKENS = 200
SIZES: dict[str, dict[str, int]] = {
    "almost-none": {"num_hidden_layers": 1, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 1},
    "bundled": {"num_hidden_layers": 6, "hidden_size": 384, "intermediate_size": 1536, "num_attention_heads": 12},
    "bert-base": {"num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12},
    "xlm-roberta-large": {
        "num_hidden_layers": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
    },
}  # fmt: skip
NAMES = {
    "almost-none": "almost nothing (1 layer of 32): what all else costs",
    "bundled": "the bundled model (6 layers of 384)",
    "bert-base": "BERT base (12 of 768): LLMLingua-2's smaller one",
    "xlm-roberta-large": "XLM-R large (24 of 1,024): LLMLingua-2",
}
CHUNKS = {"almost-none": 2_000, "bundled": 400, "bert-base": 100, "xlm-roberta-large": 24}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--size", action="append", choices=sorted(SIZES), help="only this size; repeatable")
    parser.add_argument("--dtype", action="append", help="repeatable (default: float32, and what is fastest)")
    parser.add_argument("--ray", action="store_true", help="also a pool of actors, one for each core")
    parser.add_argument("--readme", action="store_true", help="put the numbers into the page on sizes, too")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(**json.loads(arguments.worker))))
        return
    rows = []
    environment = {
        **os.environ,
        **({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} if arguments.device == "cpu" else {}),
    }
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.size or SIZES:
            model = make_model(Path(folder) / size, SIZES[size])
            for dtype in arguments.dtype or (["float32", "auto"] if size != "almost-none" else ["float32"]):
                task = {"size": size, "model": model, "device": arguments.device, "dtype": dtype}
                command = [sys.executable, __file__, "--worker", json.dumps(task)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
                row = json.loads(done.stdout.splitlines()[-1])
                rows.append(row)
                print(
                    f"{size:>18} {row['dtype']:>8} on {arguments.device}: {row['chunks_per_second']:8.1f} chunks/s, "
                    f"{row['tokens_per_second']:9.0f} tokens/s, {row['score_bytes_per_chunk']} bytes of scores a chunk",
                    flush=True,
                )
        ray = (
            measure_ray(make_model(Path(folder) / "ray", SIZES["bundled"]), arguments.device) if arguments.ray else None
        )
    report = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": device_name(arguments.device),
    }
    report |= {"clock": "processor" if arguments.device == "cpu" else "wall", "rows": rows, "ray": ray}
    suffix = "" if arguments.device == "cpu" else "_cuda"
    out = arguments.out or HERE / "results" / f"corpus_scoring{suffix}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out}")
    if arguments.readme:
        fill_in(report)


def make_model(folder: Path, size: dict[str, int]) -> str:
    """A token classifier with random weights, and the bundled tokenizer."""
    from transformers import BertConfig, BertForTokenClassification

    config = BertConfig(vocab_size=30_522, num_labels=2, max_position_embeddings=512, **size)
    BertForTokenClassification(config).save_pretrained(folder)
    shutil.copy(str(files("boildown") / "assets" / "prune-minilm" / "tokenizer.json"), folder)
    return str(folder)


def make_chunks(model: str, count: int) -> list[dict[str, Any]]:
    """Chunks of about `TOKENS` tokens of the handbook, each with its number so that no two are the same."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(model) / "tokenizer.json"))
    tokenizer.no_truncation()
    pieces = []
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text("utf-8")
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        starts = [offsets[place][0] for place in range(0, len(offsets), TOKENS)]
        pieces += [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True) if b - a > 2 * TOKENS]
    return [{"id": str(i), "text": f"{i}: {pieces[i % len(pieces)]}", "metadata": {"page": i}} for i in range(count)]


def write(path: Path, chunks: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(chunk) + "\n" for chunk in chunks), encoding="utf-8")
    return path


def measure(size: str, model: str, device: str, dtype: str) -> dict[str, Any]:
    """Scores a corpus in this process, after one that does not count because it loads the model."""
    from tokenizers import Tokenizer

    from boildown.corpus.job import score_corpus
    from boildown.corpus.scoring import Scoring
    from boildown.runtime.devices import pick_device, pick_dtype

    count = CHUNKS[size] * (1 if device == "cpu" else 100)
    chunks = make_chunks(model, count + 16)
    scoring = Scoring("llmlingua2", model, device=device, dtype=dtype)
    clock = process_time if device == "cpu" else perf_counter
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        score_corpus([write(place / "warm.jsonl", chunks[count:])], place / "warm", scoring)
        given = write(place / "in.jsonl", chunks[:count])
        begin = clock()
        summary = score_corpus([given], place / "out", scoring)
        seconds = clock() - begin
        assert summary.documents_written == count
    tokenizer = Tokenizer.from_file(str(Path(model) / "tokenizer.json"))
    tokens = sum(len(tokenizer.encode(chunk["text"]).ids) for chunk in chunks[:count])
    return {
        "size": size,
        "dtype": str(pick_dtype(dtype, pick_device(device))).removeprefix("torch."),
        "chunks": count,
        "tokens_per_chunk": round(tokens / count, 1),
        "text_bytes_per_chunk": round(sum(len(chunk["text"].encode()) for chunk in chunks[:count]) / count),
        "score_bytes_per_chunk": round(summary.score_bytes / count),
        "seconds": round(seconds, 3),
        "chunks_per_second": round(count / seconds, 2),
        "tokens_per_second": round(tokens / seconds),
    }


def measure_ray(model: str, device: str, chunks: int = 3_000) -> dict[str, Any]:
    """How much of its actors' time a job on a local cluster scores; starting Ray and the actors is told apart."""
    from boildown.corpus.job import score_corpus
    from boildown.corpus.output import Output
    from boildown.corpus.ray_pool import RayPool
    from boildown.corpus.scoring import Scoring

    workers = os.cpu_count() or 1
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's own is 15, which shows on a machine that does other work
    scoring = Scoring("llmlingua2", model, device=device)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        given = write(place / "in.jsonl", make_chunks(model, chunks))
        begin = perf_counter()
        with RayPool(workers if device == "cpu" else None, cores=1) as pool:
            started = perf_counter() - begin
            summary = score_corpus([given], place / "out", scoring, workers=pool, block_documents=250)
        output = Output(place / "out")
        receipts = [output.receipt(f"in-{number:05d}.jsonl") for number in range(summary.blocks)]
    busy = sum(receipt.seconds for receipt in receipts if receipt)
    return {
        "workers": workers,
        "chunks": chunks,
        "start_seconds": round(started, 2),
        "job_seconds": summary.seconds,
        "scoring_seconds_of_all_workers": round(busy, 2),
        "share_of_worker_time_spent_scoring": round(busy / (workers * summary.seconds), 3),
    }


def fill_in(report: dict[str, Any]) -> None:
    """Replaces the table of examples/deploy/README.md by these numbers."""
    where = "core" if report["clock"] == "processor" else "GPU"
    lines = [
        f"| model of the size of | precision | chunks/s on one {where} | tokens/s | {where}-hours for 10^9 chunks | "
        "bytes of scores a chunk |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        hours = 1e9 / row["chunks_per_second"] / 3600
        lines.append(
            f"| {NAMES[row['size']]} | {row['dtype']} | {row['chunks_per_second']:.1f} | "
            f"{row['tokens_per_second']:,} | "
            f"{round(hours, -2):,.0f} | {row['score_bytes_per_chunk']} |"
        )
    row = report["rows"][0]
    lines += ["", f"A chunk had {row['tokens_per_chunk']:.0f} tokens and {row['text_bytes_per_chunk']} bytes of text."]
    if report["ray"]:
        ray = report["ray"]
        lines[-1] += (
            f" A Ray job of {ray['chunks']:,} chunks, with {ray['workers']} workers of one core on one machine and a "
            f"model of the bundled one's size, took {ray['job_seconds']:.0f} s after Ray had started "
            f"({ray['start_seconds']:.0f} s), of which the workers scored "
            f"{ray['share_of_worker_time_spent_scoring']:.0%}; their start is most else."
        )
    page = HERE.parent / "deploy" / "README.md"
    begin, end = f"<!-- sizes-{where}:begin -->\n", f"<!-- sizes-{where}:end -->"
    before, _, rest = page.read_text("utf-8").partition(begin)
    page.write_text(before + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2], encoding="utf-8")


def device_name(device: str) -> str:
    import torch

    return (
        torch.cuda.get_device_name() if device.startswith("cuda") else f"one core of {platform.processor() or 'a CPU'}"
    )


if __name__ == "__main__":
    main()
