"""How fast boildown is, beside the llmlingua package on the same weights where that is installed.

    python examples/benchmarks/speed.py --list                        # the rows, and what each is to reach
    python examples/benchmarks/speed.py llmlingua2-bert bundled       # some of them
    python examples/benchmarks/speed.py --all                         # all; an hour on a small machine
    python examples/benchmarks/speed.py --all --device cuda           # the same on a GPU
    python examples/benchmarks/speed.py --all --tiny --repeat 1       # whether everything runs, in minutes

Every row has a process of its own, in which all systems are loaded and take turns, so that all see the same machine;
seconds are medians, and a ratio is the median over the rounds, with the least and the greatest. Peak memory is measured
in one more process for each system: what a call had in use at most, beyond what was there after loading. Models have
random weights in the sizes of published ones and are made on the spot (--models keeps them). Results go to
results/speed_<row>.json, or to results/cuda, with the machine and the versions.

concurrency.py measures requests at once, cached.py documents whose scores are known, and selection.py the cut alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"
REFERENCE = "llmlingua"


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: in words.
        model: a key of `speed_models.SIZES`; empty for the bundled one.
        task: of `speed_systems.build`, or a function of `speed_alone`.
        documents, tokens: documents of a request, and tokens of each.
        goals: the ratio that each system is to reach over llmlingua, or what a number is to be.
        gpu: too much for a CPU, where --all leaves it out.
    """

    what: str
    model: str
    task: str
    documents: int = 20
    tokens: int = 150
    goals: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False


BERT, XLMR, GPT2, QWEN = "bert-base-multilingual-cased", "xlm-roberta-large", "gpt2", "qwen2-0.5b"
ROWS: dict[str, Row] = {
    "llmlingua2-bert": Row(
        "LLMLingua-2, 20 documents", BERT, "classify", goals={"auto": 15, "float32": 8, "int8": None}
    ),
    "llmlingua2-xlmr": Row(
        "LLMLingua-2, 20 documents", XLMR, "classify", goals={"auto": 18, "float32": 9, "int8": None}
    ),
    "llmlingua2-long": Row("LLMLingua-2, one long text", BERT, "classify", 1, 8192, goals={"auto": 4.5}),
    "llmlingua2-100k": Row("LLMLingua-2, 100,000 tokens", XLMR, "classify", 667, goals={"auto": 20}, gpu=True),
    "rank-gpt2": Row("LongLLMLingua's ranking", GPT2, "rank", goals={"auto": 6}),
    "rank-qwen": Row("LongLLMLingua's ranking, 152k vocabulary", QWEN, "rank", goals={"auto": 6, "memory": 0.2}),
    "prompt-gpt2": Row("LLMLingua", GPT2, "prompt", 16, 150, goals={"exact": 2.5, "auto": 6}),
    "question-gpt2": Row("LongLLMLingua, contrastive", GPT2, "question", goals={"exact": None, "auto": None}),
    "bundled": Row("the bundled model", "", "bundled", goals={"p50_ms": 105, "p95_ms": 125, "outside_model": 0.05}),
    "bundled-int8": Row("the bundled model in int8", "", "int8", goals={"int8_times_float32": 1.4, "flips_int8": 0.05}),
    "gemm-bert": Row("the encoder's forward", BERT, "gemm", goals={"share": 0.8}),
    "gemm-xlmr": Row("the encoder's forward", XLMR, "gemm", goals={"share": 0.8}),
    "linear": Row("time against documents", "", "linear", goals={"worst_deviation": 0.1}),
    "cold": Row("a new process", "", "cold", goals={"first_result_seconds": 1.0, "import_seconds": 0.15}),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="%(prog)s [ROW ...] [options]"
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="of --list")
    parser.add_argument("--all", action="store_true", help="all rows")
    parser.add_argument("--list", action="store_true", help="print the rows and their goals")
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (default: cpu)")
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure memory")
    parser.add_argument("--tiny", action="store_true", help="small models and texts, to try it out")
    parser.add_argument("--models", type=Path, help="keep the models here (default: a temporary folder)")
    parser.add_argument("--out", type=Path, help="folder for the JSON (default: results, results/cuda, ...)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(work(**json.loads(arguments.worker))))
        return
    wrong = [name for name in arguments.rows if name not in ROWS]
    if wrong:
        parser.error(f"no such row: {', '.join(wrong)}; see --list")
    if arguments.list or not (arguments.rows or arguments.all):
        for name, row in ROWS.items():
            size = f"{row.documents} x {row.tokens} tokens"
            print(f"{name:16} {row.what}; {row.model or 'bundled model'}; {size}; goals {row.goals}")
        return
    kind = arguments.device.partition(":")[0]
    out = arguments.out or (RESULTS if kind == "cpu" else RESULTS / kind)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        models = arguments.models or Path(folder)
        for name in arguments.rows or [name for name, row in ROWS.items() if kind != "cpu" or not row.gpu]:
            found = measure(name, arguments, models)
            path = out / f"speed_{name}.json"
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(report(name, found), flush=True)


def measure(name: str, arguments: argparse.Namespace, models: Path) -> dict[str, Any]:
    """Runs one row in processes of its own."""
    row = ROWS[name]
    folder = models / (f"{row.model}-tiny" if arguments.tiny else row.model)
    task = {"row": name, "folder": str(folder), "device": arguments.device, "tiny": arguments.tiny}
    if row.model and not (folder / "model.safetensors").is_file():
        child({**task, "mode": "make"})
    found = child({**task, "mode": "time", "repeat": arguments.repeat})
    if "systems" in found and not arguments.no_memory:
        for system in found["systems"]:
            memory = child({**task, "mode": "memory", "only": system})
            found["systems"][system] |= memory
    return {"row": name, "what": row.what, "model": row.model or "bundled", "goals": row.goals, **found}


def child(task: dict[str, Any]) -> Any:
    command = [sys.executable, __file__, "--worker", json.dumps(task)]
    environment = {**os.environ, "TQDM_DISABLE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"The process for {task['row']} ({task['mode']}) failed; its message is above.")
    return json.loads(done.stdout.splitlines()[-1])


def work(
    row: str, folder: str, device: str, tiny: bool, mode: str, repeat: int = 1, only: str | None = None
) -> dict[str, Any] | None:
    """What a process of its own does."""
    import speed_alone
    import speed_models
    import speed_together

    given = ROWS[row]
    path = Path(folder)
    if mode == "make":
        speed_models.make_model(given.model, path, tiny)
        return None
    documents, tokens = given.documents, given.tokens
    if tiny:
        documents, tokens = min(documents, 4), 40 if documents > 1 else 700
    if given.task in speed_alone.TASKS:
        return speed_alone.TASKS[given.task](path, device, documents, tokens, repeat, tiny)
    texts = speed_models.cut_documents(path, documents, tokens)
    if mode == "memory":
        assert only is not None
        return speed_together.peak(given.task, only, path, device, texts)
    systems = [name for name in given.goals if name != "memory" and (name != "int8" or device == "cpu")]
    return speed_together.race(given.task, systems, path, device, texts, repeat)


def report(name: str, found: dict[str, Any]) -> str:
    head = (
        f"{name}: {found['what']}, {found['model']}, on {found['machine']['processor']} ({found['machine']['device']})"
    )
    if "systems" not in found:
        numbers = {key: value for key, value in found.items() if isinstance(value, (int, float))}
        lines = [f"  {key:22} {value:12,.3f}{_goal(found['goals'].get(key))}" for key, value in numbers.items()]
        return "\n".join([head, *lines])
    lines = []
    base = found["systems"].get(REFERENCE, {}).get("peak_mib")
    for system, entry in found["systems"].items():
        ratio = entry.get("ratio")
        beside = f"{ratio['median']:6.1f}x ({ratio['least']:.1f} to {ratio['greatest']:.1f})" if ratio else ""
        memory = f"{entry['peak_mib']:8,.0f} MiB" if "peak_mib" in entry else ""
        if base and system != REFERENCE:
            memory += f" ({entry['peak_mib'] / base:.2f} of llmlingua's)"
        lines.append(
            f"  {system:10} {median(entry['seconds']):9.3f} s {beside:24} {entry['forwards']:4} forwards "
            f"{entry['forwarded']:8,} tokens {memory}{_goal(found['goals'].get(system), 'x')}"
        )
    if "same_text" in found:
        lines.append(f"  the exact mode's text is llmlingua's: {found['same_text']}")
    return "\n".join([head, *lines])


def _goal(goal: float | None, unit: str = "") -> str:
    return "" if goal is None else f"   goal {goal}{unit}"


if __name__ == "__main__":
    main()
