"""How long a call takes whose documents have all been read before: LLMLingua-2 over cached chunks.

    python examples/benchmarks/cached.py             # prints, and writes results/cached.json
    python examples/benchmarks/cached.py --profile   # where the time goes

The model has random weights and is made on the spot: it runs once, to fill the cache, and then no more. Times are of
the whole call (`Compressor.compress`), 20 documents of 150 tokens, in milliseconds of wall clock and of processor.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any

from selection import make_documents

import boildown
from boildown import Budget, Compressor
from boildown.cache import ScoreCache

RESULTS = Path(__file__).parent / "results" / "cached.json"
GOAL_MS = 3.0
DOCUMENTS = 20
CALLS = 300


def main() -> None:
    """Measures each place a score may be kept in, and each unit of the cut."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", action="store_true", help="profile the cut by words instead")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args()
    documents = make_documents(DOCUMENTS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder / "model", documents)
        if args.profile:
            profile(folder / "model", documents)
            return
        rows = []
        for place in ("memory", "file"):
            for unit in ("word", "sentence"):
                row = measure(folder, documents, place, unit, args.calls)
                rows.append(row)
                print(f"{place:>7}, {unit}s: {row['p50_ms']} ms (p95 {row['p95_ms']}, best {row['best_ms']})")
    report = {
        "boildown": boildown.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "documents": DOCUMENTS,
        "tokens": rows[0]["tokens_in"],
        "goal_ms": GOAL_MS,
        "rows": rows,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written to {args.out}")


def measure(folder: Path, documents: list[str], place: str, unit: str, calls: int) -> dict[str, Any]:
    """Times calls whose scores come from the memory, or, with no memory to speak of, from the file."""
    cache = ScoreCache() if place == "memory" else ScoreCache(memory=0, path=folder / f"{unit}.db")
    compressor = Compressor(
        "llmlingua2", model=str(folder / "model"), unit="word" if unit == "word" else "sentence", cache=cache
    )
    budget = Budget(rate=0.5)
    compressor.compress("", documents, budget)
    wall, processor = [], []
    for _ in range(calls):
        begin, worked = perf_counter(), process_time()
        result = compressor.compress("", documents, budget)
        wall.append(1000 * (perf_counter() - begin))
        processor.append(1000 * (process_time() - worked))
        assert result.cached == len(documents)
    return {
        "place": place,
        "unit": unit,
        "tokens_in": result.tokens_in,
        "p50_ms": round(median(wall), 3),
        "p95_ms": round(quantiles(wall, n=20)[-1], 3),
        "best_ms": round(min(wall), 3),
        "processor_p50_ms": round(median(processor), 3),
    }


def make_model(folder: Path, documents: list[str]) -> None:
    """A small token classifier with random weights."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer(lowercase=False)
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=2000, special_tokens=special, show_progress=False)
    raw.train_from_iterator(documents, trainer)
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]"
    )
    config = BertConfig(
        vocab_size=raw.get_vocab_size(),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    tokenizer.save_pretrained(folder)
    BertForTokenClassification(config).save_pretrained(folder)


def profile(model: Path, documents: list[str]) -> None:
    """Prints where the time goes."""
    compressor = Compressor("llmlingua2", model=str(model), cache=ScoreCache())
    compressor.compress("", documents, Budget(rate=0.5))
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(200):
        compressor.compress("", documents, Budget(rate=0.5))
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
